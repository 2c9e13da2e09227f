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
status=0
"$winnow" check --json --sets "$conf/sets.d" "$dir/bad.yaml" \
    "$dir/postgres.yaml" "$dir/none.yaml" > "$dir/out" || status=$?
[ "$status" = 1 ] || fail "exit status $status"
python3 - "$dir/out" <<'END' || fail "$(cat "$dir/out")"
import json, sys
bad, good, none = json.load(open(sys.argv[1]))
assert not bad["ok"] and good["ok"] and not none["ok"], bad
assert good["mistakes"] == []
assert [(m["line"], m["column"]) for m in bad["mistakes"]] == \
    [(2, 1), (3, 8)], bad
assert all(m["file"].endswith("bad.yaml") and m["message"]
           for m in bad["mistakes"]), bad
assert len(none["mistakes"]) == 1 and none["mistakes"][0]["message"], none
END

# One policy that another one hides, in a directory.
mkdir "$dir/p" "$dir/sets.d"
printf 'repository: a.example/*\nkeep: [/x]\n' > "$dir/p/1.yaml"
printf 'repository: a.example/b\nkeep: [/x]\n' > "$dir/p/2.yaml"
"$winnow" check "$dir/p" 2> "$dir/err" && fail 'a hidden policy is no mistake'
grep -q 'p/2.yaml:1:[0-9]*: never reached: 1.yaml comes first' "$dir/err" ||
    fail "$(cat "$dir/err")"
