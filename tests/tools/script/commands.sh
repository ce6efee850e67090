#!/bin/sh
# quire run and quire shell as people meet them: usage, exit codes, where messages go, standard input, no terminal.
# commands.sh QUIRE
set -u
quire=$1
. "$(dirname "$0")/../lib.sh"

stdin=$work/in
script() { cat >"$work/in"; cp "$work/in" "$work/s.quire"; }

script </dev/null
expect 0 help run
cp "$work/out" "$work/help"
expect 2 run
said "no SCRIPT"
expect 2 run "$work/s.quire" --bogus
expect 2 run "$work/nothing.quire"
said "quire: $work/nothing.quire: No such file"
expect 2 run "$work"
said "Is a directory"
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

printf 'a\033[31mb\n' >"$work/s.quire"
expect 2 run "$work/s.quire"
said "there is no verb 'a?[31mb'"
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

finish "run and shell: all as expected"
