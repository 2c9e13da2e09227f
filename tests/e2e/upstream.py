#!/usr/bin/env python3
"""upstream.py HOST:PORT LAYOUTS FAULT-FILE [CERTIFICATE KEY]: a registry that
serves the OCI layouts below a directory by repository, read-only, over TLS
when it has a certificate, and lies as the word in FAULT-FILE says:
wrong-bytes, truncated, missing-blob, not-a-tar, no-platform, server-error,
none.  It lists tags in pages of two, and referrers.  Each request is one line
on stderr."""
import gzip
import hashlib
import http.server
import json
import os
import re
import ssl
import sys

INDEX = "application/vnd.oci.image.index.v1+json"
TAGS = re.compile(r"^/v2/(.+)/tags/list(?:\?(?:.*&)?last=([^&]*))?")
REFERRERS = re.compile(r"^/v2/(.+)/referrers/([^/?]+)")
PATH = re.compile(r"^/v2/(.+)/(manifests|blobs)/([^/?]+)")
NOT_A_TAR = gzip.compress(b"small-fault: this is no archive. " * 1000)


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layout:
    """One layout, with manifests changed as the fault demands."""

    def __init__(self, path, fault):
        self.path, self.fault, self.made = path, fault, {}

    def blob(self, digest):
        if digest in self.made:
            return self.made[digest]
        with open(os.path.join(self.path, "blobs", "sha256", digest[7:]),
                  "rb") as file:
            return file.read()

    def tag(self, tag):
        with open(self.path + "/index.json", encoding="utf-8") as file:
            for entry in json.load(file)["manifests"]:
                name = entry["annotations"]["org.opencontainers.image.ref.name"]
                if name == tag:
                    return self.changed_index(entry["digest"])
        raise FileNotFoundError(tag)

    def tags(self):
        with open(self.path + "/index.json", encoding="utf-8") as file:
            return sorted(
                entry["annotations"]["org.opencontainers.image.ref.name"]
                for entry in json.load(file)["manifests"])

    def referrers(self, digest):
        found = []
        for name in sorted(os.listdir(self.path + "/blobs/sha256")):
            data = self.blob("sha256:" + name)
            if data[:1] != b"{":
                continue
            value = json.loads(data)
            if value.get("subject", {}).get("digest") == digest:
                found.append({"mediaType": value["mediaType"],
                              "digest": "sha256:" + name, "size": len(data),
                              "artifactType": value["artifactType"]})
        return found

    def add(self, value):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.made[sha256(data)] = data
        return {"digest": sha256(data), "size": len(data)}

    def changed_index(self, digest):
        if self.fault not in ("no-platform", "not-a-tar"):
            return digest
        index = json.loads(self.blob(digest))
        child = index["manifests"][0]
        if self.fault == "no-platform":
            child["platform"]["architecture"] = "s390x"
        else:
            manifest = json.loads(self.blob(child["digest"]))
            manifest["layers"][-1].update(self.add(NOT_A_TAR))
            child.update(self.add(manifest))
        return self.add(index)["digest"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def fault(self):
        try:
            with open(self.server.fault_file, encoding="ascii") as file:
                return file.read().strip()
        except FileNotFoundError:
            return "none"

    def send(self, status, data, media_type="application/json", length=None,
             link=None):
        self.send_response(status)
        if link is not None:
            self.send_header("Link", '<%s>; rel="next"' % link)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(length or len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def send_blob(self, layout, digest):
        """Layers are what the faults are about; the config stays right."""
        data = layout.blob(digest)
        is_layer = data[:1] != b"{"
        fault = layout.fault if is_layer else "none"
        if fault == "missing-blob":
            raise FileNotFoundError(digest)
        if fault == "wrong-bytes":
            data = data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
        if fault == "truncated":
            self.send(200, data[:len(data) // 2],
                      "application/octet-stream", len(data))
            self.close_connection = True
        else:
            self.send(200, data, "application/octet-stream")

    def answer(self, match, fault):
        repository, kind, reference = match.groups()
        layout = self.server.layout(repository, fault)
        if kind == "blobs":
            self.send_blob(layout, reference)
            return
        digest = reference
        if not reference.startswith("sha256:"):
            digest = layout.tag(reference)
        data = layout.blob(digest)
        if data[:1] != b"{":
            raise FileNotFoundError(digest)
        self.send(200, data, json.loads(data)["mediaType"])

    def do_GET(self):
        try:
            self.route()
        except ConnectionError:
            self.close_connection = True

    def send_tags(self, repository, last):
        tags = [tag for tag in self.server.layout(repository, "none").tags()
                if tag > (last or "")]
        link = None
        if len(tags) > 2:
            link = "/v2/%s/tags/list?last=%s" % (repository, tags[1])
        self.send(200, json.dumps({"name": repository,
                                   "tags": tags[:2]}).encode(), link=link)

    def send_referrers(self, repository, digest):
        found = self.server.layout(repository, "none").referrers(digest)
        self.send(200, json.dumps({"schemaVersion": 2, "mediaType": INDEX,
                                   "manifests": found}).encode(), INDEX)

    def route_list(self):
        """True when the request was for a list, which is sent."""
        tags, referrers = TAGS.match(self.path), REFERRERS.match(self.path)
        if tags:
            self.send_tags(*tags.groups())
        elif referrers:
            self.send_referrers(*referrers.groups())
        return tags or referrers

    def route(self):
        fault = self.fault()
        match = PATH.match(self.path)
        if self.path == "/v2/":
            self.send(200, b"{}")
        elif fault == "server-error":
            self.send(503, b'{"errors":[{"code":"UNAVAILABLE"}]}')
        else:
            try:
                if match:
                    self.answer(match, fault)
                elif not self.route_list():
                    self.send(404, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')
            except FileNotFoundError:
                self.send(404, b'{"errors":[{"code":"BLOB_UNKNOWN"}]}')

    do_HEAD = do_GET


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, address, layouts, fault_file):
        host, port = address.split(":")
        super().__init__((host, int(port)), Handler)
        self.layouts, self.fault_file = layouts, fault_file
        self.cache = {}

    def layout(self, repository, fault):
        """Made-up manifests stay reachable while the fault lasts."""
        key = repository, fault
        if key not in self.cache:
            self.cache[key] = Layout(
                os.path.join(self.layouts, repository), fault)
        return self.cache[key]


if __name__ == "__main__":
    server = Server(*sys.argv[1:4])
    if len(sys.argv) > 4:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*sys.argv[4:])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
