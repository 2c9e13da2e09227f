#!/usr/bin/env python3
"""cri_pull.py SOCKET IMAGE [USER PASSWORD]: asks the node's runtime at SOCKET
for an image as a kubelet does, by PullImage of runtime.v1.ImageService.
Exits 1 with gRPC's message when it refuses.  curl speaks the HTTP/2."""
import re
import subprocess
import sys
import urllib.parse


def field(number, data):
    """A protobuf field of bytes, shorter than 128."""
    assert len(data) < 128
    return bytes([number << 3 | 2, len(data)]) + data


def main():
    socket, image, *login = sys.argv[1:]
    message = field(1, field(1, image.encode()))
    if login:
        user, password = login
        message += field(2, field(1, user.encode()) +
                         field(2, password.encode()))
    answer = subprocess.run(
        ["curl", "-sS", "--http2-prior-knowledge", "--unix-socket", socket,
         "-o", "/dev/null", "-D", "-", "-H", "Content-Type: application/grpc",
         "-H", "TE: trailers", "--data-binary", "@-",
         "http://localhost/runtime.v1.ImageService/PullImage"],
        input=b"\0" + len(message).to_bytes(4, "big") + message,
        stdout=subprocess.PIPE, check=True).stdout.decode()
    if not re.search(r"^grpc-status: 0\r?$", answer, re.I | re.M):
        sys.exit(urllib.parse.unquote(answer))


main()
