#!/usr/bin/env python3
"""Makes an OCI image layout with the files of a directory as its one layer.

usage: dir_layout.py DIR LAYOUT [CONFIG]

CONFIG is the JSON of the config's member "config".  All belongs to root.
"""
import hashlib
import io
import json
import os
import platform
import sys
import tarfile

OCI = "application/vnd.oci.image."
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def owned_by_root(entry):
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def main():
    directory, layout = sys.argv[1:3]
    config = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    blobs = os.path.join(layout, "blobs", "sha256")
    os.makedirs(blobs, exist_ok=True)

    def put(kind, data):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as file:
            file.write(data)
        return {"mediaType": OCI + kind, "digest": "sha256:" + digest,
                "size": len(data)}

    def put_json(kind, value):
        return put(kind, json.dumps(value).encode())

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w",
                      format=tarfile.PAX_FORMAT) as tar:
        tar.add(directory, arcname=".", filter=owned_by_root)
    layer = put("layer.v1.tar", archive.getvalue())
    manifest = put_json("manifest.v1+json", {
        "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
        "config": put_json("config.v1+json", {
            "architecture": MACHINES.get(platform.machine(), "amd64"),
            "os": "linux", "config": config,
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}),
        "layers": [layer]})
    with open(os.path.join(layout, "index.json"), "w") as file:
        json.dump({"schemaVersion": 2, "manifests": [manifest]}, file)
    with open(os.path.join(layout, "oci-layout"), "w") as file:
        json.dump({"imageLayoutVersion": "1.0.0"}, file)


if __name__ == "__main__":
    main()
