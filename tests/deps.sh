#!/bin/sh
# Looks what the build (or, with "check", the tests as well; with "peers" or
# "quality", what those targets want besides) lacks, says it, and installs it by
# apt-get, through sudo where not root.  When all is there it takes a few
# milliseconds.
set -u
what=${1:-build}

# pkg-config name and Debian package
libs="glib-2.0:libglib2.0-dev nice:libnice-dev libsrtp2:libsrtp2-dev openssl:libssl-dev
libcurl:libcurl4-openssl-dev libwebsockets:libwebsockets-dev expat:libexpat1-dev
jansson:libjansson-dev opus:libopus-dev portaudio-2.0:portaudio19-dev sndfile:libsndfile1-dev ogg:libogg-dev
opusfile:libopusfile-dev libopusenc:libopusenc-dev speexdsp:libspeexdsp-dev
ncursesw:libncurses-dev usrsctp:libusrsctp-dev libpulse:libpulse-dev"
# program and Debian package
tools="cc:gcc pkg-config:pkg-config"
files=""
if [ "$what" != build ]; then
	libs="$libs cmocka:libcmocka-dev"
	tools="$tools clang:clang tmux:tmux python3:python3"
	files="/usr/share/doc/python3-numpy:python3-numpy"
fi
if [ "$what" = peers ]; then
	PATH=$PATH:/usr/sbin
	tools="$tools prosody:prosody turnserver:coturn node:nodejs npm:npm ip:iproute2
	iptables:iptables pulseaudio:pulseaudio pactl:pulseaudio-utils openssl:openssl strace:strace"
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || tools="$tools chromium:chromium"
fi
if [ "$what" = quality ]; then
	tools="$tools espeak-ng:espeak-ng sox:sox chromium:chromium"
	python3 -c "import ensurepip" 2>/dev/null || tools="$tools no-ensurepip:python3-venv"
fi

missing=
for t in $tools; do
	command -v "${t%%:*}" >/dev/null 2>&1 || missing="$missing ${t#*:}"
done
names=
for l in $libs; do
	names="$names ${l%%:*}"
done
if ! pkg-config --exists $names 2>/dev/null; then
	for l in $libs; do
		pkg-config --exists "${l%%:*}" 2>/dev/null || missing="$missing ${l#*:}"
	done
fi
# ALSA's way to PulseAudio and PipeWire is a file of a plugin.
found=
for f in /usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so /usr/lib64/alsa-lib/libasound_module_pcm_pulse.so; do
	[ -e "$f" ] && found=1
done
[ -n "$found" ] || missing="$missing libasound2-plugins"
# Without the world's certificates no https server can be trusted.
files="$files /etc/ssl/certs/ca-certificates.crt:ca-certificates"
for f in $files; do
	[ -e "${f%%:*}" ] || missing="$missing ${f#*:}"
done
if [ "$what" != build ] && ! ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-* >/dev/null 2>&1; then
	v=$(clang --version 2>/dev/null | sed -n 's/.*clang version \([0-9]*\).*/\1/p')
	[ -n "$v" ] && missing="$missing libclang-rt-$v-dev"
fi

# What comes from npm lies in build/peers alone, in fixed versions.
[ "$what" != peers ] || after="sh tests/peer/web/fetch.sh"
[ -z "$missing" ] && exec ${after:-true}
echo "This machine lacks:$missing"
if ! command -v apt-get >/dev/null 2>&1; then
	echo "Please install these (Debian's names) with your system's package manager, then try again."
	exit 1
fi
as=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null 2>&1 || { echo "Please install them as root: apt-get install$missing"; exit 1; }
	as="sudo"
fi
echo "Installing by apt-get${as:+ through sudo} ..."
export DEBIAN_FRONTEND=noninteractive
$as apt-get update -qq || echo "apt-get update failed; trying with the lists that are there"
$as apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
	echo "apt-get could not install:$missing"
	exit 1
}
# Which runtime library of clang is needed is known only once clang is there.
[ -n "${TTYMEET_DEPS_AGAIN:-}" ] || TTYMEET_DEPS_AGAIN=1 exec sh "$0" "$what"
exec ${after:-true}
