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
	scripts/qemu-run.sh -t 120 "$arch" "$(cat "$directory/cmdline_kernel.txt") $words" "$@" >"$ours/dmesg.txt"
	code=$?
	if [ "$code" = 126 ]; then
		skip "$name" "no EFI firmware here"
		return
	fi
	if [ "$code" != 0 ]; then
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

# capture DIRECTORY COMMAND: the recorded call of QEMU, with our kernel in the place of Linux, no initrd, and firmware data
# from the capture's own files: COMMAND NAME DIRECTORY ARCH WORDS QEMU-ARGUMENTS…. Memory is not reserved on the host:
# little of it is touched.
capture() {
	directory=${1%/} command=$2
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
		-bios*) set -- "$@" efi=kernel ;;
		-devicepc-dimm,*)
			[ "$command" != run ] || return		# steps() plugs it
			set -- "$@" -device "$word" ;;
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
	"$command" "$name" "$directory" "$arch" "$words" "$@"
}

qmp() {
	printf 'qmp {"execute": "%s", "arguments": {%s}}\n' "$1" "$2"
}

# acts WORD: what happens in a scenario of tests/metal/compare.steps while our kernel runs.
acts() {
	case $1 in
	plug-*)		# 1 GiB in this node
		qmp object-add '"qom-type": "memory-backend-ram", "id": "hm0", "size": 1073741824, "reserve": false'
		qmp device_add '"driver": "pc-dimm", "id": "d0", "memdev": "hm0", "node": '"${1#plug-}"
		echo 'expect ^dimm 0: .* on line' ;;
	there)		# from power-on
		echo 'expect ^dimm 0: .* on line' ;;
	unplug-*)	# the module of this name
		qmp device_del '"id": "'"${1#unplug-}"'"'
		echo 'expect ^dimm 0: ejected' ;;
	request-*)	# MiB of virtio-mem, until this unit has come or gone
		size=${1#request-} unit=${1##*-}
		size=${size%%-*}
		qmp qom-set '"path": "vmem0", "property": "requested-size", "value": '$((size << 20))
		echo "expect ^virtio-mem ${unit}" ;;
	esac
}

# steps NAME DIRECTORY ARCH WORDS QEMU-ARGUMENTS…, called by capture(): memory comes and goes in our kernel as $acts has
# it, told $more, and after the steps in $pairs it stands as Linux stood. "online.3:somewhere": the third step "online" as in
# the directory; "." is the capture itself, after boot.
steps() {
	name=$1 directory=$2
	shift 4
	case $name in
	*-k612) rules=6.12 ;;
	*) rules=6.1 ;;
	esac
	rm -rf "$ours/steps"
	mkdir -p "$ours/steps"
	{
		words="rules=$rules report=zoneinfo,blocks,steps test=hotplug cycles=99 seconds=600 $more"
		echo "append $(cat "$directory/cmdline_kernel.txt") $words"
		echo "machine $*"
		echo 'expect ^hotplug: ready'
		for act in $acts; do
			acts "$act"
		done
	} >"$ours/scenario"
	if ! scripts/qemu-scenario.py x86_64 "$ours/scenario" >"$ours/console"; then
		echo "$name, steps: FAILED: the scenario does not come to its end"
		tail -5 "$ours/console" | sed 's/^/    /'
		failed=$((failed + 1))
		return
	fi
	awk -v to="$ours/steps" '/^hotplug: step/ { at = to "/" $3 "." ++count[$3]; system("mkdir " at) }
		at { print > (at "/zoneinfo.txt") }' "$ours/console"
	for pair in $pairs; do
		step=$ours/steps/${pair%%:*}
		theirs=$ours/theirs/$name
		mkdir -p "$theirs"
		cp "$directory/${pair#*:}"/zoneinfo.txt "$directory/${pair#*:}"/memory_blocks.txt "$theirs"
		[ -d "$step" ] && cp "$step/zoneinfo.txt" "$step/memory_blocks.txt"
		printf '%s, step %s: ' "$name" "${pair%%:*}"
		# shellcheck disable=SC2086
		if "$compare" $verbose "$theirs" "$step"; then
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
	directory=${directory%/}
	capture "$directory" run
	line=$(grep "^${directory##*/}|" tests/metal/compare.steps)
	if [ -n "$line" ] && can_boot x86_64; then
		acts=$(echo "$line" | cut -d'|' -f2)
		pairs=$(echo "$line" | cut -d'|' -f3)
		more=$(echo "$line" | cut -d'|' -f4)
		capture "$directory" steps
	fi
done
echo "beside Linux: $skipped machines skipped"
echo "beside Linux: $passed passed, $failed failed"
[ "$failed" = 0 ]
