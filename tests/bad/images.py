"""Images whose documents must be refused; each names its flaw."""
import hashlib
import json
import os

from archive import END, directory, elf, entry, dynamic

OCI = "application/vnd.oci.image."
MANIFEST = OCI + "manifest.v1+json"
INDEX = OCI + "index.v1+json"
REF = "org.opencontainers.image.ref.name"
PLATFORM = {"os": "linux", "architecture": "amd64"}


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Image:
    """A small sound image, whose parts a case replaces before write()."""

    def __init__(self, *layers):
        self.blobs = {}
        self.layers = [self.put(data, OCI + "layer.v1.tar")
                       for data in layers or [sound_layer()]]
        self.config = {
            **PLATFORM, "config": {"Entrypoint": ["/bin/app"]},
            "rootfs": {"type": "layers",
                       "diff_ids": [l["digest"] for l in self.layers]},
            "history": [{"created_by": "test"} for _ in self.layers]}
        self.manifest = {"schemaVersion": 2, "mediaType": MANIFEST}
        self.config_bytes = self.manifest_bytes = None
        self.top = None  # an index over the image, as a dict
        self.descriptor = {}  # of index.json's entry

    def put(self, data, media_type):
        digest = sha256(data)
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def put_json(self, value, media_type):
        return self.put(json.dumps(value).encode(), media_type)

    def finish(self):
        config = self.put(self.config_bytes or
                          json.dumps(self.config).encode(),
                          OCI + "config.v1+json")
        manifest = {"config": config, "layers": self.layers, **self.manifest}
        entry_ = self.put(self.manifest_bytes or
                          json.dumps(manifest).encode(), MANIFEST)
        if self.top is not None:
            entry_ = self.put_json(
                {"schemaVersion": 2, "mediaType": INDEX,
                 "manifests": [{**entry_, "platform": PLATFORM}],
                 **self.top}, INDEX)
        return {**entry_, "annotations": {REF: "x"}, **self.descriptor}

    def write(self, where):
        entry_ = self.finish()
        os.makedirs(where + "/blobs/sha256")
        for digest, data in self.blobs.items():
            if data is None:
                continue
            with open(f"{where}/blobs/sha256/{digest[7:]}", "wb") as f:
                f.write(data)
        with open(where + "/index.json", "w") as f:
            json.dump({"schemaVersion": 2, "manifests": [entry_]}, f)
        with open(where + "/oci-layout", "w") as f:
            f.write('{"imageLayoutVersion":"1.0.0"}')


def sound_layer(*more):
    """/bin/app is a static ELF file."""
    return (directory("bin/") +
            entry("bin/app", elf(kind=2, segments=[(1, 0, 0, 64)]), mode="0000755") + b"".join(more) +
            END)


def nested(depth):
    return (b'{"a":' * depth + b"1" + b"}" * depth)


def flawed(set_up):
    image = Image()
    set_up(image)
    return image


def assign(**members):
    """A set-up that assigns to members of the image."""
    return lambda image: [setattr(image, key, value)
                          for key, value in members.items()]


def config(**members):
    return lambda image: image.config.update(members)


def layer_descriptor(**members):
    return lambda image: image.layers[0].update(members)


def lose_layer(image):
    image.blobs[image.layers[0]["digest"]] = None


def swap_layer(image):
    image.blobs[image.layers[0]["digest"]] += bytes(512)


def repeat_layer(count):
    def set_up(image):
        image.layers *= count
        image.config["rootfs"]["diff_ids"] *= count
        image.config["history"] *= count
    return set_up


def nest_indexes(image):
    image.top = {}
    inner = image.finish()
    image.top = {"manifests": [{**inner, "platform": PLATFORM}]}


