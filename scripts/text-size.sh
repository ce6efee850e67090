#!/bin/sh
# Bytes of machine code and constants of the engine, x86_64, -Os: what an embedder's kernel grows by.
#
# "core" is what a kernel needs that boots, allocates, frees and looks up descriptors, with everything nobody calls left out
# by the linker: at least (scripts/minimal.options: all that can be left out is, and what can be pinned is), with one thing
# more each, and with the memory model and the geometry pinned but nothing left out. "everything" is every object of src/
# and firmware/ with all models, checkers, reports and readers (but the device-tree reader, which stands on libfdt).
# With -q: only the least and the most.
set -eu
cd "$(dirname "$0")/.."
compiler=${CC:-gcc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

flags="-std=gnu11 -m64 -Os -ffreestanding -fno-stack-protector -fno-pic -fno-pie -fno-asynchronous-unwind-tables
	-ffunction-sections -fdata-sections -fcf-protection=none -Iinclude -Isrc -I."
geometry="-DQUIRE_PIN_PAGE_SHIFT=12 -DQUIRE_PIN_SECTION_SHIFT=27 -DQUIRE_PIN_PAGEBLOCK_ORDER=9 -DQUIRE_PIN_MAX_ORDER=10
	-DQUIRE_PIN_MODEL=QUIRE_MODEL_SPARSEMEM_VMEMMAP -DQUIRE_PIN_PAGE_STRIDE=16"
roots=""
for name in quire_machine_init quire_machine_add_range quire_machine_add_reservation quire_config_defaults quire_init \
	quire_boot quire_fini quire_alloc_frames quire_free_frames quire_drain_frames; do
	roots="$roots -u $name"
done

# compile DIRECTORY FLAGS…: what `sources` lists. Most objects are those of another row.
compile() {
	directory=$1
	shift
	# shellcheck disable=SC2086
	$sources | scripts/compile.py "$work/store" "$directory" $compiler "$@"
}

# sum FILES…: text and read-only data, as size(1) has it.
sum() {
	size "$@" | awk 'NR > 1 { text += $1 } END { print text }'
}

all_sources() {
	find src firmware -name '*.c' ! -path 'firmware/fdt*' | sort
}

# The linker would drop the rest.
core_sources() {
	all_sources | grep -v '^firmware/\|^src/report/\|^src/balloon/\|^src/reporting/'
	echo firmware/machine.c src/report/print.c | tr ' ' '\n'
}

# core FLAGS…: bytes of what the linker keeps.
core() {
	sources=core_sources
	rm -rf "$work/objects"
	# shellcheck disable=SC2046
	compile "$work/objects" $(echo "$flags" "$@")
	# shellcheck disable=SC2086
	ld -r --gc-sections $roots -o "$work/core.o" "$work"/objects/*.o
	sum "$work/core.o"
}

# row TEXT WORDS…: one line; the least but for options and pins with these words in their names.
row() {
	text=$1
	shift
	kept=$(cat scripts/minimal.options)
	for word in "$@"; do
		kept=$(echo "$kept" | grep -v "_$word\\(=\\|\$\\)")
	done
	bytes=$(core "$kept")
	printf '%-72s %7d bytes  %5.1f KiB  %+6.1f\n' "$text" "$bytes" "$(echo "$bytes" | awk '{ print $1 / 1024 }')" \
		"$(echo "$bytes $least" | awk '{ print ($1 - $2) / 1024 }')"
}

# everything FLAGS…: bytes of all objects.
everything() {
	sources=all_sources
	rm -rf "$work/objects"
	# shellcheck disable=SC2046
	compile "$work/objects" $(echo "$flags" "$@")
	sum "$work"/objects/*.o
}

least=$(core "$(cat scripts/minimal.options)")
printf 'text of the engine, x86_64 -Os: core at least %d bytes; core, one model pinned %d bytes; everything %d bytes\n' \
	"$least" "$(core "$geometry" -DQUIRE_NO_TRACE)" "$(everything -DQUIRE_NO_TRACE)"
[ "${1:-}" != -q ] || exit 0
row "core at least (scripts/minimal.options)"
row "  with hooks that see every request" NO_TRACE
row "  with the fronts of CPUs" FRONTS
row "  with reclaim" RECLAIM
row "  with nodes" NUMA
row "  with what a command line asks of boot" BOOT_OPTIONS
row "  with debugging" DEBUG
row "  with moving memory: compaction, ranges" MOBILITY
row "  with that, and hotplug" MOBILITY HOTPLUG
row "  with that, and contiguous areas" MOBILITY CMA
row "  with that, and failing frames" MOBILITY POISON
row "  with lazy and deferred descriptors (no QUIRE_PIN_INIT)" INIT
row "  with other architectures and rules (no QUIRE_PIN_ARCH, _RULES)" ARCH RULES
row "  with other memory models (no QUIRE_PIN_MODEL)" MODEL
row "  with other geometries" PAGE_SHIFT SECTION_SHIFT PAGEBLOCK_ORDER MAX_ORDER PAGE_STRIDE
row "  with texts of messages" MESSAGES
