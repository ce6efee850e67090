#!/bin/sh
# Compile the embeddable engine with nothing but a compiler, for every architecture and compiler at hand, and look at what
# the result still wants: memcpy, memmove, memset and memcmp, and nothing else.
# Prints "N passed, N failed".
set -u
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The device-tree reader stands on libfdt, or on what stands in for it here.
sources=$(find src firmware -name '*.c' | sort)
flags="-std=gnu11 -ffreestanding -nostdlib -fno-stack-protector -fno-pic -O2 -Wall -Wextra -Wshadow -Wstrict-prototypes
	-Wmissing-prototypes -Wvla -Wundef -Werror -Ifirmware/blob -Iinclude -Isrc -I."
pins="-DQUIRE_PIN_PAGE_SHIFT=12 -DQUIRE_PIN_SECTION_SHIFT=27 -DQUIRE_PIN_PAGEBLOCK_ORDER=9 -DQUIRE_PIN_MAX_ORDER=10
      -DQUIRE_PIN_MODEL=QUIRE_MODEL_SPARSEMEM_VMEMMAP -DQUIRE_PIN_PAGE_STRIDE=16"
passed=0
failed=0

# one NAME "COMPILER AND TARGET FLAGS" NM
one() {
	name=$1 compiler=$2 nm=$3
	if ! command -v "${compiler%% *}" >/dev/null 2>&1; then
		echo "  $name: skipped, no ${compiler%% *} here"
		return
	fi
	flat=$(echo $flags)
	dir=$work/$name
	mkdir -p "$dir"
	for source in $sources; do
		object=$dir/$(echo "$source" | tr / _).o
		echo "$compiler $flat -c $source -o $object"
	done | xargs -P "$(nproc)" -I{} sh -c '{} || exit 255' 2>"$dir/errors" || {
		echo "  $name: FAILED to compile"
		head -20 "$dir/errors"
		failed=$((failed + 1))
		return
	}
	$nm -u "$dir"/*.o | awk '$1 == "U" { print $2 }' | sort -u >"$dir/wanted"
	$nm --defined-only "$dir"/*.o | awk 'NF == 3 { print $3 }' | sort -u >"$dir/defined"
	strangers=$(comm -23 "$dir/wanted" "$dir/defined" | grep -vxE 'memcpy|memmove|memset|memcmp' || true)
	prefixless=$($nm -g --defined-only "$dir"/*.o | awk 'NF == 3 { print $3 }' | grep -vE '^(quire_|qi_)' || true)
	if [ -n "$strangers$prefixless" ]; then
		echo "  $name: FAILED: undefined:" $strangers "without prefix:" $prefixless
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}

one gcc-x86_64 "gcc -m64" nm
one gcc-x86_64-pinned "gcc -m64 $(echo $pins)" nm
one gcc-i386 "gcc -m32" nm
one gcc-aarch64 "aarch64-linux-gnu-gcc -mno-outline-atomics -mgeneral-regs-only" aarch64-linux-gnu-nm
one gcc-riscv64 "riscv64-unknown-elf-gcc -mcmodel=medany" riscv64-unknown-elf-nm
one clang-x86_64 "clang --target=x86_64-unknown-none-elf" llvm-nm
one clang-i386 "clang --target=i386-unknown-none-elf" llvm-nm
one clang-aarch64 "clang --target=aarch64-unknown-none-elf -mgeneral-regs-only" llvm-nm
one clang-riscv64 "clang --target=riscv64-unknown-none-elf -mcmodel=medany" llvm-nm
echo "freestanding: $passed passed, $failed failed"
[ "$failed" = 0 ]
