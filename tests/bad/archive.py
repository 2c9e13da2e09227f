"""Tar archives, honest or not, written byte by byte; and ELF files."""
import struct

BLOCK = 512
END = bytes(2 * BLOCK)


def header(name, size=0, kind="0", link="", mode="0000644", **more):
    """A ustar header; `more` overrides fields by raw bytes."""
    def field(text, width):
        raw = text if isinstance(text, bytes) else text.encode()
        return raw[:width].ljust(width, b"\0")

    size = size if isinstance(size, bytes) else f"{size:011o}\0".encode()
    raw = bytearray(
        field(name, 100) + field(mode, 8) + field("0000000", 8) +
        field("0000000", 8) + field(size, 12) +
        field(more.get("mtime", b"00000000000\0"), 12) + b" " * 8 +
        field(kind, 1) + field(link, 100) + b"ustar\00000" + bytes(64) +
        field("0000000", 8) + field("0000000", 8) + bytes(155 + 12))
    for offset, value in more.get("patch", ()):
        raw[offset:offset + len(value)] = value
    raw[148:156] = more.get("checksum", f"{sum(raw):06o}\0 ".encode())
    return bytes(raw)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def entry(name, data=b"", kind="0", link="", **more):
    return header(name, len(data), kind, link, **more) + padded(data)


def directory(name):
    return entry(name, kind="5", mode="0000755")


def pax(*records, kind="x"):
    """A pax header with records (key, value), both bytes."""
    data = b""
    for key, value in records:
        rest = b" " + key + b"=" + value + b"\n"
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length = len(str(length)) + len(rest)
        data += str(length).encode() + rest
    return entry("pax", data, kind)


def many(first, count):
    """Entries e<number> without contents, much faster than entry()."""
    base = bytearray(header("e0000000"))
    digits = 7 * ord("0")
    total = int(base[148:154], 8) - digits
    out = bytearray()
    for number in range(first, first + count):
        name = b"%07d" % number
        base[1:8] = name
        base[148:154] = b"%06o" % (total + sum(name))
        out += base
    return bytes(out)


def elf(bits=64, order="<", segments=(), phoff=None, phnum=None,
        phentsize=None, kind=3, tail=b""):
    """A header and program headers (type, offset, vaddr, size), then tail."""
    wide = bits == 64
    size = 64 if wide else 52
    each = 56 if wide else 32
    word = "Q" if wide else "I"
    out = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1])
    out = out.ljust(16, b"\0") + struct.pack(
        order + "HHI" + word * 3 + "IHHHHHH", kind, 62 if wide else 3, 1, 0,
        size if phoff is None else phoff, 0, 0, size,
        each if phentsize is None else phentsize,
        len(segments) if phnum is None else phnum, 0, 0, 0)
    for what, offset, vaddr, length in segments:
        if wide:
            out += struct.pack(order + "IIQQQQQQ", what, 4, offset, vaddr,
                               vaddr, length, length, 1)
        else:
            out += struct.pack(order + "8I", what, offset, vaddr, vaddr,
                               length, length, 4, 1)
    return out + tail


def dynamic(*pairs, order="<", word="Q"):
    """The body of PT_DYNAMIC with its end."""
    return b"".join(struct.pack(order + word * 2, tag, value)
                    for tag, value in (*pairs, (0, 0)))
