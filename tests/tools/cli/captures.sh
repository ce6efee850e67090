#!/bin/sh
# Boot every capture in simulation: zoneinfo must be the kernel's own wherever it does not depend on what ran
# afterwards. This goes the whole road, free trees included, while "verify" only plans.
# captures.sh QUIRE; the captures' folder is $QUIRE_CAPTURES or ../shared/captures.
set -u
quire=$1 captures=${QUIRE_CAPTURES:-../shared/captures}
if [ ! -d "$captures" ]; then
	echo "no captures in $captures: skipped"
	exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0 booted=0

# Structure of every zone, watermarks without the boost of the moment, protection, batch. Lines of the kernel's log
# that a serial console mixed in are taken out.
facts() {
	sed 's/\[   .*//' "$1" | awk '
		/^Node/ { print; boost = 0 }
		/^        boost/ { boost = $2 }
		/^        (min|low|high|promo) / { print $1, $2 - boost }
		/^        (spanned|present|managed|cma) / { print }
		/^        protection/ || /  batch: / || /^  start_pfn/ { print }'
}

for capture in "$captures"/*/; do
	[ -f "$capture/zoneinfo.txt" ] || continue
	if ! "$quire" boot --quiet --show zoneinfo "$capture" >"$work/zoneinfo" 2>"$work/messages"; then
		echo "FAILED: $capture does not boot: $(head -1 "$work/messages")"
		failed=$((failed + 1))
		continue
	fi
	facts "$work/zoneinfo" >"$work/ours"
	facts "$capture/zoneinfo.txt" >"$work/theirs"
	if ! diff "$work/ours" "$work/theirs" >"$work/diff"; then
		echo "FAILED: $capture: $(grep -c '^[<>]' "$work/diff") lines differ, ours (<) and theirs (>):"
		head -6 "$work/diff"
		failed=$((failed + 1))
	fi
	booted=$((booted + 1))
done
echo "$booted captures booted, $failed differ"
[ "$booted" -gt 0 ] && [ "$failed" = 0 ]
