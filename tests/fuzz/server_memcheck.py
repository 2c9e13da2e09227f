#!/usr/bin/env python3
"""A server process under valgrind, with whole and mutated requests.

usage: server_memcheck.py WINNOWD SECONDS [SEED]

Core is played (server_alone.py).  Fails on an error or a definite leak.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "lib"))
from server_alone import MANIFEST, Server  # noqa: E402

MANIFEST_BYTES = b'{"schemaVersion":2,"x":"' + b"m" * 400 + b'"}'
BLOB_BYTES = b"b" * 200000


def main():
    winnowd, seconds = sys.argv[1], float(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    known = {}

    def answer(ask):
        if ask["repository"].startswith("never"):
            return None
        found = {"manifest": "manifest", "blob": "blob"}.get(ask["kind"])
        if found and ask["repository"] == "tiny" and random.random() < 0.9:
            # Forgotten soon, so that it is asked for again.
            return {**known[found], "ttl_ms": 20}
        if ask["kind"] == "tags":
            return {"items": ["1", "2"], "more": False}
        return {"error": "not-found", "message": "nothing here",
                "what": "manifest"}

    with tempfile.TemporaryDirectory() as directory:
        log = os.path.join(directory, "log")
        server = Server(winnowd, answer, prefix=[
            "valgrind", "-q", "--leak-check=full", "--error-exitcode=9",
            "--show-leak-kinds=definite,indirect",
            "--errors-for-leak-kinds=definite,indirect"],
            log=open(log, "w"), header_timeout_ms=2000, idle_timeout_ms=2000)
        known["manifest"] = {"digest": server.put_blob(MANIFEST_BYTES),
                             "media_type": MANIFEST,
                             "size": len(MANIFEST_BYTES)}
        blob = server.put_blob(BLOB_BYTES)
        known["blob"] = {"digest": blob, "size": len(BLOB_BYTES)}
        facts = os.path.join(directory, "facts")
        with open(facts, "w") as f:
            json.dump({"secret": [], "targets": [
                "/v2/", "/v2/tiny/manifests/1", "/v2/tiny/blobs/" + blob,
                "/v2/tiny/tags/list", "/v2/never/manifests/1",
                "/v2/tiny/referrers/" + blob]}, f)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            seed += 1
            fuzz = subprocess.run(
                [sys.executable, os.path.join(TESTS, "fuzz",
                                              "server_requests.py"),
                 "%s:%d" % server.address, str(seed), "1000",
                 str(max(1, end - time.monotonic())), facts],
                env={**os.environ, "FUZZ_PATIENCE": "1"}, check=False)
            with open(f"/proc/{server.process.pid}/status") as f:
                print(*(line.strip() for line in f if "RssAnon" in line),
                      flush=True)
            if fuzz.returncode:
                break
        status = server.stop()
        print("asked of core:", len(server.asked), "exit status:", status)
        if status or fuzz.returncode:
            with open(log) as f:
                print(*(line for line in f if "request." not in line)
                      , sep="")
            sys.exit(1)


main()
