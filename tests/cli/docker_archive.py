#!/usr/bin/env python3
"""docker-archive: whatever wrote it, the variant is that of the layout.

Archives as skopeo and podman write them, as docker wrote them before version
25 (a directory for each layer, links for layers that are the same) and since
(OCI blobs), compressed or not; then archives that must be refused.  What a
real dockerd saves is in tests/e2e/strip-docker-archive.sh.
"""
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

TOP = os.environ.get("top_srcdir", ".")
WINNOW = os.path.abspath(
    os.path.join(os.environ.get("top_builddir", "."), "winnow"))
faults = []
POLICY = """\
repository: docker.io/library/app
keep:
  - /bin/app
  - /opt/app/data/**
  - /etc/passwd
config:
  entrypoint: [app]
  user: app
"""


def say(text):
    print("# " + text, flush=True)


def expect(what, condition, *more):
    if not condition:
        faults.append(" ".join(map(str, (what,) + more)))


def strip(source, tag):
    done = subprocess.run(
        [WINNOW, "strip", "--policy", "policy.yaml", "--sets", "sets",
         source, "oci:dest:" + tag], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def blob(layout, digest):
    with open("%s/blobs/sha256/%s" % (layout, digest[7:]), "rb") as f:
        return f.read()


def manifest(layout, tag):
    with open(layout + "/index.json") as f:
        for entry in json.load(f)["manifests"]:
            if entry["annotations"]["org.opencontainers.image.ref.name"] == \
                    tag:
                return json.loads(blob(layout, entry["digest"]))
    raise KeyError(tag)


def outcome(tag):
    """What must not depend on the form of the source."""
    m = manifest("dest", tag)
    config = json.loads(blob("dest", m["config"]["digest"]))
    return (m["layers"], config["rootfs"], config["config"])


def accept(what, source, wanted):
    tag = "t%d" % len(os.listdir("dest/blobs/sha256"))
    status, text = strip(source, tag)
    expect("%s is refused:" % what, status == 0, text)
    if status == 0:
        expect("%s gives another variant" % what, outcome(tag) == wanted)
        expect("%s names a digest that nobody knows" % what,
               "annotations" not in manifest("dest", tag))
    audit = subprocess.run([WINNOW, "audit", "--no-cache", source],
                           capture_output=True, text=True)
    expect("%s: audit" % what, audit.returncode == 3, audit.stderr)


def refuse(what, source, message):
    status, text = strip(source, "bad")
    expect("%s: status %d, not \"%s\" in: %s" % (what, status, message, text),
           status == 1 and message in text)
    with open("dest/index.json") as f:
        expect(what + " leaves a tag", '"bad"' not in f.read())


def unpack(data):
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dc"], input=data, check=True,
                              capture_output=True).stdout
    return data


class Image:
    """The image of a layout, uncompressed."""

    def __init__(self, layout, tag):
        m = manifest(layout, tag)
        self.config = blob(layout, m["config"]["digest"])
        self.layers = [unpack(blob(layout, d["digest"]))
                       for d in m["layers"]]

    def copy(self):
        other = Image.__new__(Image)
        other.config, other.layers = self.config, list(self.layers)
        return other


def sha(data):
    return hashlib.sha256(data).hexdigest()


class Archive:
    def __init__(self, path, **more):
        self.path = path
        self.tar = tarfile.open(path, "w", **more)

    def add(self, name, data=b"", **more):
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        for key, value in more.items():
            setattr(entry, key, value)
        self.tar.addfile(entry, io.BytesIO(data))

    def link(self, name, target, kind=tarfile.SYMTYPE):
        self.add(name, type=kind, linkname=target)

    def index(self, *images):
        self.add("manifest.json", json.dumps([
            {"Config": c, "RepoTags": t, "Layers": l}
            for c, t, l in images]).encode())

    def close(self):
        self.tar.close()
        return "docker-archive:" + self.path


def legacy(image, path, tags=("app:1",), **more):
    """docker before 25: a directory for each layer, equal ones as links."""
    a = Archive(path, **more)
    names, seen = [], {}
    for i, layer in enumerate(image.layers):
        name = "%064x/layer.tar" % (i + 1)
        a.add(os.path.dirname(name), type=tarfile.DIRTYPE, mode=0o755)
        a.add(os.path.dirname(name) + "/VERSION", b"1.0")
        a.add(os.path.dirname(name) + "/json", b"{}")
        if sha(layer) in seen:
            a.link(name, "../" + seen[sha(layer)])
        else:
            a.add(name, layer)
            seen[sha(layer)] = name
        names.append(name)
    config = sha(image.config) + ".json"
    a.add(config, image.config)
    a.index((config, list(tags), names))
    a.add("repositories", b"{}")
    return a.close()


