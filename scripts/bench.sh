#!/bin/sh
# Every benchmark program, one after the other, on an otherwise idle machine.
set -eu
cd "$(dirname "$0")/.."
for program in build/bench/bench_*; do
	[ -f "$program" ] && [ -x "$program" ] || continue
	echo "== $(basename "$program")"
	"$program"
done
