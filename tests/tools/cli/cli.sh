#!/bin/sh
# The command as people meet it: usage, exit codes, help against the man page, text and JSON of invented and of shipped
# machines.
# cli.sh QUIRE JSON_FLATTEN PROJECT
set -u
quire=$1 flatten=$2 project=$3
. "$(dirname "$0")/../lib.sh"

# --- usage ---
refused "Usage: quire COMMAND"
refused "no command 'nonsense'" nonsense
refused "no command 'nonsense'" help nonsense
refused "no INPUT" boot
refused "not both" boot --nodes 1G somewhere
refused "no report 'zoneinf'" boot --show log,zoneinf x
refused "no report ''" boot --show '' x
refused "no report ''" boot --show log,,zones x
refused "formats are" boot --format xml x
refused "16, 32 or 64" boot --stride 17 x
refused "16, 32 or 64" boot --stride 0x10 x
refused "--cpus" boot --cpus 0 x
refused "--cpus" boot --cpus 99999999999999999999 x
refused "rules are known" boot --kernel 5.10 x
refused "architectures are" boot --arch vax x
refused "models are" boot --model dense x
refused "policies are" boot --init never x
refused "no memory tunable" boot --sysctl kernel.hostname=x x
refused "not a value" boot --sysctl vm.min_free_kbytes=many x
refused "needs an argument" boot --show
refused "needs an argument" boot -s
refused "unknown or ambiguous option --frobnicate" boot --frobnicate x
refused "unknown or ambiguous option -Z" boot -Z x
refused "takes no argument" boot --quiet=yes x
refused "no CAPTURE" verify
refused "--limit" verify --limit none x
expect 2 verify /nonexistent/capture
refused "/nonexistent/machine" boot /nonexistent/machine
[ "$(wc -l <"$work/err")" = 1 ] || bad "a missing machine is told more than once"
refused "" boot --nodes 4xG
refused "quire: error: --nodes" boot --nodes 1x
: >"$work/empty"
refused "$work/empty" boot "$work/empty"
head -c 100000 /dev/zero | tr '\0' '\377' >"$work/garbage"
refused "$work/garbage" boot "$work/garbage"

# --- help, man page ---
expect 0 --help
commands="boot offline plan replay run shell verify"
for command in $commands; do
	grep -q "^  $command " "$work/out" || bad "--help does not list $command"
done
expect 0 --version
grep -qx 'quire [0-9][0-9.]*' "$work/out" || bad "--version prints '$(cat "$work/out")'"
expect 0 help
for command in $commands; do
	expect 0 help "$command"
	cp "$work/out" "$work/help"
	expect 0 "$command" --help
	cmp -s "$work/out" "$work/help" || bad "help $command and $command --help differ"
	awk 'length > 100' "$work/help" | grep . && bad "help $command is wider than 100 columns"
	grep -oE '^  (-.,|   ) --[a-z-]+' "$work/help" | sed 's/ *//; s/, / /' | sort >"$work/help-options"
	# ".It Fl s , Fl -show Ar list" in the command's part of the man page
	awk -v part="quire $command" '$1 == ".Ss" { on = ($0 == ".Ss " part) } $1 == ".Sh" { on = 0 } on && /^\.It Fl/' \
		"$project/docs/quire.1" |
		sed -E 's/^\.It Fl //; s/ , Fl -/ --/; s/^-/--/; s/^([a-zA-Z]) /-\1 /; s/ (Ar|Ns).*//' |
		sort >"$work/man-options"
	[ "$(wc -l <"$work/help-options")" -ge 5 ] || bad "help $command lists too few options"
	# Options that describe a machine are those of boot, and described there.
	case $command in
	boot) cp "$work/man-options" "$work/boot-options" ;;
	offline | run | shell)
		for list in help man; do
			grep -vxFf "$work/boot-options" "$work/$list-options" >"$work/own"
			mv "$work/own" "$work/$list-options"
		done ;;
	esac
	diff "$work/help-options" "$work/man-options" || bad "options of $command: help (<) and man page (>) differ"
done
reports="log memblock zones fallback zonelists zoneinfo buddyinfo pagetypeinfo meminfo sections blocks layout costs"
expect 0 help boot
for report in $reports; do
	grep -qw "$report" "$work/out" || bad "help boot does not name report $report"
	grep -q "^\.Cm $report\b" "$project/docs/quire.1" || bad "the man page does not name report $report"
