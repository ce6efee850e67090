#!/bin/sh
# The documents against the tree: the man page is clean, every option of --help and every tunable is in it, no document
# names a file that is not there; and lines that are too long to read side by side. Prints "N passed, N failed".
set -u
cd "$(dirname "$0")/.."
passed=0
failed=0

expect() {
	if [ -z "$2" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$1:"
		echo "$2" | sed 's/^/  /'
	fi
}

expect "docs/quire.1 is not clean" "$(mandoc -T lint -W warning docs/quire.1 2>&1)"

# `path/file` in backquotes, for the folders a document may point into.
missing=$(grep -ohE '`(src|include|docs|scripts|tools|ports|firmware|tests|bench|fuzz|examples|samples)/[A-Za-z0-9_./-]+`' \
	README.md CONTRIBUTING.md docs/*.md | tr -d '`' | sort -u | while read -r path; do
	[ -e "$path" ] || echo "$path"
done)
expect "documents name files that do not exist" "$missing"

# Tabs are eight columns. A string stands in one piece, and directives of other tools ("//!") are one line.
sources=$(git ls-files | grep -E '(\.(c|h|S|sh|py|build)|Makefile)$' | grep -vE '^(ports|src/zone|src/memmap)/')
long=$(for path in $sources; do
	expand -t8 "$path" | awk -v path="$path" 'length > 125 && !/^ *("|\/\/!)/ { print path ":" NR }'
done)
expect "lines of more than 125 columns" "$long"

options=$(build/quire --help 2>&1; for c in boot offline plan replay run shell verify; do build/quire help $c 2>&1; done)
lacking=$(echo "$options" | grep -oE -- '--[a-z][a-z-]+' | sort -u | while read -r option; do
	sed 's/\\-/-/g' docs/quire.1 | grep -q -- "$(echo "$option" | sed 's/^--//')" || echo "$option"
done)
expect "options of --help that the man page lacks" "$lacking"

lacking=$(build/quire help tunables | awk '{print $1}' | while read -r tunable; do
	grep -q "Ql $tunable" docs/quire.1 || echo "$tunable"
done)
expect "tunables that the man page lacks" "$lacking"

echo "documents: $passed passed, $failed failed"
[ "$failed" = 0 ]
