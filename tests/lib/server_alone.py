"""A server process without core, for tests that need it under a tool such as
valgrind (core does not run there: valgrind 3.19 knows no pidfd_open).

`Server` starts `winnowd --role server` and plays core: what is asked of it
is answered by the function `answer`, in a thread of its own.
"""
import array
import hashlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading

CHANNEL_FD = 3  # PROCESS_CHANNEL_FD
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Server:
    """A server process; see daemon/process.h for the messages."""

    def __init__(self, winnowd, answer, prefix=(), log=None, env=None, **limits):
        self.answer = answer
        self.dir = tempfile.mkdtemp(prefix="winnow-server.")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = self.listener.getsockname()
        self.channel, theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET)
        blobs = os.open(self.dir, os.O_RDONLY | os.O_DIRECTORY)

        def place():
            os.dup2(theirs.fileno(), CHANNEL_FD)

        self.process = subprocess.Popen(
            [*prefix, winnowd, "--role", "server"], pass_fds=[CHANNEL_FD],
            close_fds=True, preexec_fn=place, stderr=log, env=env)
        theirs.close()
        start = {"type": "start", "listeners": ["plain"],
                 "original_prefix": "original", "connections": 10000,
                 "header_timeout_ms": 10000, "idle_timeout_ms": 75000,
                 "log_level": "info", **limits}
        self.send(start, [blobs, self.listener.fileno()])
        os.close(blobs)
        self.asked = []
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def send(self, body, fds=()):
        ancillary = []
        if fds:
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                          array.array("i", fds))]
        self.channel.sendmsg([json.dumps(body).encode()], ancillary)

    def listen(self):
        while data := self.channel.recv(1 << 16):
            message = json.loads(data)
            if message["type"] != "ask":
                continue
            self.asked.append(message)
            reply = self.answer(message)
            if reply is not None:
                self.send({"type": "answer", "id": message["id"], **reply})

    def put_blob(self, data):
        """Puts a blob into the store; its digest."""
        name = hashlib.sha256(data).hexdigest()
        os.makedirs(os.path.join(self.dir, name[:2]), exist_ok=True)
        with open(os.path.join(self.dir, name[:2], name), "wb") as f:
            f.write(data)
        return "sha256:" + name

    def stop(self):
        """Drains; the exit status."""
        try:
            self.send({"type": "drain"})
        except OSError:
            pass
        status = self.process.wait(120)
        self.channel.close()
        self.listener.close()
        shutil.rmtree(self.dir)
        return status
