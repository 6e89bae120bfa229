#!/bin/sh
# Runs the unit programs, the flows and the short forms of the tests with peers
# on one build folder; the last line says how many passed and failed.  Second
# argument: units, flows, or nothing for all.
B=$1 what=${2:-all}
export TTYMEET="$PWD/$B/ttymeet"
# Suppressions are for library code alone, each with its reason.
export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp history_size=7 second_deadlock_stack=1 ${TSAN_OPTIONS:-}"
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp print_suppressions=0 ${LSAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1 halt_on_error=1 ${UBSAN_OPTIONS:-}"
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# What is said when it passes, then a command of at most five minutes, held
# against its exit code; %s: the seconds that it took.
one() {
	name=$1 said=$2 start=$(date +%s)
	shift 2
	if timeout 300 "$@" >"$log" 2>&1; then
		passed=$((passed + 1))
		printf "$name: $said\n" $(($(date +%s) - start))
	else
		failed=$((failed + 1))
		echo "--- $name failed"
		tail -n 60 "$log"
	fi
}

if [ "$what" != flows ]; then
	for u in "$B"/unit-*; do
		case $u in *.d|*'*') continue ;; esac
		"$u" ${T:+"$T"} >"$log" 2>&1
		code=$?
		ok=$(grep -c '^\[       OK \]' "$log")
		bad=$(grep '^\[  FAILED  \]' "$log" | grep -vc 'test(s)')
		[ "$code" != 0 ] && [ "$bad" = 0 ] && bad=1
		passed=$((passed + ok)) failed=$((failed + bad))
		if [ "$code" != 0 ]; then
			echo "--- ${u##*/}: exit $code"
			tail -n 60 "$log"
		else
			echo "${u##*/}: $ok passed"
		fi
	done
fi
if [ "$what" != flows ] && [ -z "${T:-}" ]; then
	"$B/replay" -k tests/replay/known $(ls tests/data/recorded/*.jsonl | grep -v focus-not-ready) >"$log" 2>&1
	ok=$(sed -n 's/^\([0-9]*\) passed.*/\1/p' "$log" | tail -n 1)
	bad=$(sed -n 's/.*passed, \([0-9]*\) failed$/\1/p' "$log" | tail -n 1)
	passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-1}))
	[ "${bad:-1}" = 0 ] || grep -B4 'differs  ' "$log" | tail -n 40
	echo "replay: ${ok:-0} recordings passed"
fi
if [ "$what" != units ]; then
	# The system's python has the system's numpy; another one may stand before it.
	py=/usr/bin/python3
	[ -x $py ] || py=python3
	for f in tests/flow/flow_*.py; do
		name=${f##*/}; name=${name%.py}
		case $name in *"${T:-}"*) ;; *) continue ;; esac
		one "$name" "passed in %s s" $py "$f"
	done
fi
# The first of the hours that `make soak-long` looks at.
if [ "$what" = all ]; then
	one soak "an hour of a call of five, time passed in" env LONG_HOURS=1 "$B/long"
fi
# Where `make peers` has never run, there are no peers, and each test says so.
if [ "$what" = all ]; then
	PEER_SHORT=1 sh tests/peer/run.sh >"$log" 2>&1
	grep -v '^[0-9]* passed' "$log"
	count=$(tail -n 1 "$log")
	passed=$((passed + ${count%% *}))
	count=${count#*, }
	failed=$((failed + ${count%% *}))
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
