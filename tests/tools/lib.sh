# Sourced by the tests of the command, which set $quire before: a working folder, runs with an exit code that is
# expected, and what they said. A test ends with "finish TEXT".
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stdin=/dev/null
failed=0

bad() {
	echo "FAILED: $*"
	failed=$((failed + 1))
}

# expect CODES WORDS…: run quire on $stdin; the exit code is one of CODES ("0|2"). Output to $work/out, messages to
# $work/err.
expect() {
	codes=$1
	shift
	HOME=$work timeout 120 "$quire" "$@" <"$stdin" >"$work/out" 2>"$work/err"
	got=$?
	case "|$codes|" in
	*"|$got|"*) ;;
	*) bad "quire $*: exit $got, wanted $codes"; head -5 "$work/err" ;;
	esac
	if grep -aE 'Sanitizer|runtime error' "$work/err"; then bad "quire $*: sanitizer"; fi
}

# refused TEXT WORDS…: exit 2, nothing on standard output, a message with TEXT.
refused() {
	text=$1
	shift
	expect 2 "$@"
	[ ! -s "$work/out" ] || bad "quire $*: refused, but printed something"
	said "$text"
}

# Of the last run: a message, output.
said() { grep -aqF -- "$1" "$work/err" || bad "no message '$1', but: $(head -2 "$work/err")"; }
printed() { grep -aqF -- "$1" "$work/out" || bad "'$1' was not printed, but: $(head -2 "$work/out")"; }

finish() {
	[ "$failed" = 0 ] || { echo "$failed failures"; exit 1; }
	echo "$1"
}
