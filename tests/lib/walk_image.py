#!/usr/bin/env python3
"""walk_image.py URL REPOSITORY REFERENCE: fetches an image or index of a
registry with all that it refers to, and checks each digest, size and type.
Prints a line `OS/ARCHITECTURE[/VARIANT] DIGEST` per image; `-` where an
entry has no platform.  Fails at the first thing that is not what it is called.
"""
import hashlib
import json
import sys
import urllib.error
import urllib.request

TYPES = ", ".join("application/vnd." + kind for kind in (
    "oci.image.index.v1+json", "oci.image.manifest.v1+json",
    "docker.distribution.manifest.list.v2+json",
    "docker.distribution.manifest.v2+json"))


def fetch(kind, reference, entry=None):
    request = urllib.request.Request(
        "%s/v2/%s/%s/%s" % (URL, REPOSITORY, kind, reference),
        headers={"Accept": TYPES})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            data = reply.read()
            headers = reply.headers
    except urllib.error.HTTPError as error:
        sys.exit("%s: %s %s" % (request.full_url, error, error.read()[:500]))
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    wanted = {"Docker-Content-Digest": digest,
              "Content-Length": str(len(data)), "Etag": '"%s"' % digest}
    if entry is not None:
        assert entry["digest"] == digest, (entry, digest)
        assert entry["size"] == len(data), (entry, len(data))
    if kind == "manifests":
        wanted["Content-Type"] = json.loads(data)["mediaType"]
        if entry is not None:
            assert entry["mediaType"] == wanted["Content-Type"], entry
    for name, value in wanted.items():
        assert headers[name] == value, (name, headers[name], value)
    return digest, data


def walk(digest, data, entry):
    document = json.loads(data)
    for child in document.get("manifests", ()):
        walk(*fetch("manifests", child["digest"], child), child)
    if "manifests" in document:
        return
    for blob in [document["config"]] + document["layers"]:
        fetch("blobs", blob["digest"], blob)
    platform = entry.get("platform")
    name = "-" if platform is None else "/".join(
        platform[key] for key in ("os", "architecture", "variant")
        if key in platform)
    print(name, digest)


URL, REPOSITORY, top = sys.argv[1:]
walk(*fetch("manifests", top), {})
