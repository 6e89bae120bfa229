#!/bin/sh
# Makes the voices and the music of `ttymeet demo` from nothing: espeak-ng
# speaks, sox places each sentence into its turn of a common round and plays
# the tune, opusenc packs.  The results lie beside this script, so that a
# build needs none of these programs.
#
# A round is 24 s of six turns of 4 s: Anna, Ben, Clara, Anna, Ben, Clara.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# say NAME VOICE SPEED PITCH FIRST_TURN "first sentence" "second sentence"
say() {
	name=$1 voice=$2 speed=$3 pitch=$4 turn=$5
	n=0
	for text in "$6" "$7"; do
		espeak-ng -v "$voice" -s "$speed" -p "$pitch" -w "$tmp/raw.wav" "$text"
		# 48 kHz mono, the silence at both ends cut, at most 3.8 s, one loudness.
		sox "$tmp/raw.wav" -r 48000 -c 1 -b 16 "$tmp/cut.wav" \
			silence 1 0.01 0.5% reverse silence 1 0.01 0.5% reverse \
			trim 0 3.8 fade t 0.005 -0 0.02 norm -4
		sox "$tmp/cut.wav" "$tmp/$n.wav" pad "$((turn * 4 + n * 12))"
		n=$((n + 1))
	done
	sox -m -v 1 "$tmp/0.wav" -v 1 "$tmp/1.wav" "$tmp/mix.wav" pad 0 24 trim 0 24
	opusenc --quiet --bitrate 24 --speech --comp 10 "$tmp/mix.wav" "$name.opus"
}

say anna en-us+f3 165 55 0 \
	"Good evening, this is Anna. Can you all hear me?" \
	"Then let us turn the record over, side B."
say ben en-gb+m3 160 40 1 \
	"Ben here, loud and clear. I found my headphones." \
	"I like the long one best, the third of them."
say clara en-us+f4 170 65 2 \
	"And Clara. The sleeve notes are in the chat." \
	"Write something, and one of us will answer."

# A quiet tune of plucked strings: four bars of 3 s, an arpeggio each.
bar=0
for chord in "A3 C4 E4 A4 E4 C4" "F3 A3 C4 F4 C4 A3" "C3 E3 G3 C4 G3 E3" "G3 B3 D4 G4 D4 B3"; do
	i=0
	for note in $chord; do
		sox -n -r 48000 -c 1 -b 16 "$tmp/n$bar$i.wav" synth 0.5 pluck "$note" fade t 0.002 0.5 0.15
		i=$((i + 1))
	done
	bar=$((bar + 1))
done
sox "$tmp"/n[0-3][0-5].wav "$tmp/tune.wav" gain -18
opusenc --quiet --bitrate 32 --music --comp 10 "$tmp/tune.wav" tune.opus
ls -l ./*.opus
