#!/bin/sh
# quire plan as people meet it: usage, the tables, JSON, the chart, models that cannot be; help against the man page.
# plan.sh QUIRE JSON_FLATTEN PROJECT
set -u
quire=$1 flatten=$2 project=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

bad() {
	echo "FAILED: $*"
	failed=$((failed + 1))
}

expect() {
	code=$1
	shift
	"$quire" plan "$@" >"$work/out" 2>"$work/err" </dev/null
	got=$?
	[ "$got" = "$code" ] || { bad "quire plan $*: exit $got instead of $code"; head -3 "$work/err"; }
	if grep -E 'AddressSanitizer|runtime error' "$work/err"; then bad "quire plan $*: sanitizer"; fi
}

refused() {
	text=$1
	shift
	expect 2 "$@"
	[ ! -s "$work/out" ] || bad "quire plan $*: refused, but printed something"
	grep -qF -- "$text" "$work/err" || bad "quire plan $*: message lacks '$text': $(head -1 "$work/err")"
}

# --- usage ---
refused "no INPUT"
refused "not both" --nodes 1G somewhere
refused "page sizes are" --nodes 1G --compare 5K
refused "section sizes are" --nodes 1G --compare 4K/100M
refused "16, 32 or 64" --nodes 1G --compare 4K/128M/17
refused "three lists" --nodes 1G --compare 4K/128M/16/4
refused "16, 32 or 64" --nodes 1G --stride 17
refused "formats are" --nodes 1G --format xml
refused "cannot be written" --nodes 1x1G -o /nonexistent/file
refused "cannot be written" --nodes 1x1G --svg /nonexistent/file
refused "/nonexistent/machine" /nonexistent/machine

# --- help, man page ---
expect 0 --help
awk 'length > 100' "$work/out" | grep . && bad "help plan is wider than 100 columns"
grep -oE '^  (-.,|   ) --[a-z-]+' "$work/out" | sed 's/ *//; s/, / /' | sort >"$work/help-options"
awk '$1 == ".Ss" { on = ($0 == ".Ss quire plan") } $1 == ".Sh" { on = 0 } on && /^\.It Fl/' "$project/docs/quire.1" |
	sed -E 's/^\.It Fl //; s/ , Fl -/ --/; s/^-/--/; s/^([a-zA-Z]) /-\1 /; s/ (Ar|Ns).*//' | sort >"$work/man-options"
diff "$work/help-options" "$work/man-options" || bad "options of plan: help (<) and man page (>) differ"
"$quire" --help | grep -q '^  plan ' || bad "--help does not list plan"

# --- the tables ---
expect 0 --nodes 2x1G
for heading in 'space at the end of boot' 'descriptors to write' 'time on this host' 'descriptors by node, in full use'; do
	grep -qxF "[$heading]" "$work/out" || bad "no table '$heading'"
done
awk 'length > 110' "$work/out" | grep . && bad "the tables are wider than 110 columns"
[ "$(grep -c '^sparse-vmemmap ' "$work/out")" = 3 ] || bad "sparse-vmemmap is not in all tables"
grep -q '~' "$work/out" && bad "something of a small machine is not measured"
expect 0 --nodes 1x64G
grep -q '^~ worked out' "$work/out" || bad "a machine too large to write out does not say so"

# 1 TiB of hole: one array is not possible, and says why; sections are.
expect 0 --nodes 1x2G --hole 1G+1T
grep -qE '^flat +impossible: with its holes it needs [0-9]+ MiB of descriptors' "$work/out" || bad "flat gives no reason"
grep -qE '^sparse-vmemmap +eager ' "$work/out" || bad "sparse-vmemmap should do"

