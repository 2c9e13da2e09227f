"""Layers that must be refused: layers(), and survivable()."""
import gzip
import random
import zlib

from archive import (END, directory, entry, header, many, pax)

GOOD = entry("first", b"1")
NOISE = random.Random(7).randbytes(20000)
MIB = 1 << 20


def gz(data, level=9):
    return gzip.compress(data, level, mtime=0)


def tar(*parts):
    return GOOD + b"".join(parts) + END


def raw_deflate_gzip(data, trailer):
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + z.compress(data) + z.flush() +
            trailer)


def gzip_of_zeros(mib):
    """A file of zeros that inflates 1:1030."""
    return gz(header("zeros", base256(mib * MIB))) + \
        gz(bytes(64 * MIB)) * (mib // 64) + gz(END)


def zstd_bomb():
    """A file of 1 TiB: RLE blocks of 128 KiB, four bytes each."""
    block = (1 << 17) << 3 | 1 << 1
    one = block.to_bytes(3, "little") + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x58" + one * 500000


def base256(value):
    return (value & (1 << 96) - 1 | 1 << 95).to_bytes(12, "big")


def deep(levels):
    return pax((b"path", b"/".join([b"d"] * levels)))


def layers():
    """Yields (name, layer bytes, what the message must say)."""
    whole = gz(tar(entry("data", NOISE)))
    yield "not-a-tar", NOISE, "not a tar archive"
    yield "html-instead-of-layer", b"<html>429</html>\n" * 99, \
        "not a tar archive"
    yield "gzip-of-noise", gz(NOISE), "not a tar archive"
    yield "truncated-gzip-header", whole[:5], "middle of a gzip"
    yield "truncated-gzip-first-block", whole[:200], "middle of a gzip"
    yield "truncated-gzip-data", whole[:len(whole) // 2], "middle of a gzip"
    yield "truncated-gzip-trailer", whole[:-4], "middle of a gzip"
    yield "truncated-second-gzip-member", gz(GOOD) + whole[:300], \
        "middle of a gzip"
    yield "gzip-wrong-crc", whole[:-8] + b"abcd" + whole[-4:], "damaged gzip"
    yield "gzip-wrong-length", whole[:-4] + b"abcd", "damaged gzip"
    yield "gzip-damaged-block", \
        raw_deflate_gzip(tar(), b"")[:10] + b"\xff" * 300, "damaged gzip"
    yield "gzip-unknown-method", whole[:2] + b"\x07" + whole[3:], \
        "not a tar archive"
    yield "zstd-bomb", zstd_bomb(), "1200 times|inflates"
    yield "zstd-truncated", b"\x28\xb5\x2f\xfd\x00\x58\x00\x00\x10", \
        "middle of a zstd"
    yield "zstd-damaged", b"\x28\xb5\x2f\xfd" + b"\xff" * 64, "damaged zstd"
    yield "zstd-huge-window", b"\x28\xb5\x2f\xfd\x00\xf8" + bytes(64), \
        "damaged zstd"
    yield "unknown-compression-xz", b"\xfd7zXZ\0" + NOISE, \
        "xz|not a tar archive"
    yield "unknown-compression-bzip2", b"BZh91AY&SY" + NOISE, \
        "bzip2|not a tar archive"
    yield "truncated-tar-header", GOOD + header("data", 9)[:300], "tar"
    yield "truncated-tar-content", GOOD + header("data", 9999) + b"abc", "tar"
    yield "truncated-tar-content-in-last-block", \
        GOOD + header("data", 100) + b"x" * 50, "inside its last entry"
    yield "truncated-tar-header-zeros", GOOD + header("data", 0)[:508], \
        "inside its last entry"
    yield "tar-without-end", GOOD + header("data", 1 << 20) + bytes(512), \
        "tar"
    yield "tar-bad-checksum", \
        tar(header("data", 0, checksum=b"000001\0 ")), "tar"
    yield "size-beyond-archive", tar(header("data", 1 << 30)), "tar|data"
    yield "size-negative", tar(header("data", base256(-1))), "tar|negative"
    yield "size-of-eight-exbibytes", \
        tar(header("data", base256((1 << 63) - 1))), "data|tar"
    yield "size-past-the-limit", tar(header("data", base256(1 << 36))), \
        "data|tar"
    yield "pax-size-negative", \
        tar(pax((b"size", b"-5")), entry("data")), "tar|data"
    yield "pax-length-lies", \
        tar(entry("pax", b"99 path=x\n", "x"), entry("data")), "tar|pax"
    yield "pax-truncated", GOOD + header("pax", 100, "x") + b"9 path", "tar"
    yield "pax-header-huge", \
        tar(header("pax", 1 << 29, "x"), bytes(4 * MIB)), "tar"
    yield "gnu-long-name-huge", \
        tar(header("././@LongLink", 1 << 29, "L"), b"n" * (4 * MIB)), "tar"
    yield "sparse-map-overlaps", tar(
        pax((b"GNU.sparse.major", b"0"), (b"GNU.sparse.minor", b"1"),
            (b"GNU.sparse.size", b"20"), (b"GNU.sparse.map", b"0,8,4,8")),
        entry("keep/data", bytes(16))), "keep/data"
    yield "sparse-past-its-size", tar(
        pax((b"GNU.sparse.major", b"0"), (b"GNU.sparse.minor", b"1"),
            (b"GNU.sparse.size", b"4"), (b"GNU.sparse.map", b"100,8")),
        entry("keep/data", bytes(8))), "keep/data"
    yield "name-empty", tar(entry("")), \
        "/: the root is not a directory but a file"
    yield "path-too-long", tar(deep(2500), entry("x")), "longer than 4096|4096"
    yield "component-too-long", \
        tar(pax((b"path", b"c" * 256)), entry("x")), "255"
    yield "link-target-too-long", \
        tar(pax((b"linkpath", b"t" * 5000)), entry("ln", b"", "2", "x")), \
        "ln: .*4095|ln: .*4096|ln: .*long"
    yield "symlink-to-nothing", tar(entry("ln", b"", "2", "")), \
        "ln: a symbolic link to nothing"
    yield "hard-link-to-nothing", tar(entry("ln", b"", "1", "gone")), \
        "ln: .*gone"
    yield "hard-link-to-itself", tar(entry("ln", b"", "1", "ln")), "ln: .*ln"
    yield "hard-links-in-a-loop", \
        tar(entry("a", b"", "1", "b"), entry("b", b"", "1", "a")), "[ab]: "
    yield "hard-link-to-directory", \
        tar(directory("d/"), entry("ln", b"", "1", "d")), "ln: .*d"
    yield "hard-link-to-the-root", tar(entry("ln", b"", "1", "/")), "ln: "
    yield "hard-link-to-a-hidden-file", \
        tar(entry("x/.wh.f"), entry("ln", b"", "1", "x/f")), "ln: .*x/f"
    yield "whiteout-of-no-name", tar(entry("d/.wh.")), \
        "d/.wh.: a whiteout of no name"
    yield "whiteout-of-the-parent", tar(entry("d/.wh...")), "d/.wh..."
    yield "whiteout-of-the-directory", tar(entry("d/.wh..")), "d/.wh.."
    yield "parent-is-a-file", tar(entry("first/below", b"x")), \
        "first/below: its parent is not a directory: first"
    yield "whiteout-below-a-file", tar(entry("x"), entry("x/.wh.no")), \
        "x/no: its parent is not a directory: x"
    yield "root-is-a-file", tar(entry("./", b"x")), "root|/"
    yield "device-number-too-large", tar(entry(
        "dev", kind="3", patch=[(329, b"\x80\1" + bytes(6))])), \
        "dev|large"
    yield "negative-owner", \
        tar(pax((b"uid", b"-1")), entry("mine")), "mine: "
    yield "impossible-time", tar(
        pax((b"mtime", b"-99999999999999999999")), entry("old")), "old: "
    yield "xattr-too-large", tar(
        pax((b"SCHILY.xattr.user.big", b"v" * 70000)), entry("x")), \
        "x: .*65536"
    yield "xattr-name-too-long", tar(
        pax((b"SCHILY.xattr.user." + b"n" * 300, b"v")), entry("x")), "x: "
    yield "too-many-xattrs", tar(pax(
        *((b"SCHILY.xattr.user.n%d" % i, b"v") for i in range(300))),
        entry("x")), "x: more than 256"
    yield "dpkg-status-without-colon", tar(
        entry("var/lib/dpkg/status", b"Package: a\nnonsense\n\n")), \
        "var/lib/dpkg/status:2"
    yield "dpkg-status-without-package", tar(
        entry("var/lib/dpkg/status", b"Version: 1\n\n")), \
        "var/lib/dpkg/status:1"
    yield "dpkg-status-begins-indented", tar(
        entry("var/lib/dpkg/status", b" a continued line\n")), \
        "var/lib/dpkg/status:1"
    yield "dpkg-status-with-nul", tar(
        entry("var/lib/dpkg/status", b"Package: a\0b\n\n")), \
        "var/lib/dpkg/status"
    yield "dpkg-status-too-large", gz(tar(
        entry("var/lib/dpkg/status", b"Package: a\n\n" * (2 * MIB)))), \
        "var/lib/dpkg/status: larger than 16777216"
    yield "apk-database-without-colon", tar(
        entry("lib/apk/db/installed", b"P:a\nV:1\nnonsense\n\n")), \
        "lib/apk/db/installed:3"
    yield "apk-database-without-package", tar(
        entry("lib/apk/db/installed", b"V:1\nF:usr\n\n")), \
        "lib/apk/db/installed:1"
    yield "too-many-entries", \
        b"".join([gz(many(0, 10000), 6)] * 201), "2000000"


def survivable():
    """Yields (name, layer bytes): nothing of them may reach the output."""
    whole = gz(tar(entry("data", NOISE)))
    yield "a-million-entries", \
        b"".join(gz(many(n * 10000, 10000), 1) for n in range(100))
    yield "gzip-of-2-gib-of-zeros", gzip_of_zeros(2048)
    yield "gzip-reserved-flags", whole[:3] + b"\xe0" + whole[4:]
    yield "name-with-nul", tar(pax((b"path", b"x\0bin/app")), entry("x"))
    yield "name-climbs-out", tar(entry("../../../tmp/x", b"x"))
    yield "name-absolute", tar(entry("/x", b"x"))
    yield "names-disagree", tar(
        pax((b"path", b"pax"), (b"path", b"last")),
        entry("././@LongLink", b"gnu\0", "L"), entry("bin/evil", b"x"))
    yield "archive-behind-the-archive", tar() + entry("bin/app", b"x") + END
    yield "bytes-behind-gzip", whole + gz(entry("bin/app", b"x"))[1:]
    yield "unknown-entry-type", tar(entry("x", b"x", kind="Z"))
    yield "symlinks-in-a-loop", \
        tar(entry("a", b"", "2", "b"), entry("b", b"", "2", "a"))
    yield "deep-path", tar(deep(2000), entry("x"))
    yield "xattr-without-name", \
        tar(pax((b"SCHILY.xattr.", b"v")), entry("x"))
    yield "opaque-marker-behind-its-entries", \
        tar(directory("x/"), entry("x/y"), entry("x/.wh..wh..opq"))
