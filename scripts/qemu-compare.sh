#!/bin/sh
# Our kernel beside Linux: boot it on the virtual machine a Linux boot was recorded on, and compare what both printed.
# usage: qemu-compare.sh [-v] [-a] [CAPTURE…]
#
# Without captures: the shipped samples, whose machines tests/metal/compare.machines describes. -a: also every capture in
# $QUIRE_CAPTURES (../shared/captures) that says in its file "cmdline" how QEMU was called. -v: also managed pages, side by
# side. Zone ranges, spans, present pages, fallback orders, zonelists and memory blocks must be equal
# (tools/metal/compare.c). The last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/.."

samples=samples/machines
captures=${QUIRE_CAPTURES:-../shared/captures}
compare=${QUIRE_BUILD:-build}/tools/metal/quire-metal-compare
verbose=
all=
while getopts va option; do
	case $option in
	v) verbose=-v ;;
	a) all=1 ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

passed=0
failed=0
skipped=0
ours=$(mktemp -d)
trap 'rm -rf "$ours"' EXIT

skip() {
	echo "$1: skipped: $2"
	skipped=$((skipped + 1))
}

# Which architectures can be booted here.
can_boot() {
	case $1 in
	aarch64) command -v qemu-system-aarch64 aarch64-linux-gnu-gcc ;;
	*) command -v qemu-system-x86_64 gcc ;;
	esac >/dev/null 2>&1
}

# run NAME DIRECTORY ARCH WORDS QEMU-ARGUMENTS…: WORDS are for our kernel, beside the recorded command line.
run() {
	name=$1 directory=$2 arch=$3 words=$4
	shift 4
	case $missing in
	*" $arch"*)
		skip "$name" "no emulator or compiler for $arch"
		return ;;
	esac
	case $name in
	*-k612) words="$words rules=6.12" ;;
	*) words="$words rules=6.1" ;;
	esac
	case $name in
	*nopae*) words="$words nopae" ;;
	esac
	words="$words test=none report=log,zonelists,zoneinfo,blocks"
	if ! scripts/qemu-run.sh -t 120 "$arch" "$(cat "$directory/cmdline_kernel.txt") $words" "$@" >"$ours/dmesg.txt"; then
		echo "$name: FAILED: the kernel does not come to its end"
		tail -5 "$ours/dmesg.txt" | sed 's/^/    /'
		failed=$((failed + 1))
		return
	fi
	cp "$ours/dmesg.txt" "$ours/zoneinfo.txt"
	cp "$ours/dmesg.txt" "$ours/memory_blocks.txt"
	# shellcheck disable=SC2086
	if "$compare" $verbose "$directory" "$ours"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
}

# Which of our kernels stands in for the Linux kernel of this name.
arch_of() {
	case $1 in
	*-686*) echo i386 ;;
	*-arm64*) echo aarch64 ;;
	*) echo x86_64 ;;
	esac
}

# The recorded call of QEMU, with our kernel in the place of Linux, no initrd, and firmware data from the capture's
# own files. Memory is not reserved on the host: little of it is touched.
capture() {
	directory=${1%/}
	name=${directory##*/}
	if [ ! -f "$directory/cmdline" ] || [ ! -f "$directory/zoneinfo.txt" ] ||
		[ ! -f "$directory/cmdline_kernel.txt" ]; then
		skip "$name" "no virtual machine that came up"
		return
	fi
	arch=$(arch_of "$(cat "$directory/cmdline")")
	words= option=
	xargs -n1 <"$directory/cmdline" >"$ours/arguments"
	set --
	while read -r word; do
		case $option$word in
		qemu-system-*|-nodefaults|-nographic|-no-reboot) ;;
		-kernel|-initrd|-append|-serial|-monitor|-accel) option=$word ; continue ;;
		-kernel*|-initrd*|-append*|-serial*|-monitor*|-accel*) ;;
		-device|-object|-m|-bios|-acpitable) option=$word ; continue ;;
		-deviceloader,*.dtb,*)
			address=${word#*addr=}
			set -- "$@" -device "loader,file=$directory/fdt.dtb,addr=${address%%,*},force-raw=on"
			words="fdt=${address%%,*}" ;;
		-deviceloader,*) ;;
		-bios*)
			skip "$name" "EFI firmware, which our kernels do not start from"
			return ;;
		-devicepc-dimm,*)
			skip "$name" "modules that are there at power-on come to our kernels by polling, not by booting"
			return ;;
		-acpitable*) set -- "$@" -acpitable "file=$directory/${word##*.}.bin" ;;
		-objectmemory-backend-ram,*reserve=off*) set -- "$@" -object "$word" ;;
		-objectmemory-backend-ram,*) set -- "$@" -object "$word,reserve=off" ;;
		-m*)
			if grep -q 'memdev=m\|memory-backend=' "$ours/arguments" || [ "${word%,*}" != "$word" ]; then
				set -- "$@" -m "$word"
			else
				set -- "$@" "ram=$word"
			fi ;;
		*) set -- "$@" $option "$word" ;;
		esac
		option=
	done <"$ours/arguments"
	run "$name" "$directory" "$arch" "$words" "$@"
}

