#!/usr/bin/env python3
"""Lets the k-th write below winnowd's store fail (faults.c), for each k or
for a spread of them, and checks what becomes of it.

usage: store_faults.py DIR MODE MOMENT [COUNT]

DIR has winnow.conf, `winnowd` and `libfaults.so` (links), `store` (a mount of
its own), `template` (a store that has `original/image:1` complete) and
`wanted.json`: the addresses and digests that e2e/store-faults.sh writes.
MODE is a key of MODES, MOMENT one of

    start     from the first call of a start with an empty store
    variant   of a cold pull of the image's variant
    original  of a cold pull of the image as it is
    stop      of the end of a winnowd whose blobs were used

COUNT bounds how many k are tried, spread evenly, or (=K) names one; without
it all are.
Prints a line per k that went wrong, then `# ...` with the numbers.
"""
import errno
import hashlib
import http.client
import json
import mmap
import os
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time

# errno (0: a part is written), all later calls too, a part before the error
MODES = {
    "no-space": (errno.ENOSPC, 0, 0),
    "full": (errno.ENOSPC, 1, 1),
    "io-error": (errno.EIO, 0, 0),
    "read-only": (errno.EROFS, 1, 0),
    "short": (0, 0, 0),
}
CAUSE = re.compile("No space left|disk is full|Input/output error|Read-only"
                   "|full or read-only")
ACCEPT = ", ".join("application/vnd.oci.image.%s.v1+json" % kind
                   for kind in ("index", "manifest"))
LAYOUT = "<QQQQQQQ48s"  # struct faults
NEVER = 1 << 60
# Seconds that only what hangs takes.
PATIENCE = 60


class Wrong(Exception):
    """What must not be."""


class Refused(Exception):
    """An answer that is a proper error."""


class Faults:
    def __init__(self, path, device):
        # The file that winnowd has mapped stays the same one.
        with open(path, "ab") as file:
            file.truncate(struct.calcsize(LAYOUT))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self.device = device

    def arm(self, at, mode):
        values = struct.pack(LAYOUT, self.device, 0, *mode, 0, 0, b"")
        self.map[:] = values
        self.map[8:16] = struct.pack("<Q", at)

    def disarm(self):
        """Returns how many calls there were and failed, and the first."""
        self.map[8:16] = bytes(8)
        *_, count, failed, first = struct.unpack(LAYOUT, self.map[:])
        return count, failed, first.rstrip(b"\0").decode()


