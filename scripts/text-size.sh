#!/bin/sh
# Bytes of machine code and constants of the engine, x86_64, -Os: what an embedder's kernel grows by.
#
# "core" is what a kernel needs that boots, allocates, frees and looks up descriptors, with the memory model and the geometry
# compile-time constants, and everything nobody calls left out by the linker. "everything" is every object of src/
# and firmware/ with all models, checkers, reports and readers (but the device-tree reader, which stands on libfdt).
set -eu
cd "$(dirname "$0")/.."
compiler=${CC:-gcc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

flags="-std=gnu11 -m64 -Os -ffreestanding -fno-stack-protector -fno-pic -fno-pie -fno-asynchronous-unwind-tables
	-ffunction-sections -fdata-sections -fcf-protection=none -DQUIRE_NO_TRACE -Iinclude -Isrc -I."
pins="-DQUIRE_PIN_PAGE_SHIFT=12 -DQUIRE_PIN_SECTION_SHIFT=27 -DQUIRE_PIN_PAGEBLOCK_ORDER=9 -DQUIRE_PIN_MAX_ORDER=10
	-DQUIRE_PIN_MODEL=QUIRE_MODEL_SPARSEMEM_VMEMMAP -DQUIRE_PIN_PAGE_STRIDE=16"

# compile DIRECTORY FLAGS…
compile() {
	directory=$1
	shift
	mkdir -p "$directory"
	find src firmware -name '*.c' ! -path 'firmware/fdt*' | sort | while read -r source; do
		echo "$compiler $* -c $source -o $directory/$(echo "$source" | tr / _).o"
	done | xargs -P "$(nproc)" -I{} sh -c '{} || exit 255'
}

# sum FILES…: text and read-only data, as size(1) has it.
sum() {
	size "$@" | awk 'NR > 1 { text += $1 } END { print text }'
}

# shellcheck disable=SC2046,SC2086
{
	compile "$work/pinned" $(echo $flags $pins)
	compile "$work/all" $(echo $flags)
}
roots=""
for name in quire_machine_init quire_machine_add_range quire_machine_add_reservation quire_config_defaults quire_init \
	quire_boot 	quire_fini quire_alloc_frames quire_free_frames quire_drain_frames; do
	roots="$roots -u $name"
done
# shellcheck disable=SC2086
ld -r --gc-sections $roots -o "$work/core.o" "$work"/pinned/*.o
printf 'text of the engine, x86_64 -Os: core, one model pinned %d bytes; everything %d bytes\n' \
	"$(sum "$work/core.o")" "$(sum "$work"/all/*.o)"
