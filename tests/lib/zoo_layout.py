#!/usr/bin/env python3
"""Makes OCI image layouts of every kind that registries hold, the same bytes
each time: DIR/library/NAME with tag 1 for NAME in

    image     one image; other and late the same with bytes of their own
    multi     an index of four platforms, each with an attestation
    nested    the same platforms in an index inside an index
    deep      an image seven indexes down
    bare      an index whose entries name no platform
    sparse    an index that lists more than there is
    chart, wasm, oras, fake
              artifacts: Helm's, a module, ORAS's, and an image's layers under
              the config type of something else
    schema1   a manifest of schema 1
    signed    an image with cosign's signature under its tag, and a referrer

Each image has the files /data, which names its platform, and /secret.

usage: zoo_layout.py DIR
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

OCI = "application/vnd.oci.image."
INDEX, MANIFEST = OCI + "index.v1+json", OCI + "manifest.v1+json"
CONFIG, LAYER = OCI + "config.v1+json", OCI + "layer.v1.tar+gzip"
PLATFORMS = [("amd64", None), ("arm64", "v8"), ("arm", "v7"), ("386", None)]
REF = "org.opencontainers.image.ref.name"


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layout:
    def __init__(self, top, name):
        self.dir = os.path.join(top, "library", name)
        self.entries = []
        os.makedirs(self.dir + "/blobs/sha256", exist_ok=True)

    def path(self, digest):
        return os.path.join(self.dir, "blobs", "sha256", digest[7:])

    def put(self, media_type, value, **more):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        with open(self.path(sha256(data)), "wb") as file:
            file.write(data)
        return dict(mediaType=media_type, digest=sha256(data), size=len(data),
                    **more)

    def name(self, tag, entry):
        entry = {key: entry[key] for key in ("mediaType", "digest", "size")}
        self.entries.append(dict(entry, annotations={REF: tag}))

    def finish(self):
        with open(self.dir + "/index.json", "w", encoding="utf-8") as file:
            json.dump({"schemaVersion": 2, "manifests": self.entries}, file)
        with open(self.dir + "/oci-layout", "w", encoding="utf-8") as file:
            file.write('{"imageLayoutVersion": "1.0.0"}')

    def image(self, architecture="amd64", variant=None, note="",
              config_type=CONFIG, **more):
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            for name, text in (("data", architecture + note),
                               ("secret", "secret")):
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))
        platform = {"architecture": architecture, "os": "linux"}
        if variant:
            platform["variant"] = variant
        config = dict(platform, config={}, rootfs={
            "type": "layers", "diff_ids": [sha256(tar.getvalue())]})
        manifest = {
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": self.put(config_type, config),
            "layers": [self.put(LAYER, gzip.compress(tar.getvalue(), mtime=0))]}
        manifest.update(more)
        return self.put(MANIFEST, manifest, platform=platform)

    def artifact(self, config_type, layer_type, **more):
        return self.put(MANIFEST, dict({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": self.put(config_type, {}),
            "layers": [self.put(layer_type, b"an artifact's bytes")]}, **more))

    def index(self, manifests):
        return self.put(INDEX, {"schemaVersion": 2, "mediaType": INDEX,
                                "manifests": manifests})

    def attestation(self, image):
        entry = self.artifact(CONFIG, "application/vnd.in-toto+json")
        return dict(entry, platform={"architecture": "unknown",
                                     "os": "unknown"},
                    annotations={
                        "vnd.docker.reference.type": "attestation-manifest",
                        "vnd.docker.reference.digest": image["digest"]})


def without_platform(entry):
    return {key: entry[key] for key in ("mediaType", "digest", "size")}


def fill_multi(layout):
    images = [layout.image(*platform) for platform in PLATFORMS]
    layout.name("1", layout.index(
        images + [layout.attestation(image) for image in images]))


def fill_nested(layout):
    images = [layout.image(*platform) for platform in PLATFORMS]
    inner = layout.index(images[1:])
    layout.name("1", layout.index([without_platform(inner), images[0]]))


def fill_deep(layout):
    entry = layout.image()
    for _ in range(7):
        entry = without_platform(layout.index([entry]))
    layout.name("1", entry)


def fill_bare(layout):
    layout.name("1", layout.index([
        without_platform(layout.image(*platform))
        for platform in (("s390x", None), ("amd64", None), ("arm64", "v8"))]))


def fill_sparse(layout):
    images = [layout.image(*platform, "sparse") for platform in PLATFORMS]
    layout.name("1", layout.index(images))
    for image in images[1:]:
        os.unlink(layout.path(image["digest"]))


def fill_schema1(layout):
    layout.name("1", layout.put(
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        {"schemaVersion": 1, "name": "library/schema1", "tag": "1",
         "mediaType":
         "application/vnd.docker.distribution.manifest.v1+prettyjws",
         "fsLayers": [], "history": [], "signatures": []}))


def fill_signed(layout):
    image = layout.image()
    layout.name("1", image)
    layout.name(image["digest"].replace(":", "-") + ".sig", layout.artifact(
        CONFIG, "application/vnd.dev.cosign.simplesigning.v1+json"))
    subject = without_platform(image)
    for kind in ("application/vnd.example.sbom", "application/vnd.example.sig"):
        layout.artifact("application/vnd.oci.empty.v1+json", kind,
                        artifactType=kind, subject=subject)


FILL = {
    "image": lambda layout: layout.name("1", layout.image()),
    "other": lambda layout: layout.name("1", layout.image(note="other")),
    "late": lambda layout: layout.name("1", layout.image(note="late")),
    "multi": fill_multi, "nested": fill_nested, "deep": fill_deep,
    "bare": fill_bare, "sparse": fill_sparse,
    "chart": lambda layout: layout.name("1", layout.artifact(
        "application/vnd.cncf.helm.config.v1+json",
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip")),
    "wasm": lambda layout: layout.name("1", layout.artifact(
        "application/vnd.wasm.config.v0+json", "application/wasm")),
    "oras": lambda layout: layout.name("1", layout.artifact(
        "application/vnd.oci.empty.v1+json", "text/plain",
        artifactType="application/vnd.example.thing")),
    "fake": lambda layout: layout.name("1", layout.image(
        config_type="application/vnd.example.config")),
    "schema1": fill_schema1, "signed": fill_signed,
}

if __name__ == "__main__":
    for zoo_name, fill in FILL.items():
        zoo = Layout(sys.argv[1], zoo_name)
        fill(zoo)
        zoo.finish()
