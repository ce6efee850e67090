#!/bin/sh
# Boot a kernel of ports/metal/ under QEMU and hand its exit code on.
# usage: qemu-run.sh [-t SECONDS] [-k KERNEL] ARCH "COMMAND LINE" [QEMU ARGUMENTS…]
#
# The serial console goes to standard output. Exit: what the kernel said (0 to 4, ports/metal/arch.h); 124 it did not end in
# time; 125 QEMU or the machine ended without a word from the kernel; 126 there is no firmware here for efi=. Further
# arguments override the machine given here: -m, -smp, -M, -cpu, NUMA, devices. Some of them are this script's own:
#	ram=64G		memory that the host needs to have only as far as the guest touches it
#	nodes=4x2G	NUMA nodes of such memory
#	efi=kernel	EFI firmware starts kernel.efi, which lies beside the kernel, with the command line as load options
#	efi=volume	the same as a PC would do it: from a disk, with the command line in a file. QUIRE_EFI_FIRMWARE is
#			firmware that is not where Debian has it
# QEMU is the emulator, never the host's virtualization: the same everywhere.
set -u
cd "$(dirname "$0")/.."

seconds=60
kernel=
while getopts t:k: option; do
	case $option in
	t) seconds=$OPTARG ;;
	k) kernel=$OPTARG ;;
	*) exit 125 ;;
	esac
done
shift $((OPTIND - 1))
arch=$1 append=$2
shift 2

case $arch in
x86_64)
	qemu="qemu-system-x86_64 -M q35 -device isa-debug-exit,iobase=0xf4,iosize=4"
	: "${kernel:=build-metal/x86_64/kernel.elf}" ;;
i386)	# the x86_64 emulator: the other one has no memory above 4 GiB
	qemu="qemu-system-x86_64 -M pc -device isa-debug-exit,iobase=0xf4,iosize=4"
	: "${kernel:=build-metal/i386/kernel.elf}" ;;
aarch64)
	qemu="qemu-system-aarch64 -M virt -cpu cortex-a57 -semihosting-config enable=on,target=native"
	: "${kernel:=build-metal/aarch64/kernel.elf}" ;;
*)
	echo "qemu-run: no such architecture: $arch" >&2
	exit 125 ;;
esac

# "2G" in MiB.
mib() {
	case $1 in
	*G) echo $((${1%G} * 1024)) ;;
	*) echo "${1%M}" ;;
	esac
}

nodes() {
	count=${1%x*} each=$(mib "${1#*x}") node=0
	printf ' -m %dM' $((count * each))
	while [ "$node" -lt "$count" ]; do
		printf ' -object memory-backend-ram,id=n%d,size=%dM,reserve=off -numa node,nodeid=%d,memdev=n%d' \
			"$node" "$each" "$node" "$node"
		node=$((node + 1))
	done
}

firmware() {
	case $arch in
	aarch64) files="/usr/share/qemu-efi-aarch64/QEMU_EFI.fd" ;;
	*) files="/usr/share/ovmf/OVMF.fd /usr/share/qemu/OVMF.fd" ;;
	esac
	for file in "${QUIRE_EFI_FIRMWARE:-}" $files; do
		[ ! -f "$file" ] || { echo "$file"; return; }
	done
}

ours=
efi=
for argument in "$@"; do
	shift
	case $argument in
	ram=*) ours="$ours -m ${argument#ram=} -machine memory-backend=ram
		-object memory-backend-ram,id=ram,size=${argument#ram=},reserve=off" ;;
	nodes=*) ours="$ours $(nodes "${argument#nodes=}")" ;;
	efi=*) efi=${argument#efi=} ;;
	*) set -- "$@" "$argument" ;;
	esac
done

output=$(mktemp)
volume=
trap 'rm -rf "$output" "$volume"' EXIT
if [ -n "$efi" ]; then
	bios=$(firmware)
	[ -n "$bios" ] || {
		echo "qemu-run: no EFI firmware for $arch here" >&2
		exit 126
	}
	kernel=${kernel%.elf}.efi
	set -- -bios "$bios" "$@"
	case $arch in
	aarch64)	# firmware hands on the device tree only where there is no ACPI
		set -- -machine acpi=off "$@"
		default=BOOTAA64.EFI ;;
	*) default=BOOTX64.EFI ;;
	esac
fi
if [ "$efi" = volume ]; then
	volume=$(mktemp -d)
	mkdir -p "$volume/EFI/BOOT"
	cp "$kernel" "$volume/EFI/BOOT/$default"
	echo "$append" >"$volume/cmdline.txt"
	set -- -drive "file=fat:$volume,format=raw,if=none,id=volume,readonly=on" -device virtio-blk-pci,drive=volume "$@"
else
	set -- -kernel "$kernel" -append "$append" "$@"
fi
# shellcheck disable=SC2086
{ timeout -k 2 "$seconds" $qemu -accel tcg -m 512M -smp 2 -nodefaults -display none -no-reboot -monitor none -serial stdio \
	$ours "$@" </dev/null 2>&1; echo "qemu $?" >"$output"; } |
	sed -u 's,\x1b\[[0-9;=]*[A-Za-z],,g; s,\r$,,' | tee "$output.text"
status=$(sed -n 's/^qemu //p' "$output")
said=$(sed -n 's/^metal: exit \([0-9]*\)$/\1/p' "$output.text" | tail -1)
rm -f "$output.text"
[ "$status" != 124 ] && [ "$status" != 137 ] || exit 124
[ -n "$said" ] || exit 125
exit "$said"
