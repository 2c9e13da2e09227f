#!/bin/sh
# winnow diff: what differs, in files, packages, config and audit, and nothing
# where nothing does.
. "$(dirname "$0")/lib.sh"

diff_() {
	"$winnow" diff --sets sets "$@"
}

echo "# nothing differs: no output, status 0"
expect_status 0 diff_ oci:source:latest oci:source:latest
[ ! -s out ] || fail "$(cat out)"
expect_status 0 diff_ --json oci:source:latest oci:source:latest
python3 -c 'import json; d = json.load(open("out"))
assert d["same"] is True and d["files"] == [], d'
expect_status 0 diff_ --policy policy.yaml --policy policy.yaml \
	oci:source:latest

echo "# what a policy keeps is what strip writes"
"$winnow" strip --sets sets --policy policy.yaml oci:source:latest \
	oci:dest:v >/dev/null
expect_status 3 diff_ --json --policy policy.yaml oci:source:latest
mv out policy.json
expect_status 3 diff_ --json oci:source:latest oci:dest:v
mv out strip.json
expect_status 3 diff_ oci:source:latest oci:dest:v
expect_text out '--- oci:source:latest (linux/amd64)' '+++ oci:dest:v' \
	'- busybox 2' '~ config.Entrypoint' 'distroless no -> yes' \
	'- shell /usr/bin/busybox' 'var/lib/dpkg'
python3 - <<'END'
import json
policy, strip = (json.load(open(n + ".json")) for n in ("policy", "strip"))
made = {"srv/work", "srv/volume", "srv/home"}  # the config's, not the tree's
files = {f["path"]: f for f in policy["files"]}
for f in strip["files"]:
    if f["path"] in made:
        assert f["change"] == "added", f
        continue
    if f["path"] == "srv" and f["path"] not in files:
        continue
    assert files.pop(f["path"]) == f, f
assert not files, files
for key in "packages", "config", "distroless":
    assert policy[key] == strip[key], key
status, = (f for f in strip["files"] if f["path"] == "var/lib/dpkg/status")
assert status["change"] == "changed" and status["how"] == ["size", "content"]
assert [p["name"] for p in strip["packages"]] == ["busybox"]
END

echo "# two policies over one image read no layers"
without_layers source bare
sed 's|- /etc/passwd|- /etc/passwd\n  - /games/**|; s|user: app|user: "0"|' \
	policy.yaml >edited.yaml
expect_status 3 diff_ --policy policy.yaml --policy edited.yaml \
	oci:bare:latest
expect_text out 'games/' '1 added, 0 removed, 0 changed' \
	'~ config.User app -> 0' '+ root-user config.User'

echo "# each way in which a file can change, and contents of one size"
python3 - "$top_srcdir" <<'END'
import hashlib, io, json, os, tarfile
def image(layout, layers):
    os.makedirs(layout + "/blobs/sha256")
    def blob(data):
        digest = hashlib.sha256(data).hexdigest()
        with open(layout + "/blobs/sha256/" + digest, "wb") as f:
            f.write(data)
        return {"digest": "sha256:" + digest, "size": len(data)}
    blobs = []
    for entries in layers:
        out = io.BytesIO()
        tar = tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT)
        for name, data, more in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            for key, value in more.items():
                setattr(entry, key, value)
            tar.addfile(entry, io.BytesIO(data))
        tar.close()
        blobs.append({"mediaType":
                      "application/vnd.oci.image.layer.v1.tar",
                      **blob(out.getvalue())})
    config = {"os": "linux", "architecture": "amd64",
              "config": {"Env": ["PATH=/bin", "A=" + layout]},
              "rootfs": {"type": "layers",
                         "diff_ids": [b["digest"] for b in blobs]}}
    document = {"schemaVersion": 2, "mediaType":
                "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType":
                           "application/vnd.oci.image.config.v1+json",
                           **blob(json.dumps(config).encode())},
                "layers": blobs}
    with open(layout + "/index.json", "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [
            {"mediaType": document["mediaType"],
             **blob(json.dumps(document).encode())}]}, f)
base = [("shared", b"x" * 1000, {})]
def link(to):
    return {"type": tarfile.SYMTYPE, "linkname": to}
