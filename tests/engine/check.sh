#!/bin/sh
# winnow check: finds the sets that go with a policy, and says what is wrong.
set -eu
winnow=${top_builddir:?}/winnow
conf=${top_srcdir:?}/conf
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() { echo "FAIL: $*"; exit 1; }

# The shipped policies, by file, by directory, and from their own directory.
"$winnow" check "$conf"/policies.d/*.yaml
"$winnow" check "$conf/policies.d"
(cd "$conf/policies.d" && "$winnow" check postgres.yaml)

# Sets elsewhere are not found, unless named.
cp "$conf/policies.d/postgres.yaml" "$dir"
if "$winnow" check "$dir/postgres.yaml" 2> "$dir/err"; then
	fail 'sets come from nowhere'
fi
grep -q 'postgres.yaml:[0-9]*:[0-9]*: unknown set "base"' "$dir/err" ||
    fail "$(cat "$dir/err")"
"$winnow" check --sets "$conf/sets.d" "$dir/postgres.yaml"

# Every mistake at once, with its place; the good file beside is still told.
printf 'repository: a.example/b\nkep: [/x]\nkeep: [x]\n' > "$dir/bad.yaml"
status=0
"$winnow" check --sets "$conf/sets.d" "$dir/bad.yaml" "$dir/postgres.yaml" \
    > "$dir/out" 2> "$dir/err" || status=$?
[ "$status" = 1 ] || fail "exit status $status"
grep -q 'bad.yaml:2:1: ' "$dir/err" || fail "$(cat "$dir/err")"
grep -q 'bad.yaml:3:8: ' "$dir/err" || fail "$(cat "$dir/err")"
grep -q 'postgres.yaml: ok' "$dir/out" || fail "$(cat "$dir/out")"
