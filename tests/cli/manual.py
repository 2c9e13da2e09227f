#!/usr/bin/env python3
"""winnow(1) and the tables of the program say the same.

Every command is in the manual's SYNOPSIS with exactly the options, and the
arguments, that `winnow help COMMAND` prints; every option is explained; every
usage error exits with 2 and prints the usage line.
"""
import os
import re
import subprocess
import sys

WINNOW = os.path.join(os.environ.get("top_builddir", "."), "winnow")
MANUAL = os.path.join(os.environ.get("top_srcdir", "."), "man/winnow.1")
faults = []


def run(*arguments):
    done = subprocess.run([WINNOW, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def expect(what, condition):
    if not condition:
        faults.append(what)


def section(text, name):
    return re.search(r"^\.Sh %s\n(.*?)(?=^\.Sh )" % name, text,
                     re.M | re.S).group(1)


def synopsis(text):
    """Command -> its options in order: [(name, value or "", optional)]."""
    commands = {}
    for part in section(text, "SYNOPSIS").split(".Nm\n")[1:]:
        lines = part.splitlines()
        if not lines[0].startswith(".Cm "):
            continue
        options = []
        for line in lines[1:]:
            m = re.match(r"\.(Op )?Fl -([\w-]+)(?: Ar (\w+))?( \.\.\.)?$",
                         line)
            if m:
                options.append((m[2], (m[3] or "").upper(), bool(m[1])))
        commands[lines[0][4:]] = options
    return commands


def usage(name):
    """What `winnow help` prints, in the form of synopsis()."""
    status, out, _ = run("help", name)
    expect("help %s exits with %d" % (name, status), status == 0)
    head = " ".join(out.split("\n\n")[0].split())
    options = []
    for m in re.finditer(r"(\[?)--([\w-]+)(?: ([A-Z]+))?\]?", head):
        options.append((m[2], m[3] or "", bool(m[1])))
    return head, options


def main():
    with open(MANUAL, encoding="utf-8") as f:
        manual = f.read()
    status, out, _ = run("help")
    names = re.findall(r"^  (\w+)  +\S", out, re.M)
    expect("winnow help exits with %d" % status, status == 0)
    expect("too few commands: %s" % names, len(names) >= 5)
    described = synopsis(manual)
    described.pop("help", None)
    expect("SYNOPSIS has %s, the program %s" % (sorted(described), names),
           sorted(described) == sorted(names))
    explained = manual[manual.index(".Sh COMMANDS"):]
    for name in names:
        head, options = usage(name)
        expect("%s: SYNOPSIS has %s, the program %s" %
               (name, described.get(name), options),
               sorted(described.get(name, [])) == sorted(options))
        expect("%s is not explained" % name,
               re.search(r"^\.It Cm %s\b" % name, explained, re.M))
        for option, _, _ in options:
            expect("--%s of %s is not explained" % (option, name),
                   ".It Fl -%s" % option in explained)
        needs = re.search(r" [A-Z]+(\.\.\.)?( |$)",
                          re.sub(r"\[.*?\]|--\S+ [A-Z]+", "", head))
        for wrong in [["--nonsense"]] + ([[]] if needs else []):
            status, out, err = run(name, *wrong)
            expect("%s %s: status %d" % (name, wrong, status), status == 2)
            expect("%s %s: no usage line: %s" % (name, wrong, err),
                   head in " ".join(err.split()))
            expect("%s %s prints %s" % (name, wrong, out), out == "")
        status, out, err = run(name, "--help")
        expect("%s --help: %d" % (name, status), status == 0 and err == "")
        for option, value, _ in options:
            if value:
                status, _, err = run(name, "--" + option)
                expect("%s --%s: %d %s" % (name, option, status, err),
                       status == 2 and "--%s needs a value" % option in err)
    for wrong in (["nonsense"], ["help", "nonsense"], []):
        status, out, err = run(*wrong)
        expect("winnow %s: %d" % (wrong, status), status == 2 and out == "")
    status, out, _ = run("--version")
    expect("--version: " + out,
           status == 0 and re.fullmatch(r"winnow \d[\w.-]*\n", out))
    print("\n".join(faults) or "ok")
    sys.exit(1 if faults else 0)


main()