# --- JSON: the figures are those of a boot ---
expect 0 --nodes 2x1G --format json
"$flatten" <"$work/out" >"$work/flat" || bad "JSON of plan is not valid"
for key in machine.name 'plans\[0\].page_size' 'plans\[0\].rows\[14\].free_frames' 'plans\[0\].rows\[0\].stages\[4\].ns' \
	'plans\[0\].rows\[0\].descriptor_bytes_at_64' 'plans\[0\].nodes\[1\].descriptor_bytes_in_full_use.sparse'; do
	grep -q "^$key=" "$work/flat" || bad "JSON of plan lacks $key"
done
row=0
for model in flat discontig sparse sparse-extreme sparse-vmemmap; do
	for init in eager deferred lazy; do
		"$quire" boot --nodes 2x1G --model "$model" --init "$init" --show costs --format json |
			"$flatten" >"$work/boot" || bad "JSON of boot $model $init is not valid"
		for key in costs.boot_ns 'costs.stages\[0\].name' costs.metadata_bytes.total costs.metadata_resident_bytes \
			costs.descriptors_initialised costs.descriptor_bytes costs.free_frames; do
			grep -q "^$key=" "$work/boot" || bad "JSON of boot $model $init lacks $key"
		done
		# Where metadata lives differs, not how much of it there is.
		planned=$(sed -n "s/^plans\[0\].rows\[$row\].descriptor_bytes=//p" "$work/flat")
		booted=$(sed -n 's/^costs.descriptor_bytes=//p' "$work/boot")
		[ "$planned" = "$booted" ] || bad "$model $init: descriptor bytes: plan $planned, boot $booted"
		row=$((row + 1))
	done
done
[ "$(sed -n 's/^costs.descriptors_initialised=//p' "$work/boot")" = 0 ] || bad "lazy boot has written descriptors"
expect 0 --nodes 1x2G --hole 1G+1T --format json
"$flatten" <"$work/out" >"$work/flat" || bad "JSON with an impossible model is not valid"
grep -q 'rows\[0\].possible=false' "$work/flat" || bad "JSON does not say that flat is impossible"
grep -q 'rows\[0\].reason=.*holes' "$work/flat" || bad "JSON has no reason"

# --- sweeps ---
expect 0 --nodes 1x1G --compare 4K,64K/128M,512M/16,64
[ "$(grep -cE '^ *(4|64) KiB' "$work/out")" = 32 ] || bad "the sweep has $(grep -cE '^ *(4|64) KiB' "$work/out") rows"
grep -q 'a section must hold' "$work/out" || bad "no reason for 64K pages in sections of 128M"
expect 0 --nodes 1x1G --compare //16,32,64 --format json
"$flatten" <"$work/out" >"$work/flat" || bad "JSON of a sweep is not valid"
grep -q '^plans\[2\].descriptor_size=64' "$work/flat" || bad "the third plan of the sweep is not that of 64 bytes"

# --- chart ---
expect 0 --nodes 1x1G --svg "$work/chart.svg" -o "$work/file"
[ -s "$work/file" ] || bad "--svg: no table"
grep -q '^<svg xmlns="http://www.w3.org/2000/svg"' "$work/chart.svg" || bad "no SVG"
grep -q 'prefers-color-scheme:dark' "$work/chart.svg" || bad "the chart has no dark colours"
grep -qE 'nan|inf' "$work/chart.svg" && bad "the chart has numbers that are none"
for name in 'lazy: ' 'eager, deferred: ' '64-byte descriptors'; do
	grep -qF ">$name" "$work/chart.svg" || bad "the chart does not name '$name'"
done
if command -v xmllint >/dev/null; then
	xmllint --noout "$work/chart.svg" || bad "the chart is not well-formed"
else
	# Every element that opens closes: none but self-closed ones, svg, style, title, text.
	for name in svg style title text; do
		[ "$(grep -oE "<$name[ >]" "$work/chart.svg" | wc -l)" = "$(grep -oF "</$name>" "$work/chart.svg" | wc -l)" ] ||
			bad "<$name> opens and closes unequally"
	done
fi

[ "$failed" = 0 ] || echo "$failed failed"
[ "$failed" = 0 ]
