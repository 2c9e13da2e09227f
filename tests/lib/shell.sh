# shell.sh: what shell tests of winnow itself share: a work directory, which is
# the current one and goes at the end, and $winnow.  Sourced.
set -eu

this=$(basename "$0")
skip() {
	echo "$this: skipped: $*"
	exit 77
}

fail() {
	echo "$this: FAILED: $*"
	exit 1
}

# need PROGRAM...
need() {
	for program; do
		command -v "$program" >/dev/null ||
			skip "$program is not installed"
	done
}

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
winnow=$(realpath "${top_builddir:-.}")/winnow
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export XDG_CACHE_HOME="$work/cache" LC_ALL=C.UTF-8
unset NO_COLOR

# expect_status STATUS COMMAND...: its output is in out and err.
expect_status() {
	wanted=$1
	shift
	status=0
	"$@" >out 2>err || status=$?
	[ "$status" = "$wanted" ] || {
		cat out err
		fail "exit status $status instead of $wanted: $*"
	}
}

# expect_text FILE TEXT...: FILE has each TEXT, as it stands.
expect_text() {
	file=$1
	shift
	for text; do
		grep -qF -- "$text" "$file" || {
			cat "$file"
			fail "$file does not say \"$text\""
		}
	done
}

# expect_error TEXT COMMAND...: it fails and says TEXT.
expect_error() {
	text=$1
	shift
	expect_status 1 "$@"
	expect_text err "$text"
}
