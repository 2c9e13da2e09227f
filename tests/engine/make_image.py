#!/usr/bin/env python3
"""Makes an OCI image layout with layers full of traps.

usage: make_image.py DIR

Tags: `latest` the image, `multi` an index with it and an attestation, and
`artifact` a manifest whose layers are no archives.  Programs and libraries
come from this machine: true(1), its loader and libraries, busybox as shell.
"""
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

OCI = "application/vnd.oci.image."
REF = "org.opencontainers.image.ref.name"
MTIME = 1600000000


def host_libraries(program):
    """Paths that the loader opens for the program, the loader included."""
    out = subprocess.run(["ldd", program], check=True, capture_output=True,
                         text=True).stdout
    words = [w for line in out.splitlines() for w in line.split()]
    return [w for w in words if w.startswith("/")]


class Layer:
    """A layer that, like docker's, names the parents of all it holds."""
    dirs = {}  # of all layers: name -> attributes

    def __init__(self):
        self.named = set()
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w",
                                format=tarfile.PAX_FORMAT)

    def parents(self, name):
        parts = name.removeprefix("./").split("/")[:-1]
        for i in range(len(parts)):
            parent = "/".join(parts[:i + 1])
            if parent not in self.named:
                self.dir(parent, **Layer.dirs.get(parent, {}))

    def add(self, name, data=b"", mode=0o644, **more):
        self.parents(name)
        entry = tarfile.TarInfo(name)
        entry.mode, entry.mtime, entry.size = mode, MTIME, len(data)
        for key, value in more.items():
            setattr(entry, key, value)
        self.tar.addfile(entry, io.BytesIO(data))

    def dir(self, name, mode=0o755, **more):
        self.named.add(name)
        Layer.dirs[name] = {"mode": mode, **more}
        self.add(name, mode=mode, type=tarfile.DIRTYPE, **more)

    def link(self, name, target):
        self.add(name, mode=0o777, type=tarfile.SYMTYPE, linkname=target)

    def hard(self, name, target):
        self.add(name, type=tarfile.LNKTYPE, linkname=target)

    def host(self, name, path, mode=0o755):
        with open(path, "rb") as f:
            self.add(name, f.read(), mode)

    def bytes(self):
        self.tar.close()
        return self.buffer.getvalue()


def base():
    layer = Layer()
    layer.dir("usr", 0o755)
    layer.link("bin", "usr/bin")
    layer.link("lib", "usr/lib")
    layer.link("lib64", "usr/lib64")
    seen = set()
    for path in host_libraries("/bin/true"):
        name = "usr" + path.removeprefix("/usr")
        real = "usr" + os.path.realpath(path).removeprefix("/usr")
        # Debian's loader looks into its own directory, behind a link.
        for each in sorted({name, real} - seen):
            if each == real:
                layer.host("./" + real, os.path.realpath(path))
            else:
                layer.link(each, "/" + real)
            seen.add(each)
    layer.host("usr/bin/busybox", "/bin/busybox")
    layer.link("usr/bin/sh", "busybox")
    layer.host("usr/bin/apt-get", "/bin/true", 0o755)
    layer.dir("etc", 0o751)
    layer.add("etc/passwd", b"root:x:0:0::/root:/bin/sh\n"
              b"app:x:70:70::/srv/home:/bin/false\n")
    layer.add("etc/os-release", b"ID=test\n")
    layer.add("usr/lib/locale/locale-archive", b"locales")
    layer.dir("tmp", 0o1777)
    layer.add("var/lib/dpkg/status",
              b"Package: app\nStatus: install ok installed\nVersion: 1\n\n"
              b"Package: busybox\nStatus: install ok installed\n"
              b"Version: 2\n")
    layer.add("var/lib/dpkg/info/app.list",
              b"/.\n/opt/app/bin/app\n/opt/app/data/old\n")
    layer.add("var/lib/dpkg/info/busybox.list", b"/bin/busybox\n")
    layer.add("usr/share/doc/app/copyright", b"free\n")
    layer.add("usr/share/doc/busybox/copyright", b"free\n")
    layer.add("opt/app/data/old", b"old")
    return layer


