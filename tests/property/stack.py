"""Random stacks of layers, and what they merge to.

Everything odd that a real client accepts, and that clients agree about: umoci
unpacks into one directory, docker and containerd into an overlay.  Where
these differ (a parent that is a lower layer's link, for instance) no stack
goes.
"""
import random
from dataclasses import replace

import odd_tar
from model import Node, Tree, below, join, parent
from odd_tar import (CHAR, DEVICE, DIRECTORY, FIFO, FILE, HARD, SYMLINK,
                     Member)

NAMES = [b"a", b"b", b"cc", b"lib", b"usr", b"x.so.1", b"data.txt", b"sp ace",
         b"caf\xc3\xa9", b"cafe\xcc\x81", b"\xff\xfe", b"-dash", b"st*r",
         b"[x]", b"tab\t", b"nl\nx", b"back\\s", b".hidden", b"._mac",
         b"n" * 101, b"m" * 200, b"\xe9" * 90]
MODES = [0o644, 0o600, 0o755, 0, 0o4755, 0o2755, 0o6711, 0o444, 0o777]
DIR_MODES = [0o755, 0o700, 0, 0o1777, 0o2775, 0o711, 0o555]
IDS = [0, 1, 1000, 65534, 0o7777777, 0o10000000, 2 ** 31 + 5]
SECOND = 10 ** 9
TIMES = [0, 1, 1600000000 * SECOND, 1600000000 * SECOND + 123456789,
         1600000000 * SECOND + 500000000, 2 ** 33 * SECOND,
         -1250000000, -5 * SECOND]
DIALECTS = ["v7", "ustar", "gnu", "pax", "pax"]
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")
ENCODINGS = ["gzip", "gzip", "members", "zstd", "frames", "plain",
             "mislabelled"]


