#!/usr/bin/env python3
"""Hostile archives: what `winnow strip` writes holds nothing unlisted.

Each archive of archives.py is a layer.  winnow refuses it or writes a layer;
python's tarfile and a walker over raw headers must then list the same
entries in it, all of them below keep/, each once, in the canonical form.
"""
import io
import os
import subprocess
import sys
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "../property")]

import archives  # noqa: E402
import layout  # noqa: E402
from odd_tar import BLOCK, DIRECTORY, END_OF_ARCHIVE, header  # noqa: E402

WINNOW = os.path.join(os.environ.get("top_builddir", "."), "winnow")
POLICY = "repository: docker.io/library/h\nkeep:\n  - /keep/**\n"
UNLISTED = b"of no listed file\n"


class Wrong(Exception):
    pass


def expect(condition, text, *values):
    if not condition:
        raise Wrong(text % values)


def pax_path(data):
    """The path of an extended header's records, each of which comes once."""
    found = {}
    while data:
        length, _, rest = data.partition(b" ")
        line = data[:int(length)]
        expect(line.endswith(b"\n"), "bad record %r", line)
        key, _, value = line[len(length) + 1:-1].partition(b"=")
        expect(key not in found, "record %r twice", key)
        found[key] = value
        data = data[int(length):]
    expect(b"size" not in found, "a size record")
    return found.get(b"path")


def walk(tar):
    """[(name, type, size)], by the raw headers alone."""
    found, at, path = [], 0, None
    while tar[at:at + BLOCK] != bytes(BLOCK):
        block = tar[at:at + BLOCK]
        expect(block[257:265] == b"ustar\00000", "not ustar at %d", at)
        expect(not block[345:].strip(b"\0"), "a prefix at %d", at)
        expect(sum(block[:148] + b" " * 8 + block[156:]) ==
               int(block[148:155].rstrip(b"\0 "), 8), "checksum at %d", at)
        size = int(block[124:135], 8)
        data = tar[at + BLOCK:at + BLOCK + size]
        type = block[156:157]
        if type == b"x":
            expect(path is None, "two extended headers")
            path = pax_path(data)
        else:
            expect(type in b"0125", "type %r", type)
            expect(type == b"0" or size == 0, "a size at %d", at)
            name = path if path is not None else block[:100].rstrip(b"\0")
            found.append((name.rstrip(b"/"), type, size))
            path = None
        at += BLOCK + (size + BLOCK - 1) // BLOCK * BLOCK
    expect(tar[at:] == END_OF_ARCHIVE, "something behind the end")
    return found


def read_by_tarfile(tar):
    with tarfile.open(fileobj=io.BytesIO(tar), encoding="utf-8",
                      errors="surrogateescape") as archive:
        return [(m.name.encode("utf-8", "surrogateescape"), m.type, m.size)
                for m in archive]


def check_layer(tar):
    """The names in an output layer."""
    expect(UNLISTED not in tar, "contents of an unlisted file")
    entries = walk(tar)
    expect(entries == read_by_tarfile(tar), "two readers differ: %r", entries)
    names = [name for name, _, _ in entries]
    expect(len(names) == len(set(names)), "a name twice: %r", names)
    for name in names:
        expect(name in (b".", b"keep") or name.startswith(b"keep/"),
               "unlisted: %r", name)
        expect(b".." not in name.split(b"/"), "dots in %r", name)
    return names


def strip(tar, work):
    """(names in the variant or None, what winnow said)."""
    source = layout.Layout(os.path.join(work, "source"))
    source.image("s", [(tar, "gzip")])
    source.close()
    policy = os.path.join(work, "policy.yaml")
    with open(policy, "w") as file:
        file.write(POLICY)
    r = subprocess.run([WINNOW, "strip", "--sets", work, "--policy", policy,
                        "oci:%s/source:s" % work, "oci:%s/to:v" % work],
                       capture_output=True, text=True, errors="replace")
    expect(r.returncode in (0, 1), "exit status %d", r.returncode)
    if r.returncode == 1:
        expect(not os.path.exists(os.path.join(work, "to/index.json")),
               "refused, and yet there is a tag")
        return None, r.stderr.strip()
    return [name for tar in layout.layers_of(os.path.join(work, "to"), "v")
            for name in check_layer(tar)], r.stderr


def try_trick(make):
    tar = header(b"keep/", DIRECTORY, mode=0o755) + \
        archives.plain(b"keep/good", b"good") + make() + \
        archives.plain(b"secret-too", UNLISTED) + END_OF_ARCHIVE
    with tempfile.TemporaryDirectory() as work:
        names, text = strip(tar, work)
    if names is None:
        return "refused: " + text.rpartition("layer ")[2][72:]
    return "kept: " + " ".join(n.decode(errors="backslashreplace")
                               for n in names if n.startswith(b"keep/"))


def main():
    failed = 0
    for name, make in archives.TRICKS.items():
        try:
            print("ok %s: %s" % (name, try_trick(make)))
        except Wrong as wrong:
            failed += 1
            print("not ok %s: %s" % (name, wrong))
    print("%d archives, %d failed" % (len(archives.TRICKS), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
