#!/usr/bin/env python3
"""packages.py SOURCE VARIANT

Two directories that one client unpacked.  VARIANT's package databases list
exactly the packages of SOURCE that survive: those with a regular file outside
documentation.  dpkg itself reads and verifies its database; apk's is read
strictly, every file with its checksum.  It knows nothing of winnow.
"""
import base64
import hashlib
import os
import stat
import subprocess
import sys

sys.dont_write_bytecode = True

from inside import resolve  # noqa: E402

DOCUMENTATION = tuple("usr/share/%s/" % d for d in (
    "doc", "doc-base", "man", "info", "lintian", "locale", "bug"))
APK = "lib/apk/db/installed"
APK_FIELDS = "CPVASITULomtcDpirqakFMRZ"


def find(root, path):
    """(where the path leads, links of directories followed; its stat)."""
    real = resolve(root, path, follow=False)
    if real is None:
        return None, None
    try:
        return real, os.lstat(os.path.join(root, real))
    except OSError:
        return real, None


def makes_survive(root, path):
    real, info = find(root, path)
    return info is not None and stat.S_ISREG(info.st_mode) and \
        not (real + "/").startswith(DOCUMENTATION)


# dpkg

def dpkg_query(root, *arguments):
    r = subprocess.run(["dpkg-query", "--admindir=%s/var/lib/dpkg" % root,
                        *arguments], capture_output=True, text=True)
    if r.returncode != 0 or r.stderr:
        raise SystemExit("dpkg-query %s: %s" % (" ".join(arguments), r.stderr))
    return r.stdout.splitlines()


def dpkg_packages(root):
    """name -> (architecture, version) of what is installed."""
    lines = dpkg_query(root, "-W", "-f", "${db:Status-Status} "
                       "${binary:Package} ${Architecture} ${Version}\\n")
    return {l.split()[1]: l.split()[2:] for l in lines
            if l.startswith("installed ")}


def info_file(root, name, suffix):
    path = "%s/var/lib/dpkg/info/%s.%s" % (root, name, suffix)
    if not os.path.exists(path):
        return []
    with open(path) as file:
        return file.read().splitlines()


def check_md5sums(root, name):
    for line in info_file(root, name, "md5sums"):
        digest, path = line[:32], line[34:]
        if line[32:34] != "  " or path[:1] == "/":
            yield "%s.md5sums: of another form: %s" % (name, line)
            continue
        real, info = find(root, path)
        if info is None:
            yield "%s.md5sums names what is not there: %s" % (name, path)
            continue
        with open(os.path.join(root, real), "rb") as file:
            if hashlib.md5(file.read()).hexdigest() != digest:
                yield "%s.md5sums: another digest: %s" % (name, path)


def check_dpkg(source, variant):
    theirs, ours = dpkg_packages(source), dpkg_packages(variant)
    survivors = {n: v for n, v in theirs.items() if any(
        makes_survive(variant, p) for p in info_file(source, n, "list"))}
    for name in sorted(set(ours) ^ set(survivors)):
        yield "%s: %s" % (name, "survives and is not listed"
                          if name in survivors else "listed and gone")
    for name in sorted(set(ours) & set(survivors)):
        if ours[name] != theirs[name]:
            yield "%s: is %s, was %s" % (name, ours[name], theirs[name])
        listed = set(dpkg_query(variant, "-L", name))
        if not listed:
            yield "%s: dpkg -L lists nothing" % name
        for path in sorted(listed):
            if find(variant, path)[1] is None:
                yield "%s: lists what is not there: %s" % (name, path)
        for path in info_file(source, name, "list"):
            info = find(variant, path)[1]
            if info and not stat.S_ISDIR(info.st_mode) and \
                    path not in listed:
                yield "%s: does not list %s" % (name, path)
        yield from check_md5sums(variant, name)
    verified = subprocess.run(["dpkg", "--root=" + variant, "--verify"],
                              capture_output=True, text=True)
    for line in (verified.stdout + verified.stderr).splitlines():
        yield "dpkg --verify: " + line


# apk

def apk_records(root):
    """The records as [(field, value)]; strict about their form."""
    with open(os.path.join(root, APK)) as file:
        text = file.read()
    if not text.endswith("\n\n"):
        raise SystemExit("%s: no empty line at the end" % APK)
    for record in text[:-2].split("\n\n"):
        fields = [tuple(l.split(":", 1)) for l in record.split("\n")]
        for field in fields:
            if len(field) != 2 or len(field[0]) != 1 or \
                    field[0] not in APK_FIELDS:
                raise SystemExit("%s: a bad line: %s" % (APK, field))
        yield fields


def apk_packages(root):
    """name -> (version, {path: checksum or None})."""
    found = {}
    for record in apk_records(root):
        single = {k: v for k, v in record if k not in "FMRaZ"}
        directory, path, files = None, None, {}
        for key, value in record:
            if key == "F":
                directory, path = value, None
            elif key == "R":
                path = os.path.join(directory, value)
                files[path] = None
            elif key == "M" and (directory is None or path is not None):
                raise SystemExit("%s: M: not behind its F:" % APK)
            elif key in "aZ" and path is None:
                raise SystemExit("%s: %s: not behind its R:" % (APK, key))
            elif key == "Z":
                files[path] = value
        found[single["P"]] = (single["V"], files)
    return found


def check_apk(source, variant):
    theirs, ours = apk_packages(source), apk_packages(variant)
    survivors = {n for n, (_, files) in theirs.items()
                 if any(makes_survive(variant, p) for p in files)}
    for name in sorted(set(ours) ^ survivors):
        yield "%s: %s" % (name, "survives and is not listed"
                          if name in survivors else "listed and gone")
    for name in sorted(set(ours) & survivors):
        version, files = ours[name]
        if version != theirs[name][0]:
            yield "%s: is %s, was %s" % (name, version, theirs[name][0])
        there = {p: c for p, c in theirs[name][1].items()
                 if find(variant, p)[1] is not None}
        if files != there:
            yield "%s: lists %s, there is %s" % (name, files, there)
        for path, checksum in files.items():
            yield from check_apk_file(variant, name, path, checksum)


def check_apk_file(root, name, path, checksum):
    full = os.path.join(root, find(root, path)[0])
    if checksum is None or os.path.islink(full):
        return
    with open(full, "rb") as file:
        digest = hashlib.sha1(file.read()).digest()
    if checksum != "Q1" + base64.b64encode(digest).decode():
        yield "%s: another checksum: %s" % (name, path)


def main():
    source, variant = sys.argv[1:]
    found, databases = [], 0
    for path, check in (("var/lib/dpkg/status", check_dpkg), (APK, check_apk)):
        if os.path.exists(os.path.join(source, path)):
            databases += 1
            os.stat(os.path.join(variant, path))
            found += check(source, variant)
    if not databases:
        found.append("no package database")
    for line in found:
        print(line)
    print("%d databases, %d differences" % (databases, len(found)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
