#!/usr/bin/env python3
"""compare.py [OPTION...] LAYOUT...

For every ELF file of each image (an OCI layout directory): what winnow's
closure says it loads, and from where, equals what the image's own loader
lists (`ld.so --list`) in a chroot of the unpacked image.  Prints every
difference; exits 1 if there is any.  Needs root, umoci and, for images of
other machines, qemu's user mode emulators.
"""
import argparse
import concurrent.futures
import functools
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "../lib"))

import inside  # noqa: E402
from unpack import blob, first_image, unpack  # noqa: E402

LIST = os.path.join(os.environ.get("top_builddir", "."),
                    "tests/closure/list_closure")
# e_machine, class, byte order: glibc's loader, musl's, qemu's name.
MACHINES = {
    (62, 2, 1): ("/lib64/ld-linux-x86-64.so.2", "x86_64", "x86_64"),
    (62, 1, 1): ("/libx32/ld-linux-x32.so.2", "x32", "x86_64"),
    (3, 1, 1): ("/lib/ld-linux.so.2", "i386", "i386"),
    (183, 2, 1): ("/lib/ld-linux-aarch64.so.1", "aarch64", "aarch64"),
    (22, 2, 2): ("/lib/ld64.so.1", "s390x", "s390x"),
    (243, 2, 1): ("/lib/ld-linux-riscv64-lp64d.so.1", "riscv64", "riscv64"),
    (21, 2, 1): ("/lib64/ld64.so.2", "powerpc64le", "ppc64le"),
}
NATIVE = {"x86_64": ("x86_64", "i386"), "aarch64": ("aarch64",)}
LINE = re.compile(r"\t(?:(?P<name>.*) => )?(?P<path>.*/.*) \(0x[0-9a-f]+\)$")
VARIANT = re.compile(r"/glibc-hwcaps/[^/]+/")


class Elf:
    """What this test has to know of a file; not winnow's reader."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        order = "<>"[data[5] - 1]
        wide = data[4] == 2
        self.machine = (struct.unpack_from(order + "H", data, 18)[0],
                        data[4], data[5])
        at = struct.unpack_from(order + ("Q" if wide else "I"), data,
                                32 if wide else 28)[0]
        size, count = struct.unpack_from(order + "HH", data,
                                         54 if wide else 42)
        self.interpreter, self.dynamic = None, False
        for i in range(count):
            kind, = struct.unpack_from(order + "I", data, at + i * size)
            if kind == 2:
                self.dynamic = True
            if kind == 3:
                place = struct.unpack_from(
                    order + ("Q" if wide else "I"), data,
                    at + i * size + (8 if wide else 4))[0]
                self.interpreter = data[place:data.index(b"\0", place)].decode()
        self.wants_musl = b"\0libc.musl-" in data or b"\0libc.so\0" in data


def unescaped(text):
    return re.sub(rb"\\x([0-9a-f]{2})|\\(.)",
                  lambda m: bytes([int(m[1], 16)]) if m[1] else m[2],
                  text.encode()).decode("utf-8", "surrogateescape")


def winnow_says(layout, manifest):
    """path -> (set of (name, path), set of missing names)."""
    blobs = [blob(layout, layer) for layer in manifest["layers"]]
    text = subprocess.run([LIST, *blobs], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    said, here = {}, None
    for line in text.splitlines():
        kind, *fields = map(unescaped, line.split("\t"))
        if kind == "elf":
            here = said[fields[0]] = (set(), set())
        elif kind == "need":
            here[0].add((fields[0], fields[1]))
        else:
            here[1].add(fields[0])
    return said


def find(root, path):
    """What a path leads to inside root, or None."""
    real = inside.resolve(root, path)
    full = None if real is None else os.path.join(root, real)
    return full if full and os.path.exists(full) else None


def loader_for(root, elf):
    """The path of the loader that runs the file or would open it."""
    if elf.interpreter is not None:
        return elf.interpreter
    glibc, musl, _ = MACHINES[elf.machine]
    musl = "/lib/ld-musl-%s.so.1" % musl
    if find(root, musl) and (elf.wants_musl or not find(root, glibc)):
        return musl
    return glibc


def enter(root):
    os.chroot(root)
    os.chdir("/")


def emulator(machine):
    name = MACHINES[machine][2]
    if name in NATIVE[os.uname().machine]:
        return []
    return ["/.qemu-" + name]


def run_loader(command, environment):
    r = subprocess.run(command, env=environment, input=b"",
                       capture_output=True)
    return (r.stdout.decode("utf-8", "surrogateescape").splitlines(),
            r.stderr.decode("utf-8", "replace"), r.returncode)


def loader_lists(loader, machine, path):
    """(lines, errors, status) of the image's loader; runs in the chroot."""
    command = [*emulator(machine), loader]
    found = run_loader([*command, "--list", path], {})
    # glibc's --list ends at what it misses; what ldd(1) does goes on.
    if found[2] != 0 and "cannot open shared object file" in found[1]:
        found = run_loader([*command, path], {"LD_TRACE_LOADED_OBJECTS": "1"})
    return found


