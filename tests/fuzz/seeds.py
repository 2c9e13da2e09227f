#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets, from the corpus of tests/bad and
from what the parsers' grammars offer.

usage: seeds.py DIR    DIR/TARGET/NAME
"""
import json
import os
import struct
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + "/../bad")
import archive  # noqa: E402
import images  # noqa: E402
import layers  # noqa: E402

# A fuzzer gets nowhere with larger inputs.
SEED_MAX = 64 << 10
HEX = "ab" * 32

TEXTS = {
    "apk": ["C:Q1x=\nP:musl\nV:1.2-r0\nF:lib\nR:ld-musl-x86_64.so.1\n"
            "a:0:0:755\nZ:Q1y=\n\nP:b\nV:2\n\n", "P:a\nnonsense\n",
            "V:1\n\n", "P:a\nP:b\nV:1\nR:x\nF:../..\nR:y\n\n"],
    "byte_range": ["bytes=0-", "bytes=-5", "bytes=1-2", "bytes=9-1",
                   "bytes=0-0,5-9", "bytes=18446744073709551616-", "x=1-2"],
    "challenge": [
        'Bearer realm="https://auth.example/token",service="r",scope="s"',
        'Basic realm="x", Bearer realm="https://a/b?c=d"', "Basic",
        'Bearer realm="a\\\"b",error=x', "Negotiate abc==, Bearer realm=x"],
    "dpkg": ["Package: a\nStatus: install ok installed\nVersion: 1\n"
             "Description: x\n more\n .\n\nPackage: b\n"
             "Status: deinstall ok config-files\n\n", "nonsense\n",
             " indented\n", "Package: a\nPackage: b\n\n"],
    "glob": ["/usr/lib/**/*.so*\0usr/lib/a/b.so", "/{a,b{c,d}}/[!x-z]?\0bc/k",
             "/a/\\*b", "relative", "/**", "/a/**/b/**/c\0a/b/c", "/[", "/{a"],
    "json": ['{"job":"index","size":7,"list":[1,-2.5,true,null]}',
             '{"a":"\\u0000"}', '{"a":1,"a":2}', "[" * 40],
    "ldconf": ["include /etc/ld.so.conf.d/*.conf\n/usr/lib/x  # y\n",
               "include ld.so.conf\ninclude /etc/*.conf\n", "/a=libc4\n/b/\n",
               "/lib:/usr/lib:/usr/local/lib\n", "hwcap 1 x\n"],
    "ref": ["postgres", "docker.io/library/postgres", "localhost:5000/a/b",
            "[::1]:5000/x", "index.docker.io/x", "UPPER", "a//b", "ghcr.io/"],
    "login": ["Basic YWxpY2U6c2VjcmV0", "Basic Og==", "Bearer x",
              "alice:$2y$05$abcdefghijklmnopqrstuuWvD9r.HoqTlBvBjAK1TNX1AnAw"
              "TUyAG\n# bob\n", "original/ghcr.io/a/b", "library/*"],
    "request": ["/v2/", "/v2/library/postgres/manifests/16",
                "/v2/a/manifests/sha256:" + HEX, "/v2/a/tags/list?n=5&last=b",
                "/v2/a/blobs/sha256%3A" + HEX + "?ns=docker.io",
                "/v2/a/referrers/sha256:" + HEX, "/v2/../../etc/passwd",
                "http://h/v2/a/tags/list", "HTTPS://u@[::1]:5/v2?n=1",
                "http://", "ftp://x/v2/", "//x/v2/"],
    "script_calls": [
        "#!/bin/sh\ncase $1 in -*) set -- a \"$@\";; esac\n"
        "[ \"$(id -u)\" = 0 ] && exec gosu b \"$0\" \"$@\"\n",
        "f() { x=(a 'b' # c\n); }\n[[ a =~ (b) ]] || `c`\n",
        "a <<-E <<'F' >&2\n\tE\n$(x)\nF\nfor ((i=0; i<2; i++)); do b; done",
        "A=${B:-\"$(c ${d#'e'})\"} env -u F find . -exec g {} +",
        "/usr/bin/env -S bash"],
    "policy": ['{"file":"a.yaml","repository":"docker.io/library/a",'
               '"keep":[{"kind":"pattern","text":"/bin/*"}]}'],
}


def elf_seeds():
    yield archive.elf(kind=2, segments=[(1, 0, 0, 64)])
    for bits, order in ((64, "<"), (64, ">"), (32, "<"), (32, ">")):
        size = 64 + 3 * 56 if bits == 64 else 52 + 3 * 32
        word = "Q" if bits == 64 else "I"
        body = archive.dynamic((5, size + 12 * (16 if bits == 64 else 8)),
                               (10, 20), (1, 1), (14, 1), (15, 7), (29, 7),
                               order=order, word=word)
        total = size + 400
        tail = body.ljust(12 * (16 if bits == 64 else 8), b"\0")
        tail += b"\0libc.so\0$ORIGIN/x\0/lib/ld.so\0"
        yield archive.elf(bits, order, segments=[
            (2, size, size, len(body)), (1, 0, 0, total),
            (3, total - 180, 0, 10)], tail=tail.ljust(400, b"\0"))


def document_seeds():
    """Yields (target, bytes) of every image of the corpus."""
    found = [image for _, image, _ in images.images()]
    found += [image for _, image in images.survivable()]
    for image in found:
        image.finish()
        for data in image.blobs.values():
            if data is None:
                continue
            if b'"rootfs"' in data:
                yield "image_config", data
            elif data[:1] in b"{[" and data:
                yield "oci", data
                yield "json", data
            elif data[257:262] == b"ustar":
                yield "layer", data
                yield "tar_scan", data


def all_seeds():
    """Yields (target, bytes)."""
    for target, texts in TEXTS.items():
        for text in texts:
            yield target, text.encode()
    for data in elf_seeds():
        yield "elf", data
    for _, data, _ in layers.layers():
        yield "layer", data
        yield "tar_scan", data
        yield "inflate", data
    yield "deflate", layers.NOISE[:200] * 9
    yield "deflate", bytes(70000) + layers.NOISE[:3000]
    # Instructions: noise and copies of it, in turns.
    yield "deflate", b"".join(
        b"\x7f" + layers.NOISE[at:at + 128] + bytes([128 + at % 100, 0, 99])
        for at in range(0, 2000, 7))
    yield "layer_index", b"\0" * 64
    for order in "<", ">":
        yield "ldconf", b"glibc-ld.so.cache1.1" + struct.pack(
            order + "II20x" + "iIIIQ" * 2, 2, 22, 3, 96, 104, 0, 0,
            3, 96, 104, 0, 1 << 62) + b"liba.so\0/lib/liba.so\0"
    for name in sorted(os.listdir(HERE + "/../bad/policy")):
        with open(f"{HERE}/../bad/policy/{name}", "rb") as policy:
            yield "policy", policy.read()
    yield from document_seeds()
    yield "policy", json.dumps({"keep": ["/a"]}).encode()


def main():
    written = set()
    for target, data in all_seeds():
        if len(data) > SEED_MAX or (target, data) in written:
            continue
        directory = f"{sys.argv[1]}/{target}"
        os.makedirs(directory, exist_ok=True)
        with open(f"{directory}/{len(written):04}", "wb") as seed:
            seed.write(data)
        written.add((target, data))


main()
