#!/bin/sh
# winnow plan: its numbers are those of winnow strip, every line says what
# becomes of it, and a known image is planned without its layers.
. "$(dirname "$0")/lib.sh"

plan() {
	"$winnow" plan --sets sets --policy policy.yaml "$@"
}

echo "# the numbers are the report's"
plan oci:source:latest >plan.out
plan --json --depth 0 oci:source:latest >plan.json
"$winnow" strip --sets sets --policy policy.yaml --report report.json \
	oci:source:latest oci:dest:v >/dev/null
python3 - <<'END'
import json
plan = json.load(open("plan.json"))
report = json.load(open("report.json"))
for key in "kept", "removed":
    assert plan[key] == report[key], (key, plan[key], report[key])
assert plan["packages"]["kept"] == [
    p["name"] for p in report["packages"]["kept"]]
assert plan["startup"] == report["startup"]
assert plan["hints"] == report["hints"], plan["hints"]
assert [h["family"] for h in plan["hints"]] == ["locales"], plan["hints"]
assert plan["distroless"] is True and "problem" not in plan
keeps = [r for r in plan["rules"] if r["rule"] == "keep"]
assert [(r["files"] + r["brings"]["files"], r["bytes"] + r["brings"]["bytes"])
        for r in keeps] == \
    [(r["files"], r["bytes"]) for r in report["rules"][:-1]], keeps
assert keeps[0]["origin"] == "policy.yaml:3"
assert keeps[0]["pattern"] == "/bin/app"
drop = plan["rules"][-1]
assert (drop["rule"], drop["origin"], drop["files"], drop["bytes"]) == \
    ("drop", "policy.yaml:9", 1, 1), drop
assert sum(r["files"] for r in plan["reasons"].values()) == \
    plan["kept"]["files"]
tree = {n["path"]: n for n in plan["tree"]}
assert len(tree) == len(plan["tree"])
def state(path):
    return tree[path]["state"], tree[path].get("cause")
assert state("") == ("partly", None)
assert state("opt/app/data/attr") == ("removed", "dropped by policy.yaml:9")
assert state("opt/app/data/one") == ("kept", "policy.yaml:5")
assert state("usr/bin/busybox") == ("removed", None)
assert state("tmp") == ("kept", "policy.yaml:7")
assert plan["made"] == ["srv/work", "srv/volume"] or \
    set(plan["made"]) >= {"srv/work", "srv/volume"}, plan["made"]
# Both names of app are one file.
app = tree["opt/app/bin"]["kept"]
assert app["files"] == 2
assert app["bytes"] == max(tree["opt/app/bin/" + n]["kept"]["bytes"]
                           for n in ("app", "app-hard")), app
# What is below a directory adds up to it.
for path, node in tree.items():
    below = [n for p, n in tree.items()
             if p != path and (path == "" or p.startswith(path + "/"))]
    for key in "kept", "removed":
        files = sum(n[key]["files"] for n in below
                    if n["path"] not in {
                        p.rsplit("/", 1)[0] if "/" in p else ""
                        for p in tree})
        if below:
            assert node[key]["files"] == files, (path, key)
END

echo "# folding"
grep -q '^ *[0-9.]* .*iB *[0-9.]* .*iB  ~ /  [0-9]* of [0-9]* files$' plan.out ||
	fail "$(cat plan.out)"
grep -q '~ .* opt/app/  ' plan.out || fail "single directories not joined"
expect_text plan.out '- ├── games/' 'policy.yaml:9 drop /opt/app/data/attr' \
	'distroless yes' 'starts     /opt/app/bin/app as app' \
	'hint: /opt/app/bin/app: setlocale() ' '"include: [locales]"'
! grep -q 'games/useless' plan.out || fail "a removed directory is opened"
plan --depth 0 oci:source:latest | grep -q 'useless' ||
	fail "--depth 0 leaves something folded"
plan --depth 1 oci:source:latest | grep -c '├──\|└──' >lines
plan oci:source:latest | grep -c '├──\|└──' >more
[ "$(cat lines)" -lt "$(cat more)" ] || fail "--depth 1 folds nothing"
plan oci:source:latest /opt/app/data /bin >out
expect_text out '~ /opt/app/data/' '~ /usr/bin/' \
	'attr  dropped by policy.yaml:9'
! grep -q 'distroless' out || fail "a path is not all that is shown"
expect_error '/gone is not in the image' plan oci:source:latest /gone
LC_ALL=C plan oci:source:latest >out
expect_text out '|-- ' '`-- '
! LC_ALL=C grep -q '[^ -~]' out || fail "not ASCII"
[ "$(grep -c "$(printf '\033')" plan.out)" = 0 ] || fail "colours in a pipe"

echo "# ignore_hints takes a hint back"
{ cat policy.yaml; echo 'ignore_hints: [locales]'; } >ignore.yaml
"$winnow" plan --sets sets --policy ignore.yaml oci:source:latest >out
! grep -q 'hint:' out || fail "$(cat out)"

