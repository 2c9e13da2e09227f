#!/usr/bin/env python3
"""Many clients at once, each of a kind that servers suffer from.

usage: slow_clients.py KIND COUNT HOST:PORT PATH

idle    asks once for PATH, reads the answer, and stays connected
silent  connects and says nothing
header  sends a request header that never ends, a byte a second
reader  asks for PATH and reads a byte a second of the answer

Prints `ready` when all have connected (and idle ones have their answer), or
have at least been tried and ended, then one line `open N ended N` a second
until it is killed.  Connections that the server ends are opened again, but for
idle ones.  Clients have addresses of their own in 127.1.0.0/16.
"""
import collections
import errno
import os
import resource
import select
import socket
import sys
import time

# Connections that are on their way at once; the backlog is 1024.
PENDING = 200


class Client:
    def __init__(self, number):
        self.number = number
        self.sock = None
        self.state = "closed"
        self.left = 0


class Clients:
    def __init__(self, kind, count, address, path):
        self.kind = kind
        self.address = address
        self.path = path
        self.poll = select.epoll()
        self.all = [Client(i) for i in range(count)]
        # In turn: who was ended does not come before who has not come yet.
        self.closed = collections.deque(self.all)
        self.by_fd = {}
        self.pending = 0
        self.ended = 0
        self.tried = 0

    def open(self, client):
        s = socket.socket()
        s.setblocking(False)
        # IP_BIND_ADDRESS_NO_PORT: ports are by destination.
        s.setsockopt(socket.IPPROTO_IP, 24, 1)
        n = client.number % 60000
        s.bind((f"127.1.{n // 250}.{n % 250 + 1}", 0))
        if self.kind == "reader":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            s.connect(self.address)
        except BlockingIOError:
            pass
        client.sock = s
        client.state = "connecting"
        self.pending += 1
        self.by_fd[s.fileno()] = client
        self.poll.register(s.fileno(), select.EPOLLOUT)

    def close(self, client):
        if client.state in ("connecting", "waiting"):
            self.pending -= 1
        self.poll.unregister(client.sock.fileno())
        del self.by_fd[client.sock.fileno()]
        client.sock.close()
        client.state = "closed"
        self.ended += 1
        if self.kind != "idle":
            self.closed.append(client)

    def start(self, client):
        """The connection is there."""
        fd = client.sock.fileno()
        request = f"GET {self.path} HTTP/1.1\r\nHost: winnow\r\n"
        self.poll.modify(fd, select.EPOLLIN if self.kind != "reader"
                         else select.EPOLLHUP)
        if self.kind in ("idle", "reader"):
            client.sock.send(request.encode() + b"\r\n")
        elif self.kind == "header":
            client.sock.send(request.encode() + b"X-Slow: ")
        if self.kind == "idle":
            client.state = "waiting"
            return
        client.state = "open"
        self.pending -= 1

    def event(self, client, events):
        try:
            if client.state == "connecting":
                error = client.sock.getsockopt(
                    socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    raise OSError(error, os.strerror(error))
                self.start(client)
                return
            if events & select.EPOLLIN:
                if not client.sock.recv(1 << 16):
                    raise OSError(errno.EPIPE, "closed")
                if client.state == "waiting":
                    client.state = "open"
                    self.pending -= 1
                return
            raise OSError(errno.EPIPE, "hang-up")
        except BlockingIOError:
            pass
        except OSError:
            self.close(client)

    def tick(self):
        """Once a second: the byte of each."""
        for client in self.all:
            if client.state != "open":
                continue
            try:
                if self.kind == "header":
                    client.sock.send(b"x")
                elif self.kind == "reader":
                    client.sock.recv(1)
            except BlockingIOError:
                pass
            except OSError:
                self.close(client)

    def run(self):
        ready = False
        next_tick = time.monotonic() + 1
        while True:
            while self.closed and self.pending < PENDING:
                client = self.closed.popleft()
                self.tried += client.sock is None
                self.open(client)
            for fd, events in self.poll.poll(
                    max(0, next_tick - time.monotonic()), 1000):
                if fd in self.by_fd:
                    self.event(self.by_fd[fd], events)
            if not ready and self.tried == len(self.all) and (
                    self.ended > 0 or self.pending == 0):
                ready = True
                print("ready", flush=True)
            if time.monotonic() >= next_tick:
                next_tick += 1
                self.tick()
                print("open", len(self.by_fd), "ended", self.ended,
                      flush=True)


def main():
    kind, count, address, path = sys.argv[1:]
    host, port = address.rsplit(":", 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    Clients(kind, int(count), (host, int(port)), path).run()


main()