def app():
    layer = Layer()
    layer.dir("opt/app", 0o750, uid=70, gid=71, mtime=MTIME + 5)
    layer.host("opt/app/bin/app", "/bin/true")
    layer.hard("opt/app/bin/app-hard", "opt/app/bin/app")
    layer.link("usr/bin/app", "/opt/app/bin/app")
    layer.dir("opt/app/data", 0o2775)
    layer.add("opt/app/data/one", b"1" * 1000, uid=1234567, gid=70)
    layer.add("opt/app/data/caf\u00e9 \u65e5", b"utf-8", 0o600,
              pax_headers={"mtime": "1600000000.123456789"})
    layer.add("opt/app/data/attr", b"x", pax_headers={
        "SCHILY.xattr.user.note": "hello"})
    layer.add("opt/app/data/" + "n" * 180, b"long name")
    layer.add("opt/app/data/secret", b"deleted later")
    layer.add("opt/app/start.sh", b"#!/bin/sh\nexec app\n", 0o755)
    return layer


def change():
    layer = Layer()
    layer.dir("opt/app", 0o755, uid=70, gid=70, mtime=MTIME + 9)
    layer.add("opt/app/data/one", b"replaced", 0o640)
    layer.add("opt/app/data/.wh.secret")
    layer.add("opt/app/data/.wh.old")
    return layer


def useless():
    layer = Layer()
    layer.add("games/useless", b"x")
    return layer


class Layout:
    def __init__(self, directory):
        self.directory = directory
        self.entries = []
        os.makedirs(os.path.join(directory, "blobs/sha256"), exist_ok=True)

    def put(self, data, media_type, **more):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{self.directory}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"mediaType": media_type, "digest": "sha256:" + digest,
                "size": len(data), **more}

    def put_json(self, value, media_type, **more):
        return self.put(json.dumps(value).encode(), media_type, **more)

    def tag(self, name, descriptor):
        self.entries.append({**descriptor, "annotations": {REF: name}})

    def close(self):
        with open(f"{self.directory}/index.json", "w") as f:
            json.dump({"schemaVersion": 2, "manifests": self.entries}, f)
        with open(f"{self.directory}/oci-layout", "w") as f:
            f.write('{"imageLayoutVersion":"1.0.0"}')


def main():
    layout = Layout(sys.argv[1])
    tars = [layer.bytes() for layer in (base(), app(), change(), useless())]
    layers = [layout.put(gzip.compress(t, mtime=0),
                         OCI + "layer.v1.tar+gzip") for t in tars[:2]]
    layers += [layout.put(t, OCI + "layer.v1.tar") for t in tars[2:]]
    config = layout.put_json({
        "architecture": "amd64", "os": "linux", "future": {"kept": True},
        "config": {"Entrypoint": ["/opt/app/start.sh"], "Cmd": ["app"],
                   "Env": ["PATH=/usr/bin:/bin"], "WorkingDir": "/srv/work",
                   "Volumes": {"/srv/volume": {}}},
        "rootfs": {"type": "layers", "diff_ids": [
            "sha256:" + hashlib.sha256(t).hexdigest() for t in tars]},
        "history": [{"created_by": n} for n in "abcd"],
    }, OCI + "config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                "config": config, "layers": layers}
    image = layout.put_json(manifest, OCI + "manifest.v1+json")
    layout.tag("latest", image)
    statement = layout.put(b"{}", "application/vnd.in-toto+json")
    artifact = layout.put_json({**manifest, "layers": [statement]},
                               OCI + "manifest.v1+json")
    layout.tag("artifact", artifact)
    layout.tag("multi", layout.put_json({
        "schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [
            {**image, "platform": {"os": "linux", "architecture": "amd64"}},
            {**artifact, "platform": {"os": "unknown",
                                      "architecture": "unknown"},
             "annotations": {"vnd.docker.reference.type":
                             "attestation-manifest"}},
        ]}, OCI + "index.v1+json"))
    layout.close()


main()
