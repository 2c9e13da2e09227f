"""An OCI layout with one image per tag."""
import gzip
import hashlib
import json
import os
import subprocess

OCI = "application/vnd.oci.image."
REF = "org.opencontainers.image.ref.name"
TAR = OCI + "layer.v1.tar"


def gzipped(data):
    return gzip.compress(data, 1, mtime=0)


def zstandard(data):
    return subprocess.run(["zstd", "-q", "-1", "-c"], input=data,
                          check=True, capture_output=True).stdout


def with_header_fields(member):
    """A gzip member with a name, a comment and an extra field."""
    return member[:3] + bytes([4 | 8 | 16]) + member[4:10] + \
        b"\4\0abcd" + b"name\0" + b"comment\0" + member[10:]


def encoded(tar, encoding):
    """(blob, media type) of a layer; "mislabelled" is not what it says."""
    half = len(tar) // 2 + 7
    if encoding == "zstd":
        return zstandard(tar), TAR + "+zstd"
    if encoding == "frames":
        # A skippable frame, as those with a table of contents have.
        skippable = b"\x5e\x2a\x4d\x18" + b"\3\0\0\0abc"
        return skippable + zstandard(tar[:half]) + skippable + \
            zstandard(b"") + zstandard(tar[half:]) + skippable, TAR + "+zstd"
    if encoding == "members":
        return with_header_fields(gzipped(tar[:half])) + gzipped(b"") + \
            gzipped(tar[half:]), TAR + "+gzip"
    if encoding == "plain":
        return tar, TAR
    if encoding == "mislabelled":
        return tar, TAR + "+gzip"
    return gzipped(tar), TAR + "+gzip"


class Layout:
    def __init__(self, directory):
        self.directory, self.entries = directory, []
        os.makedirs(os.path.join(directory, "blobs/sha256"), exist_ok=True)

    def put(self, data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        path = os.path.join(self.directory, "blobs/sha256", digest)
        with open(path, "wb") as file:
            file.write(data)
        return {"mediaType": media_type, "digest": "sha256:" + digest,
                "size": len(data)}

    def put_json(self, value, media_type):
        return self.put(json.dumps(value).encode(), media_type)

    def image(self, tag, layers):
        """Adds an image of [(tar, encoding)]."""
        config = self.put_json({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [
                "sha256:" + hashlib.sha256(tar).hexdigest()
                for tar, _ in layers]},
        }, OCI + "config.v1+json")
        manifest = self.put_json({
            "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
            "config": config,
            "layers": [self.put(*encoded(*layer)) for layer in layers],
        }, OCI + "manifest.v1+json")
        self.entries.append({**manifest, "annotations": {REF: tag}})

    def close(self):
        with open(os.path.join(self.directory, "index.json"), "w") as file:
            json.dump({"schemaVersion": 2, "manifests": self.entries}, file)
        with open(os.path.join(self.directory, "oci-layout"), "w") as file:
            file.write('{"imageLayoutVersion":"1.0.0"}')


def layers_of(directory, tag):
    """The inflated layers of the image with this tag (gzip only)."""
    def blob(descriptor):
        path = os.path.join(directory, "blobs/sha256",
                            descriptor["digest"].removeprefix("sha256:"))
        with open(path, "rb") as file:
            return file.read()
    with open(os.path.join(directory, "index.json")) as file:
        entry, = (m for m in json.load(file)["manifests"]
                  if m.get("annotations", {}).get(REF) == tag)
    manifest = json.loads(blob(entry))
    return [gzip.decompress(blob(d)) for d in manifest["layers"]]
