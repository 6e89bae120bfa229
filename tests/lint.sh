#!/bin/sh
# What the compiler does not check: forbidden functions, long lines, stray words.
bad=0
say() { echo "$1"; bad=1; }
out=$(grep -nE '\b(sprintf|vsprintf|strcpy|strcat|gets|strtok)\(' src/*/*.c src/*.c) && say "forbidden function:
$out"
out=$(grep -n ' $' src/*/*.[ch] src/*.c) && say "blank at the end of a line:
$out"
out=$(awk 'length($0) > 110 { print FILENAME ":" FNR ": " length($0) " columns" }' src/*/*.[ch] src/*.c) && [ -n "$out" ] && say "long lines:
$out"
out=$(grep -n 'TODO' src/*/*.[ch]) && say "TODO:
$out"
[ $bad = 0 ] && echo "lint: clean"
exit $bad
