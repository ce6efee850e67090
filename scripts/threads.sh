#!/bin/sh
# The tests that run threads, built with the thread sanitizer. Prints "N passed, N failed".
#   threads.sh [-s]	-s: those that take a second or so, for make check
set -u
cd "$(dirname "$0")/.."
short=
[ "${1:-}" != -s ] || short='/test_(pool|hotplug_threads|page_alloc_(threads|cpus))$'

dir=build-tsan
if [ ! -f $dir/build.ninja ]; then
	meson setup $dir --native-file scripts/clang.ini -Db_sanitize=thread -Db_lundef=false -Doptimization=1 -Ddebug=true \
		>/dev/null || exit 1
fi
# Whatever makes threads is found by its source, so that no list can fall behind.
tests=$(meson introspect --targets $dir | python3 -c '
import json, sys
for target in json.load(sys.stdin):
	sources = [s for group in target["target_sources"] for s in group.get("sources", [])]
	tests = [open(s, errors="replace").read() for s in sources if "/tests/" in s]
	if target["type"] == "executable" and any("pthread_create" in text for text in tests):
		print(target["filename"][0])
')
[ -z "$short" ] || tests=$(echo "$tests" | grep -E "$short")
[ -n "$tests" ] || { echo "no test has threads"; exit 1; }
# shellcheck disable=SC2086
if ! ninja -C $dir $(echo $tests | sed "s|$PWD/$dir/||g") >$dir/build.log 2>&1; then
	tail -20 $dir/build.log
	echo "threads: 0 passed, 1 failed"
	exit 1
fi

passed=0
failed=0
for test in $tests; do
	if TSAN_OPTIONS="halt_on_error=1 ${TSAN_OPTIONS:-}" timeout 240 "$test" >$dir/test.log 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$(basename "$test"):"
		grep -m1 -A12 'WARNING: ThreadSanitizer' $dir/test.log || tail -5 $dir/test.log
	fi
done
echo "threads: $passed passed, $failed failed"
[ "$failed" = 0 ]
