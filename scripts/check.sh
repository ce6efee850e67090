#!/bin/sh
# Every test. Each part prints one line; the last line sums them up as "N passed, N failed".
set -u
cd "$(dirname "$0")/.."
scripts/setup.sh check || exit 1
# Without an emulator everything else can still be checked; the part that needs it says loudly what it left out.
scripts/setup.sh qemu || echo "*** QEMU is not here: kernels without an operating system are not checked ***"

passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# count "PASSED FAILED": add to the sum.
count() {
	passed=$((passed + $1))
	failed=$((failed + $2))
}

# suite NAME BUILD-DIR SETUP-ARGUMENTS…: configure, build and run all Meson tests there.
suite() {
	name=$1 dir=$2
	shift 2
	start=$(date +%s)
	if [ ! -f "$dir/build.ninja" ] && ! meson setup "$dir" "$@" >"$log" 2>&1; then
		echo "$name: could not configure"; tail -20 "$log"; count 0 1; return
	fi
	if ! ninja -C "$dir" >"$log" 2>&1; then
		echo "$name: does not build"; grep -E 'error|warning|FAILED' "$log" | head -20; count 0 1; return
	fi
	meson test -C "$dir" --no-rebuild --print-errorlogs >"$log" 2>&1
	ok=$(sed -n 's/^Ok: *\([0-9]*\).*/\1/p' "$log")
	bad=$(sed -n 's/^\(Fail\|Timeout\|Unexpected Pass\): *\([0-9]*\).*/\2/p' "$log" | awk '{s += $1} END {print s + 0}')
	[ -n "$ok" ] || { ok=0; bad=$((bad + 1)); }
	[ "$bad" = 0 ] || sed -n '/FAIL\|TIMEOUT\|ERROR\|Assertion\|error:/p' "$log" | head -60
	echo "$name: $ok tests passed, $bad failed ($(($(date +%s) - start)) s)"
	count "$ok" "$bad"
}

# part NAME COMMAND…: a script whose last line ends in "N passed, N failed".
part() {
	name=$1
	shift
	start=$(date +%s)
	"$@" >"$log" 2>&1
	line=$(grep -E '[0-9]+ passed, [0-9]+ failed' "$log" | tail -1)
	if [ -z "$line" ]; then
		echo "$name: broke"; tail -20 "$log"; count 0 1; return
	fi
	ok=$(echo "$line" | sed 's/.*[^0-9]\([0-9]*\) passed.*/\1/')
	bad=$(echo "$line" | sed 's/.* \([0-9]*\) failed.*/\1/')
	if [ "$bad" = 0 ]; then
		grep '^\*\*\*' "$log"		# what was left out
	else
		cat "$log"
	fi
	echo "$name: $ok passed, $bad failed ($(($(date +%s) - start)) s)"
	count "$ok" "$bad"
}

suite "gcc" build
suite "clang, address and undefined-behaviour sanitizers" build-san --native-file scripts/clang.ini \
	-Db_sanitize=address,undefined -Db_lundef=false
part "threads, under the thread sanitizer" scripts/threads.sh -s
part "freestanding builds" scripts/freestanding.sh
part "kernels under QEMU" scripts/qemu-check.sh
part "kernels beside Linux" scripts/qemu-compare.sh
part "fuzzing" scripts/fuzz.sh 3
part "packages" scripts/packages.sh
part "documents" scripts/check-docs.sh
echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