class LayerMaker:
    """One layer over a tree; the tree becomes the merged one."""

    def __init__(self, rng, tree, overlay=False):
        self.rng, self.tree = rng, tree
        self.overlay = overlay  # what containerd accepts only
        self.first, self.members, self.last = [], [], []
        self.upper = set()  # paths that this layer has entries for
        self.links = set()  # of them, symbolic links
        self.banned = set()  # paths whose whiteout may come late
        self.pinned = set()  # directories that such a marker needs
        self.late = False  # a marker may come behind entries
        self.hidden = set()  # what its whiteouts delete
        self.emptied = set()  # directories that such a marker empties

    def make(self):
        self.hide()
        for _ in range(self.rng.choice([0, 2, 5, 8, 14, 25])):
            self.rng.choices(
                [self.file, self.directory, self.symlink, self.hard_link,
                 self.special, self.substitute, self.through_link],
                [8, 4, 4, 4, 1, 2, 1])[0]()
        return self.pack()

    # Whiteouts

    def hide(self):
        """Deletions: chosen first, since they hide lower layers only."""
        rng, tree = self.rng, self.tree
        old = [p for p in tree.nodes if p]
        for path in rng.sample(old, min(len(old), rng.choice([0, 0, 1, 3]))):
            if path not in tree.nodes or any(
                    below(m.name, path) for m in self.first + self.last):
                continue
            if self.overlay and self.implies_blocked(path):
                continue
            self.hidden.add(path)
            self.marker(join(parent(path), b".wh." + path.split(b"/")[-1]),
                        path)
            tree.remove(path)
        dirs = [p for p in tree.nodes if p and tree.is_dir(p)]
        for path in rng.sample(dirs, min(len(dirs), rng.choice([0, 0, 1]))):
            # Clients disagree about markers in what is deleted.
            if self.overlay and (self.implies_blocked(path + b"/x") or
                                 path in map(parent, self.hidden)):
                continue  # Overlays list whiteouts in opaque directories.
            if path in tree.nodes and not any(
                    below(parent(m.name), path) and parent(m.name) != path
                    for m in self.first + self.last):
                self.marker(join(path, b".wh..wh..opq"), None)
                if self.last and self.last[-1].name[:-13] == path:
                    # umoci restores the times of this layer's directories
                    # when it meets them, and empties them afterwards.
                    self.emptied.update(p for p in tree.nodes if p != path and
                                        below(p, path) and tree.is_dir(p))
                tree.clear(path)

    def marker(self, name, hidden):
        self.tree.touched.add(parent(name))
        # containerd also sets the times of the directories of markers.
        if self.overlay:
            self.pinned.add(parent(name))
        member = Member(name, mtime_ns=1600000000 * SECOND)
        # The name alone makes it one; some builders linked them all.
        if self.rng.random() < 0.15:
            member.type = self.rng.choice([HARD, SYMLINK, FIFO])
            if member.type != FIFO:
                member.target = b".wh..wh.aufs"
        if self.rng.random() < 0.5:
            self.first.append(member)
            return
        self.late = True
        self.last.append(member)
        self.pinned.add(parent(name))
        if hidden is not None:
            self.banned.add(hidden)

    def implies_blocked(self, path):
        """containerd takes the attributes of a directory without a header
        from lower layers, and fails where one has no directory."""
        while path := parent(path):
            if not (path in self.upper and self.tree.is_dir(path)) and any(
                    below(path, b) for b in self.tree.blocked):
                return True
        return False

    # Where entries go

    def new_path(self):
        """A path that every client unpacks to the same place, or None."""
        rng = self.rng
        dirs = [p for p in self.tree.nodes if self.tree.is_dir(p)]
        path = join(rng.choice(dirs), rng.choice(NAMES))
        if rng.random() < 0.25:
            path = join(path, rng.choice(NAMES))
        if rng.random() < 0.04:
            path = join(*[rng.choice(NAMES) for _ in range(12)])
        return path if self.is_usable(path) else None

    def is_usable(self, path):
        if path is None or len(path) > 1500:
            return False
        if any(below(path, b) or below(b, path) for b in self.banned):
            return False
        if any(below(p, path) for p in self.pinned):
            return False
        # A directory that containerd makes in the place of its own whiteout
        # is not opaque: what the layer deleted is there again.
        if self.overlay and (self.implies_blocked(path) or any(
                below(path, h) for h in self.hidden)):
            return False
        # containerd sets times of directories that were replaced since.
        if self.overlay and any(
                below(p, path) and (p != path or self.tree.is_dir(p))
                for p in self.upper):
            return False
        at = parent(path)
        while at not in self.tree.nodes:
            at = parent(at)
        return self.tree.is_dir(at)

    def add(self, path, member, node=None, name=None):
        missing = self.tree.missing_parents(path)
        if missing and (self.late or self.rng.random() < 0.5 or
                        self.inherits(parent(missing[0]))):
            for each in missing:
                self.add(each, self.attributes(DIRECTORY))
        member.name = path if name is None else name
        self.tree.put(path, node or Node(member))
        if path in self.emptied and self.tree.is_dir(path):
            self.tree.touched.add(path)
        self.upper.add(path)
        self.links.discard(path)
        if member.type == SYMLINK:
            self.links.add(path)
        self.members.append(member)

    def inherits(self, path):
        """True where mkdir(2) takes the group from the directory."""
        member = self.tree.nodes[path].member
        return member is not None and member.mode & 0o2000

    def attributes(self, type, **more):
        rng = self.rng
        modes = DIR_MODES if type == DIRECTORY else MODES
        m = Member(b"", type, rng.choice(modes), rng.choice(IDS),
                   rng.choice(IDS), rng.choice(TIMES), **more)
        if type in (FILE, DIRECTORY) and rng.random() < 0.15:
            m.xattrs[b"user.note"] = rng.choice(
                [b"hello", b"a=b\nc", b"\x00\xff", b"v" * 300])
        if type == FILE and rng.random() < 0.1:
            m.xattrs[b"security.capability"] = CAPABILITY
        return m

    # Kinds of entries

    def content(self):
        rng = self.rng
        size = rng.choice([0, 1, 10, 511, 512, 513, 3000, 70000])
        text = rng.choice([b"#!/bin/sh\n", b"", b"\x7fELF", b"text "])
        return (text + rng.randbytes(64) * (size // 64 + 1))[:size]

    def sparse(self, member):
        """Makes holes in the content: some, none, all, many, at the end."""
        rng = self.rng
        count = rng.choice([0, 1, 3, 30])
        data, holes = bytearray(rng.randbytes(512 * (2 * count + 1))), []
        for i in range(count):
            holes.append((512 * (2 * i + rng.choice([0, 1])), 512))
        holes = [h for i, h in enumerate(holes)
                 if i == 0 or h[0] >= holes[i - 1][0] + 512]
        if rng.random() < 0.5:
            holes.append((len(data), 5000))
            data += bytes(5000)
        for offset, length in holes:
            data[offset:offset + length] = bytes(length)
        member.data, member.holes = bytes(data), holes
        member.sparse = rng.choice(["0.0", "0.1", "1.0"])

    def file(self, path=None):
        path = path or self.new_path()
        if path is None:
            return
        member = self.attributes(FILE, data=self.content())
        if self.rng.random() < 0.12:
            self.sparse(member)
        self.add(path, member)

    def directory(self, path=None):
        path = path or self.new_path()
        if path is not None:
            self.add(path, self.attributes(DIRECTORY))

    def symlink(self):
        rng, path = self.rng, self.new_path()
        if path is None:
            return
        target = rng.choice([p for p in self.tree.nodes if p] + [b"nowhere"])
        form = rng.random()
        if form < 0.4:
            target = b"/" + target
        elif form < 0.8:
            target = b"../" * path.count(b"/") + target
        elif form < 0.9:
            target = rng.choice([b".", b"..", b"../..", b"/", b"nowhere/x",
                                 target + b"/", target.split(b"/")[-1]])
        self.add(path, self.attributes(SYMLINK, target=target))

    def hard_link(self):
        rng, path = self.rng, self.new_path()
        files = [p for p, n in self.tree.nodes.items() if n.type != DIRECTORY]
        near = [p for p in files if p in self.upper]
        if self.overlay:
            files = near
        if path is None or not files:
            return
        target = rng.choice(near if near and rng.random() < 0.7 else files)
        if below(target, path) or below(path, target):
            return
        node = self.tree.nodes[target]
        if len(self.tree.missing_parents(path)) and below(path, target):
            return
        first = node.member
        # The header repeats the file's, as those of real archives do.
        member = Member(b"", HARD, first.mode, first.uid, first.gid,
                        first.mtime_ns, target=self.dressed(target),
                        xattrs=first.xattrs)
        self.add(path, member, node)

    def special(self):
        path = self.new_path()
        if path is None:
            return
        type = self.rng.choice([CHAR, DEVICE, FIFO])
        device = (0, 0) if type == FIFO else (self.rng.choice([1, 8, 259]),
                                              self.rng.choice([3, 255, 300]))
        self.add(path, self.attributes(type, device=device))

    def substitute(self):
        """Something else in the place of what is there."""
        paths = [p for p in self.tree.nodes if p and self.is_usable(p)]
        if paths:
            path = self.rng.choice(paths)
            self.rng.choice([self.file, self.directory])(path)

    def through_link(self):
        """A name that goes through a link of this very layer."""
        for link in sorted(self.links):
            node = self.tree.nodes.get(link)
            if node is None or node.type != SYMLINK:
                continue
            at, way = self.tree.resolve_from(parent(link), node.target)
            plain = all(self.tree.is_dir(p) for p in way)
            name = self.rng.choice(NAMES)
            if at and plain and self.is_usable(join(at, name)):
                self.add(join(at, name), self.attributes(
                    FILE, data=self.content()), name=join(link, name))
                return

    # Bytes

    def dressed(self, name):
        rng = self.rng
        return rng.choices(
            [name, b"./" + name, b"/" + name, b"../" + name,
             b"zz/../" + name, name.replace(b"/", b"//"),
             name.replace(b"/", b"/./")], [8, 6, 2, 1, 1, 1, 1])[0]

    def entry(self, member, dialect):
        """(the member's bytes, the same as umoci can read them)."""
        rng = self.rng
        name = self.dressed(member.name)
        if member.type == DIRECTORY and rng.random() < 0.8:
            name += b"/"
        member = replace(member, name=name)
        raw = odd_tar.write(member, dialect, rng.random() < 0.3)
        if raw[156:157] != b"S" and b"\0ustar  \0" not in raw:
            return raw, raw
        return raw, odd_tar.write(replace(member, holes=None), dialect)

    def note_directories(self, order):
        """Which directories an overlay makes anew without a header."""
        free = self.tree.overlay_free
        made = {p for p in self.upper if self.tree.is_dir(p)}
        free -= made
        self.tree.blocked |= self.upper - made | self.hidden
        for path in list(self.upper) + [m.name for m in order if m]:
            while path:
                path = parent(path)
                if path not in made:
                    free.add(path)

    def pack(self):
        rng = self.rng
        dialect = rng.choice(DIALECTS + ["mixed"])
        order = self.first + self.members
        for member in self.last:
            at = rng.choice([len(order), rng.randint(0, len(order))])
            order.insert(at, member)
        if rng.random() < 0.4:
            order.insert(0, None)
        odd = plain = b""
        if rng.random() < 0.1:
            odd = odd_tar.extended([(b"comment", b"global"),
                                    (b"mtime", b"7")], b"g")
        for member in order:
            which = rng.choice(DIALECTS) if dialect == "mixed" else dialect
            if member is None:
                raw = odd_tar.header(b"./", DIRECTORY, mode=0o755,
                                     mtime=1600000000)
                odd, plain = odd + raw, plain + raw
            else:
                raw, readable = self.entry(member, which)
                odd, plain = odd + raw, plain + readable
        self.note_directories(order)
        end = rng.choice(
            [odd_tar.END_OF_ARCHIVE, odd_tar.END_OF_ARCHIVE,
             odd_tar.END_OF_ARCHIVE.ljust(10240, b"\0"),
             odd_tar.END_OF_ARCHIVE + rng.randbytes(700)])
        return odd + end, plain + end


def make(rng, overlay=False):
    """The layers as [(tar, encoding)], as umoci can read them, and merged."""
    tree, layers, readable = Tree(), [], []
    for _ in range(rng.randint(1, 6)):
        odd, plain = LayerMaker(rng, tree, overlay).make()
        layers.append((odd, rng.choice(ENCODINGS)))
        readable.append((plain, "gzip"))
    return layers, readable, tree


# Policies

def escaped(name):
    """The name as a pattern; what YAML cannot hold becomes `?`."""
    out = b""
    for i in range(len(name)):
        c = name[i:i + 1]
        if not 32 <= c[0] < 127:
            out += b"?"
        else:
            out += b"\\" + c if c in b"*?[]{}\\," else c
    return out


def blurred(rng, name):
    """A pattern for one component."""
    form = rng.random()
    if form < 0.55:
        return escaped(name)
    if form < 0.7:
        return b"*"
    if form < 0.8:
        return escaped(name[:1]) + b"*"
    if form < 0.87:
        return b"?" * len(name)
    if form < 0.93 and name[:1].isalpha():
        return rng.choice([b"[%b]", b"[!%b]"]) % name[:1] + b"*"
    return b"{%b,%b}" % (escaped(name), escaped(rng.choice(NAMES)))


def pattern(rng, tree):
    path = rng.choice([p for p in tree.nodes if p] or [b"none"])
    links = [p for p, n in tree.nodes.items() if n.type == SYMLINK]
    if links and rng.random() < 0.25:
        path = join(rng.choice(links), rng.choice(NAMES))
        at = tree.resolve(parent(path))[0]
        inside = [p[len(at) + 1 if at else 0:] for p in tree.nodes
                  if at is not None and below(p, at) and p != at]
        if inside:
            path = join(parent(path), rng.choice(inside))
    parts = path.split(b"/")
    exact = rng.randint(0, len(parts))
    parts = [escaped(p) if i < exact else blurred(rng, p)
             for i, p in enumerate(parts)]
    if rng.random() < 0.3:
        parts[rng.randint(0, len(parts) - 1):] = [b"**"]
    elif rng.random() < 0.1 and len(parts) > 1:
        parts[rng.randint(0, len(parts) - 2)] = b"**"
    return b"/" + b"/".join(parts)


def policy(rng, tree):
    """(keep, drop): lists of patterns."""
    keep = [pattern(rng, tree) for _ in range(rng.randint(1, 6))]
    drop = [pattern(rng, tree) for _ in range(rng.choice([0, 0, 1, 2]))]
    return keep, drop


def generator(seed):
    return random.Random(seed)