echo "# a plan that would not be built is shown, and fails"
sed 's|- /bin/app|- /bin/{app,sh}|' policy.yaml >shell.yaml
expect_status 1 "$winnow" plan --sets sets --policy shell.yaml \
	oci:source:latest
expect_text out 'distroless no'
expect_text err 'would not be built' 'audit.fail_on forbids'
expect_status 1 "$winnow" plan --sets sets --policy shell.yaml --json \
	oci:source:latest
python3 -c 'import json; assert "fail_on" in json.load(open("out"))["problem"]'
"$winnow" plan --sets sets --policy shell.yaml oci:source:latest >out 2>&1 || :
tail -n 1 out >err
expect_text err 'winnow plan: this would not be built'

echo "# what starts, with its arguments, and as whom"
sed 's|entrypoint: .*|&\n  cmd: [-x, "two words"]|; /user: app/d' policy.yaml \
	>command.yaml
"$winnow" plan --sets sets --policy command.yaml oci:source:latest >out
expect_text out 'starts     /opt/app/bin/app -x "two words" as root' \
	'instead of /opt/app/start.sh app as root'
{
	sed 's|- /bin/app|- /opt/app/start.sh\n  - /bin/{app,sh}|; /^config/,$d' \
		policy.yaml
	echo 'config: { env: { A: b } }'
} >same.yaml
"$winnow" plan --sets sets --policy same.yaml oci:source:latest >out
expect_text out 'starts     /opt/app/start.sh app as root'
! grep -q 'instead of' out || fail "$(cat out)"

echo "# what a kept script calls and the variant lacks"
sed 's|- /bin/app|- /opt/app/start.sh\n  - /bin/sh|; /^config/,$d' policy.yaml \
	>script.yaml
"$winnow" plan --sets sets --policy script.yaml oci:source:latest >out
expect_text out 'hint: /opt/app/start.sh (script.yaml:3 ' \
	' calls app, which the variant does not have'
"$winnow" plan --json --sets sets --policy script.yaml oci:source:latest |
	python3 -c '
import json, sys
hint, = [h for h in json.load(sys.stdin)["hints"] if h["family"] == "scripts"]
assert (hint["files"], hint["script"], hint["programs"]) == \
    (1, "opt/app/start.sh", ["usr/bin/app"]), hint'
"$winnow" strip --sets sets --policy script.yaml oci:source:latest \
	oci:dest:script >out
expect_text out 'hint: /opt/app/start.sh '
echo 'ignore_hints: [scripts]' >>script.yaml
"$winnow" plan --sets sets --policy script.yaml oci:source:latest >out
! grep -q 'hint: /opt/app/start.sh' out || fail "$(cat out)"

echo "# a known image is planned without its layers"
without_layers source bare
sed 's|- /tmp|- /tmp\n  - /games/**|' policy.yaml >edited.yaml
edited() {
	"$winnow" plan --sets sets --policy edited.yaml --json --depth 0 "$@"
}
edited --no-cache oci:source:latest | sed 's/oci:source/oci:bare/' >full.json
edited oci:bare:latest >bare.json || fail "planning needs the layers"
cmp full.json bare.json
expect_text full.json "\"path\":\"games/useless\",\"state\":\"kept\""
expect_error 'does not exist' edited --no-cache oci:bare:latest

echo "# a cache that is damaged, or another user's, is not used, but replaced"
largest=$(ls -S cache/winnow/index/* | head -n 1)
cp "$largest" good
harm() {
	expect_error 'does not exist' edited oci:bare:latest
	edited oci:source:latest >/dev/null
	cmp -s good "$largest" || fail "not replaced after: $1"
	edited oci:bare:latest >/dev/null
}
# Past the magic, in the sum, in the digest, in the contents, at the end.
for offset in 0 20 50 2000 "$(($(stat -c %s good) - 1))"; do
	printf '\377' | dd of="$largest" bs=1 seek="$offset" conv=notrunc \
		status=none
	harm "a byte changed at $offset"
done
truncate -s 100 "$largest"
harm "a file cut short"
: >"$largest"
harm "an empty file"
other=$(ls -S cache/winnow/index/* | sed -n 2p)
cp "$other" "$largest"
harm "another layer's index"
chmod 666 "$largest"
harm "a file that all may write"
rm "$largest"
ln -s "$work/good" "$largest"
harm "a symbolic link"
mkdir nocache
XDG_CACHE_HOME=/proc/nowhere edited oci:source:latest >out ||
	fail "a cache that cannot be written stops the work"
touch -d '70 days ago' cache/winnow/index/old.0
rm "$largest"
edited oci:source:latest >/dev/null
[ ! -e cache/winnow/index/old.0 ] || fail "old indexes stay"
echo "ok"
