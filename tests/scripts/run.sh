#!/bin/sh
# Run a script twice: it must hold, print the same both times, and print the lines that begin with '#>' in this order.
# run.sh QUIRE SCRIPT
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quire=$(realpath "$1")
cd "$(dirname "$2")"
script=$(basename "$2")
"$quire" run "$script" >"$work/first"
"$quire" run "$script" >"$work/second"
cmp "$work/first" "$work/second"
sed -n 's/^#> //p' "$script" >"$work/wanted"
awk -v wanted="$work/wanted" '
	BEGIN { while ((getline line < wanted) > 0) want[++n] = line; i = 1 }
	{ while (i <= n && (at = index($0, want[i]))) { $0 = substr($0, at + length(want[i])); i++ } }
	END { if (i <= n) { print "not printed: " want[i]; exit 1 } }' "$work/first"
