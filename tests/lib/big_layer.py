#!/usr/bin/env python3
"""An OCI layout with one image of one large layer, made as a stream.

usage: big_layer.py DIR KIND BYTES

KIND:
  text      one file that compresses to half
  noise     one file that does not compress
  library   one ELF library: a small one, and noise behind it
  files     files of 64 KiB, half text and half noise
  entries   BYTES is their number: empty files, 100 in each directory

Prints what `winnow strip` needs: oci:DIR:1.
"""
import hashlib
import json
import os
import subprocess
import sys

BLOCK = 1 << 20


def pieces(seed):
    """1 MiB of noise and of text; repeated, both stay what they are: gzip
    looks back 32 KiB."""
    noise = hashlib.shake_256(seed).digest(BLOCK)
    text = bytearray()
    for i in range(0, BLOCK // 5, 16):
        text += noise[i:i + 16] + noise[i:i + 16].hex().encode() + b"\n" * 32
    return noise, bytes(text[:BLOCK])


def header(name, size, kind=b"0", mode=0o644):
    """A ustar header; sizes from 8 GiB on are not needed here."""
    h = bytearray(512)
    h[0:len(name)] = name
    h[100:108] = b"%07o\0" % mode
    h[108:116] = h[116:124] = b"0000000\0"
    h[124:136] = b"%011o\0" % size
    h[136:148] = b"14371573400\0"
    h[148:156] = b" " * 8
    h[156:157] = kind
    h[257:265] = b"ustar\00000"
    h[148:156] = b"%06o\0 " % sum(h)
    return bytes(h)


def padded(size, blocks):
    """The blocks, cut to `size`, and zeros to a whole tar block."""
    left = size
    while left > 0:
        block = next(blocks)[:left]
        left -= len(block)
        yield block
    yield bytes(-size % 512)


def repeat(*blocks):
    while True:
        yield from blocks


def library(noise):
    """A real library first: it is read as ELF whatever follows."""
    out = subprocess.run(["ldconfig", "-p"], check=True, capture_output=True)
    path = next(line.split()[-1] for line in out.stdout.decode().split("\n")
                if "libz.so.1 " in line)
    with open(path, "rb") as f:
        yield f.read()
    yield from repeat(noise)


def one_file(name, size, blocks):
    yield header(b"data/", 0, b"5", 0o755)
    yield header(name, size)
    yield from padded(size, blocks)


def many_files(size, noise, text):
    yield header(b"data/", 0, b"5", 0o755)
    for i in range(size >> 16):
        yield header(b"data/%07d" % i, 1 << 16)
        yield (noise if i % 2 else text)[:1 << 16]


def many_entries(count):
    """100 names in each directory; headers differ in few bytes."""
    zero = header(b"data/000000/00", 0)
    base = sum(zero) - sum(zero[:100]) - sum(zero[148:156]) + 8 * 32
    yield header(b"data/", 0, b"5", 0o755)
    for i in range(count // 101):
        yield header(b"data/%06d/" % i, 0, b"5", 0o755)
        out = bytearray()
        for j in range(100):
            name = b"data/%06d/%02d" % (i, j)
            h = bytearray(zero)
            h[0:len(name)] = name
            h[148:156] = b"%06o\0 " % (base + sum(name))
            out += h
        yield bytes(out)


def archive(kind, size):
    noise, text = pieces(b"winnow")
    if kind == "text":
        yield from one_file(b"data/text", size, repeat(text))
    elif kind == "noise":
        yield from one_file(b"data/noise", size, repeat(noise))
    elif kind == "library":
        yield from one_file(b"data/libbig.so.1", size, library(noise))
    elif kind == "files":
        yield from many_files(size, noise, text)
    else:
        yield from many_entries(size)
    yield bytes(1024)


def write_layer(blobs, stream):
    """Compresses the stream; (diff_id, digest, size)."""
    path = os.path.join(blobs, ".layer")
    plain = hashlib.sha256()
    with open(path, "wb") as out:
        gzip = subprocess.Popen(["igzip", "-1", "-c"], stdin=subprocess.PIPE,
                                stdout=out)
        for piece in stream:
            plain.update(piece)
            gzip.stdin.write(piece)
        gzip.stdin.close()
        if gzip.wait() != 0:
            sys.exit("igzip failed")
    with open(path, "rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()
    os.rename(path, os.path.join(blobs, digest))
    return (plain.hexdigest(), digest,
            os.path.getsize(os.path.join(blobs, digest)))


def main():
    out, kind, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    blobs = os.path.join(out, "blobs", "sha256")
    os.makedirs(blobs)

    def put(value, media_type):
        data = json.dumps(value).encode()
        name = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, name), "wb") as f:
            f.write(data)
        return {"mediaType": media_type, "digest": "sha256:" + name,
                "size": len(data)}

    diff_id, digest, layer_size = write_layer(blobs, archive(kind, size))
    image = "application/vnd.oci.image."
    config = put({"architecture": "amd64", "os": "linux", "config": {},
                  "rootfs": {"type": "layers",
                             "diff_ids": ["sha256:" + diff_id]},
                  "history": [{"created_by": kind}]}, image + "config.v1+json")
    manifest = put({"schemaVersion": 2,
                    "mediaType": image + "manifest.v1+json",
                    "config": config,
                    "layers": [{"mediaType": image + "layer.v1.tar+gzip",
                                "digest": "sha256:" + digest,
                                "size": layer_size}]},
                   image + "manifest.v1+json")
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "1"}
    with open(os.path.join(out, "index.json"), "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [manifest]}, f)
    with open(os.path.join(out, "oci-layout"), "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    print(f"oci:{out}:1")


if __name__ == "__main__":
    main()
