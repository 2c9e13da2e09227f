#!/usr/bin/env python3
"""Docker Hub's shape in front of docker-registry.

usage: hub.py REGISTRY DATA KEY CERT LOG PORTS LIMIT

Three servers: "registry" (127.0.0.1) passes requests to docker-registry at
REGISTRY, which demands a token, adds rate-limit headers, refuses manifests
with 429 after so many GETs as the file LIMIT says (0: HEAD as well), and
redirects (307) GETs of blobs; "auth" (127.0.0.1) gives tokens, signed with KEY, to anybody and to
the user me with the password secret; "cdn" (127.0.0.2) has the blobs, out of
docker-registry's DATA, and answers 400 to an Authorization header, as S3 does.
Each request is one line in LOG; `REGISTRY AUTH CDN` goes to PORTS.
"""
import base64
import http.client
import http.server
import json
import os
import re
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse

REGISTRY, DATA, KEY, CERT, LOG, PORTS, LIMIT = sys.argv[1:8]
places = {}
lock = threading.Lock()
counted = 0  # GETs of manifests


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def certificate():
    with open(CERT) as f:
        lines = f.read().split("-----")[2]
    return "".join(lines.split())


def make_token(scope, user):
    """A token as docker-registry checks it (JWT, RS256)."""
    kind, name, actions = scope.split(":")
    header = {"typ": "JWT", "alg": "RS256", "x5c": [certificate()]}
    claims = {"iss": "hub", "sub": user, "aud": "registry.hub",
              "exp": int(time.time()) + 300, "nbf": int(time.time()) - 10,
              "iat": int(time.time()), "jti": os.urandom(8).hex(),
              "access": [{"type": kind, "name": name,
                          "actions": actions.split(",")}]}
    text = b".".join(encode(json.dumps(part).encode())
                     for part in (header, claims))
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", KEY],
                               input=text, capture_output=True, check=True)
    return (text + b"." + encode(signature.stdout)).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        scheme = self.headers.get("Authorization", "none").split()[0].lower()
        with lock, open(LOG, "a") as f:
            f.write("%s %s %s auth=%s\n" % (
                self.server.name, self.command, self.path, scheme))
        getattr(self, self.server.name)()

    do_HEAD = do_GET

    def auth(self):
        given = self.headers.get("Authorization", "")
        user = ""
        if given.startswith("Basic "):
            user, _, password = base64.b64decode(given[6:]).decode().partition(
                ":")
            if (user, password) != ("me", "secret"):
                return self.answer(401, {"Content-Type": "application/json"},
                                   b'{"details":"incorrect password"}')
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        token = make_token(query["scope"][0], user)
        self.answer(200, {"Content-Type": "application/json"}, json.dumps(
            {"token": token, "access_token": token, "expires_in": 300,
             "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
             }).encode())

    def cdn(self):
        if "Authorization" in self.headers:
            return self.answer(400, {}, b"Only one auth mechanism allowed")
        digest = re.search(r"sha256:([0-9a-f]{64})", self.path)[1]
        with open("%s/docker/registry/v2/blobs/sha256/%s/%s/data" % (
                DATA, digest[:2], digest), "rb") as f:
            self.answer(200, {"Content-Type": "application/octet-stream"},
                        f.read())

    def limits(self):
        """The headers of a manifest's answer; None when there are no more."""
        global counted
        with open(LIMIT) as f:
            limit = int(f.read())
        with lock:
            if self.command == "GET":
                counted += 1
            left = limit - counted
        if limit == 0 or (left < 0 and self.command == "GET"):
            return None
        return {"ratelimit-limit": "%d;w=21600" % limit,
                "ratelimit-remaining": "%d;w=21600" % max(left, 0),
                "docker-ratelimit-source": "192.0.2.1"}

    def registry(self):
        c = http.client.HTTPConnection(REGISTRY)
        passed = {n: v for n, v in self.headers.items()
                  if n.lower() in ("authorization", "accept")}
        c.request(self.command, self.path, headers=passed)
        r = c.getresponse()
        body = r.read()
        headers = {n: v for n, v in r.getheaders()
                   if n.lower() not in ("connection", "transfer-encoding")}
        if r.status == 200 and "/manifests/" in self.path:
            limits = self.limits()
            if limits is None:
                return self.answer(
                    429, {"Content-Type": "application/json"},
                    b'{"errors":[{"code":"TOOMANYREQUESTS","message":'
                    b'"You have reached your unauthenticated pull rate limit."'
                    b'}]}')
            headers.update(limits)
        if r.status == 200 and "/blobs/" in self.path:
            return self.answer(307, {"Location": "http://%s%s?signed=yes" % (
                places["cdn"], self.path)})
        self.answer(r.status, headers, body)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main():
    for name, host in (("registry", "127.0.0.1"), ("auth", "127.0.0.1"),
                       ("cdn", "127.0.0.2")):
        server = Server((host, 0), Handler)
        server.name = name
        places[name] = "%s:%d" % server.server_address
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(PORTS + ".new", "w") as f:
        f.write("%(registry)s %(auth)s %(cdn)s\n" % places)
    os.rename(PORTS + ".new", PORTS)
    threading.Event().wait()


main()
