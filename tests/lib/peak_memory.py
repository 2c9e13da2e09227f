#!/usr/bin/env python3
"""Peak resident memory of processes, in KiB.

usage: peak_memory.py run COMMAND...   of the command and what it started;
                                       exits as the command does
       peak_memory.py watch PID STOP   of each worker of winnowd PID, until
                                       the file STOP is there; makes STOP.not
                                       when it begins

Prints one number, the largest.
"""
import os
import sys
import time


def run(command):
    pid = os.fork()
    if pid == 0:
        os.dup2(2, 1)
        os.execvp(command[0], command)
    _, status, usage = os.wait4(pid, 0)
    print(usage.ru_maxrss)
    return os.waitstatus_to_exitcode(status)


def read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as f:
            return f.read()
    except OSError:
        return b""


def watch(parent, stop):
    """VmHWM only grows, so what is read last is the peak."""
    most = 0
    open(stop + ".not", "w").close()
    while not os.path.exists(stop):
        for pid in read(parent, f"task/{parent}/children").split():
            pid = pid.decode()
            if b"worker" not in read(pid, "cmdline"):
                continue
            for line in read(pid, "status").splitlines():
                if line.startswith(b"VmHWM:"):
                    most = max(most, int(line.split()[1]))
        time.sleep(0.01)
    print(most)
    return 0


def main():
    if sys.argv[1] == "run":
        return run(sys.argv[2:])
    return watch(sys.argv[2], sys.argv[3])


if __name__ == "__main__":
    sys.exit(main())