# (name, set-up, expression that the message must match)
FLAWS = [
    ("manifest-not-json", assign(manifest_bytes=b"<html>"), "is not JSON"),
    ("manifest-truncated", assign(manifest_bytes=b'{"schemaVersion": 2, '),
     "is not JSON"),
    ("manifest-array", assign(manifest_bytes=b"[]"), "not an? .*object"),
    ("manifest-empty", assign(manifest_bytes=b" "), "is not JSON"),
    ("manifest-too-deep", assign(manifest_bytes=nested(40)), "deeper than 32"),
    ("manifest-a-million-deep", assign(manifest_bytes=nested(600000)),
     "deeper than 32"),
    ("manifest-duplicate-key", assign(
        manifest_bytes=b'{"schemaVersion":2,"config":1,"config":2}'),
     "duplicate"),
    ("manifest-key-in-capitals-too", assign(manifest={
        "schemaVersion": 2, "Layers": []}), "\"layers\" is there twice"),
    ("manifest-trailing-bytes", assign(manifest_bytes=b"{} {}"), "JSON"),
    ("manifest-too-large", assign(
        manifest_bytes=b'{"a":"' + b"x" * (5 << 20) + b'"}'),
     "larger than 4194304"),
    ("manifest-not-utf-8", assign(manifest_bytes=b'{"a":"\xff\xfe"}'),
     "JSON"),
    ("manifest-escaped-nul", assign(manifest={
        "schemaVersion": 2, "mediaType": MANIFEST + "\0x"}), "NUL|JSON"),
    ("manifest-called-an-index", assign(descriptor={"mediaType": INDEX}),
     "calls itself"),
    ("manifest-says-it-is-an-index", assign(manifest={
        "schemaVersion": 2, "mediaType": INDEX}), "calls itself"),
    ("manifest-with-manifests", assign(manifest={
        "schemaVersion": 2, "manifests": []}), "manifests"),
    ("index-with-layers", assign(top={"layers": []}), "layers"),
    ("manifest-schema-1", assign(manifest={
        "schemaVersion": 1, "fsLayers": []}), "schema 1"),
    ("manifest-schema-3", assign(manifest={
        "schemaVersion": 3, "mediaType": MANIFEST}), "schemaVersion"),
    ("manifest-without-config", assign(manifest={
        "schemaVersion": 2, "config": None}), "config"),
    ("manifest-layers-not-a-list", assign(manifest={
        "schemaVersion": 2, "layers": {}}), "layers"),
    ("manifest-unknown-type", assign(
        manifest={"schemaVersion": 2, "mediaType": "text/html"},
        descriptor={"mediaType": "text/html"}), "text/html"),
    ("manifest-of-257-layers", repeat_layer(257), "257 layers.* 256"),
    ("descriptor-key-in-capitals-too", layer_descriptor(Digest=sha256(b"")),
     "layers\\[0\\]: \"digest\" is there twice"),
    ("descriptor-short-digest",
     layer_descriptor(digest="sha256:abc"), "layers\\[0\\].*sha256:abc"),
    ("descriptor-upper-case-digest",
     layer_descriptor(digest="sha256:" + "A" * 64), "layers\\[0\\]"),
    ("descriptor-unknown-algorithm",
     layer_descriptor(digest="md5:" + "a" * 32), "layers\\[0\\].*md5"),
    ("descriptor-path-in-digest",
     layer_descriptor(digest="sha256:../../../../etc/passwd"),
     "layers\\[0\\]"),
    ("descriptor-negative-size", layer_descriptor(size=-1),
     "layers\\[0\\].*size"),
    ("descriptor-size-past-64-bits", layer_descriptor(size=1 << 64),
     "size|JSON"),
    ("descriptor-size-as-text", layer_descriptor(size="2048"),
     "layers\\[0\\].*size"),
    ("descriptor-without-type", layer_descriptor(mediaType=None),
     "layers\\[0\\].*mediaType"),
    ("layer-smaller-than-promised", layer_descriptor(size=1 << 20),
     "layer sha256:.*1048576"),
    ("layer-larger-than-promised", layer_descriptor(size=600),
     "layer sha256:"),
    ("layer-with-other-bytes", swap_layer, "layer sha256:|digest"),
    ("layer-missing", lose_layer, "sha256/"),
    ("layer-of-unknown-type", layer_descriptor(
        mediaType="application/vnd.in-toto+json"), "in-toto|container image"),
    ("config-not-json", assign(config_bytes=b"\0\1\2"), "config.*JSON"),
    ("config-too-deep", assign(config_bytes=nested(33)),
     "config nests deeper than 32"),
    ("config-too-large", assign(
        config_bytes=b'{"a":"' + b"x" * (9 << 20) + b'"}'),
     "config: \"size\" .* 8388608"),
    ("config-duplicate-key", assign(
        config_bytes=b'{"rootfs":{},"rootfs":{}}'), "config.*duplicate"),
    ("config-key-in-capitals-too", config(Config={"User": "0"}),
     "config: \"config\" is there twice"),
    ("config-user-in-small-letters-too",
     config(config={"User": "5", "user": "0"}), "\"User\" is there twice"),
    ("config-without-rootfs", config(rootfs=None), "config.*rootfs"),
    ("config-too-few-diff-ids", config(rootfs={"diff_ids": []}),
     "0 diff_ids for the manifest's 1 layers"),
    ("config-too-many-diff-ids", config(
        rootfs={"diff_ids": [sha256(b"")] * 2}), "2 diff_ids"),
    ("config-bad-diff-id", config(rootfs={"diff_ids": ["sha256:x"]}),
     "diff_ids\\[0\\] is not a digest"),
    ("config-history-with-too-many-layers", config(history=[{}, {}]),
     "2 history entries with a layer, but 1 layers"),
    ("config-history-of-text", config(history=["RUN true"]),
     "history\\[0\\] is not an object"),
    ("config-history-flag-as-text", config(
        history=[{"empty_layer": "true"}]), "history\\[0\\].*empty_layer"),
    ("config-entrypoint-as-text", config(config={"Entrypoint": "/bin/app"}),
     "Entrypoint.*not an array"),
    ("config-entrypoint-with-nul", config(config={"Entrypoint": ["a\0b"]}),
     "Entrypoint\\[0\\] is not a plain string"),
    ("config-env-of-numbers", config(config={"Env": [1]}), "Env\\[0\\]"),
    ("config-user-a-number", config(config={"User": 0}), "User"),
    ("config-workdir-too-long", config(
        config={"WorkingDir": "/a" * 3000}), "directory .*4096"),
    ("config-volumes-a-list", config(config={"Volumes": ["/data"]}),
     "Volumes.*not an object"),
    ("index-without-this-platform", assign(top={"manifests": []}),
     "no image for linux/amd64"),
    ("index-of-600-manifests", assign(top={"manifests": [
        {"mediaType": MANIFEST, "digest": sha256(b""), "size": 0}] * 600}),
     "600 manifests.* 512"),
    ("index-child-missing", assign(top={"manifests": [
        {"mediaType": MANIFEST, "digest": sha256(b"gone"), "size": 4,
         "platform": PLATFORM}]}), "sha256/"),
    ("index-in-an-index", nest_indexes, "not a container image"),
    ("index-platform-key-in-capitals-too", assign(top={"manifests": [
        {"mediaType": MANIFEST, "digest": sha256(b""), "size": 0,
         "platform": {**PLATFORM, "OS": "windows"}}]}),
     "manifests\\[0\\]: platform: \"os\" is there twice"),
    ("index-platform-without-os", assign(top={"manifests": [
        {"mediaType": MANIFEST, "digest": sha256(b""), "size": 0,
         "platform": {"architecture": "amd64"}}]}),
     "manifests\\[0\\]: platform: \"os\" is missing"),
    ("entry-short-digest", assign(descriptor={"digest": "sha256:12"}),
     "index.json: .*sha256:12"),
    ("entry-without-type", assign(descriptor={"mediaType": None}),
     "index.json: .*mediaType"),
]