def modern(image, path, pack=lambda data: data, more=()):
    """docker since 25: OCI blobs, other images beside."""
    a = Archive(path, format=tarfile.PAX_FORMAT)
    a.add("blobs", type=tarfile.DIRTYPE, mode=0o755)
    blobs = [pack(layer) for layer in image.layers]
    names = ["blobs/sha256/" + sha(b) for b in blobs]
    for name, data in dict(zip(names, blobs)).items():
        a.add(name, data, pax_headers={"mtime": "1.5"})
    config = "blobs/sha256/" + sha(image.config)
    a.add(config, image.config)
    a.add("index.json", b"{}")
    a.index((config, ["docker.io/library/app:1"], names), *more)
    a.add("oci-layout", b"{}")
    return a.close()


def good(image, wanted):
    say("as docker writes it")
    accept("legacy", legacy(image, "legacy.tar"), wanted)
    accept("GNU format", legacy(image, "gnu.tar", format=tarfile.GNU_FORMAT),
           wanted)
    accept("long names", legacy(image, "long.tar"), wanted)
    source = modern(image, "modern.tar",
                    more=[("nothing", ["other:2"], [])])
    accept("modern", source + ":app:1", wanted)
    accept("modern, whole name", source + ":docker.io/library/app:1", wanted)
    accept("compressed layers", modern(image, "packed.tar", gzip.compress),
           wanted)
    for suffix, command in (("gz", "gzip"), ("zst", "zstd -q")):
        subprocess.run(command + " -k legacy.tar", shell=True, check=True)
        accept(command, "docker-archive:legacy.tar." + suffix, wanted)
    refuse("no name for two", source, "add :REPOSITORY:TAG to choose one of "
           "docker.io/library/app:1 other:2")
    refuse("unknown name", source + ":app:3", "no image app:3; there are")
    say("as skopeo and podman write it")

    def run(*command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit("%s: %s" % (" ".join(command), done.stderr))

    run("skopeo", "--insecure-policy", "copy", "oci:source:latest",
        "docker-archive:skopeo.tar:app:1")
    accept("skopeo", "docker-archive:skopeo.tar", wanted)
    if os.getuid() == 0:
        # All that it has is below this directory, also what it notes of a
        # boot, which another podman would share.
        podman = ["podman", "--root", os.path.abspath("podman"), "--runroot",
                  os.path.abspath("run"), "--tmpdir", os.path.abspath("tmp"),
                  "--storage-driver", "vfs"]
        run(*podman, "load", "-i", "skopeo.tar")
        run(*podman, "save", "-o", "podman.tar", "docker.io/library/app:1")
        run(*podman, "save", "--format", "oci-archive", "-o", "oci.tar",
            "docker.io/library/app:1")
        accept("podman", "docker-archive:podman.tar:app:1", wanted)
        refuse("OCI archive", "docker-archive:oci.tar",
               "no manifest.json: not from docker save")


def hostile(image):
    say("what must be refused")
    with open("legacy.tar", "rb") as f:
        whole = f.read()
    for part in (0, 100, 700, 1500, len(image.layers[0]) // 2,
                 len(whole) // 2):
        with open("cut.tar", "wb") as f:
            f.write(whole[:part])
        refuse("cut at %d" % part, "docker-archive:cut.tar",
               "not a tar archive as winnow reads it")
    subprocess.run("head -c 5000 legacy.tar.gz > cut.gz", shell=True)
    refuse("cut gzip", "docker-archive:cut.gz", "cut.gz: ")
    with open("noise", "wb") as f:
        f.write(os.urandom(4096))
    refuse("noise", "docker-archive:noise", "no header at byte 0")
    refuse("a directory", "docker-archive:source", "not a regular file")
    refuse("nothing", "docker-archive:none.tar", "cannot open none.tar")
    os.mkfifo("fifo")
    refuse("a fifo", "docker-archive:fifo", "not a regular file")

    def special(what, message, write, config=image.config, layers=None):
        a = Archive("special.tar")
        names = layers or ["l%d" % i for i in range(len(image.layers))]
        for name, data in zip(names, image.layers):
            if name not in getattr(write, "without", ()):
                a.add(name, data)
        write(a)
        a.add("config.json", config)
        a.index(("config.json", ["app:1"], names))
        refuse(what, a.close(), message)

    def without(*names):
        def decorate(f):
            f.without = names
            return f
        return decorate

    @without("l0")
    def loop(a):
        a.link("l0", "x/../l0")

    @without("l0")
    def around(a):
        a.link("l0", "other")
        a.link("other", "l0")

    @without("l0")
    def absolute(a):
        a.link("l0", "/etc/passwd")

    @without("l0")
    def outside(a):
        a.link("l0", "../../../../etc/passwd")

    @without("l0")
    def hard(a):
        a.link("l0", "/etc/passwd", tarfile.LNKTYPE)

    @without("l0")
    def directory(a):
        a.add("l0", type=tarfile.DIRTYPE)

    @without("l0")
    def fifo(a):
        a.add("l0", type=tarfile.FIFOTYPE)

    @without("l0")
    def missing(a):
        pass

    @without("l0")
    def changed(a):
        a.add("l0", image.layers[0][:-1] + b"!")

    @without("l0")
    def packed_lie(a):
        a.add("l0", gzip.compress(image.layers[1]))

    @without("l0")
    def bomb(a):
        a.add("l0", gzip.compress(bytes(300 << 20)))

    special("a link to itself", "leads around", loop)
    special("links in a circle", "leads around", around)
    special("an absolute link", "a link out of the archive", absolute)
    special("a link to /etc/passwd", "the archive has no etc/passwd", outside)
    special("an absolute hard link", "a link out of the archive", hard)
    special("a directory as layer", "is no file", directory)
    special("a fifo as layer", "is no file", fifo)
    special("no layer", "the archive has no l0", missing)
    special("another layer than the config says", "digest", changed)
    special("a compressed layer that is another",
            "does not unpack to what the config says", packed_lie)
    special("a bomb", "l0: ", bomb)
    special("a layer twice", "the archive has l0 twice",
            lambda a: a.add("l0", image.layers[0]))
    special("a layer twice under other spellings", "the archive has l0 twice",
            lambda a: a.add("x/../l0", image.layers[0]))
    special("the config twice", "the archive has config.json twice",
            lambda a: a.add("./config.json", b"{}"))
    special("manifest.json twice", "the archive has manifest.json twice",
            lambda a: a.index(("config.json", [], [])))
    special("a sparse file", "a sparse file at byte",
            lambda a: a.add("s", pax_headers={"GNU.sparse.major": "1"}))
    special("a size that no file has", "it ends inside the member",
            lambda a: a.add("s", pax_headers={"size": "999999999999"}))
    special("a bad size", "a bad size",
            lambda a: a.add("s", pax_headers={"size": "-1"}))
    special("a NUL in a name", "a NUL in a name",
            lambda a: a.add("s", pax_headers={"path": "l0\0x"}))
    special("too few layers", "manifest.json has 1 layers, the config",
            lambda a: None, layers=["l0"])
    special("a config without layers", "\"rootfs\" is missing", lambda a: None,
            config=b"{}")
    special("a config that is none", "the config", lambda a: None,
            config=b"[]")
    for what, text in (("no array", b"{}"), ("no JSON", b"x"),
                       ("no objects", b"[1]"), ("empty", b"[]"),
                       ("deep", b"[" * 10000)):
        a = Archive("special.tar")
        a.add("manifest.json", text)
        refuse("manifest.json: " + what, a.close(), "special.tar: ")
    a = Archive("special.tar")
    a.add("manifest.json", b" " * (5 << 20))
    refuse("a huge manifest.json", a.close(), "is larger than")


def main():
    for tool in "skopeo", "podman", "busybox", "zstd":
        if shutil.which(tool) is None:
            print("skipped: %s is not installed" % tool)
            sys.exit(77)
    if os.uname().machine != "x86_64":
        print("skipped: the image is for amd64")
        sys.exit(77)
    top = os.path.abspath(TOP)
    with tempfile.TemporaryDirectory(prefix="winnow-archive-") as work:
        os.chdir(work)
        os.environ["XDG_CACHE_HOME"] = work + "/cache"
        subprocess.run([top + "/tests/engine/make_image.py", "source"],
                       check=True)
        os.mkdir("sets")
        with open("policy.yaml", "w") as f:
            f.write(POLICY)
        status, text = strip("oci:source:latest", "wanted")
        if status != 0:
            sys.exit(text)
        image = Image("source", "latest")
        good(image, outcome("wanted"))
        hostile(image)
        left = [n for n in os.listdir("dest/blobs/sha256")
                if n.startswith(".")]
        expect("temporary files are left:", not left, left)
        os.chdir("/")
    print("\n".join(faults) or "ok")
    sys.exit(1 if faults else 0)


main()
