#!/bin/sh
# Compile the embeddable engine with nothing but a compiler, for every architecture and compiler at hand, and look at what
# the result still wants: memcpy, memmove, memset and memcmp, and nothing else.
# Then without what can be left out (quire/options.h): all of it at once, and each option alone.
# Prints "N passed, N failed".
set -u
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The device-tree reader stands on libfdt, or on what stands in for it here.
sources=$(find src firmware -name '*.c' | sort)
flags="-std=gnu11 -ffreestanding -nostdlib -fno-stack-protector -fno-pic -Wall -Wextra -Wshadow -Wstrict-prototypes
	-Wmissing-prototypes -Wvla -Wundef -Werror -Ifirmware/blob -Iinclude -Isrc -I."
pins="-DQUIRE_PIN_PAGE_SHIFT=12 -DQUIRE_PIN_SECTION_SHIFT=27 -DQUIRE_PIN_PAGEBLOCK_ORDER=9 -DQUIRE_PIN_MAX_ORDER=10
      -DQUIRE_PIN_MODEL=QUIRE_MODEL_SPARSEMEM_VMEMMAP -DQUIRE_PIN_PAGE_STRIDE=16"
passed=0
failed=0

# one NAME "COMPILER AND TARGET FLAGS" NM [STORE]: where other builds find the objects that are theirs, too (compile.py)
one() {
	name=$1 compiler=$2 nm=$3 store=${4:--}
	if ! command -v "${compiler%% *}" >/dev/null 2>&1; then
		echo "  $name: skipped, no ${compiler%% *} here"
		return
	fi
	dir=$work/$name
	# shellcheck disable=SC2086
	echo "$sources" | scripts/compile.py "$store" "$dir" $compiler $flags 2>"$work/errors" || {
		echo "  $name: FAILED to compile"
		head -20 "$work/errors"
		failed=$((failed + 1))
		return
	}
	judge "$name" "$dir" "$nm"
}

# judge NAME DIRECTORY NM: what do its objects want, and how are things called in them?
judge() {
	name=$1 dir=$2 nm=$3
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

# Optimised, gcc warns of more and asks for more of its run-time library; clang warns of the same. For x86_64 that is seen
# where the libraries and the kernels are built.
one gcc-x86_64 "gcc -m64" nm "$work/store"
one gcc-x86_64-pinned "gcc -m64 $pins" nm
one gcc-i386 "gcc -m32 -O2" nm
one gcc-aarch64 "aarch64-linux-gnu-gcc -mno-outline-atomics -mgeneral-regs-only -O2" aarch64-linux-gnu-nm
one gcc-riscv64 "riscv64-unknown-elf-gcc -mcmodel=medany -O2" riscv64-unknown-elf-nm
one clang-x86_64 "clang --target=x86_64-unknown-none-elf" llvm-nm "$work/store"
one clang-i386 "clang --target=i386-unknown-none-elf -O2" llvm-nm
one clang-aarch64 "clang --target=aarch64-unknown-none-elf -mgeneral-regs-only" llvm-nm
one clang-riscv64 "clang --target=riscv64-unknown-none-elf -mcmodel=medany" llvm-nm
one gcc-x86_64-minimal "gcc -m64 $(cat scripts/minimal.options)" nm
one clang-x86_64-minimal "clang --target=x86_64-unknown-none-elf $(cat scripts/minimal.options)" llvm-nm
# Each option alone, by turns with one compiler and the other; what it does not change is not compiled again.
turn=0
for option in $(grep -v PIN scripts/minimal.options); do
	turn=$((1 - turn))
	if [ $turn = 1 ]; then
		one "gcc-x86_64$option" "gcc -m64 $option" nm "$work/store"
	else
		one "clang-x86_64$option" "clang --target=x86_64-unknown-none-elf $option" llvm-nm "$work/store"
	fi
done
echo "freestanding: $passed passed, $failed failed"
[ "$failed" = 0 ]
