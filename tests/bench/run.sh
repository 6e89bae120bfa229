#!/bin/sh
# Prints lines "name value unit (goal, peer or limit)".  Arguments: the build
# folder, then the benchmark programs of the rooms; the call as a whole follows.
B=$1; shift
for b; do
	"$B/$b" || exit 1
done
py=/usr/bin/python3; [ -x $py ] || py=python3
TTYMEET="$PWD/$B/ttymeet" $py tests/bench/call.py