def program(body):
    """The image's entrypoint is this file."""
    return Image(directory("bin/") +
                 entry("bin/app", body, mode="0000755") + END)


def loop_of_links():
    return Image(directory("bin/") + entry("bin/app", b"", "2", "other") +
                 entry("bin/other", b"", "2", "app") + END)


def images():
    """Yields (name, Image, what the message must say)."""
    for name, set_up, text in FLAWS:
        yield name, flawed(set_up), text
    yield "entrypoint-in-a-loop-of-links", loop_of_links(), "/bin/app"
    yield "entrypoint-is-noise", program(b"\x7fELX noise"), "/bin/app"
    head = elf(segments=[(3, 120, 0, 4)])
    yield "elf-interpreter-missing", \
        program(elf(segments=[(3, 120, 0, 8)], tail=b"/lib/ld\0")), \
        "bin/app cannot load /lib/ld"
    for name, body in (
            ("elf-truncated-header", elf()[:40]),
            ("elf-program-headers-outside", elf(phoff=1 << 60, phnum=3)),
            ("elf-65535-program-headers", elf(phnum=65535)),
            ("elf-program-header-size-0", elf(phnum=2, phentsize=0)),
            ("elf-interpreter-outside", elf(segments=[(3, 1 << 62, 0, 9)])),
            ("elf-interpreter-offset-wraps",
             elf(segments=[(3, 2 ** 64 - 4, 0, 16)])),
            ("elf-interpreter-does-not-end", head + b"/lib"),
            ("elf-dynamic-outside", elf(segments=[(2, 1 << 40, 0, 64)])),
            ("elf-strings-outside", elf(
                segments=[(2, 176, 0, 64), (1, 0, 0, 4096)],
                tail=dynamic((5, 1 << 50), (10, 9), (1, 1)))),
            ("elf-32-bit-segment-outside",
             elf(32, ">", segments=[(3, 0xfffffff0, 0, 0x20)]))):
        yield name, program(body), "bin/app"


def survivable():
    """Yields (name, Image) that are odd but can be stripped."""
    yield "sound", Image()
    yield "config-lying-diff-id", flawed(
        config(rootfs={"diff_ids": [sha256(b"")]}))
    yield "config-history-with-too-few-layers", flawed(
        config(history=[{"empty_layer": True}]))
