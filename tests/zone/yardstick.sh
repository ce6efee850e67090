#!/bin/sh
# The adapters of the yardstick of frame allocators still build, link and pass its checks. Where it is not checked out beside
# the project (QUIRE_YARDSTICK=… says where else) nothing is tested: exit 77.
# usage: yardstick.sh PROJECT COMPILER
set -eu
cd "$1"
yardstick=${QUIRE_YARDSTICK:-../shared/bench}
if [ ! -f "$yardstick/Makefile" ]; then
	echo "no yardstick at $yardstick: its adapters are not tried"
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
make -s -j2 -f "$yardstick/Makefile" CC="$2" OPT=-O1 OUT="$dir" EXTRA="bench/quire.c bench/quire_pinned.c" \
	"$dir/bench-quire" "$dir/bench-quire_pinned"
for name in quire quire_pinned; do
	for threads in 1 2; do
		"$dir/bench-$name" -w check -m 1 -t $threads | tee "$dir/result"
		grep -q 'all back' "$dir/result" && grep -q 'all merged' "$dir/result"
	done
done
