#!/bin/sh
# winnow strip: the variant that umoci unpacks equals the source restricted to
# what was kept, and bad input gets a clear message and leaves no tag behind.
. "$(dirname "$0")/../cli/lib.sh"

[ "$(id -u)" = 0 ] || skip "unpacking with owners needs root"
need umoci
sed -i '/^drop:/d; /attr$/d' policy.yaml

strip() {
	"$winnow" strip --sets sets "$@"
}

echo "# the variant equals the source restricted to the selection"
strip --policy policy.yaml --report report.json oci:source:latest oci:dest:v
umoci unpack --image source:latest from >/dev/null
umoci unpack --image dest:v to >/dev/null
cat >expected <<'END'
bin
etc/os-release
etc/passwd
lib64
opt/app/bin/app
opt/app/bin/app-hard
opt/app/data/attr
opt/app/data/one
tmp
usr/bin/app
usr/share/doc/app/copyright
var/lib/dpkg/info/app.list
var/lib/dpkg/status
END
# umoci sets no times of directories that the config only promises.
mkdir -p from/rootfs/srv/work from/rootfs/srv/volume
touch -h -r to/rootfs/srv from/rootfs/srv
touch -h -r to/rootfs/srv/work from/rootfs/srv/work
touch -h -r to/rootfs/srv/volume from/rootfs/srv/volume
python3 "$top_srcdir/tests/lib/compare.py" --expect expected \
	--rewritten var/lib/dpkg/status --rewritten 'var/lib/dpkg/info/*' \
	from/rootfs to/rootfs
for gone in usr/bin/busybox usr/bin/sh usr/bin/apt-get opt/app/start.sh \
	opt/app/data/secret opt/app/data/old games \
	usr/share/doc/busybox var/lib/dpkg/info/busybox.list; do
	[ ! -e "to/rootfs/$gone" ] || fail "$gone is still there"
done
[ -d to/rootfs/srv/work ] && [ -d to/rootfs/srv/volume ] ||
	fail "the working directory or the volume is missing"
chroot to/rootfs /usr/bin/app || fail "the variant does not run"

echo "# packages, config, report"
printf 'Package: app\nStatus: install ok installed\nVersion: 1\n\n' |
	cmp - to/rootfs/var/lib/dpkg/status
python3 - <<'END'
import json, sys
def blob(d):
    return json.load(open("dest/blobs/sha256/" + d["digest"][7:]))
entry = json.load(open("dest/index.json"))["manifests"][0]
manifest = blob(entry)
config = blob(manifest["config"])
assert config["config"]["Entrypoint"] == ["app"], config
assert "Cmd" not in config["config"], config
assert config["future"] == {"kept": True}
assert [h.get("empty_layer", False) for h in config["history"]] == \
    [False, False, False, True], config["history"]
assert len(manifest["layers"]) == len(config["rootfs"]["diff_ids"]) == 3
assert all(l["mediaType"].endswith("tar+gzip") for l in manifest["layers"])
assert "org.opencontainers.image.base.digest" in manifest["annotations"]
report = json.load(open("report.json"))
assert report["audit"]["distroless"] is True
assert report["audit"]["removed"]["shell"]["paths"] == \
    ["usr/bin/busybox", "usr/bin/sh"], report["audit"]
assert [p["name"] for p in report["packages"]["kept"]] == ["app"]
assert report["startup"]["program"] == "opt/app/bin/app"
END

echo "# the same bytes each time; other tags stay"
strip --policy policy.yaml --json oci:source:latest oci:dest:w >json
python3 - <<'END'
import json
out, report = json.load(open("json")), json.load(open("report.json"))
assert out["wrote"] == "oci:dest:w" and out["reports"] == [report], out
entry, = (m for m in json.load(open("dest/index.json"))["manifests"]
          if "w" in m["annotations"].values())
assert out["digest"] == entry["digest"], out
END
strip --policy policy.yaml oci:source:latest oci:other >/dev/null
python3 - <<'END'
import json
tags = {}
for layout in "dest", "other":
    for e in json.load(open(layout + "/index.json"))["manifests"]:
        tags[e["annotations"]["org.opencontainers.image.ref.name"]] = \
            e["digest"]
assert sorted(tags) == ["latest", "v", "w"], tags
assert len(set(tags.values())) == 1, tags
END
[ -z "$(find dest -name '.new-*' -o -name '*.??????' -name '*.json.*')" ] ||
	fail "temporary files are left"

echo "# an index keeps the chosen platform and loses the attestation"
strip --policy policy.yaml --platform linux/amd64 oci:source:multi \
	oci:multi:m >/dev/null
python3 - <<'END'
import json
entry = json.load(open("multi/index.json"))["manifests"][0]
index = json.load(open("multi/blobs/sha256/" + entry["digest"][7:]))
assert [m["platform"]["architecture"] for m in index["manifests"]] == \
    ["amd64"], index
END

echo "# audit and check"
"$winnow" audit oci:dest:v >audit.out || fail "the variant is not distroless"
grep -q '^distroless: yes' audit.out
r=0
"$winnow" audit oci:source:latest >audit.out || r=$?
[ "$r" = 3 ] || fail "audit of the source exits with $r"
grep -q '^shell  *\/usr\/bin\/sh: symbolic link to usr\/bin\/busybox' audit.out
"$winnow" check --sets sets policy.yaml >/dev/null
printf 'repository: docker.io/library/app\nkep:\n  - relative\n' >bad.yaml
expect_error 'bad.yaml:2:1:' "$winnow" check --sets sets bad.yaml

echo "# bad input: a clear message and no new tag"
cp dest/index.json index.before
expect_error 'the index has no image for linux/s390x' \
	strip --policy policy.yaml --platform linux/s390x oci:source:multi \
	oci:dest:x
expect_error 'not a container image' \
	strip --policy policy.yaml oci:source:artifact oci:dest:x
expect_error 'source/index.json has no tag none' \
	strip --policy policy.yaml oci:source:none oci:dest:x
expect_error '3 images: add :TAG' strip --policy policy.yaml oci:source \
	oci:dest:x
sed 's|entrypoint:.*|cmd: [x]|' policy.yaml |
	sed 's|- /bin/app|- /opt/app/start.sh|' >script.yaml
expect_error 'entrypoint /opt/app/start.sh is a script that needs /bin/sh' \
	strip --policy script.yaml oci:source:latest oci:dest:x
sed 's|- /bin/app|- /bin/{app,sh}|' policy.yaml >shell.yaml
expect_error 'audit.fail_on forbids' \
	strip --policy shell.yaml oci:source:latest oci:dest:x
cp -r source broken
for blob in broken/blobs/sha256/*; do
	case $(head -c 2 "$blob" | od -An -tx1 | tr -d ' ') in
	1f8b) printf 'X' >>"$blob" ;;
	esac
done
expect_error 'layer sha256:' \
	strip --policy policy.yaml oci:broken:latest oci:dest:x
cmp dest/index.json index.before
[ -z "$(find dest -name '.new-*')" ] || fail "temporary files are left"
echo "ok"
