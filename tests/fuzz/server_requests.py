#!/usr/bin/env python3
"""Sends mutated requests to a running winnowd and checks what comes back.

usage: server_requests.py HOST:PORT SEED CASES SECONDS FACTS

FACTS is a JSON file: `targets` (paths that are served), `secret` (digests
that only names below /v2/original/ may yield).  For each case:

- every byte that comes back belongs to valid HTTP replies, errors are in the
  form of the distribution specification, bodies are as long as announced;
- a secret digest comes only from a target that names an original;
- a well-formed request is answered now and then, in time.

Ends with a line of counts, or with the seed and bytes of a failing case,
which a SEED of the form SEED:N replays alone.
"""
import collections
import concurrent.futures
import hashlib
import json
import os
import random
import re
import socket
import struct
import sys
import time

# Cases at once.
THREADS = 24
# Seconds that a reply may take, or that half a request is given.
PATIENCE = float(os.environ.get("FUZZ_PATIENCE", 0.2))
TOKENS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"/", b"//", b"/../", b"/./",
    b"..", b"%2e%2e", b"%2f", b"%00", b"%", b"%3A", b"%3a", b"%zz", b"?",
    b"?ns=docker.io", b"?ns=127.0.0.1", b"&ns=evil.example", b"?ns=",
    b"?ns=docker.io%00", b"?ns=original", b"#", b"@", b":", b";", b"\\",
    b"original/", b"ORIGINAL/", b"original%2f", b"./original/", b"original//",
    b"library/", b"docker.io/", b"blobs/", b"manifests/", b"referrers/",
    b"tags/list", b"_winnow/map?repo=tiny&digest=", b"sha256:", b"sha512:",
    b"HTTP/0.9", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.10", b"HTTP/1.1 ",
    b"A" * 300, b"a/" * 300, b"\xff\xfe", b"\xc0\xaf", b"-1", b"0", b"1e9",
    b"99999999999999999999",
]
HEADERS = [
    b"Host: ", b"Host: original", b"Host: a\r\nHost: b", b"Host: \xff",
    b"X-Forwarded-For: 127.0.0.1", b"X-Forwarded-Host: original",
    b"X-Forwarded-Proto: https", b"X-Forwarded-Prefix: /v2/original",
    b"X-Original-URL: /v2/original/tiny/manifests/1",
    b"X-HTTP-Method-Override: DELETE", b"Forwarded: for=1;host=original",
    b"Connection: close", b"Connection: keep-alive", b"Connection: upgrade",
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: -1",
    b"Content-Length: +5", b"Content-Length: 5, 5", b"Content-Length: 0x5",
    b"Content-Length: 99999999999999999999", b"Content-Length : 5",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding:\x0bchunked",
    b"Transfer-Encoding : chunked", b"Expect: 100-continue", b"Expect: x",
    b"Range: bytes=0-0", b"Range: bytes=5-1", b"Range: bytes=-5",
    b"Range: bytes=0-,1-,2-", b"Range: bytes=99999999999999999999-",
    b"Range: lines=1-2", b"If-Range: x", b"If-None-Match: *",
    b"If-None-Match: \"sha256:0\"", b"Accept: " + b"a/b," * 200,
    b"Accept-Encoding: gzip", b"Authorization: Basic !!!!",
    b"Authorization: Bearer " + b"x" * 2000, b"Cookie: " + b"c" * 9000,
    b"User-Agent: containerd/1.6.20~ds1", b"User-Agent: \x1b[31m\"=\\",
    b" folded: line", b"\tfolded", b"no colon", b": no name", b"N\0ame: x",
    b"Name : x", b"X: " + b"y" * 20000, b"\r\n".join([b"A: b"] * 2000),
    b"\r\n".join(b"H%d: %d" % (i, i) for i in range(1000)),
]
METHODS = [b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS",
           b"TRACE", b"CONNECT", b"PRI", b"get", b"G\0T", b"", b"PROPFIND",
           b"GETGETGETGET" * 20]
BODIES = [b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"0\r\n\r\n",
          b"ffffffffffffffff\r\n", b"-1\r\nx", b"5;ext=1\r\nhello\r\n0\r\n\r\n",
          b"GET /v2/ HTTP/1.1\r\n\r\n", b"x" * 40000,
          b"0\r\nTrailer: x\r\n\r\n"]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
TLS_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"r" * 300

