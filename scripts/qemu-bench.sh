#!/bin/sh
# What the metal costs, in instructions: QEMU's -icount makes the guest's clock count them, one nanosecond each.
# usage: qemu-bench.sh [ARCH…]		x86_64 (also pinned) and aarch64 if none is named
set -eu
cd "$(dirname "$0")/.."

# figures KERNEL ARCH MEMORY ARGUMENTS…: the bench lines of one boot, as "name<tab>figure".
figures() {
	kernel=$1 arch=$2 memory=$3
	shift 3
	scripts/qemu-run.sh -t 300 -k "$kernel" "$arch" "report=none test=bench init=lazy" "ram=$memory" -smp 1 \
		-icount shift=0 "$@" |
		sed -n 's/^bench: \(.*\) \([0-9.]*\)$/\1\t\2/p'
}

one() {
	name=$1 arch=$2 kernel=$3
	shift 3
	small=$(figures "$kernel" "$arch" 512M "$@")
	large=$(figures "$kernel" "$arch" 64G "$@")
	[ -n "$small" ] && [ -n "$large" ] || {
		echo "$name: the kernel did not finish" >&2
		exit 1
	}
	printf '%s\n%-40s %12s %12s\n' "$name" "instructions" "512 MiB" "64 GiB"
	echo "$small" | while IFS="$(printf '\t')" read -r what figure; do
		printf '  %-38s %12s %12s\n' "$what" "$figure" "$(echo "$large" | sed -n "s/^$what\t//p")"
	done
	first='boot to first allocation'
	echo "$(echo "$small" | sed -n "s/^$first\t//p") $(echo "$large" | sed -n "s/^$first\t//p")" |
		awk '{ printf "  %-38s %25.2f\n\n", "64 GiB : 512 MiB", $2 / $1 }'
}

[ $# -gt 0 ] || set -- x86_64 aarch64
for arch in "$@"; do
	[ -f "ports/$arch/arch.mk" ] || continue
	make -s -C ports/metal -j"$(nproc)" "ARCH=$arch"
	case $arch in
	x86_64)
		# -cpu max: the default model has no 1 GiB pages
		one "x86_64" x86_64 build-metal/x86_64/kernel.elf -cpu max
		one "x86_64, no 1 GiB pages" x86_64 build-metal/x86_64/kernel.elf
		make -s -C ports/metal -j"$(nproc)" ARCH=x86_64 PIN=1
		one "x86_64, one model pinned" x86_64 build-metal/x86_64-pinned/kernel.elf -cpu max ;;
	*)
		one "$arch" "$arch" "build-metal/$arch/kernel.elf" ;;
	esac
done
scripts/text-size.sh -q
