#!/bin/sh
# quire plan as people meet it: usage, the tables, JSON, the chart, models that cannot be.
# plan.sh QUIRE JSON_FLATTEN
set -u
quire=$1 flatten=$2
. "$(dirname "$0")/../lib.sh"

# --- usage ---
refused "no INPUT" plan
refused "not both" plan --nodes 1G somewhere
refused "page sizes are" plan --nodes 1G --compare 5K
refused "section sizes are" plan --nodes 1G --compare 4K/100M
refused "16, 32 or 64" plan --nodes 1G --compare 4K/128M/17
refused "three lists" plan --nodes 1G --compare 4K/128M/16/4
refused "16, 32 or 64" plan --nodes 1G --stride 17
refused "formats are" plan --nodes 1G --format xml
refused "cannot be written" plan --nodes 1x1G -o /nonexistent/file
refused "cannot be written" plan --nodes 1x1G --svg /nonexistent/file
refused "/nonexistent/machine" plan /nonexistent/machine

# --- the tables ---
expect 0 plan --nodes 2x1G
for heading in 'space at the end of boot' 'descriptors to write' 'time on this host' 'descriptors by node, in full use'; do
	grep -qxF "[$heading]" "$work/out" || bad "no table '$heading'"
done
awk 'length > 110' "$work/out" | grep . && bad "the tables are wider than 110 columns"
[ "$(grep -c '^sparse-vmemmap ' "$work/out")" = 3 ] || bad "sparse-vmemmap is not in all tables"
grep -q '~' "$work/out" && bad "something of a small machine is not measured"
expect 0 plan --nodes 1x64G
grep -q '^~ worked out' "$work/out" || bad "a machine too large to write out does not say so"

# 1 TiB of hole: one array is not possible, and says why; sections are.
expect 0 plan --nodes 1x2G --hole 1G+1T
grep -qE '^flat +impossible: with its holes it needs [0-9]+ MiB of descriptors' "$work/out" || bad "flat gives no reason"
grep -qE '^sparse-vmemmap +eager ' "$work/out" || bad "sparse-vmemmap should do"

# --- JSON: the figures are those of a boot ---
expect 0 plan --nodes 2x1G --format json
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
expect 0 plan --nodes 1x2G --hole 1G+1T --format json
"$flatten" <"$work/out" >"$work/flat" || bad "JSON with an impossible model is not valid"
grep -q 'rows\[0\].possible=false' "$work/flat" || bad "JSON does not say that flat is impossible"
grep -q 'rows\[0\].reason=.*holes' "$work/flat" || bad "JSON has no reason"

# --- sweeps ---
expect 0 plan --nodes 1x1G --compare 4K,64K/128M,512M/16,64
[ "$(grep -cE '^ *(4|64) KiB' "$work/out")" = 32 ] || bad "the sweep has $(grep -cE '^ *(4|64) KiB' "$work/out") rows"
grep -q 'a section must hold' "$work/out" || bad "no reason for 64K pages in sections of 128M"
expect 0 plan --nodes 1x1G --compare //16,32,64 --format json
"$flatten" <"$work/out" >"$work/flat" || bad "JSON of a sweep is not valid"
grep -q '^plans\[2\].descriptor_size=64' "$work/flat" || bad "the third plan of the sweep is not that of 64 bytes"

# --- chart ---
expect 0 plan --nodes 1x1G --svg "$work/chart.svg" -o "$work/file"
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
		opened=$(grep -oE "<$name[ >]" "$work/chart.svg" | wc -l)
		[ "$opened" = "$(grep -oF "</$name>" "$work/chart.svg" | wc -l)" ] ||
			bad "<$name> opens and closes unequally"
	done
fi

finish "plan: all as expected"
