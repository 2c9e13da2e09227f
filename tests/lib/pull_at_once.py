#!/usr/bin/env python3
"""Many clients at once, each pulling an image from tag to last blob.

usage: pull_at_once.py HOST:PORT REPOSITORY TAG COUNT [FIRST-BYTES-FILE]

Every client has a connection of its own, verifies each digest and keeps
nothing.  Prints `COUNT ok, N failed` and the reasons; exits 1 if any failed.
With a file, the number of clients that have the first bytes of the largest
layer is written there as it grows.
"""
import asyncio
import collections
import hashlib
import json
import os
import sys

ACCEPT = ", ".join([
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json"])
PATIENCE = 300


class Failure(Exception):
    pass


class Begun:
    """Counts the clients that have begun the largest layer."""

    def __init__(self, path):
        self.path, self.count = path, 0

    def add(self):
        self.count += 1
        if self.path:
            with open(self.path + ".new", "w") as file:
                file.write("%d\n" % self.count)
            os.rename(self.path + ".new", self.path)


class Client:
    def __init__(self, address, repository, begun):
        self.host, port = address.rsplit(":", 1)
        self.port, self.repository, self.begun = int(port), repository, begun

    async def head(self):
        status = (await self.reader.readline()).split()
        headers = {}
        while True:
            line = (await self.reader.readline()).strip()
            if not line:
                break
            name, value = line.decode("latin-1").split(":", 1)
            headers[name.lower()] = value.strip()
        if len(status) < 2:
            raise Failure("the connection ended")
        return int(status[1]), headers

    async def get(self, what, largest=False):
        """The body's bytes for a manifest; for a blob only its digest."""
        path = "/v2/%s/%s" % (self.repository, what)
        self.writer.write(("GET %s HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\n\r\n"
                           % (path, self.host, ACCEPT)).encode())
        await self.writer.drain()
        status, headers = await self.head()
        left = int(headers.get("content-length", "0"))
        hashed, kept = hashlib.sha256(), []
        while left:
            piece = await self.reader.read(min(left, 1 << 16))
            if not piece:
                raise Failure("%s broke off" % what)
            if largest:
                self.begun.add()
                largest = False
            hashed.update(piece)
            if what.startswith("manifests"):
                kept.append(piece)
            left -= len(piece)
        if status != 200:
            raise Failure("%s: %d" % (what.split("/")[0], status))
        digest = "sha256:" + hashed.hexdigest()
        if ":" in what.split("/", 1)[1] and not what.endswith(digest):
            raise Failure("%s: wrong bytes" % what)
        return b"".join(kept)

    async def pull(self, tag):
        self.reader, self.writer = await asyncio.open_connection(
            self.host, self.port)
        try:
            manifest = json.loads(await self.get("manifests/" + tag))
            if "manifests" in manifest:
                child = manifest["manifests"][0]["digest"]
                manifest = json.loads(await self.get("manifests/" + child))
            layers = manifest["layers"]
            largest = max(layers, key=lambda layer: layer["size"])
            await self.get("blobs/" + manifest["config"]["digest"])
            for layer in layers:
                await self.get("blobs/" + layer["digest"], layer is largest)
        finally:
            self.writer.close()


async def main():
    address, repository, tag, count = sys.argv[1:5]
    begun = Begun(sys.argv[5] if len(sys.argv) > 5 else None)
    results = await asyncio.gather(
        *(asyncio.wait_for(Client(address, repository, begun).pull(tag),
                           PATIENCE) for _ in range(int(count))),
        return_exceptions=True)
    failures = collections.Counter(
        repr(r) for r in results if isinstance(r, BaseException))
    failed = sum(failures.values())
    print("%d ok, %d failed" % (len(results) - failed, failed))
    for reason, times in failures.most_common(5):
        print("%d times: %s" % (times, reason))
    return failed > 0


sys.exit(asyncio.run(main()))
