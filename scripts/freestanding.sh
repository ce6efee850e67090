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

# A file that an option does not change is not compiled again.
cat >"$work/step" <<'STEP'
object=$1 source=$2 option=$3 before=$4
shift 4
[ -f "$before.i" ] || "$@" -E -P "$source" -o "$before.i" || exit 255
"$@" "$option" -E -P "$source" -o "$object.i" || exit 255
if cmp -s "$object.i" "$before.i"; then
	ln -s "$before" "$object"
else
	"$@" -O0 "$option" -c "$source" -o "$object" || exit 255
fi
STEP

# without OPTION NAME "COMPILER AND TARGET FLAGS" NM: the engine with it, with what it does not change from the build NAME.
without() {
	option=$1 before=$work/$2 compiler=$3 nm=$4
	dir=$work/$2$option
	[ -d "$before" ] || return 0
	mkdir -p "$dir"
	for source in $sources; do
		object=$(echo "$source" | tr / _).o
		echo "$dir/$object $source $option $before/$object $compiler $(echo $flags | sed 's/ -O2//')"
	done | xargs -P "$(nproc)" -L 1 sh "$work/step" 2>"$dir/errors" || {
		echo "  $2 with $option: FAILED to compile"
		head -20 "$dir/errors"
		failed=$((failed + 1))
		return
	}
	judge "$2 with $option" "$dir" "$nm"
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
one gcc-x86_64-minimal "gcc -m64 $(echo $(cat scripts/minimal.options))" nm
one clang-x86_64-minimal "clang --target=x86_64-unknown-none-elf $(echo $(cat scripts/minimal.options))" llvm-nm
# Each option alone, by turns with one compiler and the other.
turn=0
for option in $(grep -v PIN scripts/minimal.options); do
	turn=$((1 - turn))
	if [ $turn = 1 ]; then
		without "$option" gcc-x86_64 "gcc -m64" nm
	else
		without "$option" clang-x86_64 "clang --target=x86_64-unknown-none-elf" llvm-nm
	fi
done
echo "freestanding: $passed passed, $failed failed"
[ "$failed" = 0 ]