class Winnowd:
    def __init__(self, top, wanted):
        self.top = top
        self.host, self.port = wanted["proxy"].rsplit(":", 1)
        self.log_path = os.path.join(top, "winnowd.log")
        self.process = None

    def start(self):
        """True when it answers, False when it ended."""
        environment = dict(os.environ, FAULTS=self.top + "/faults",
                           LD_PRELOAD=self.top + "/libfaults.so")
        self.log_start = (os.path.getsize(self.log_path)
                          if os.path.exists(self.log_path) else 0)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.top + "/winnowd", "-c", self.top + "/winnow.conf"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            try:
                if self.get("")[0] == 200:
                    return True
            except OSError:
                time.sleep(0.01)
        raise Wrong("winnowd neither answers nor ends")

    def get(self, path):
        connection = http.client.HTTPConnection(self.host, int(self.port),
                                                timeout=PATIENCE)
        try:
            connection.request("GET", "/v2/" + path,
                               headers={"Accept": ACCEPT})
            reply = connection.getresponse()
            return reply.status, reply.read()
        except http.client.IncompleteRead as error:
            raise Refused("cut off: %s" % error) from error
        finally:
            connection.close()

    def log(self):
        with open(self.log_path, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode("utf-8", "replace")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Wrong("winnowd does not stop") from None

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def fetch(self, name, kind, reference, digest=None):
        try:
            status, body = self.get("%s/%s/%s" % (name, kind, reference))
        except (OSError, http.client.HTTPException) as error:
            raise Wrong("%s %s: %r" % (name, reference, error)) from error
        if status >= 400:
            try:
                message = json.loads(body)["errors"][0]["message"]
            except (ValueError, LookupError):
                raise Wrong("%s %s: %d %r" % (name, reference, status,
                                              body[:200])) from None
            raise Refused("%d %s" % (status, message))
        found = "sha256:" + hashlib.sha256(body).hexdigest()
        if digest is not None and found != digest:
            raise Wrong("%s %s has other bytes" % (name, reference))
        return found, body

    def pull(self, image):
        """The digest of the image's index or manifest."""
        name, tag = image.split(":")
        top, body = self.fetch(name, "manifests", tag)
        self.pull_parts(name, json.loads(body))
        return top

    def pull_parts(self, name, document):
        for child in document.get("manifests", ()):
            _, body = self.fetch(name, "manifests", child["digest"],
                                 child["digest"])
            self.pull_parts(name, json.loads(body))
        if "layers" in document:
            for blob in [document["config"]] + document["layers"]:
                self.fetch(name, "blobs", blob["digest"], blob["digest"])


def check_store(store):
    """Every blob verifies; rows and files are the same ones."""
    files = {}
    for directory, _, names in os.walk(store + "/blobs/sha256"):
        for name in names:
            with open(os.path.join(directory, name), "rb") as file:
                data = file.read()
            if hashlib.sha256(data).hexdigest() != name:
                raise Wrong("torn blob " + name)
            files[name] = len(data)
    database = sqlite3.connect(store + "/winnow.db")
    (state,), = database.execute("PRAGMA integrity_check")
    rows = {digest.hex(): size for digest, size in
            database.execute("SELECT digest, size FROM blob")}
    database.close()
    if state != "ok":
        raise Wrong("the database: " + state)
    if rows != files:
        raise Wrong("rows without files %s, files without rows %s" % (
            sorted(set(rows) - set(files)), sorted(set(files) - set(rows))))


class Trial:
    """One k."""

    def __init__(self, top, mode):
        self.store = top + "/store"
        self.template = top + "/template"
        with open(top + "/wanted.json") as file:
            self.wanted = json.load(file)
        self.image = self.wanted["image"]
        self.faults = Faults(top + "/faults", os.stat(self.store).st_dev)
        self.winnowd = Winnowd(top, self.wanted)
        self.mode = mode
        self.refused = self.ended = 0

    def new_store(self, template):
        for name in os.listdir(self.store):
            path = os.path.join(self.store, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        if template:
            shutil.copytree(self.template, self.store, dirs_exist_ok=True)

    def check_pull(self, image):
        if self.winnowd.pull(image) != self.wanted[image]:
            raise Wrong(image + " has another digest")

    def try_pull(self, image):
        """A pull under faults: right, or a proper error with its cause."""
        try:
            self.check_pull(image)
        except Refused as error:
            self.refused += 1
            message = str(error)
            if not message.startswith(("5", "cut off")):
                raise Wrong("%s: not a 5xx: %s" % (image, message)) from None
            if not CAUSE.search(message) and message.startswith("5"):
                raise Wrong("%s: no cause in: %s" % (image, message)) from None
            if not CAUSE.search(self.winnowd.log()):
                raise Wrong("no cause in the log") from None

    def must_pull(self, image, when):
        try:
            self.check_pull(image)
        except Refused as error:
            raise Wrong("%s %s: %s" % (image, when, error)) from error

    def must_start(self):
        if not self.winnowd.start():
            raise Wrong("winnowd does not start without faults")

    def finish(self, *images):
        if self.winnowd.process.poll() is not None:
            raise Wrong("winnowd has ended by itself")
        for image in images:
            self.must_pull(image, "after the fault")
        if self.winnowd.stop() != 0:
            raise Wrong("winnowd did not end well")
        check_store(self.store)

    def start(self, k):
        self.new_store(False)
        self.faults.arm(k, self.mode)
        answers = self.winnowd.start()
        result = self.faults.disarm()
        if not answers:
            self.ended += 1
            if not CAUSE.search(self.winnowd.log()):
                raise Wrong("ended without a cause in the log")
            self.must_start()
        self.finish("original/" + self.image)
        return result

    def variant(self, k):
        return self.pull(k, self.image)

    def original(self, k):
        return self.pull(k, "original/" + self.image)

    def pull(self, k, image):
        self.new_store(True)
        self.faults.disarm()
        self.must_start()
        self.faults.arm(k, self.mode)
        self.try_pull(image)
        self.must_pull("original/image:1", "while there are faults")
        result = self.faults.disarm()
        self.finish(image)
        return result

    def stop(self, k):
        self.new_store(True)
        self.faults.disarm()
        self.must_start()
        for image in self.image, "original/" + self.image, "original/image:1":
            self.must_pull(image, "before the fault")
        self.faults.arm(k, self.mode)
        if self.winnowd.stop() != 0:
            raise Wrong("winnowd did not end well")
        result = self.faults.disarm()
        self.must_start()
        self.finish(self.image, "original/" + self.image, "original/image:1")
        return result


def choose(trial, moment, count):
    """Which k to try: all, or a spread over as many calls as there are."""
    if count is None:
        return iter(range(1, NEVER))
    if count.startswith("="):
        return iter([int(count[1:])])
    # How many there are differs a little from run to run.
    calls = getattr(trial, moment)(NEVER)[0] * 19 // 20
    count = min(int(count), calls)
    return iter(sorted({1 + i * (calls - 1) // max(count - 1, 1)
                        for i in range(count)}))


def main():
    top, mode, moment = sys.argv[1:4]
    count = sys.argv[4] if len(sys.argv) > 4 else None
    trial = Trial(top, MODES[mode])
    try:
        run(trial, mode, moment, count)
    finally:
        trial.winnowd.kill()


def run(trial, mode, moment, count):
    """Prints what went wrong and how much was tried, and ends."""
    tried = wrong = missed = 0
    firsts = {}
    for k in choose(trial, moment, count):
        try:
            _, failed, first = getattr(trial, moment)(k)
            # How many there are differs a little from run to run.
            missed = missed + 1 if failed == 0 else 0
            if missed > 0:
                if count is None and missed == 3:
                    break
                continue
            firsts[first] = firsts.get(first, 0) + 1
        except Wrong as error:
            wrong += 1
            _, _, first = trial.faults.disarm()
            print("%s %s, k=%d (%s): %s" % (moment, mode, k, first, error))
            print("".join("  " + line + "\n" for line in
                          trial.winnowd.log().splitlines()[-6:]), flush=True)
            trial.winnowd.kill()
        tried += 1
        if wrong >= 20:
            break
    print("# %s, %s: %d calls failed, each once; %d pulls refused, %d starts"
          " ended; %s" % (moment, mode, tried, trial.refused, trial.ended,
                          ", ".join("%s %d" % pair for pair in
                                    sorted(firsts.items()))))
    sys.exit(wrong > 0 or (tried == 0 and count is None))


if __name__ == "__main__":
    main()