REPLY = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d) [ -~]*\r\n((?:[!-9;-~]+: ?"
                   rb"[\t -~\x80-\xff]*\r\n)*)\r\n")


class Failure(Exception):
    pass


def make_target(rng, facts):
    target = rng.choice(facts["targets"]).encode()
    for _ in range(rng.choice([0, 0, 1, 1, 2, 4])):
        at = rng.randrange(len(target) + 1)
        kind = rng.randrange(6)
        if kind == 0:
            target = target[:at] + rng.choice(TOKENS) + target[at:]
        elif kind == 1:
            target = target[:at] + target[at + rng.randrange(9):]
        elif kind == 2:
            target = target[:at] + target[at:at + 30] + target[at:]
        elif kind == 3:
            other = rng.choice(facts["targets"]).encode()
            target = target[:at] + other[rng.randrange(len(other)):]
        elif kind == 4:
            part = target[at:at + 3]
            target = (target[:at] + b"".join(b"%%%02x" % c for c in part) +
                      target[at + 3:])
        else:
            target = target[:at] + target[at:].swapcase()
    if rng.random() < 0.05:
        target = rng.choice([b"http://original", b"https://a:1", b"http://",
                             b"//a", b"ftp://x"]) + target
    return target


def make_request(rng, facts):
    if rng.random() < 0.01:
        return rng.choice([PREFACE, TLS_HELLO, b"\r\n\r\n", b"\0" * 100])
    method = b"GET"
    if rng.random() < 0.3:
        method = rng.choice(METHODS)
    version = b"HTTP/1.1"
    if rng.random() < 0.1:
        version = rng.choice([b"HTTP/1.0", b"HTTP/0.9", b"HTTP/1.2", b"",
                              b"HTTP/2.0", b"http/1.1", b"HTTP/1.1\0"])
    lines = [b" ".join([method, make_target(rng, facts), version])]
    lines.append(b"Host: 127.0.0.1")
    lines += rng.choices(HEADERS, k=rng.choice([0, 0, 0, 1, 1, 2, 6]))
    request = b"\r\n".join(lines) + b"\r\n\r\n" + rng.choice(
        [b"", b"", b"", rng.choice(BODIES)])
    if rng.random() < 0.1:
        data = bytearray(request)
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        request = bytes(data)
    if rng.random() < 0.05:
        request = request.replace(b"\r\n", b"\n")
    return request


def make_case(rng, facts):
    """The bytes, and how the connection is ended."""
    data = b"".join(make_request(rng, facts)
                    for _ in range(rng.choice([1, 1, 1, 1, 2, 3, 10])))
    end = rng.choice(["wait", "wait", "wait", "half", "cut", "reset", "drip"])
    if end in ("cut", "reset", "half"):
        data = data[:rng.randrange(1, len(data) + 1)]
    return data, end


def check_reply(data, head_possible, first, facts):
    """Checks one reply at the start of `data`; returns what follows it."""
    # evhttp gives any version below 2 back with this one, before winnow sees it.
    data = re.sub(rb"\AHTTP/1\.\d 100 ", b"HTTP/1.1 100 ", data)
    match = REPLY.match(data)
    if not match:
        raise Failure("not a reply")
    status, block = int(match[1]), match[2]
    headers = {}
    for line in block.split(b"\r\n")[:-1]:
        name, value = line.split(b":", 1)
        headers[name.lower()] = value.strip()
    rest = data[match.end():]
    if status == 100:
        return rest
    if status == 304:
        return rest
    if b"content-length" not in headers:
        raise Failure("no length")
    length = int(headers[b"content-length"])
    body = rest[:length]
    if head_possible and (not rest or rest.startswith(b"HTTP/1.")):
        return rest
    if len(body) < length:
        # Cut by the end of the connection or by our patience.
        return b""
    if status >= 400:
        errors = json.loads(body)["errors"]
        if not errors[0]["code"].isupper() or not errors[0]["message"]:
            raise Failure("not an error of the specification")
    if status == 200:
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        if digest in facts["secret"] and not first:
            raise Failure("a secret " + digest)
    return rest[length:]


def names_original(data):
    """True when some request names an original as the grammar has it."""
    return re.search(rb" ((?i:https?)://[^/ ]*)?/v2/original/[a-z]", data)


def run_case(address, data, end, facts):
    s = socket.socket()
    s.settimeout(5)
    s.connect(address)
    out = b""
    try:
        if end == "drip":
            for i in range(0, len(data), max(1, len(data) // 20)):
                s.sendall(data[i:i + max(1, len(data) // 20)])
        else:
            s.sendall(data)
        if end == "reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         struct.pack("ii", 1, 0))
        if end in ("reset", "cut"):
            s.close()
            return ""
        if end == "half":
            s.shutdown(socket.SHUT_WR)
        # A complete request is answered at once, half of one is not.
        s.settimeout(PATIENCE)
        while len(out) < 1 << 22:
            piece = s.recv(1 << 16)
            if not piece:
                break
            out += piece
    except OSError:
        # Patience, or the end of the connection, which is the server's right.
        pass
    s.close()
    if not out:
        return ""
    head_possible = b"HEAD" in data.upper()
    original = bool(names_original(data))
    first_status = out[9:12].decode("latin-1")
    rest = out
    while rest:
        rest = check_reply(rest, head_possible, original, facts)
    return first_status


def is_alive(address, facts):
    """A well-formed request gets its answer."""
    s = socket.create_connection(address, timeout=20)
    s.sendall(b"GET " + facts["targets"][0].encode() +
              b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    out = b""
    while piece := s.recv(1 << 16):
        out += piece
    if not out.startswith(b"HTTP/1.1 200 "):
        raise Failure("the well-formed request fails: %r" % out[:200])


def main():
    address, seed, cases, seconds, facts = sys.argv[1:]
    host, port = address.rsplit(":", 1)
    address = host, int(port)
    with open(facts) as f:
        facts = json.load(f)
    seed, _, only = seed.partition(":")
    numbers = [int(only)] if only else range(int(cases))
    end_time = time.monotonic() + float(seconds)
    counts = collections.Counter()

    def run(n):
        if time.monotonic() > end_time:
            return None
        data, end = make_case(random.Random(f"{seed}.{n}"), facts)
        try:
            counts[run_case(address, data, end, facts) or "none"] += 1
            if n % 100 == 0:
                is_alive(address, facts)
        except (Failure, ValueError, KeyError, OSError) as e:
            return f"FAILED {seed}:{n} ({end}): {e!r}\n{data[:600]!r}"
        return None

    # Threads, since most of the time is patience.
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for failure in pool.map(run, numbers):
            if failure:
                print(failure)
                sys.stdout.flush()
                os._exit(1)
    is_alive(address, facts)
    print("cases", counts.total(), *(f"{k}:{v}" for k, v in sorted(counts.items())))


main()
