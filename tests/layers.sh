#!/bin/sh
# Holds every #include "room/file.h" in src against the table of rooms.
# Arguments: "room:room it may include ...", one for each room.
bad=0
for line; do
	room=${line%%:*} may=" ${line#*:} $room "
	[ -d "src/$room" ] || continue
	for f in src/"$room"/*.c src/"$room"/*.h; do
		[ -f "$f" ] || continue
		for inc in $(sed -n 's/^#include "\([a-z]*\)\/.*/\1/p' "$f" | sort -u); do
			case "$may" in
			*" $inc "*) ;;
			*) echo "$f: room '$room' may not include '$inc/'"; bad=1 ;;
			esac
		done
	done
done
[ $bad = 0 ] && echo "layers: every include fits the table of rooms"
exit $bad
