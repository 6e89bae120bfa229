#!/bin/sh
# Runs fuzz targets one after another for FUZZ_S seconds each, from their seeds.
dir=$1; shift
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp print_suppressions=0 ${LSAN_OPTIONS:-}"
bad=0
for t; do
	name=${t#fuzz_}
	work=$dir/corpus/$name
	mkdir -p "$work"
	seeds=; [ -d "tests/fuzz/corpus/$name" ] && seeds="tests/fuzz/corpus/$name"
	if "$dir/$t" -max_total_time="${FUZZ_S:-10}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$dir/$t-" "$work" $seeds >"$dir/$t.log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$t.log")
		echo "$t: $runs runs in ${FUZZ_S:-10} s, no finding"
	else
		echo "$t: FOUND something; see $dir/$t.log"
		tail -5 "$dir/$t.log"
		bad=1
	fi
done
exit $bad
