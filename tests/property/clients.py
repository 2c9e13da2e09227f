"""The clients that unpack what a stack became."""
import os
import shutil
import subprocess
import tarfile
import tempfile
import time


class Failure(Exception):
    pass


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


class Umoci:
    """Unpacks all layers into one directory."""
    overlay = False
    tools = "umoci", "zstd"

    def unpack(self, work, layout, tag, name):
        target = os.path.join(work, name)
        r = run("umoci", "raw", "unpack", "--image",
                "%s/%s:%s" % (work, layout, tag), target)
        if r.returncode != 0:
            raise Failure("umoci does not unpack %s:\n%s" % (
                tag, r.stdout.decode(errors="replace")))
        return target

    def release(self, target):
        pass

    def close(self):
        pass

    def free_times(self, tree):
        return tree.touched


CONFIG = """version = 2
root = "%(dir)s/root"
state = "%(dir)s/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "%(dir)s/socket"
[ttrpc]
  address = "%(dir)s/socket.ttrpc"
"""


class Containerd:
    """Unpacks each layer into a directory of an overlay mount."""
    overlay = True
    tools = "containerd", "ctr", "zstd"

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="winnow-ctr-")
        with open(self.dir + "/config", "w") as file:
            file.write(CONFIG % {"dir": self.dir})
        with open(self.dir + "/log", "w") as log:
            self.daemon = subprocess.Popen(
                ["containerd", "-c", self.dir + "/config"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while self.ctr("version").returncode != 0:
            if time.monotonic() > end or self.daemon.poll() is not None:
                self.close()
                raise SystemExit("containerd does not start")
            time.sleep(0.1)

    def __getstate__(self):
        """What the processes that unpack have to know."""
        return {"dir": self.dir}

    def ctr(self, *arguments):
        return run("ctr", "-a", self.dir + "/socket", *arguments)

    def must(self, *arguments):
        r = self.ctr(*arguments)
        if r.returncode != 0:
            raise Failure("ctr %s:\n%s" % (" ".join(arguments),
                                           r.stdout.decode(errors="replace")))

    def unpack(self, work, layout, tag, name):
        target, archive = os.path.join(work, name), work + "/archive.tar"
        base = "x.local/" + os.path.basename(work).lower()
        with tarfile.open(archive, "w") as tar:
            tar.add(os.path.join(work, layout), ".")
        self.must("images", "import", "--no-unpack", "--base-name", base,
                  archive)
        os.unlink(archive)
        os.mkdir(target)
        self.must("images", "mount", "%s:%s" % (base, tag), target)
        return target

    def release(self, target):
        self.ctr("images", "unmount", "--rm", target)

    def close(self):
        self.daemon.terminate()
        self.daemon.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def free_times(self, tree):
        return tree.overlay_free


CLIENTS = {"umoci": Umoci, "containerd": Containerd}