done

# --- a machine of one's own ---
expect 0 boot --nodes 2x1G --cpus 4
[ "$(wc -l <"$work/out")" -le 50 ] || bad "the default view does not fit a screen or two"
awk 'length > 100' "$work/out" | grep . && bad "the default view is wider than 100 columns"
for heading in zones fallback buddyinfo; do
	grep -qxF "[$heading]" "$work/out" || bad "the default view lacks $heading"
done
for report in $reports; do
	expect 0 boot --nodes 2x1G --cpus 4 --show "$report"
	[ -s "$work/out" ] || bad "--show $report prints nothing"
	grep -qF '[' "$work/out" && [ "$(head -c 1 "$work/out")" = '[' ] && bad "--show $report alone has a heading"
done
expect 0 boot --nodes 2x1G --cpus 4 --show all
for report in $reports; do
	grep -qxF "[$report]" "$work/out" || bad "--show all lacks $report"
done
expect 0 boot --nodes 2x1G --cpus 4 -s zoneinfo
[ "$(head -1 "$work/out")" = "Node 0, zone      DMA" ] || bad "zoneinfo begins with '$(head -1 "$work/out")'"
cp "$work/out" "$work/zoneinfo"
expect 0 boot --nodes 2x1G --cpus 4 -s zoneinfo
cmp -s "$work/out" "$work/zoneinfo" || bad "two runs differ"
grep -q '^        promo ' "$work/zoneinfo" || bad "the default rules, of 6.12, have no promo watermark"
expect 0 boot --nodes 2x1G --cpus 4 --kernel 6.1 -s zoneinfo
grep -q '^        promo ' "$work/out" && bad "--kernel 6.1 has a promo watermark"
expect 0 boot --nodes 1x4G --cmdline 'quiet kernelcore=1G splash' -s zones,log
grep -q ' Movable ' "$work/out" || bad "kernelcore= has no effect"
expect 0 boot --nodes 1x4G --cmdline 'quiet kernelcore=1G splash'
grep -q '^ignored words.* quiet splash' "$work/out" || bad "ignored words are not listed"
expect 0 boot --nodes 1x4G --sysctl vm.min_free_kbytes=123456 -s zones
grep -q 'min_free_kbytes 123456' "$work/out" || bad "--sysctl has no effect"
for arch in x86_64 i386 i386-pae arm64 riscv64; do
	expect 0 boot --nodes 1x2G --arch "$arch" --show all
done

# Which memory model is used, and when descriptors come into being, changes nothing in what a kernel would report.
for arch in x86_64 i386-pae; do
	expect 0 boot --nodes 2x1G --arch "$arch" -s zoneinfo
	cp "$work/out" "$work/zoneinfo-$arch"
	for model in flat discontig sparse sparse-extreme sparse-vmemmap; do
		for init in eager deferred lazy; do
			expect 0 boot --nodes 2x1G --arch "$arch" --model "$model" --init "$init" -s zoneinfo
			cmp -s "$work/out" "$work/zoneinfo-$arch" || bad "$arch $model $init: another zoneinfo"
		done
	done
done

# --- JSON ---
expect 0 boot --nodes 2x1G --cpus 4 --format json
if "$flatten" <"$work/out" >"$work/flat" 2>"$work/err"; then
	for key in 'log\[0\]' machine.arch config.rules 'memblock.memory\[0\].base' 'nodes\[1\].distances\[1\]' \
		'zones\[0\].watermarks.min' watermarks.min_free_kbytes 'fallback\[1\].order\[0\]' \
		'zonelists\[0\].zones\[0\].zone' 'buddyinfo\[0\].free_blocks\[10\]' 'pagetypeinfo\[0\].type' \
		meminfo.total_bytes 'sections\[0\].first' memory_block_size 'memory_blocks\[0\].state' \
		page_flags_layout.kernel.zone.width 'zone_ranges\[0\].zone' 'early_node_ranges\[0\].nid' \
		'costs.stages\[0\].name'; do
		grep -q "^$key=" "$work/flat" || bad "JSON lacks $key"
	done
	grep -oE '^        managed  [0-9]+' "$work/zoneinfo" | awk '{ print $2 }' >"$work/text-managed"
	sed -n 's/^zones\[[0-9]*\]\.managed=//p' "$work/flat" | diff - "$work/text-managed" ||
		bad "managed pages differ in JSON and text"
	# Names are unique: no path twice.
	cut -d= -f1 "$work/flat" | sort | uniq -d | grep . && bad "JSON names a member twice"
