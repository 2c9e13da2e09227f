#!/usr/bin/env python3
"""Makes a small OCI image layout for tests, the same bytes each time.

usage: tiny_layout.py DIR TAG LAYER_BYTES

Prints one line `NAME DIGEST SIZE` each for manifest, config and layer.
"""
import gzip
import hashlib
import io
import json
import os
import random
import sys
import tarfile

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def main():
    directory, tag, layer_bytes = sys.argv[1], sys.argv[2], int(sys.argv[3])
    blobs = os.path.join(directory, "blobs", "sha256")
    os.makedirs(blobs, exist_ok=True)

    def put(name, data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as f:
            f.write(data)
        print(name, "sha256:" + digest, len(data))
        return {"mediaType": media_type, "digest": "sha256:" + digest,
                "size": len(data)}

    tar = io.BytesIO()
    content = random.Random(1).randbytes(layer_bytes)
    with tarfile.open(fileobj=tar, mode="w") as t:
        entry = tarfile.TarInfo("data")
        entry.size = len(content)
        t.addfile(entry, io.BytesIO(content))
    layer = gzip.compress(tar.getvalue(), mtime=0)
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [
            "sha256:" + hashlib.sha256(tar.getvalue()).hexdigest()]},
    }).encode()
    manifest = {
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": put("config", config,
                      "application/vnd.oci.image.config.v1+json"),
        "layers": [put("layer", layer,
                       "application/vnd.oci.image.layer.v1.tar+gzip")],
    }
    entry = put("manifest", json.dumps(manifest).encode(), MANIFEST)
    entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
    with open(os.path.join(directory, "index.json"), "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [entry]}, f)
    with open(os.path.join(directory, "oci-layout"), "w") as f:
        f.write('{"imageLayoutVersion": "1.0.0"}')


main()
