#!/usr/bin/env python3
"""run.py [--client CLIENT] [--count N] [--seed FIRST] [--jobs N] [--keep DIR]

The central equation, for random stacks of layers and random policies: the
variant, unpacked by a client, equals the source, unpacked by the same client,
restricted to what an independent model says is kept.  The client is umoci or
containerd, which gets no stacks that it refuses.  Prints each failing seed with the
command that replays it, and leaves its stack on disk.  Needs root.
"""
import argparse
import contextlib
import io
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import unittest.mock
from types import SimpleNamespace

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "../lib")]

import compare  # noqa: E402
import clients  # noqa: E402
import layout  # noqa: E402
import model  # noqa: E402
import stack  # noqa: E402
from clients import Failure, run  # noqa: E402
from odd_tar import DIRECTORY  # noqa: E402

WINNOW = os.path.join(os.environ.get("top_builddir", "."), "winnow")


def quoted(pattern):
    text = pattern.decode().replace("\\", "\\\\").replace('"', '\\"')
    return '  - "%s"\n' % text


def write_policy(path, keep, drop):
    with open(path, "w") as file:
        file.write("repository: docker.io/library/odd\nkeep:\n")
        file.writelines(map(quoted, keep))
        if drop:
            file.write("drop:\n")
            file.writelines(map(quoted, drop))


def expected_selection(tree, keep, drop):
    """(paths, None), or (None, the text of the error to expect)."""
    try:
        return model.select(tree, keep, drop), None
    except model.Conflict:
        return None, "removes"
    except model.Nothing:
        return None, "no keep rule"


def check_model(tree, source):
    """The model and the client agree about the source."""
    there = set(compare.entries(source))
    said = {p for p in tree.nodes if p}
    if there != said:
        raise Failure("the model differs from the client: only the client: "
                      "%r, only the model: %r" % (sorted(there - said),
                                                  sorted(said - there)))


def ignore_free_times(tree, free):
    """Directories without a header, and those that the client touches."""
    class Entry(compare.Entry):
        def properties(self):
            found = super().properties()
            path = os.path.relpath(self.path, self.root)
            node = tree.nodes.get(b"" if path == b"." else path)
            if node and node.type == DIRECTORY and (
                    node.member is None or path in free):
                found["mtime"] = None
            return found

        def __init__(self, root, name):
            super().__init__(root, name)
            self.root = root
    return Entry


def check_equal(tree, free, selection, source, variant):
    there = set(compare.entries(variant))
    if there != selection:
        raise Failure("kept but not listed: %r; listed but lost: %r" % (
            sorted(there - selection), sorted(selection - there)))
    text = io.StringIO()
    with contextlib.redirect_stdout(text), unittest.mock.patch.object(
            compare, "Entry", ignore_free_times(tree, free)):
        status = compare.compare(SimpleNamespace(
            source=source, variant=variant, rewritten=[], expect=None))
    if status != 0:
        raise Failure(text.getvalue())


def check_seed(client, seed, work):
    rng = stack.generator(seed)
    layers, readable, tree = stack.make(rng, client.overlay)
    keep, drop = stack.policy(rng, tree)
    selection, error = expected_selection(tree, keep, drop)
    source = layout.Layout(os.path.join(work, "source"))
    source.image("odd", layers)
    source.image("plain", readable)
    source.close()
    policy = os.path.join(work, "policy.yaml")
    write_policy(policy, keep, drop)
    r = run(WINNOW, "strip", "--sets", work, "--policy", policy,
            "oci:%s/source:odd" % work, "oci:%s/variant:v" % work)
    text = r.stdout.decode(errors="replace")
    if error is not None:
        if r.returncode == 0 or error not in text:
            raise Failure("winnow should say \"%s\":\n%s" % (error, text))
        return
    if r.returncode != 0:
        raise Failure("winnow strip fails:\n" + text)
    source = client.unpack(work, "source", "plain", "from")
    check_model(tree, source)
    variant = client.unpack(work, "variant", "v", "to")
    check_equal(tree, client.free_times(tree), selection, source, variant)
    client.release(source)
    client.release(variant)


def try_seed(arguments):
    """None, or (seed, what is wrong, where the stack is)."""
    client, seed, keep = arguments
    work = tempfile.mkdtemp(prefix="seed-%d-" % seed, dir=keep)
    try:
        check_seed(client, seed, work)
    except Failure as failure:
        return seed, str(failure), work
    except Exception as error:
        return seed, "%s: %s" % (type(error).__name__, error), work
    shutil.rmtree(work)
    return None


def report(client, seed, text, work):
    print("seed %d FAILED; its stack is in %s" % (seed, work))
    print("replay: top_builddir=%s %s --client %s --seed %d --count 1" % (
        os.path.dirname(os.path.abspath(WINNOW)),
        os.path.abspath(__file__), client, seed))
    print("  " + text.rstrip().replace("\n", "\n  "), flush=True)


def missing_tool(client):
    for tool in client.tools:
        if shutil.which(tool) is None:
            return tool + " is not installed"
    return None if os.getuid() == 0 else "unpacking with owners needs root"


def check_all(client, options):
    """The number of stacks that failed."""
    failed = 0
    seeds = range(options.seed, options.seed + options.count)
    with multiprocessing.Pool(options.jobs) as pool:
        for found in pool.imap_unordered(
                try_seed, [(client, s, options.keep) for s in seeds]):
            if found is not None:
                failed += 1
                report(options.client, *found)
    print("%s: %d stacks, %d failed" % (
        options.client, options.count, failed))
    return failed


def main():
    parser = argparse.ArgumentParser(
        usage=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--client", choices=clients.CLIENTS, default="umoci")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", default=None)
    options = parser.parse_args()
    why = missing_tool(clients.CLIENTS[options.client])
    if why is not None:
        print("skipped: " + why)
        return 77
    client = clients.CLIENTS[options.client]()
    try:
        failed = check_all(client, options)
    finally:
        client.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
