#!/usr/bin/env python3
"""A port on which a test's server may listen.

usage: free_port.py [TAKEN]

Not one of those that the kernel gives to clients: a connection of somebody
else could have it before the server does, or while the server is started
anew.  TAKEN is a file of ports that are not to be given once more; this one is
added.
"""
import os
import random
import socket
import sys


def is_free(port):
    """On every address; nor may an old connection linger there."""
    dual = socket.has_dualstack_ipv6()
    try:
        with socket.socket(socket.AF_INET6 if dual else socket.AF_INET) as s:
            if dual:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            s.bind(("", port))
    except OSError:
        return False
    return True


def main():
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        first, last = map(int, f.read().split())
    ports = [p for p in range(10000, 65536) if not first <= p <= last]
    # Where clients get nearly all, one of theirs has to do.
    if len(ports) < 1000:
        ports = list(range(10000, 65536))
    taken = set()
    path = sys.argv[1] if len(sys.argv) > 1 else os.devnull
    if os.path.exists(path):
        with open(path) as f:
            taken = {int(line) for line in f}
    random.shuffle(ports)
    port = next(p for p in ports if p not in taken and is_free(p))
    with open(path, "a") as f:
        f.write("%d\n" % port)
    print(port)


main()