image("one", [base, [
    ("same", b"abc", {"mtime": 1}), ("content", b"abc", {}),
    ("size", b"abc", {}), ("mode", b"abc", {"mode": 0o644}),
    ("owner", b"abc", {"uid": 1}), ("link", b"", link("a")),
    ("type", b"abc", {}), ("gone", b"abc", {}),
    ("xattr", b"abc", {"pax_headers": {"SCHILY.xattr.user.a": "1"}}),
    ("device", b"", {"type": tarfile.CHRTYPE, "devminor": 1}),
    ("dir", b"", {"type": tarfile.DIRTYPE, "mode": 0o700}),
    ("dir/below", b"abc", {}), ("hard", b"h" * 500, {}),
    ("harder", b"", {"type": tarfile.LNKTYPE, "linkname": "hard"})]])
image("two", [base, [
    ("same", b"abc", {"mtime": 2}), ("content", b"abd", {}),
    ("size", b"abcd", {}), ("mode", b"abc", {"mode": 0o4755}),
    ("owner", b"abc", {"uid": 2}), ("link", b"", link("b")),
    ("type", b"", link("same")), ("new", b"abc", {}),
    ("xattr", b"abc", {"pax_headers": {"SCHILY.xattr.user.a": "2"}}),
    ("device", b"", {"type": tarfile.CHRTYPE, "devminor": 2}),
    ("dir", b"", {"type": tarfile.DIRTYPE, "mode": 0o755}),
    ("dir/below", b"abc", {}), ("hard", b"H" * 500, {}),
    ("harder", b"", {"type": tarfile.LNKTYPE, "linkname": "hard"})]])
END
expect_status 3 diff_ oci:one oci:two
expect_text out '├── content  content' '├── size  3 B -> 4 B' \
	'├── mode  mode 0644 -> 4755' '├── owner  owner 1:0 -> 2:0' \
	'link  link a -> b' 'type  file -> symbolic link' \
	'├── xattr  attributes' 'device  device' \
	'dir/  mode 0700 -> 0755' '- ├── gone' '+ ├── new' \
	'~ config.Env.A one -> two' '+ setuid /mode' \
	'files      1 added, 1 removed, 11 changed'
! grep -q 'shared\|same$\|below' out || fail "$(cat out)"
expect_status 3 diff_ --json oci:one oci:two
python3 - <<'END'
import json
d = json.load(open("out"))
how = {f["path"]: f.get("how", f["change"]) for f in d["files"]}
assert how == {
    "content": ["content"], "device": ["device"], "dir": ["mode"],
    "gone": "removed", "hard": ["content"], "harder": ["content"],
    "link": ["link"], "mode": ["mode"], "new": "added", "owner": ["owner"],
    "size": ["size", "content"], "type": ["type"],
    "xattr": ["attributes"]}, how
mode, = (f for f in d["files"] if f["path"] == "mode")
assert (mode["a"]["mode"], mode["b"]["mode"]) == ("0644", "4755"), mode
END

echo "# what a config says is shown, not obeyed"
python3 - bare loud <<'END'
import hashlib, json, os, shutil, sys
bare, loud = sys.argv[1:]
shutil.copytree(bare, loud)
def load(descriptor):
    with open(f"{loud}/blobs/sha256/{descriptor['digest'][7:]}") as f:
        return json.load(f)
def save(descriptor, value):
    data = json.dumps(value).encode()
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{loud}/blobs/sha256/{digest}", "wb") as f:
        f.write(data)
    descriptor.update(digest="sha256:" + digest, size=len(data))
with open(loud + "/index.json") as f:
    index = json.load(f)
entry = index["manifests"][0]
manifest = load(entry)
config = load(manifest["config"])
noise = "\x1b]0;x\x07\x9b31m\u202e"
config["author"] = noise
config["config"].update(User="0" + noise, Cmd=[noise], Labels={noise: noise})
save(manifest["config"], config)
save(entry, manifest)
with open(loud + "/index.json", "w") as f:
    json.dump(index, f)
END
expect_status 3 diff_ oci:bare:latest oci:loud:latest
expect_text out '\x1b]0;x\x07\xc2\x9b31m\xe2\x80\xae' '+ author' '+ config.Labels'
python3 - <<'END'
text = open("out", encoding="utf-8").read()
bad = [c for c in text if not (c == "\n" or c.isprintable())]
assert not bad, bad
END

echo "# bad input"
expect_status 2 diff_ oci:source:latest
expect_text err 'name two images, or one image and --policy once or twice'
expect_status 2 diff_ --policy a --policy b --policy c oci:source:latest
expect_text err '2 --policy are enough'
expect_error 'none/index.json does not exist' diff_ oci:source:latest oci:none
echo "ok"
