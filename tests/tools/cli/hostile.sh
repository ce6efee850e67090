#!/bin/sh
# The command against input nobody should give it: whatever comes, an exit code of the manual, a sentence that names the
# file, no crash, no sanitizer report, and an end.
# hostile.sh QUIRE PROJECT
set -u
quire=$1 machine=$2/samples/machines/x86_64-q35-2n-8G firmware=$2/samples/firmware
. "$(dirname "$0")/../lib.sh"

# says TEXT: the last run printed it.
says() {
	grep -aqF -- "$1" "$work/out" "$work/err" || {
		bad "nobody says '$1'"
		head -3 "$work/out" "$work/err"
	}
}

# A fresh copy of the machine in $work/m, to be spoiled.
fresh() {
	rm -rf "$work/m"
	cp -r "$machine" "$work/m"
	chmod -R u+w "$work/m"
}

lines() {
	yes "$1" | head -n "$2"
}

# --- findings outlive the input they came from ---
mkdir "$work/bare"
echo 'qemu -m 1G' >"$work/bare/cmdline"
expect 2 verify "$work/bare"
says "no capture"
says "($work/bare)"

# --- numbers no machine has ---
fresh
sed -i 's/^Node 1, zone   Normal/Node 18446744073709547520, zone   Normal/' "$work/m/zoneinfo.txt"
expect 1 verify "$work/m"
says "zoneinfo.txt:"
fresh
echo '0+ffffffffffffffff reserved' >"$work/m/kpageflags_rle.txt"
expect 1 verify "$work/m"
says "kpageflags_rle.txt:1"
echo 'ffffffffffffff00+ffffffffffffffff nopage' >"$work/m/kpageflags_rle.txt"
expect "0|1" verify "$work/m"
fresh
sed -i 's/^memory1 /memory18446744073709551615 /' "$work/m/memory_blocks.txt"
expect 1 verify "$work/m"
says "memory18446744073709551615"

# --- more records than any machine has ---
fresh
lines 'Node 0, zone      DMA' 100000 >>"$work/m/zoneinfo.txt"
expect 1 verify "$work/m"
says "more than any machine has"
fresh
lines '[    0.000000] mminit::zonelist general 0:DMA = 0:DMA' 100000 >>"$work/m/dmesg.txt"
expect 1 verify "$work/m"
says "more than any machine has"

# --- a log of garbage, alone and in a capture ---
awk 'BEGIN { srand(7); for (i = 0; i < 400000; i++) printf "%c%c%c%c%c%c", rand() * 256, rand() * 256, rand() * 256,
	rand() * 256, rand() * 256, i % 9 ? 65 + i % 57 : 10 }' >"$work/noise"
expect 2 boot "$work/noise"
says "$work/noise"
expect 2 verify "$work/noise"
fresh
cp "$work/noise" "$work/m/dmesg.txt"
expect 0 boot "$work/m"
says "$work/m/dmesg.txt"
expect "0|1" verify "$work/m"
{
	echo '[    0.000000] BIOS-provided physical RAM map:'
	awk 'BEGIN { for (i = 0; i < 8000; i++)
		printf "[    0.000000] BIOS-e820: [mem 0x%016x-0x%016x] usable\n", 1048576 + i * 8192, 1052671 + i * 8192 }'
} >"$work/splinters"
expect 0 boot "$work/splinters"

# --- the end of the address space ---
cat >"$work/wrap" <<END
[    0.000000] BIOS-provided physical RAM map:
[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable
[    0.000000] BIOS-e820: [mem 0x0000000100000000-0xffffffffffffffff] usable
END
expect 0 boot "$work/wrap"
says "wraps around"
says "widest address"
sed -i 's/0xffffffffffffffff/0xfffffffffffff000/' "$work/wrap"
expect 0 boot "$work/wrap"
says "widest address"
expect 0 boot --nodes 1x1G,1x1G --hole 4G+67104768M --show zones
expect 2 boot --nodes 1x1G,1x1G --hole 1G+4096T
says "address bits"

# --- machines too small, and as large as they come ---
expect 0 boot --nodes 1x64K
says "too small"
expect 0 boot --nodes 1x1M
says "too small"
expect 0 boot --nodes 1x16M
expect 0 boot --nodes 1024x1M
expect 2 boot --nodes 1025x1M
says "too many nodes"
expect 0 boot --nodes 63x1T
expect 2 boot --nodes 0x0
says "no node has any memory"
for init in eager deferred lazy; do
	for size in 1x1M 1x16M 2x1G; do
		expect 0 boot --nodes "$size" --init "$init"
	done
done

# --- command lines ---
expect "0|2" boot --nodes 2x1G --cmdline 'mem=1 memmap=exactmap kernelcore=200% numa=fake=100000 cma=1T'
says "'kernelcore=200%' ignored"
expect 2 boot --nodes 2x1G --cmdline memmap=exactmap
says "no usable memory"
for words in 'memmap=18446744073709551615@1' 'memmap=1T@60T' 'numa=fake=1025' 'numa=fake=1024U' 'crashkernel=16E' \
	'kernelcore=100%' 'movablecore=100%' 'hugepagesz=1G hugepages=99999' 'mem=16E' \
	"$(lines mem=1G 3000 | tr '\n' ' ')"; do
	expect 0 boot --nodes 2x1G --cmdline "$words"
done
expect 0 boot "$firmware/arm64-4-nodes.dtb" --cmdline 'cma=1T'
says "cma"

# --- a log that would paint the terminal ---
fresh
sed -i 's/Command line: /&a=\x1b[31mred /' "$work/m/dmesg.txt"
expect 0 boot "$work/m"
printed 'a=?[31mred'
if grep -aq "$(printf '\033')" "$work/out" "$work/err"; then bad "a log's control characters reach the terminal"; fi

# --- what is no file ---
mkdir -p "$work/shelves/dmesg.txt" "$work/shelves/srat.bin"
expect 2 boot "$work/shelves"
says "$work/shelves/dmesg.txt"
expect 2 verify "$work/shelves"
: >"$work/empty"
mkfifo "$work/pipe"
for input in "$work/empty" /dev/null -; do
	expect 2 boot "$input"
	[ "$input" = - ] || expect 2 verify "$input"
done
lines "no machine here" 10 >"$work/pipe" &
expect 2 boot "$work/pipe"
expect 2 boot --nodes 1G --output "$work/nowhere/out"
says "$work/nowhere/out"
if [ -w /dev/full ]; then
	expect 2 boot --nodes 1G --output /dev/full
	says /dev/full
	expect 2 verify --output /dev/full "$machine"
fi

# --- device trees and tables with a byte of their heads spoiled ---
for table in "$firmware"/*; do
	for at in 3 7 14 25 37 49 63; do
		cp "$table" "$work/table"
		chmod u+w "$work/table"
		printf '\377' | dd of="$work/table" bs=1 seek=$at conv=notrunc 2>/dev/null
		expect "0|2" boot "$work/table"
	done
done

finish "hostile input: all refused or survived"