else
	bad "JSON: $(cat "$work/err")"
fi
expect 0 boot --nodes 1x1G --format json --show zones
"$flatten" <"$work/out" >"$work/flat" || bad "JSON of one report is not valid"
grep -q '^memblock' "$work/flat" && bad "--show zones has memblock in JSON"

# --- output ---
expect 0 boot --nodes 1x1G -s buddyinfo -o "$work/file"
[ ! -s "$work/out" ] && grep -q '^Node 0, zone' "$work/file" || bad "-o does not write the file"
refused "cannot be written" boot --nodes 1x1G -o /nonexistent/file
if [ -c /dev/full ]; then
	refused "could not write" boot --nodes 1x1G -o /dev/full
	for words in --help --version 'help boot' 'boot --help' 'boot --nodes 1x1G'; do
		# shellcheck disable=SC2086
		"$quire" $words >/dev/full 2>"$work/err" && bad "quire $words: a full disk looks like success"
		said "could not write"
	done
fi
# Closed streams: nothing of ours may be written into what is opened in their place.
"$quire" boot --nodes 1x1G >&- 2>"$work/err" && bad "boot: a closed standard output looks like success"
said "could not write"
"$quire" boot - <&- >"$work/out" 2>"$work/err" && bad "boot: a closed standard input looks like success"
said "standard input: error: cannot be read"

# --- the shipped machines ---
for sample in "$project"/samples/machines/*/; do
	expect 0 boot "$sample"
	expect 0 boot --show all --verbose "$sample"
	expect 0 boot --format json "$sample"
	"$flatten" <"$work/out" >/dev/null || bad "$sample: JSON is not valid"
	expect 0 verify "$sample"
	grep -qE '[0-9]+ items checked, 0 differ' "$work/out" || bad "$sample: verify says '$(tail -1 "$work/out")'"
	expect 0 verify --format json "$sample"
	"$flatten" <"$work/out" >/dev/null || bad "$sample: JSON of verify is not valid"
	# Of a log without the kernel's calls much is an estimate, but nothing is wrong.
	rm -rf "$work/quiet"
	cp -r "$sample" "$work/quiet"
	chmod -R u+w "$work/quiet"
	rm -f "$work/quiet/memblock_debugfs.txt"
	grep -vE 'memblock_|MEMBLOCK conf|^[][0-9. ]*(memory|reserved)(\.cnt|\[)|^[][0-9. ]*memory size = ' \
		"$sample/dmesg.txt" >"$work/quiet/dmesg.txt"
	expect 0 verify "$work/quiet"
	grep -q 'ours .* theirs ' "$work/out" && grep 'ours .* theirs ' "$work/out" | grep -v '(estimate' | grep . &&
		bad "$sample: without memblock=debug it differs"
done
# The log has the kernel's own calls: what is managed is what its zoneinfo says, to the page.
sample=$project/samples/machines/x86_64-q35-2n-8G
if [ -f "$sample/zoneinfo.txt" ]; then
	expect 0 boot --show zoneinfo "$sample"
	# A log on standard input can be read once, and is replayed all the same.
	"$quire" boot -q --show zoneinfo - <"$sample/dmesg.txt" >"$work/piped" 2>"$work/err" ||
		bad "boot -: $(cat "$work/err")"
	"$quire" boot -q --show zoneinfo "$sample/dmesg.txt" | diff - "$work/piped" >/dev/null ||
		bad "a log on standard input boots otherwise than from a file"
	"$quire" verify - <"$sample/dmesg.txt" >"$work/piped" || bad "verify -: $(tail -1 "$work/piped")"
	grep -qE '^-: [1-9][0-9]+ items checked, 0 differ' "$work/piped" || bad "verify - checks nothing"
	for field in managed present spanned min low high; do
		grep "^        $field " "$work/out" >"$work/ours"
		grep "^        $field " "$sample/zoneinfo.txt" | diff "$work/ours" - >/dev/null ||
			bad "$sample: $field is not the kernel's"
	done
fi

finish "command line: all as expected"
