# lib.sh: what the tests of the command line share.  A work directory with the
# image of tests/engine/make_image.py as oci:source:latest, and a policy.
set -eu

name=$(basename "$0")
skip() {
	echo "$name: skipped: $*"
	exit 77
}

for tool in python3 busybox; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done
[ "$(uname -m)" = x86_64 ] || skip "the image is for amd64"

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
winnow=$(realpath "${top_builddir:-.}")/winnow
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export XDG_CACHE_HOME="$work/cache" LC_ALL=C.UTF-8
unset NO_COLOR

fail() {
	echo "$name: FAILED: $*"
	exit 1
}

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

python3 "$top_srcdir/tests/engine/make_image.py" source
mkdir sets
cat >policy.yaml <<'END'
repository: docker.io/library/app
keep:
  - /bin/app
  - /opt/app/bin/*
  - /opt/app/data/**
  - /etc/passwd
  - /tmp
drop:
  - /opt/app/data/attr
config:
  entrypoint: [app]
  user: app
audit:
  fail_on: [shell, package-manager]
END
