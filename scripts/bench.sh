#!/bin/sh
# Every benchmark program, one after the other, on an otherwise idle machine.
set -eu
cd "$(dirname "$0")/.."
for program in build/bench/bench_*; do
	[ -f "$program" ] && [ -x "$program" ] || continue
	echo "== $(basename "$program")"
	"$program"
done

# The yardstick for frame allocators, where it is checked out beside the project: ratios to its reference adapters.
yardstick=../shared/bench
if [ -d "$yardstick" ]; then
	out=build/yardstick
	make -s -f "$yardstick/Makefile" OUT="$out" EXTRA="bench/quire.c bench/quire_pinned.c"
	"$yardstick/run.py" -b "$out" -g fast -r 3
	"$yardstick/run.py" -b "$out" -g slow -r 3
fi
