#!/usr/bin/env python3
"""bench-plan.py [ROUNDS]: an edited policy planned on a known image.

Builds the PostgreSQL image (minutes the first time), plans once without the
cache, then ROUNDS times with it, each time with another policy, and prints
the times.  To reach: a median under 100 ms.
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.environ.get("top_srcdir", ".")
WINNOW = os.path.join(os.environ.get("top_builddir", "."), "winnow")
TARGET_MS = 100


def plan(policy, image, *more):
    """Milliseconds, of the clock and of the processor."""
    before, start = os.times(), time.perf_counter()
    subprocess.run([WINNOW, "plan", "--sets", TOP + "/conf/sets.d",
                    "--policy", policy, *more, image], check=True,
                   stdout=subprocess.DEVNULL)
    after = os.times()
    return ((time.perf_counter() - start) * 1000,
            (after.children_user + after.children_system -
             before.children_user - before.children_system) * 1000)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    layouts = subprocess.run([TOP + "/tests/images/build", "postgres"],
                             check=True, capture_output=True,
                             text=True).stdout.strip().split("\n")[-1]
    work = tempfile.mkdtemp(prefix="winnow-bench-plan-")
    try:
        os.environ["XDG_CACHE_HOME"] = work
        image = "oci:%s/library/postgres" % layouts
        with open(TOP + "/conf/policies.d/postgres.yaml") as f:
            policy = f.read()
        path = work + "/postgres.yaml"
        shutil.copy(TOP + "/conf/policies.d/postgres.yaml", path)
        cold = plan(path, image, "--no-cache")[0]
        plan(path, image)
        times = []
        for i in range(rounds):
            with open(path, "w") as f:
                f.write(policy.replace(
                    "keep:\n", "keep:\n  - /usr/share/edit-%d/**\n" % i, 1))
            times.append(plan(path, image))
    finally:
        shutil.rmtree(work)
    clock = statistics.median(t[0] for t in times)
    print("the layers read, no cache             %8.0f ms" % cold)
    print("replanned, median of %-4d             %8.1f ms (to reach: %d)" %
          (rounds, clock, TARGET_MS))
    print("replanned, least                      %8.1f ms" %
          min(t[0] for t in times))
    print("replanned, processor, median          %8.1f ms" %
          statistics.median(t[1] for t in times))
    print("of the time without cache             %8.4f" % (clock / cold))
    sys.exit(clock >= TARGET_MS)


main()