# steps CAPTURE: a module comes and goes in our kernel, and after each step it stands as Linux stood. The capture's
# stages are directories; when all is over things must be as they were after boot.
steps() {
	name=${1##*/}
	case $name in
	*-k612) rules=6.12 ;;
	*) rules=6.1 ;;
	esac
	rm -rf "$ours/steps"
	mkdir -p "$ours/steps" "$ours/boot"
	sed "s/^append /&rules=$rules /" tests/metal/compare-dimm.scenario >"$ours/scenario"
	if ! scripts/qemu-scenario.py x86_64 "$ours/scenario" >"$ours/console"; then
		echo "$name, steps: FAILED: the scenario does not come to its end"
		tail -5 "$ours/console" | sed 's/^/    /'
		failed=$((failed + 1))
		return
	fi
	awk -v to="$ours/steps" '
		/^hotplug: step/ { at = to "/" $3; system("mkdir " at) }
		at { print > (at "/zoneinfo.txt") }' \
		"$ours/console"
	for step in "$ours"/steps/*/; do
		cp "$step/zoneinfo.txt" "$step/memory_blocks.txt"
	done
	cp "$1/zoneinfo.txt" "$1/memory_blocks.txt" "$ours/boot"
	for pair in added:$1/added_1G_offline online:$1/online_movable_1G removed:$ours/boot; do
		printf '%s, module %s: ' "$name" "${pair%%:*}"
		# shellcheck disable=SC2086
		if "$compare" $verbose "${pair#*:}" "$ours/steps/${pair%%:*}"; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
		fi
	done
}

sample() {
	if [ -d "$samples/$1" ]; then
		# shellcheck disable=SC2086
		run "$1" "$samples/$1" "$2" "" $3
	else
		skip "$1" "not there"
	fi
}

missing=
for arch in x86_64 i386 aarch64; do
	if ! can_boot "$arch"; then
		echo "*** $arch: SKIPPED, there is no emulator or no compiler for it here ***"
		missing="$missing $arch"
	elif ! make -s -C ports/metal "ARCH=$arch" -j"$(nproc)"; then
		echo "$arch: the kernel does not build: 0 passed, 1 failed"
		exit 1
	fi
done
if [ $# = 0 ]; then
	while IFS='|' read -r name arch arguments; do
		case $name in
		''|'#'*) ;;
		*) sample "$name" "$arch" "$arguments" ;;
		esac
	done <tests/metal/compare.machines
	if [ -n "$all" ] && [ -d "$captures" ]; then
		set -- "$captures"/*/
	elif [ -n "$all" ]; then
		echo "*** no captures in $captures ***"
	fi
fi
for directory in "$@"; do
	capture "$directory"
	case ${directory%/} in
	*/x86_64-hotplug-dimm|*/x86_64-hotplug-dimm-k612) can_boot x86_64 && steps "${directory%/}" ;;
	esac
done
echo "beside Linux: $skipped machines skipped"
echo "beside Linux: $passed passed, $failed failed"
[ "$failed" = 0 ]
