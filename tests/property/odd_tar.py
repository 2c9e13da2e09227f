"""Raw tar bytes: every dialect and oddity, each header written by hand.

Names, targets and contents are bytes.  tarfile could not write half of this,
and would be one more opinion about the format.
"""
from dataclasses import dataclass, field

BLOCK = 512
FILE, HARD, SYMLINK, CHAR, DEVICE, DIRECTORY, FIFO = (
    b"0", b"1", b"2", b"3", b"4", b"5", b"6")
OCTAL_ID = 0o7777777
OCTAL_TIME = 0o77777777777
END_OF_ARCHIVE = bytes(2 * BLOCK)


@dataclass
class Member:
    """What one entry means, whatever dialect says it."""
    name: bytes
    type: bytes = FILE
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    data: bytes = b""
    target: bytes = b""
    device: tuple = (0, 0)
    xattrs: dict = field(default_factory=dict)
    holes: list = None  # [(offset, length)] of the data that are not written
    sparse: str = "1.0"  # which of GNU's pax forms says so
    records: list = field(default_factory=list)  # more pax records


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def base256(value, width):
    raw = value.to_bytes(width, "big", signed=True)
    return bytes([raw[0] | 0x80]) + raw[1:]


def number(value, width, gnu):
    """Octal where it fits; else base 256, which GNU tar invented."""
    if 0 <= value < 8 ** (width - 1):
        return octal(value, width)
    if not gnu:
        raise ValueError("number does not fit")
    return base256(value, width)


