#!/bin/sh
# Instructions per operation of the allocator's fast paths, by callgrind, against what is recorded.
# usage: icount-check.sh DRIVER RECORDED      fails if a loop takes more than 3 % above its record
#        icount-check.sh -u DRIVER RECORDED   writes the record
# DRIVER LOOP N runs one of its loops N times; without arguments it names them.
# Exits with 77 (skipped) where valgrind is missing. Counts depend on the compiler: each record names the one it is of,
# and under another compiler, optimisation level or machine nothing is compared.
set -eu
update=
if [ "${1:-}" = -u ]; then
	update=1
	shift
fi
driver=$1 recorded=$2
if ! command -v valgrind >/dev/null 2>&1; then
	echo "valgrind is not installed: instructions are not counted"
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

total() {
	valgrind -q --tool=callgrind --callgrind-out-file="$dir/out" "$driver" "$1" "$2" >/dev/null
	sed -n 's/^\(summary\|totals\): *//p' "$dir/out" | head -1
}

# The compiler, as the driver was built: its own words in the binary.
compiler="$(uname -m) $(strings -a "$driver" | grep -m1 -E '^(GCC|.*clang version)' || echo unknown) ${ICOUNT_FLAGS:-}"
if [ -z "$update" ] && ! grep -qxF "# $compiler" "$recorded"; then
	echo "no record for: $compiler"
	exit 77
fi
[ -z "$update" ] ||
	printf '# Instructions per operation; scripts/icount-check.sh -u writes this.\n# %s\n' "$compiler" >"$recorded"

failed=0
for loop in $("$driver"); do
	count=$(( ($(total $loop 40000) - $(total $loop 20000)) / 200 ))	# hundredths
	if [ -n "$update" ]; then
		echo "$loop $count" >>"$recorded"
		continue
	fi
	limit=$(sed -n "s/^$loop //p" "$recorded")
	if [ -z "$limit" ] || [ $((count * 100)) -gt $((limit * 103)) ]; then
		echo "$loop: $count hundredths of an instruction a operation, recorded ${limit:-nothing}"
		failed=1
	fi
done
exit $failed
