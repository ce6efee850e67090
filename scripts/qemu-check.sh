#!/bin/sh
# Build the kernels of ports/ and boot each on the virtual machines of tests/metal/ARCH.cases.
# usage: qemu-check.sh [ARCH…]		all architectures if none is named. Prints "N passed, N failed".
#
# Scenarios (tests/metal/ARCH-*.scenario) are machines on which something happens while the kernel runs.
# A case is a line of fields separated by "|": name, exit code, a pattern the console must show, command line, arguments
# for scripts/qemu-run.sh. Where QEMU or a compiler is missing and cannot be installed the architecture is skipped, loudly;
# so are cases with EFI firmware where that is missing.
set -u
cd "$(dirname "$0")/.."

passed=0
failed=0
skipped=
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# What must be there for ARCH: words of commands.
tools() {
	case $1 in
	aarch64) echo "qemu-system-aarch64 aarch64-linux-gnu-gcc" ;;
	*) echo "qemu-system-x86_64 gcc" ;;
	esac
}

run_case() {
	scripts/qemu-run.sh -t "${SECONDS_PER_CASE:-180}" "$1" "$5" $6 >"$log"
	code=$?
	if [ "$code" = 126 ]; then
		echo "*** $1, $2: SKIPPED, there is no EFI firmware here ***"
		return
	fi
	if [ "$code" = "$3" ] && grep -Eq "$4" "$log"; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "$1, $2: FAILED: exit code $code, expected $3; /$4/ must appear:"
	tail -15 "$log" | sed 's/^/    /'
}

trim() {
	echo "$1" | sed 's/^[[:space:]]*//; s/[[:space:]]*$//'
}

check() {
	for tool in $(tools "$1"); do
		command -v "$tool" >/dev/null 2>&1 || {
			echo "*** $1: SKIPPED, there is no $tool here ***"
			skipped="$skipped $1"
			return
		}
	done
	if ! make -s -C ports/metal "ARCH=$1" -j"$(nproc)" >"$log" 2>&1; then
		echo "$1: the kernel does not build"
		head -20 "$log"
		failed=$((failed + 1))
		return
	fi
	while IFS='|' read -r name code pattern command_line arguments; do
		case $name in
		''|'#'*) continue ;;
		esac
		run_case "$1" "$(trim "$name")" "$(trim "$code")" "$(trim "$pattern")" "$(trim "$command_line")" \
			"$(trim "$arguments")"
	done <"tests/metal/$1.cases"
	for scenario in tests/metal/"$1"-*.scenario; do
		[ -f "$scenario" ] || continue
		if scripts/qemu-scenario.py "$1" "$scenario" >"$log" 2>&1; then
			passed=$((passed + 1))
			continue
		fi
		failed=$((failed + 1))
		echo "$scenario: FAILED"
		tail -15 "$log" | sed 's/^/    /'
	done
}

# The embedder's example, as he would run it.
example() {
	if timeout 120 make -s -C examples/minimal-kernel run >"$log" 2>&1 && grep -q "minimal kernel: done" "$log"; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "examples/minimal-kernel: FAILED"
	tail -15 "$log" | sed 's/^/    /'
}

[ $# -gt 0 ] || set -- $(ls tests/metal/*.cases | sed 's,.*/,,; s,\.cases$,,')
for arch in "$@"; do
	check "$arch"
	case "$arch:$skipped" in
	*" x86_64"*) ;;
	x86_64:*) example ;;
	esac
done
[ -z "$skipped" ] || echo "*** not run:$skipped ***"
echo "kernels under QEMU: $passed passed, $failed failed"
[ "$failed" = 0 ]
