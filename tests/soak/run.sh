#!/bin/sh
# The environment of the sanitizers is that of tests/check.sh.
export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp history_size=7 second_deadlock_stack=1 ${TSAN_OPTIONS:-}"
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp print_suppressions=0 ${LSAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1 halt_on_error=1 ${UBSAN_OPTIONS:-}"
py=/usr/bin/python3
[ -x $py ] || py=python3
exec $py tests/soak/soak.py
