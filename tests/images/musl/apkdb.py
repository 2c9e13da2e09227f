#!/usr/bin/env python3
"""apkdb.py ROOT NAME=GLOB...: apk's database of the packages, on stdout."""
import base64
import glob
import hashlib
import os
import sys


def checksum(path):
    """As apk has it: of a link, its target's."""
    if os.path.islink(path):
        data = os.readlink(path).encode()
    else:
        with open(path, "rb") as file:
            data = file.read()
    return "Q1" + base64.b64encode(hashlib.sha1(data).digest()).decode()


def print_package(root, name, files):
    print("C:Q1%s\nP:%s\nV:1.2.3-r4\nA:x86_64\nS:1000\nI:2000\n"
          "T:The package %s\nU:https://example.org/\nL:MIT\no:%s\n"
          "m:Someone <a@example.org>\nt:1700000000\nc:%s\nD:so:libc.musl\n"
          "p:so:lib%s.so=1" % ("A" * 27 + "=", name, name, name, "0" * 40,
                               name))
    directory = None
    for path in sorted(files, key=os.path.split):
        if os.path.dirname(path) != directory:
            directory = os.path.dirname(path)
            print("F:%s\nM:0:0:755" % directory)
        print("R:%s\na:0:0:755\nZ:%s" % (
            os.path.basename(path), checksum(os.path.join(root, path))))
    print()


def main():
    root, packages = sys.argv[1], {}
    for argument in sys.argv[2:]:
        name, _, pattern = argument.partition("=")
        packages.setdefault(name, []).extend(
            glob.glob(pattern, root_dir=root))
    for name, files in packages.items():
        print_package(root, name, files)


main()
