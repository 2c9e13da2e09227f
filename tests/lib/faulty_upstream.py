#!/usr/bin/env python3
"""A registry that misbehaves as told, for tests.

usage: faulty_upstream.py LAYOUT SCENARIO LOG PORTS [PEM]

Serves the OCI image layout LAYOUT as every repository, on two ports of
127.0.0.1 ("main" and "other") and with PEM (certificate and key) on a third
over TLS ("tls"), and writes `MAIN OTHER [TLS]` to PORTS once all listen.  Each request becomes one line in LOG as it comes:

    main GET /v2/app/blobs/sha256:... auth=bearer range=bytes=5-

SCENARIO is a JSON file, read again at every request, so that a test can
put another one in its place (by rename: that counts as a new one whatever it
says):

{"auth": {"scheme": "bearer"|"basic", "user": "u", "password": "p",
          "realm": URL (default: main's /token), "anonymous": true,
          "challenge": false (401 without one, except from /v2/),
          "expires_in": 300, "field": "token"|"access_token",
          "accept": N (so many requests may use one token),
          "stale_status": 401|400,
          "ports": ["main", "tls"] (those that want it)},
 "rules": [{"match": REGEX on "PORT METHOD PATH", "times": N (default:
            always), then what to do, any of:
     "status": 503, "headers": {...}, "body": "..."   answer just this
     "redirect": "other"|URL     307 to the same path there
     "flip": true                one byte of the body differs
     "truncate": N               N bytes, and a Content-Length that agrees
     "drop": N                   closes the connection after N bytes
     "length": N                 a Content-Length that lies
     "extra": N                  N bytes more than there should be
     "chunked": true             no Content-Length
     "no_range": true            ignores Range
     "omit": ["Docker-Content-Digest"]
     "type": "..."               another Content-Type
     "stall": true               sends nothing until the client goes
     "stall_at": N               stops after N bytes until the client goes
     "gate_at": N, "gate": FILE  stops after N bytes until FILE exists
 }]}

In headers, body, realm and redirect, {main}, {other} and {tls} are HOST:PORT.
"""
import base64
import hashlib
import http.server
import json
import os
import re

import socketserver
import ssl
import sys
import threading
import time
import urllib.parse

LAYOUT, SCENARIO, LOG, PORTS = sys.argv[1:5]
used = {}  # rule of the present scenario -> times it was applied
present = None  # the scenario, by which file it is
tokens = {}  # token -> requests it may still serve
lock = threading.Lock()
places = {}  # "main" -> "127.0.0.1:PORT"


def expand(text):
    for name, place in places.items():
        text = text.replace("{" + name + "}", place)
    return text


def read_scenario():
    """Two files within one tick of the clock have the same time."""
    global present
    with open(SCENARIO) as f:
        scenario, status = json.load(f), os.fstat(f.fileno())
    with lock:
        if present != (status.st_ino, status.st_mtime_ns):
            present = status.st_ino, status.st_mtime_ns
            used.clear()
    return scenario


def find_rule(scenario, line):
    for number, rule in enumerate(scenario.get("rules", [])):
        if not re.search(rule["match"], line):
            continue
        with lock:
            if used.get(number, 0) >= rule.get("times", 1 << 60):
                continue
            used[number] = used.get(number, 0) + 1
        return rule
    return {}


def read_blob(digest):
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        return None
    path = os.path.join(LAYOUT, "blobs", "sha256", digest[7:])
    if not os.path.exists(path):
        return None
    with open(path, "rb") as f:
        return f.read()


