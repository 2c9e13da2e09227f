#!/usr/bin/env python3
"""Turns the upper directories of overlay mounts into an OCI image layout.

  oci_image.py layer WORK CREATED_BY UPPER   adds a layer (a directory's diff)
  oci_image.py tar WORK CREATED_BY FILE.tar  adds a layer (a tar as it is)
  oci_image.py empty WORK CREATED_BY         adds a history entry only
  oci_image.py finish WORK CONFIG.json LAYOUT TAG
        writes LAYOUT: an index with one child for this machine and one
        attestation child (unknown/unknown), as BuildKit pushes images

WORK/compress (one word: gzip, zstd or none) sets the layers' compression,
WORK/nanoseconds keeps fractions of a second (container builders cut them),
WORK/architecture names another machine.
"""
import hashlib
import json
import os
import platform
import shutil
import stat
import subprocess
import sys
import tarfile

OCI = "application/vnd.oci.image"
CREATED = "2025-05-20T00:00:00Z"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le",
            "s390x": "s390x", "riscv64": "riscv64"}
COMPRESSORS = {"gzip": [["igzip", "-3", "-c"], ["gzip", "-6", "-n", "-c"]],
               "zstd": [["zstd", "-q", "-3", "-c"]], "none": []}


def setting(work, name, default):
    try:
        with open(os.path.join(work, name), encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return default


def architecture(work):
    """This machine's, unless a recipe says for which an image is."""
    return setting(work, "architecture", MACHINES[platform.machine()])


def xattrs(path):
    """The extended attributes a layer carries: no overlayfs bookkeeping."""
    found = {}
    for name in os.listxattr(path, follow_symlinks=False):
        if not name.startswith("trusted.") and name != "security.selinux":
            value = os.getxattr(path, name, follow_symlinks=False)
            found["SCHILY.xattr." + name] = value.decode(
                "utf-8", "surrogateescape")
    return found


def is_opaque(path):
    try:
        return os.getxattr(path, "trusted.overlay.opaque",
                           follow_symlinks=False) == b"y"
    except OSError:
        return False


def add_marker(tar, name):
    marker = tarfile.TarInfo(name)
    marker.mode = 0
    tar.addfile(marker)


def add_entry(tar, base, path, fractions):
    """One entry of the upper directory, whiteouts in the tar form."""
    name = os.path.relpath(path, base)
    info = os.lstat(path)
    if stat.S_ISSOCK(info.st_mode):
        return
    if stat.S_ISCHR(info.st_mode) and info.st_rdev == 0:
        add_marker(tar, os.path.join(os.path.dirname(name),
                                     ".wh." + os.path.basename(name)))
        return
    entry = tar.gettarinfo(path, name)
    entry.uname = entry.gname = ""
    entry.pax_headers = xattrs(path)
    if not fractions:
        entry.mtime = info.st_mtime_ns // 10**9
    elif info.st_mtime_ns % 10**9:
        entry.pax_headers["mtime"] = "%d.%09d" % divmod(info.st_mtime_ns,
                                                        10**9)
    if entry.isreg():
        with open(path, "rb") as file:
            tar.addfile(entry, file)
    else:
        tar.addfile(entry)
    if entry.isdir() and is_opaque(path):
        add_marker(tar, os.path.join(name, ".wh..wh..opq"))


def write_diff(upper, out, fractions):
    """The directory as a tar, in an order that puts parents first."""
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT,
                      bufsize=1 << 20) as tar:
        for directory, names, files in os.walk(upper):
            names.sort()
            if directory != upper:
                add_entry(tar, upper, directory, fractions)
            links = [n for n in names
                     if os.path.islink(os.path.join(directory, n))]
            for file in sorted(files + links):
                add_entry(tar, upper, os.path.join(directory, file),
                          fractions)


def digest_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return "sha256:" + digest.hexdigest()


def store(work, path):
    """Moves a file into the blobs; returns digest and size."""
    digest = digest_file(path)
    blobs = os.path.join(work, "blobs", "sha256")
    os.makedirs(blobs, exist_ok=True)
    size = os.path.getsize(path)
    os.replace(path, os.path.join(blobs, digest[7:]))
    return digest, size


def store_json(work, media_type, value):
    path = os.path.join(work, "json.tmp")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, separators=(",", ":"))
    digest, size = store(work, path)
    return {"mediaType": media_type, "digest": digest, "size": size}


