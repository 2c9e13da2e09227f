#!/usr/bin/env python3
"""compare.py [OPTION...] SOURCE VARIANT

Two directories that one client unpacked: SOURCE the original image, VARIANT
what winnow made of it.  Exits 0 when VARIANT equals SOURCE restricted to the
paths VARIANT has, entry by entry: type, mode, owner, time to the nanosecond,
size, link target, device number, extended attributes, content, and which
names are hard links of one file.  Else prints each difference and exits 1.

  --expect FILE     every path in FILE (one a line) must be in VARIANT
  --rewritten GLOB  contents of these paths may differ (package databases);
                    repeatable
  --list            prints the entries of SOURCE only (one argument)
"""
import argparse
import fnmatch
import hashlib
import os
import stat
import sys

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory",
         stat.S_IFLNK: "symlink", stat.S_IFCHR: "char", stat.S_IFBLK: "block",
         stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}
# What a rewritten file may have of its own.
CONTENT = {"size", "sha256", "mtime"}


def digest(path):
    value = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            value.update(block)
    return value.hexdigest()


def xattrs(path):
    names = [n for n in os.listxattr(path, follow_symlinks=False)
             if not n.startswith("trusted.overlay.")]
    return {n: os.getxattr(path, n, follow_symlinks=False).hex()
            for n in sorted(names)}


class Entry:
    """One path: its properties, and its inode for hard-link groups."""

    def __init__(self, root, name):
        self.path = os.path.join(root, name)
        self.info = os.lstat(self.path)
        self.type = TYPES[stat.S_IFMT(self.info.st_mode)]

    def inode(self):
        return self.info.st_dev, self.info.st_ino

    def properties(self):
        info = self.info
        found = {"type": self.type, "uid": info.st_uid, "gid": info.st_gid,
                 "mode": "%04o" % stat.S_IMODE(info.st_mode),
                 "mtime": info.st_mtime_ns, "xattrs": xattrs(self.path)}
        if self.type == "file":
            found["size"] = info.st_size
            found["sha256"] = digest(self.path)
        elif self.type == "symlink":
            found["target"] = os.readlink(self.path)
        elif self.type in ("char", "block"):
            found["device"] = (os.major(info.st_rdev), os.minor(info.st_rdev))
        return found


def entries(root):
    """Every entry below root by name, as bytes: names need not be UTF-8."""
    root = os.fsencode(root)
    found = {}
    for directory, names, files in os.walk(root):
        for name in names + files:
            path = os.path.relpath(os.path.join(directory, name), root)
            found[path] = Entry(root, path)
    return found


def shown(name):
    return "/" + name.decode("utf-8", "backslashreplace")


def link_groups(tree, names):
    """Which of the names share a file: name -> the set it belongs to."""
    groups = {}
    for name in names:
        if tree[name].type != "directory":
            groups.setdefault(tree[name].inode(), set()).add(name)
    return {n: frozenset(g) for g in groups.values() for n in g}


def differences(source, variant, rewritten):
    common = sorted(set(variant) & set(source))
    for name in sorted(set(variant) - set(source)):
        yield "%s: not in the source" % shown(name)
    for name in common:
        theirs = source[name].properties()
        ours = variant[name].properties()
        for key in sorted(set(theirs) | set(ours)):
            if key in CONTENT and name in rewritten:
                continue
            if theirs.get(key) != ours.get(key):
                yield "%s: %s is %s, source has %s" % (
                    shown(name), key, ours.get(key), theirs.get(key))
    theirs, ours = link_groups(source, common), link_groups(variant, common)
    for name in common:
        if theirs.get(name) != ours.get(name) and name not in rewritten:
            yield "%s: linked with %s, source: %s" % (
                shown(name), sorted(map(shown, ours.get(name, ()))),
                sorted(map(shown, theirs.get(name, ()))))


def root_differences(source, variant):
    """The root itself: no layer needs to have it, so its time is free."""
    ours = Entry(os.fsencode(variant), b".").properties()
    theirs = Entry(os.fsencode(source), b".").properties()
    for key in ("mode", "uid", "gid", "xattrs"):
        if ours[key] != theirs[key]:
            yield "/: %s is %s, source has %s" % (key, ours[key], theirs[key])


def missing(variant, file):
    with open(file, "rb") as lines:
        for line in lines:
            name = line.rstrip(b"\n").lstrip(b"/")
            if name and name not in variant:
                yield "%s: expected and not there" % shown(name)


def print_list(directory):
    for name, entry in sorted(entries(directory).items()):
        print(shown(name), sorted(entry.properties().items()))


def compare(options):
    source, variant = entries(options.source), entries(options.variant)
    rewritten = {n for p in options.rewritten for n in fnmatch.filter(
        variant, os.fsencode(p.lstrip("/")))}
    found = list(root_differences(options.source, options.variant))
    found += differences(source, variant, rewritten)
    if options.expect:
        found += missing(variant, options.expect)
    if not variant:
        found.append("/: the variant is empty")
    for line in found:
        print(line)
    print("%d of %d entries compared, %d differences" % (
        len(variant), len(source), len(found)))
    return 1 if found else 0


def main():
    parser = argparse.ArgumentParser(
        usage=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("variant", nargs="?")
    parser.add_argument("--expect")
    parser.add_argument("--rewritten", action="append", default=[])
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        print_list(options.source)
        return 0
    if options.variant is None:
        parser.error("VARIANT is missing")
    return compare(options)


if __name__ == "__main__":
    sys.exit(main())
