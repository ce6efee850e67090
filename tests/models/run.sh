#!/bin/sh
# The model of the fronts' protocol: it holds as it is, and breaks as soon as one of its parts is left out.
# usage: run.sh MODEL     MODEL_ROUNDS (1): visits of each owner; 2 takes minutes. Exits with 77 (skipped) where spin
# or a compiler is missing.
set -eu
model=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
command -v spin >/dev/null 2>&1 && command -v cc >/dev/null 2>&1 ||
	{ echo "spin is not installed: the model is not run"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# errors NAME DEFINES…: how many ways to break it spin finds; the search stops at the first.
errors() {
	name=$1
	shift
	spin -a -DROUNDS="${MODEL_ROUNDS:-1}" "$@" "$model" >/dev/null
	cc -O1 -DSAFETY -DCOLLAPSE -o pan pan.c 2>/dev/null
	./pan -m100000 -n >"$name.out" 2>&1
	if grep -q 'max search depth too small\|out of memory' "$name.out"; then
		cat "$name.out" >&2
		exit 1
	fi
	sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$name.out"
}

failed=0
# expect none|some NAME DEFINES…
expect() {
	wanted=$1
	shift
	found=$(errors "$@")
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$1.out")
	echo "$1: $states states, $found errors"
	case $wanted:$found in
	none:0 | some:[1-9]*) ;;
	*) echo "$1: $wanted errors were expected"; cat "$1.out"; failed=1 ;;
	esac
}

expect none hotplug
expect none nested -DSECOND
expect some no-barrier -DNO_BARRIER
expect some no-wait -DNO_WAIT
expect some forgetful-release -DFORGET
exit $failed
