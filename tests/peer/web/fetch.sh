#!/bin/sh
# What tests/peer needs from npm, in fixed versions, into build/peers; nothing is fetched twice.
set -u
dir=build/peers
# playwright-core: the last ones want a newer Node than Debian 12 has (18).
want="playwright-core@1.49.1 ws@8.23.0 @roamhq/wrtc@0.10.0 werift@0.24.4 jquery@3.5.1"
# lib-jitsi-meet is no npm package of its makers; this is a bundle of theirs of December 2021.  Its
# dependencies cannot be installed, nor are they needed.
web=@lyno/lib-jitsi-meet@2.6726.2

mkdir -p $dir
[ -f $dir/package.json ] || echo '{ "private": true, "name": "peers" }' >$dir/package.json
missing=
for p in $want; do
	grep -qs "\"version\": \"${p##*@}\"" "$dir/node_modules/${p%@*}/package.json" || missing="$missing $p"
done
if [ -n "$missing" ]; then
	echo "Fetching from npm:$missing"
	# All of them: what package.json does not name is removed.
	npm install --prefix $dir --no-audit --no-fund --save-exact $want >$dir/npm.log 2>&1 || {
		tail -n 20 $dir/npm.log
		echo "npm could not install these; the tests that need them will say so"
	}
fi
if [ ! -e $dir/lib-jitsi-meet-2021/lib-jitsi-meet.min.js ]; then
	echo "Fetching from npm: $web"
	tar=$(cd $dir && npm pack --silent $web 2>>npm.log | tail -n 1) && [ -n "$tar" ] &&
		mkdir -p $dir/lib-jitsi-meet-2021 &&
		tar xzf "$dir/$tar" -C $dir/lib-jitsi-meet-2021 --strip-components 1 ||
		echo "npm could not fetch $web; the tests with browsers will say so"
	rm -f $dir/*.tgz
fi
exit 0
