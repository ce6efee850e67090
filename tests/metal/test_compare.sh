#!/bin/sh
# The judge of "beside Linux" judges: a boot equals itself; each kind of difference is seen and named; managed is no
# difference. usage: test_compare.sh COMPARER
set -u
compare=$1
sample=samples/machines/x86_64-q35-2n-8G
other=$(mktemp -d)
trap 'rm -rf "$other"' EXIT
failed=0

# expect CODE PATTERN FILE SED-PROGRAM: the sample beside itself with FILE changed so.
expect() {
	cp "$sample"/dmesg.txt "$sample"/zoneinfo.txt "$sample"/memory_blocks.txt "$other"/
	sed -i "$4" "$other/$3"
	if [ -n "$4" ] && cmp -s "$sample/$3" "$other/$3"; then
		echo "$4 changes nothing in $3"
		failed=1
	fi
	text=$("$compare" "$sample" "$other" 2>&1)
	code=$?
	if [ "$code" != "$1" ] || ! echo "$text" | grep -q "$2"; then
		echo "$3, $4: exit code $code, expected $1; /$2/ must appear in:"
		echo "$text"
		failed=1
	fi
}

expect 0 ' 0 differ' zoneinfo.txt ''
expect 0 '[1-9][0-9]* items checked, 0 differ' zoneinfo.txt 's/managed  [0-9]*/managed  7/'
expect 1 'spanned of node 0 zone DMA:' zoneinfo.txt '0,/spanned  4095/s//spanned  4096/'
expect 1 'present of node 0 zone DMA:' zoneinfo.txt '0,/present  3998/s//present  3999/'
expect 1 'start_pfn of node 1 zone Normal:' zoneinfo.txt 's/start_pfn: *1572864/start_pfn: 17/'
expect 1 'number of zones:' zoneinfo.txt '/^Node 1, zone   Device/d'
expect 1 'zone range DMA32:' dmesg.txt 's/\(DMA32 .*mem 0x0000000001\)000000/\1100000/'
expect 1 'early memory range' dmesg.txt 's/\(node   1: .mem 0x0000000\)180000000/\1190000000/'
expect 1 'fallback order of node 1: ours 0 1 theirs 1 0' dmesg.txt 's/order for Node 1: 1 0/order for Node 1: 0 1/'
expect 1 'zonelist thisnode of node 0 for Normal:' dmesg.txt 's/\(thisnode 0:Normal = 0:Normal \)0:DMA32 /\1/'
expect 1 'state of block 3:' memory_blocks.txt 's/memory3 state=.online/memory3 state=[offline/'
expect 1 'zones of block 0:' memory_blocks.txt 's/valid_zones=.none/valid_zones=[DMA32/'
expect 1 'number of zones: ours 0' zoneinfo.txt d

rm "$other"/*
"$compare" "$sample" "$other" 2>/dev/null
[ $? = 2 ] || { echo "an empty directory must be refused"; failed=1; }
"$compare" "$sample" "$other/nowhere" 2>/dev/null
[ $? = 2 ] || { echo "no directory must be refused"; failed=1; }
exit $failed
