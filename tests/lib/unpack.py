#!/usr/bin/env python3
"""unpack.py LAYOUT DIR

Unpacks the first image of an OCI layout with umoci, which would not look
into an index within the index; DIR must not exist.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile


def blob(layout, descriptor):
    return "%s/blobs/sha256/%s" % (layout, descriptor["digest"][7:])


def first_image(layout):
    """(descriptor, manifest) of the layout's first image."""
    at, descriptor = os.path.join(layout, "index.json"), None
    while True:
        with open(at) as file:
            value = json.load(file)
        if "layers" in value:
            return descriptor, value
        descriptor = value["manifests"][0]
        at = blob(layout, descriptor)


def unpack(layout, root):
    descriptor = dict(first_image(layout)[0], annotations={
        "org.opencontainers.image.ref.name": "x"})
    with tempfile.TemporaryDirectory(prefix="winnow-unpack-") as plain:
        os.symlink(os.path.abspath(layout) + "/blobs", plain + "/blobs")
        shutil.copy(layout + "/oci-layout", plain)
        with open(plain + "/index.json", "w") as file:
            json.dump({"schemaVersion": 2, "manifests": [descriptor]}, file)
        subprocess.run(["umoci", "raw", "unpack", "--image", plain + ":x",
                        root], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    unpack(*sys.argv[1:])
