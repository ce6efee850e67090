#!/bin/sh
# What strangers get: the amalgamation, and an installed engine that programs outside this tree are built against.
# Prints "N passed, N failed". usage: packages.sh [BUILD-DIRECTORY]
set -u
cd "$(dirname "$0")/.."

build=${1:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings="-std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Werror"
passed=0
failed=0

# expect WHAT COMMAND…: it succeeds.
expect() {
	what=$1
	shift
	if "$@" >"$work/said" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "  $what: FAILED"
		head -20 "$work/said"
	fi
}

# wants_nothing OBJECT: no symbol is missing but the four of memory, and all that is offered has a prefix.
wants_nothing() {
	strangers=$(nm -u "$1" | awk '$1 == "U" { print $2 }' | grep -vxE 'memcpy|memmove|memset|memcmp')
	prefixless=$(nm -g --defined-only "$1" | awk 'NF == 3 { print $3 }' | grep -vE '^(quire_|qi_)')
	[ -z "$strangers$prefixless" ] || { echo "wants $strangers, offers $prefixless"; false; }
}

# steady FILE: what a program said, without what depends on how its threads were scheduled.
steady() {
	sed '/^at work/d; s/kept by [0-9]* of/kept by some of/; s/books take [0-9]* KiB/books take some KiB/' "$1"
}

# built PROGRAM FLAGS…: the example of that name compiles with these alone and says what ours says.
built() {
	program=$1
	shift
	# shellcheck disable=SC2086
	gcc $warnings "examples/$program.c" -o "$work/$program" "$@" || return 1
	"$work/$program" >"$work/theirs.said" && "$build/examples/$program" >"$work/ours.said" || return 1
	steady "$work/ours.said" >"$work/ours"
	steady "$work/theirs.said" >"$work/theirs"
	diff "$work/ours" "$work/theirs"
}

# With <quire/quire.h> and the like, as in our example, all being the one header.
amalgamation=$work/amalgamation
expect "amalgamation" scripts/amalgamate.py "$amalgamation"
mkdir -p "$amalgamation/quire"
ln -s ../quire.h "$amalgamation/quire/quire.h"
gcc $warnings -m64 -ffreestanding -nostdlib -O2 -c "$amalgamation/quire.c" -o "$work/quire.o" >"$work/gcc" 2>&1 &
whole=$!	# takes as long as all the rest
expect "amalgamation, i386" gcc $warnings -m32 -ffreestanding -nostdlib -fsyntax-only "$amalgamation/quire.c"
for target in x86_64 i386 aarch64 riscv64; do
	expect "amalgamation, clang $target" clang --target=$target-unknown-none-elf $warnings -ffreestanding -nostdlib \
		-fsyntax-only "$amalgamation/quire.c"
done

installed=$work/installed
expect "install" env DESTDIR="$installed" meson install -C "$build" --no-rebuild --quiet
headers=$(dirname "$(find "$installed" -path '*/include/quire/quire.h')")
PKG_CONFIG_SYSROOT_DIR=$installed
PKG_CONFIG_PATH=$(dirname "$(find "$installed" -name quire.pc)")
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_PATH
# shellcheck disable=SC2046
expect "installed engine" built embed $(pkg-config --cflags --libs quire)
# shellcheck disable=SC2046
expect "installed pool" built pool -I"$headers" $(pkg-config --cflags --libs quire-hosted)
expect "each header alone" sh -c '
	for header in "$1"/*.h; do
		echo "#include <quire/${header##*/}>" | gcc '"$warnings"' -I"$1/.." -fsyntax-only -x c - || exit 1
	done' - "$headers"
expect "installed command" sh -c '[ "$("$1" --version)" = "quire $2" ]' - "$(find "$installed" -path '*/bin/quire')" \
	"$(pkg-config --modversion quire)"
expect "installed man page" test -s "$(find "$installed" -name 'quire.1*')"

wait "$whole"
expect "amalgamation, gcc" sh -c 'cat "$1"; exit "$2"' - "$work/gcc" $?
expect "amalgamation stands alone" wants_nothing "$work/quire.o"
expect "amalgamation, embedded" built embed -I"$amalgamation" "$work/quire.o"

echo "packages: $passed passed, $failed failed"
[ "$failed" = 0 ]