def header(name, type=FILE, size=0, mode=0o644, uid=0, gid=0, mtime=0,
           target=b"", device=(0, 0), dialect="ustar", tail=b""):
    """One header block; `tail` is what stands behind the device numbers."""
    gnu = dialect == "gnu"
    block = name[:100].ljust(100, b"\0")
    block += number(mode, 8, gnu) + number(uid, 8, gnu) + number(gid, 8, gnu)
    block += number(size, 12, gnu) + number(mtime, 12, gnu)
    block += b" " * 8 + type + target[:100].ljust(100, b"\0")
    if dialect != "v7":
        block += b"ustar  \0" if gnu else b"ustar\00000"
        block += b"someone".ljust(32, b"\0") + b"somegroup".ljust(32, b"\0")
        block += number(device[0], 8, gnu) + number(device[1], 8, gnu) + tail
    block = block.ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def record(key, value):
    """A pax record; its length counts its own digits."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length = len(b"%d" % length) + len(rest)
    return b"%d" % length + rest


def extended(records, type=b"x", name=b"./PaxHeaders/x"):
    data = b"".join(record(k, v) for k, v in records)
    return header(name, type, len(data)) + padded(data)


def decimal(ns):
    """Nanoseconds as pax writes seconds."""
    sign, ns = (b"-", -ns) if ns < 0 else (b"", ns)
    text = b"%d.%09d" % (ns // 10 ** 9, ns % 10 ** 9)
    return sign + text.rstrip(b"0").rstrip(b".")


def split_ustar(name):
    """(prefix, name) where ustar can hold the name, else None."""
    if len(name) <= 100:
        return b"", name
    for at in range(min(len(name) - 2, 155), 0, -1):
        if name[at:at + 1] == b"/" and len(name) - at - 1 <= 100:
            return name[:at], name[at + 1:]
    return None


def segments(data, holes):
    """[(offset, length)] of what lies between the holes."""
    found, at = [], 0
    for offset, length in holes:
        if offset > at:
            found.append((at, offset - at))
        at = offset + length
    if at < len(data) or not found:
        found.append((at, len(data) - at))
    return found


def is_plain_time(m):
    return m.mtime_ns % 10 ** 9 == 0 and \
        0 <= m.mtime_ns // 10 ** 9 <= OCTAL_TIME


def fits_plain(m, dialect):
    """Whether a single v7 or ustar header says all of the member."""
    if m.xattrs or m.holes is not None or m.records:
        return False
    if max(m.uid, m.gid) > OCTAL_ID or len(m.target) > 100:
        return False
    if not is_plain_time(m):
        return False
    if dialect == "v7":
        return len(m.name) < 100 and m.type in (FILE, HARD, SYMLINK,
                                                DIRECTORY)
    return split_ustar(m.name) is not None


def common(m):
    return {"type": m.type, "mode": m.mode, "target": m.target,
            "device": m.device}


def write_plain(m, dialect):
    prefix, name = split_ustar(m.name)
    fields = common(m)
    if dialect == "v7" and m.type == DIRECTORY:
        fields["type"], name = b"\0", name.rstrip(b"/") + b"/"
    return header(name, size=len(m.data), uid=m.uid, gid=m.gid,
                  mtime=m.mtime_ns // 10 ** 9, dialect=dialect,
                  tail=prefix.ljust(155, b"\0"), **fields) + padded(m.data)


def write_gnu(m):
    """GNU: long names in members of their own, numbers in base 256."""
    out = b""
    for type, text in ((b"L", m.name), (b"K", m.target)):
        if len(text) > 100:
            out += header(b"././@LongLink", type, len(text) + 1,
                          dialect="gnu") + padded(text + b"\0")
    fields, data, tail, more = common(m), m.data, b"", b""
    if m.holes is not None:
        parts = segments(m.data, m.holes)
        data = b"".join(m.data[o:o + n] for o, n in parts)
        table = [octal(o, 12) + octal(n, 12) for o, n in parts]
        tail = bytes(41) + b"".join(table[:4]).ljust(96, b"\0")
        tail += (b"\1" if table[4:] else b"\0") + octal(len(m.data), 12)
        for at in range(4, len(table), 21):
            more += b"".join(table[at:at + 21]).ljust(504, b"\0")
            more += (b"\1" if table[at + 21:] else b"\0") + bytes(7)
        fields["type"] = b"S"
    return out + header(m.name, size=len(data), uid=m.uid, gid=m.gid,
                        mtime=m.mtime_ns // 10 ** 9, dialect="gnu", tail=tail,
                        **fields) + more + padded(data)


def pax_records(m, needless):
    """Records for what ustar cannot say, or with `needless` for all."""
    found = [(b"comment", b"odd")] if needless else []
    if needless or len(m.name) > 100:
        found.append((b"path", m.name))
    if m.target and (needless or len(m.target) > 100):
        found.append((b"linkpath", m.target))
    for key, value in ((b"uid", m.uid), (b"gid", m.gid)):
        if needless or value > OCTAL_ID:
            found.append((key, b"%d" % value))
    if needless or not is_plain_time(m):
        found.append((b"mtime", decimal(m.mtime_ns)))
    found += [(b"SCHILY.xattr." + k, v) for k, v in m.xattrs.items()]
    return found + m.records


def sparse_records(m, parts):
    """How GNU tar's three pax forms say where the parts belong."""
    size = b"%d" % len(m.data)
    if m.sparse == "0.0":
        records = [(b"GNU.sparse.size", size),
                   (b"GNU.sparse.numblocks", b"%d" % len(parts))]
        for offset, length in parts:
            records += [(b"GNU.sparse.offset", b"%d" % offset),
                        (b"GNU.sparse.numbytes", b"%d" % length)]
        return records
    if m.sparse == "0.1":
        return [(b"GNU.sparse.name", m.name), (b"GNU.sparse.size", size),
                (b"GNU.sparse.numblocks", b"%d" % len(parts)),
                (b"GNU.sparse.map",
                 b",".join(b"%d,%d" % part for part in parts))]
    return [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.name", m.name), (b"GNU.sparse.realsize", size)]


def write_pax(m, needless=False):
    records, data, name = pax_records(m, needless), m.data, m.name
    if m.holes is not None:
        parts = segments(m.data, m.holes)
        data = b"".join(m.data[o:o + n] for o, n in parts)
        if m.sparse == "1.0":
            table = b"%d\n" % len(parts)
            table += b"".join(b"%d\n%d\n" % part for part in parts)
            data = padded(table) + data
        if m.sparse != "0.0":
            records = [r for r in records if r[0] != b"path"]
            name = b"GNUSparseFile.0/x"
        records += sparse_records(m, parts)
    if needless:
        records.append((b"size", b"%d" % len(data)))
    seconds = m.mtime_ns // 10 ** 9
    return extended(records) + header(
        name, size=len(data), uid=m.uid if m.uid <= OCTAL_ID else 0,
        gid=m.gid if m.gid <= OCTAL_ID else 0, mtime=seconds if 0 <= seconds <= OCTAL_TIME else 0,
        **common(m)) + padded(data)


def write(m, dialect, needless=False):
    """The member in the dialect, or in pax where that cannot say it."""
    if dialect in ("v7", "ustar") and fits_plain(m, dialect):
        return write_plain(m, dialect)
    if dialect == "gnu" and not m.xattrs and not m.records and \
            m.mtime_ns % 10 ** 9 == 0:
        return write_gnu(m)
    return write_pax(m, needless)
