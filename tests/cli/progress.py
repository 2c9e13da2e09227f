#!/usr/bin/env python3
"""The progress line: on a terminal only, growing, and gone at the end.

The image has one layer of half a gigabyte, a hole but for its header. However
fast the machine is, reading it takes long enough: the command is stopped for
most of the time, as on a machine with other work.
"""
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import termios

WINNOW = os.path.abspath(
    os.path.join(os.environ.get("top_builddir", "."), "winnow"))
SIZE = 1 << 29
RUNS_S, STOPS_S = 0.01, 0.04
faults = []


def expect(what, condition, *more):
    if not condition:
        faults.append(" ".join(map(str, (what,) + more)))


def make_image():
    os.makedirs("big/blobs/sha256")

    def blob(data):
        digest = hashlib.sha256(data).hexdigest()
        with open("big/blobs/sha256/" + digest, "wb") as f:
            f.write(data)
        return {"digest": "sha256:" + digest, "size": len(data)}

    entry = tarfile.TarInfo("data")
    entry.size = SIZE
    with open("layer", "wb") as f:
        f.write(entry.tobuf())
        f.truncate(512 + SIZE + 1024)
    digest, zeros = hashlib.sha256(entry.tobuf()), bytes(1 << 20)
    for _ in range(SIZE >> 20):
        digest.update(zeros)
    digest.update(bytes(1024))
    digest = digest.hexdigest()
    os.rename("layer", "big/blobs/sha256/" + digest)
    kind = "application/vnd.oci.image."
    layer = {"mediaType": kind + "layer.v1.tar", "size": 512 + SIZE + 1024,
             "digest": "sha256:" + digest}
    config = {"os": "linux", "architecture": "amd64", "config": {},
              "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}
    config = {"mediaType": kind + "config.v1+json",
              **blob(json.dumps(config).encode())}
    manifest = {"mediaType": kind + "manifest.v1+json", "schemaVersion": 2,
                "config": config, "layers": [layer]}
    with open("big/index.json", "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [
            {"mediaType": manifest["mediaType"],
             **blob(json.dumps(manifest).encode())}]}, f)
    return "big/blobs/sha256/" + digest


def read_slowly(master, group):
    """What the terminal gets from a process group that is stopped often."""
    shown, stopped = b"", False
    while True:
        if select.select([master], [], [], STOPS_S if stopped else RUNS_S)[0]:
            try:
                data = os.read(master, 65536)
            except OSError:
                return shown
            if not data:
                return shown
            shown += data
            continue
        stopped = not stopped
        os.killpg(group, signal.SIGSTOP if stopped else signal.SIGCONT)


def on_terminal(*arguments, **environment):
    """(status, standard output, what the terminal got)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))
    # It must not run on while this process waits for its turn to stop it.
    child = subprocess.Popen(
        ["nice", "-n", "19", WINNOW, *arguments], stdout=open("out", "wb"),
        stderr=slave, process_group=0,
        env={**os.environ, "TERM": "xterm", **environment})
    os.close(slave)
    shown = read_slowly(master, child.pid)
    os.close(master)
    with open("out", "rb") as f:
        return child.wait(), f.read(), shown.decode()


def check_line(what, shown):
    """Several lines over each other, each further than the one before."""
    lines = re.findall(r"\rreading \[(#*) *\] +(\d+) %  ([\d.]+ \w+) of "
                       r"512\.0 MiB\033\[K", shown)
    parts = [int(l[1]) for l in lines]
    expect(what + ": few lines:", len(lines) >= 2, repr(shown))
    expect(what + ": not growing:", parts == sorted(parts) and
           parts[0] < parts[-1], parts[:20])
    expect(what + ": the bar:", all(
        abs(len(l[0]) - int(l[1]) * 40 / 100) <= 1 for l in lines), lines[:3])
    rest = re.sub(r"\rreading [^\r]*\033\[K", "", shown)
    expect(what + ": not taken away:", rest.startswith("\r\033[K"),
           repr(rest))
    return rest[len("\r\033[K"):]


def main():
    with tempfile.TemporaryDirectory(prefix="winnow-progress-") as work:
        os.chdir(work)
        path = make_image()
        status, out, shown = on_terminal("audit", "--no-cache", "oci:big")
        rest = check_line("audit", shown)
        expect("audit prints more:", rest == "", repr(rest))
        expect("audit:", status == 0 and b"distroless: yes" in out, status)
        _, _, shown = on_terminal("audit", "--no-cache", "oci:big",
                                  TERM="dumb")
        expect("a dumb terminal:", shown == "", repr(shown))
        done = subprocess.run([WINNOW, "audit", "--no-cache", "oci:big"],
                              capture_output=True, text=True)
        expect("no terminal:", done.stderr == "", repr(done.stderr))
        with open("policy.yaml", "w") as f:
            f.write("repository: docker.io/library/x\nkeep: [/data]\n")
        status, _, shown = on_terminal(
            "strip", "--policy", "policy.yaml", "--sets", work, "oci:big",
            "oci:dest")
        check_line("strip", shown)
        expect("strip:", status == 0, shown)
        with open(path, "r+b") as f:
            f.seek(SIZE)
            f.write(b"!")
        status, _, shown = on_terminal("audit", "--no-cache", "oci:big")
        rest = check_line("a failure", shown)
        expect("the message has no line of its own:", status == 1 and
               rest.startswith("winnow audit: "), repr(rest))
        os.chdir("/")
    print("\n".join(faults) or "ok")
    sys.exit(1 if faults else 0)


main()
