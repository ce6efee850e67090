#!/bin/sh
# Run every fuzzer for a bounded time. usage: fuzz.sh SECONDS
# Corpora grow in build-fuzz/corpus/; samples seed them. Prints "N passed, N failed".
set -u
cd "$(dirname "$0")/.."
seconds=${1:-60}
scripts/setup.sh check || exit 1
dir=build-fuzz
[ -f $dir/build.ninja ] || meson setup $dir --native-file scripts/clang.ini -Dfuzzing=true -Db_sanitize=address,undefined \
	-Db_lundef=false -Dbuildtype=debugoptimized >$dir.log 2>&1 || { cat $dir.log; exit 1; }
rm -f $dir.log
ninja -C $dir >$dir/ninja.log 2>&1 || { tail -20 $dir/ninja.log; exit 1; }
passed=0
failed=0
for fuzzer in $dir/fuzz/fuzz_*; do
	[ -f "$fuzzer" ] && [ -x "$fuzzer" ] || continue
	name=$(basename "$fuzzer")
	mkdir -p "$dir/corpus/$name"
	seeds=
	[ -d "fuzz/seeds/${name#fuzz_}" ] && seeds=fuzz/seeds/${name#fuzz_}
	if "$fuzzer" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=2048 -artifact_prefix="$dir/$name-" \
		"$dir/corpus/$name" $seeds >"$dir/$name.log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$name FAILED, see $dir/$name.log:"
		grep -E 'ERROR|SUMMARY|runtime error' "$dir/$name.log" | head -5
	fi
done
echo "fuzzing: $passed passed, $failed failed"
[ "$failed" = 0 ]