def parse_list(lines, errors, own):
    """(set of (name, path), set of missing names) without the loader."""
    loaded, missing = set(), set()
    for line in lines:
        found = LINE.match(line)
        if found and found["path"] != own:
            loaded.add((found["name"] or found["path"], found["path"]))
        elif line.endswith(" => not found"):
            missing.add(line[1:-len(" => not found")])
    missing.update(re.findall(
        r"Error loading shared library (\S+): No such file", errors))
    return loaded, missing


def preloaded(root):
    """The names in the image's ld.so.preload."""
    path = find(root, "/etc/ld.so.preload")
    if path is None:
        return set()
    with open(path, encoding="utf-8") as file:
        return set(re.split(r"[:\s]+", file.read()))


def plain(paths):
    """A variant for some CPUs stands for the plain library beside it."""
    return {VARIANT.sub("/", p) for p in paths}


def differences(path, said, listed, own, has_interpreter):
    # The configuration is needed, and not listed.
    ours = {p for n, p in said[0] if p != "/etc/" + n}
    theirs = {p for _, p in listed[0]}
    if has_interpreter and own not in ours:
        yield "winnow does not name the loader %s" % own
    ours.discard(own)
    for each in sorted(theirs - ours):
        yield "only the loader names %s" % each
    for each in sorted(plain(ours) - plain(theirs)):
        yield "only winnow names %s" % each
    for each in sorted(listed[1] - said[1]):
        yield "only the loader misses %s" % each
    for each in sorted(said[1] - listed[1]):
        yield "only winnow misses %s" % each


def compare_file(path, elf, own, said, preloads):
    """(differences, whether the loader had something to list)."""
    lines, errors, status = loader_lists(own, elf.machine, path)
    if status != 0 and not lines:
        if said[0] <= {(own, own)} and not said[1]:
            return [], False
        if "Error loading shared library" not in errors:  # musl's
            return ["the loader says: " + errors.strip()], False
    listed = parse_list(lines, errors, own)
    # A library on its own is no program for which something is preloaded.
    if elf.interpreter is None:
        listed[0].difference_update(
            [each for each in listed[0] if each[0] in preloads])
    return list(differences(path, said, listed, own,
                            elf.interpreter is not None)), True


def prepare(root, elfs):
    for machine in {e.machine for e in elfs.values()}:
        for name in emulator(machine):
            program = shutil.which("qemu-%s-static" % name[len("/.qemu-"):])
            if program is None:
                sys.exit("compare.py: no qemu for %s: install "
                         "qemu-user-static" % name)
            shutil.copy(program, root + name)


def compare_image(layout, work, jobs):
    root = os.path.join(work, "root")
    unpack(layout, root)
    said = winnow_says(layout, first_image(layout)[1])
    elfs = {p: Elf(root + p) for p in said}
    prepare(root, elfs)
    known = {p: e for p, e in elfs.items() if e.machine in MACHINES}
    owns = {p: loader_for(root, e) for p, e in known.items()}
    bad = listed = 0
    with concurrent.futures.ProcessPoolExecutor(
            jobs, initializer=enter, initargs=(root,)) as pool:
        compare = functools.partial(compare_file, preloads=preloaded(root))
        results = pool.map(compare, known, known.values(),
                           [owns[p] for p in known],
                           [said[p] for p in known], chunksize=16)
        for path, (found, told) in zip(known, results):
            listed += told
            bad += len(found)
            for each in found:
                print("%s: %s: %s" % (layout, path, each))
    shutil.rmtree(root)
    print("%s: %d ELF files, %d with a list, %d of unknown machines, "
          "%d differences" % (layout, len(elfs), listed,
                              len(elfs) - len(known), bad), flush=True)
    return bad + (listed == 0)


def main():
    parser = argparse.ArgumentParser(
        usage=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("image", nargs="+")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    bad = 0
    for image in options.image:
        with tempfile.TemporaryDirectory(prefix="winnow-closure-") as work:
            bad += compare_image(image, work, options.jobs)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
