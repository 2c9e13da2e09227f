"""Archives that two readers would read differently.

Each function is one archive, named after its trick.  `keep/` is what the
policy lists, `secret` what it does not.
"""
from odd_tar import (BLOCK, DIRECTORY, END_OF_ARCHIVE, FILE, HARD, SYMLINK,
                     base256, extended, header, padded, record)

SECRET = b"SECRET\n"
# What a reader sees that takes contents for headers.
INNER = header(b"keep/smuggled", size=len(SECRET)) + padded(SECRET)


def plain(name, data=SECRET, **more):
    return header(name, size=len(data), **more) + padded(data)


def patched(block, at, text):
    """The header with other bytes at an offset, its checksum made anew."""
    block = block[:at] + text + block[at + len(text):]
    block = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def pax_path_against_name():
    return extended([(b"path", b"secret")]) + plain(b"keep/name")


def name_against_pax_path():
    return extended([(b"path", b"keep/pax")]) + plain(b"secret")


def two_pax_paths():
    return extended([(b"path", b"keep/one"), (b"path", b"secret")]) + \
        plain(b"x")


def two_extended_headers():
    return extended([(b"path", b"keep/one")]) + \
        extended([(b"path", b"secret")]) + plain(b"x")


def empty_pax_path():
    return extended([(b"path", b"")]) + plain(b"keep/name")


def nul_in_pax_path():
    return extended([(b"path", b"keep/nul\0/../../secret")]) + plain(b"x")


def newline_in_pax_path():
    return extended([(b"path", b"secret\n20 path=keep/line")]) + plain(b"x")


def nul_in_name():
    return plain(b"keep/nul\0secret")


def pax_size_smaller():
    return extended([(b"size", b"0")]) + header(
        b"keep/size", size=len(INNER)) + INNER


def pax_size_larger():
    return extended([(b"size", b"%d" % len(INNER))]) + header(
        b"keep/size", size=0) + INNER


def two_pax_sizes():
    return extended([(b"size", b"0"), (b"size", b"%d" % len(INNER))]) + \
        header(b"keep/size", size=len(INNER)) + INNER


def negative_size():
    return patched(header(b"keep/negative"), 124, base256(-512, 12)) + INNER


def negative_pax_size():
    return extended([(b"size", b"-512")]) + header(b"keep/negative") + INNER


def huge_size():
    return patched(header(b"keep/huge"), 124, base256(2 ** 62, 12)) + INNER


def sparse_name_against_path():
    data = padded(b"1\n0\n7\n") + SECRET
    return extended([(b"path", b"keep/path"), (b"GNU.sparse.major", b"1"),
                     (b"GNU.sparse.minor", b"0"),
                     (b"GNU.sparse.name", b"secret"),
                     (b"GNU.sparse.realsize", b"7")]) + plain(b"x", data)


def sparse_name_alone():
    return extended([(b"GNU.sparse.name", b"secret")]) + plain(b"keep/name")


def sparse_map_beyond_data():
    data = padded(b"1\n0\n99999\n") + SECRET
    return extended([(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"),
                     (b"GNU.sparse.name", b"keep/sparse"),
                     (b"GNU.sparse.realsize", b"99999")]) + plain(b"x", data)


def sparse_parts_overlap():
    data = padded(b"2\n0\n7\n3\n7\n") + SECRET * 2
    return extended([(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"),
                     (b"GNU.sparse.name", b"keep/sparse"),
                     (b"GNU.sparse.realsize", b"10")]) + plain(b"x", data)


def archive_ends_twice():
    return END_OF_ARCHIVE + plain(b"keep/behind") + plain(b"secret")


def one_zero_block():
    return bytes(BLOCK) + plain(b"keep/behind") + plain(b"secret")


def hdrcharset():
    return extended([(b"hdrcharset", b"ISO-IR 10646 2000 UTF-8"),
                     (b"path", b"keep/\xff")]) + plain(b"secret")


def hdrcharset_binary():
    return extended([(b"hdrcharset", b"BINARY"),
                     (b"path", b"keep/\xff")]) + plain(b"secret")


def global_path():
    return extended([(b"path", b"keep/global")], b"g") + plain(b"secret")


def global_size():
    return extended([(b"size", b"0")], b"g") + header(
        b"keep/size", size=len(INNER)) + INNER


def hard_link_with_size():
    return header(b"keep/hard", HARD, len(INNER), target=b"keep/good") + INNER


def hard_link_with_pax_size():
    return extended([(b"size", b"%d" % len(INNER))]) + header(
        b"keep/hard", HARD, 0, target=b"keep/good") + INNER


def directory_with_size():
    return header(b"keep/dir/", DIRECTORY, len(INNER)) + INNER


def symlink_with_size():
    return header(b"keep/sym", SYMLINK, len(INNER), target=b"good") + INNER


def long_name_against_pax_path():
    return header(b"././@LongLink", b"L", 7, dialect="gnu") + \
        padded(b"secret\0") + extended([(b"path", b"keep/pax")]) + plain(b"x")


def long_name_with_nul():
    return header(b"././@LongLink", b"L", 17, dialect="gnu") + \
        padded(b"keep/long\0secret\0") + plain(b"x", dialect="gnu")


def prefix_in_gnu_header():
    return header(b"x", size=7, dialect="gnu",
                  tail=b"keep".ljust(155, b"\0")) + padded(SECRET)


def file_with_slash():
    return header(b"keep/slash/", FILE, len(INNER)) + INNER


def old_file_with_slash():
    return header(b"keep/slash/", b"\0", len(INNER), dialect="v7") + INNER


def unknown_type_with_data():
    return header(b"keep/unknown", b"Q", len(INNER)) + INNER


def contiguous_file():
    return plain(b"keep/contiguous", type=b"7")


def dots():
    return plain(b"keep/../secret") + plain(b"secret/../keep/dots")


def record_with_wrong_length():
    data = b"99 path=keep/wrong\n" + record(b"path", b"secret")
    return header(b"x", b"x", len(data)) + padded(data) + plain(b"keep/x")


def record_without_newline():
    data = record(b"path", b"keep/line")[:-1] + b"Z"
    return header(b"x", b"x", len(data)) + padded(data) + plain(b"secret")


def xattr_with_equals_sign():
    return extended([(b"LIBARCHIVE.xattr.a%3Db", b"eA==")]) + \
        plain(b"keep/xattr")


def mac_metadata():
    return plain(b"keep/._mac", INNER) + plain(b"keep/mac")


TRICKS = {name: make for name, make in list(globals().items())
          if callable(make) and getattr(make, "__module__", "") == __name__
          and name not in ("plain", "patched")}
