#!/bin/sh
# Runs the tests with real peers, each tests/peer/*.py but the lib*.py; the last line counts proofs.
# PEER_SHORT=1: the forms for `make check`.  PEER_LONG=1: those of minutes.  T picks by name.
py=/usr/bin/python3
[ -x $py ] || py=python3
passed=0 failed=0
log=$(mktemp)
export PEER_MODULES="${PEER_MODULES:-$PWD/build/peers/node_modules}"
trap 'rm -f "$log"' EXIT
for f in tests/peer/*.py; do
	name=${f##*/}; name=${name%.py}
	case $name in lib*) continue ;; esac
	case $name in *"${T:-}"*) ;; *) continue ;; esac
	start=$(date +%s)
	timeout ${PEER_TIMEOUT:-900} $py -u "$f" >"$log" 2>&1
	code=$?
	took=$(($(date +%s) - start))
	ok=$(grep -c '^ok ' "$log")
	if [ $code = 77 ]; then
		echo "peer $name: $(grep '^skipped' "$log" | tail -n 1)"
	elif [ $code = 0 ]; then
		passed=$((passed + ok))
		[ -n "${PEER_SHORT:-}" ] || sed -n "s/^ok  */ok $name: /p" "$log"
		echo "peer $name: $ok proofs in $took s"
	else
		passed=$((passed + ok)) failed=$((failed + 1))
		echo "--- peer $name failed after $took s"
		tail -n 80 "$log"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
