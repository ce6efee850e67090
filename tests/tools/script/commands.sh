#!/bin/sh
# quire run and quire shell as people meet them: usage, exit codes, where messages go, standard input, no terminal.
# commands.sh QUIRE
set -u
quire=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

bad() {
	echo "FAILED: $*"
	failed=$((failed + 1))
}

# expect CODE WORDS…: run quire with $work/in as input; output to $work/out, messages to $work/err.
expect() {
	code=$1
	shift
	HOME=$work "$quire" "$@" <"$work/in" >"$work/out" 2>"$work/err"
	got=$?
	[ "$got" = "$code" ] || { bad "quire $*: exit $got instead of $code"; head -3 "$work/err"; }
}
said() { grep -qF -- "$1" "$work/err" || bad "no message '$1', but: $(head -2 "$work/err")"; }
printed() { grep -qF -- "$1" "$work/out" || bad "'$1' was not printed, but: $(head -2 "$work/out")"; }
script() { cat >"$work/in"; cp "$work/in" "$work/s.quire"; }

script </dev/null
for command in run shell; do
	expect 0 help $command
	cp "$work/out" "$work/help"
	expect 0 $command --help
	cmp -s "$work/out" "$work/help" || bad "help $command and $command --help differ"
done
expect 2 run
said "no SCRIPT"
expect 2 run "$work/s.quire" --bogus
expect 2 run "$work/nothing.quire"
said "No such file"
expect 2 run --nodes 1G "$work/s.quire" "$work/in"
said "not both"
expect 2 shell --nodes nonsense
expect 0 run "$work/s.quire"

script <<'END'
alloc count=3 as=A
expect count(A) == 3
print managed(zone=DMA) > 0
END
expect 2 run "$work/s.quire"
said "s.quire:1: no machine is booted"
expect 2 run --nodes 1G -q "$work/s.quire"
said "s.quire:3: print: '> 0' is not understood"
expect 2 run --nodes 1G -q -
said "standard input:3: "

script <<'END'
echo before
expect 1 == 2
echo after
END
expect 1 run "$work/s.quire"
said "s.quire:2: expected 1 == 2, but the left side is 1"
printed before
if grep -q after "$work/out"; then bad "a script goes on after an expectation that failed"; fi
expect 0 shell
said "expected 1 == 2"
printed after

script <<'END'
alloc count=2 as=A
show handles
repeat 2
alloc as=A
END
expect 0 shell -q --nodes 1G
printed "A                       2 blocks"
said "this 'repeat' has no 'end'"
[ ! -e "$work/.quire_history" ] || bad "history without a terminal"

printf 'echo a\000b\n' >"$work/s.quire"
expect 2 run "$work/s.quire"
said "this is no script"
printf 'echo no newline at the end' >"$work/s.quire"
expect 0 run "$work/s.quire"
printed "no newline at the end"
echo "source s.quire" >"$work/s.quire"
expect 2 run "$work/s.quire"
said "nested more than 8 deep"
"$quire" run "$work/help" >/dev/full 2>/dev/null && bad "a full disk looks like success"

[ "$failed" = 0 ] && echo "run and shell: all as expected"
[ "$failed" = 0 ]