def compress(work, path):
    """Compresses a tar; returns the file and the media type's suffix."""
    method = setting(work, "compress", "gzip")
    commands = COMPRESSORS[method]
    if not commands:
        return path, ""
    command = next(c for c in commands if shutil.which(c[0]))
    packed = path + ".packed"
    with open(path, "rb") as source, open(packed, "wb") as out:
        subprocess.run(command, stdin=source, stdout=out, check=True)
    os.unlink(path)
    return packed, "+" + method


def add_step(work, step):
    with open(os.path.join(work, "steps"), "a", encoding="utf-8") as file:
        file.write(json.dumps(step) + "\n")


def add_tar(work, created_by, path):
    diff_id = digest_file(path)
    packed, suffix = compress(work, path)
    digest, size = store(work, packed)
    add_step(work, {"created_by": created_by, "diff_id": diff_id, "layer": {
        "mediaType": OCI + ".layer.v1.tar" + suffix,
        "digest": digest, "size": size}})


def add_layer(work, created_by, upper):
    path = os.path.join(work, "layer.tar")
    with open(path, "wb") as out:
        write_diff(upper, out, os.path.exists(work + "/nanoseconds"))
    add_tar(work, created_by, path)


def history(step):
    entry = {"created": CREATED, "created_by": step["created_by"],
             "comment": "buildkit.dockerfile.v0"}
    if "layer" not in step:
        entry["empty_layer"] = True
    return entry


def image_manifest(work, steps, config):
    layers = [s for s in steps if "layer" in s]
    config = store_json(work, OCI + ".config.v1+json", {
        "architecture": architecture(work), "os": "linux", "created": CREATED,
        "config": config, "history": [history(s) for s in steps],
        "rootfs": {"type": "layers",
                   "diff_ids": [s["diff_id"] for s in layers]}})
    return store_json(work, OCI + ".manifest.v1+json", {
        "schemaVersion": 2, "mediaType": OCI + ".manifest.v1+json",
        "config": config, "layers": [s["layer"] for s in layers],
        "annotations": {"org.opencontainers.image.created": CREATED}})


def attestation(work, subject):
    """What BuildKit puts beside an image: a child that no platform runs."""
    statement = store_json(work, "application/vnd.in-toto+json", {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": "image", "digest": {
            "sha256": subject["digest"][7:]}}], "predicate": {}})
    config = store_json(work, OCI + ".config.v1+json", {
        "architecture": "unknown", "os": "unknown", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [statement["digest"]]}})
    child = store_json(work, OCI + ".manifest.v1+json", {
        "schemaVersion": 2, "mediaType": OCI + ".manifest.v1+json",
        "config": config, "layers": [dict(statement, annotations={
            "in-toto.io/predicate-type":
            "https://slsa.dev/provenance/v0.2"})]})
    return dict(child, annotations={
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": subject["digest"]},
        platform={"architecture": "unknown", "os": "unknown"})


def finish(work, config_file, layout, tag):
    with open(os.path.join(work, "steps"), encoding="utf-8") as file:
        steps = [json.loads(line) for line in file]
    with open(config_file, encoding="utf-8") as file:
        config = json.load(file)
    child = image_manifest(work, steps, config)
    index = store_json(work, OCI + ".index.v1+json", {
        "schemaVersion": 2, "mediaType": OCI + ".index.v1+json",
        "manifests": [dict(child, platform={
            "architecture": architecture(work), "os": "linux"}),
            attestation(work, child)]})
    os.makedirs(layout)
    os.replace(os.path.join(work, "blobs"), os.path.join(layout, "blobs"))
    with open(layout + "/oci-layout", "w", encoding="ascii") as file:
        file.write('{"imageLayoutVersion":"1.0.0"}')
    with open(layout + "/index.json", "w", encoding="utf-8") as file:
        json.dump({"schemaVersion": 2, "mediaType": OCI + ".index.v1+json",
                   "manifests": [dict(index, annotations={
                       "org.opencontainers.image.ref.name": tag})]}, file)


def main(arguments):
    commands = {"layer": add_layer, "tar": add_tar, "finish": finish,
                "empty": lambda work, by: add_step(work, {"created_by": by})}
    if not arguments or arguments[0] not in commands:
        sys.exit(__doc__)
    commands[arguments[0]](*arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