def find_manifest(reference):
    """The bytes, media type and digest that a tag or digest stands for."""
    with open(os.path.join(LAYOUT, "index.json")) as f:
        entries = json.load(f)["manifests"]
    for entry in entries:
        name = entry.get("annotations", {}).get(
            "org.opencontainers.image.ref.name")
        if reference in (name, entry["digest"]):
            return (read_blob(entry["digest"]), entry["mediaType"],
                    entry["digest"])
    data = read_blob(reference)
    if data is None:
        return None
    return data, json.loads(data).get("mediaType", "text/plain"), reference


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self):
        scheme = self.headers.get("Authorization", "none").split()[0].lower()
        line = "%s %s %s auth=%s range=%s\n" % (
            self.server.name, self.command, self.path, scheme,
            self.headers.get("Range", "none"))
        with lock, open(LOG, "a") as f:
            f.write(line)

    def answer(self, status, headers, body=b""):
        self.send_response(status)
        names = {name.lower() for name in headers}
        for name, value in headers.items():
            self.send_header(name, value)
        if not names & {"content-length", "transfer-encoding"}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code, message, headers=None):
        body = json.dumps({"errors": [{"code": code, "message": message}]})
        self.answer(status, dict(headers or {},
                                 **{"Content-Type": "application/json"}),
                    body.encode())

    def wait_for_client(self):
        """Returns when the client has closed the connection."""
        self.wfile.flush()
        self.connection.recv(1)
        self.close_connection = True

    def credentials_are(self, auth):
        given = self.headers.get("Authorization", "")
        wanted = "%s:%s" % (auth.get("user"), auth.get("password"))
        return given == "Basic " + base64.b64encode(wanted.encode()).decode()

    def give_token(self, auth):
        if not auth.get("anonymous") and not self.credentials_are(auth):
            return self.refuse(401, "UNAUTHORIZED", "wrong password")
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        with lock:
            token = "t%d.%s" % (len(tokens), hashlib.sha256(
                query["scope"][0].encode()).hexdigest())
            tokens[token] = auth.get("accept", 1 << 60)
        answer = {auth.get("field", "token"): token}
        if "expires_in" in auth:
            answer["expires_in"] = auth["expires_in"]
        self.answer(200, {"Content-Type": "application/json"},
                    json.dumps(answer).encode())

    def check_auth(self, auth):
        """True when the request may pass; else it has been answered."""
        given = self.headers.get("Authorization", "")
        if auth["scheme"] == "basic":
            if self.credentials_are(auth):
                return True
            challenge = 'Basic realm="a \\"registry\\""'
        else:
            repository = re.sub(r"^/v2/|/(manifests|blobs)/.*$", "", self.path)
            scope = "repository:%s:pull" % repository
            wanted = hashlib.sha256(scope.encode()).hexdigest()
            token = given[len("Bearer "):]
            with lock:
                if token.endswith("." + wanted) and tokens.get(token, 0) > 0:
                    tokens[token] -= 1
                    return True
            if token and auth.get("stale_status", 401) == 400:
                self.refuse(400, "DENIED", "Your authorization token expired")
                return False
            challenge = 'Negotiate, bearer realm="%s", service="s\\,1"' % (
                expand(auth.get("realm", "http://{main}/token")))
            if repository:
                challenge += ',scope="%s"' % scope
        headers = {}
        if auth.get("challenge", True) or self.path == "/v2/":
            headers["WWW-Authenticate"] = challenge
        self.refuse(401, "UNAUTHORIZED", "authentication required", headers)
        return False

    def send_bytes(self, rule, body, headers):
        """Sends body, or the range of it that is asked for, with its flaws."""
        status, start = 200, 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and not rule.get("no_range"):
            start = int(asked[1])
            if start >= len(body):
                return self.refuse(416, "RANGE_INVALID", "no such range")
            status = 206
            headers["Content-Range"] = "bytes %d-%d/%d" % (
                start, len(body) - 1, len(body))
        if rule.get("flip"):
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1:]
        body = body[start:rule.get("truncate", len(body))]
        body += b"x" * rule.get("extra", 0)
        for name in rule.get("omit", []):
            headers.pop(name, None)
        if "type" in rule:
            headers["Content-Type"] = rule["type"]
        if rule.get("chunked"):
            headers["Transfer-Encoding"] = "chunked"
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        else:
            headers["Content-Length"] = str(rule.get("length", len(body)))
        if "gate" in rule:
            return self.send_gated(rule, status, headers, body)
        end = rule.get("drop", rule.get("stall_at"))
        self.answer(status, headers, body if end is None else body[:end])
        if "drop" in rule or "length" in rule:
            self.close_connection = True
        elif "stall_at" in rule:
            self.wait_for_client()

    def send_gated(self, rule, status, headers, body):
        self.answer(status, headers, body[:rule["gate_at"]])
        self.wfile.flush()
        while not os.path.exists(rule["gate"]):
            time.sleep(0.01)
        self.wfile.write(body[rule["gate_at"]:])

    def serve(self, rule):
        what = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", self.path)
        if self.path == "/v2/":
            return self.answer(200, {}, b"{}")
        if not what:
            return self.refuse(404, "NAME_UNKNOWN", "no such path")
        if what[2] == "blobs":
            body, digest = read_blob(what[3]), what[3]
            media_type = "application/octet-stream"
            if body is None:
                return self.refuse(404, "BLOB_UNKNOWN", "blob unknown")
        else:
            found = find_manifest(what[3])
            if found is None:
                return self.refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")
            body, media_type, digest = found
        self.send_bytes(rule, body, {"Content-Type": media_type,
                                     "Docker-Content-Digest": digest})

    def handle_request(self):
        scenario = read_scenario()
        rule = find_rule(scenario, "%s %s %s" % (
            self.server.name, self.command, self.path))
        auth = scenario.get("auth")
        if rule.get("stall"):
            self.wait_for_client()
        elif "redirect" in rule:
            to = rule["redirect"]
            if to in places:
                to = "http://{%s}%s" % (to, self.path)
            self.answer(307, {"Location": expand(to)}, b"moved")
        elif "status" in rule:
            self.answer(rule["status"],
                        {name: expand(value) for name, value
                         in rule.get("headers", {}).items()},
                        expand(rule.get("body", "")).encode())
        elif auth and self.path.startswith("/token"):
            self.give_token(auth)
        elif (not auth
              or self.server.name not in auth.get("ports", ["main", "tls"])
              or self.check_auth(auth)):
            self.serve(rule)

    def do_GET(self):
        self.note()
        self.handle_request()

    do_HEAD = do_GET


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def main():
    servers = []
    for name in ("main", "other", "tls")[:len(sys.argv) - 3]:
        server = Server(("127.0.0.1", 0), Handler)
        server.name = name
        places[name] = "127.0.0.1:%d" % server.server_address[1]
        servers.append(server)
    if len(servers) == 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[5])
        servers[2].socket = context.wrap_socket(
            servers[2].socket, server_side=True, do_handshake_on_connect=False)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(PORTS + ".new", "w") as f:
        f.write(" ".join(str(s.server_address[1]) for s in servers) + "\n")
    os.rename(PORTS + ".new", PORTS)
    threading.Event().wait()


main()
