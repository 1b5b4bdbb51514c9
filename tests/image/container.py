"""Runs the program of an image as an engine would, and makes no more of it than the tests need.

A container has namespaces of its own, the read-only files of its image, an address on a bridge, and its program as
process 1. run.sh has put this process itself into namespaces where it may make all that.
"""
import ctypes
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys

FOLDER = pathlib.Path(os.environ.get("CERTVENDOR_IMAGE_FOLDER", "/nonexistent"))
BRIDGE = "10.89.0"
PR_SET_NO_NEW_PRIVS = 38
DEVICES = ("full", "null", "random", "urandom", "zero")


# ---- Inside: from root in new namespaces to the program ----------------------------------------


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


def make_dev(dev):
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", dev)
    for name in DEVICES:
        (dev / name).touch()
        mount("--bind", f"/dev/{name}", dev / name)
    (dev / "shm").mkdir()
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", dev / "shm")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (dev / name).symlink_to(f"/proc/self/fd{target}")


def bind(source, target, is_read_only):
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.isdir(source):
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    mount("--bind", source, target)
    if is_read_only:
        mount("-o", "remount,bind,ro", target)


def enter(order):
    root = pathlib.Path(order["root"])
    socket.sethostname(order["name"])
    mount("--make-rprivate", "/")
    mount("--bind", root, root)
    mount("-t", "proc", "proc", root / "proc")
    make_dev(root / "dev")
    for path in order["tmpfs"]:
        (root / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
        mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", root / path.lstrip("/"))
    for source, target, is_read_only in order["mounts"]:
        bind(source, root / target.lstrip("/"), is_read_only)
    mount("-o", "remount,bind,ro", root)
    os.chroot(root)
    os.chdir(order["folder"])
    if order["is_confined"]:
        ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Leaving uid 0 drops every capability.
    os.setgroups([])
    os.setgid(order["gid"])
    os.setuid(order["uid"])
    os.write(order["pipe"], b"r")
    os.close(order["pipe"])
    os.execvpe(order["words"][0], order["words"], order["environment"])


# ---- Outside -----------------------------------------------------------------------------------


class Image:
    def __init__(self, name):
        self.root = FOLDER / name / "root"
        self.config = json.loads((FOLDER / name / "inspect.json").read_text())["Docker"]["config"]


class Network:
    """A bridge; this process has the first address, and every container one of its own."""

    def __init__(self):
        self.addresses = {}
        for words in ("link set lo up", "link add cv0 type bridge", f"address add {BRIDGE}.1/24 dev cv0",
                      "link set cv0 up"):
            self._ip(words)

    @staticmethod
    def _ip(words):
        subprocess.run(["ip", *words.split()], check=True)

    def attach(self, name):
        """Makes the network namespace of that name, once."""
        if name in self.addresses:
            return
        number = len(self.addresses) + 2
        self.addresses[name] = f"{BRIDGE}.{number}"
        for words in (f"netns add {name}", f"link add cv{number} type veth peer name eth0 netns {name}",
                      f"link set cv{number} master cv0 up", f"-n {name} link set lo up",
                      f"-n {name} address add {BRIDGE}.{number}/24 dev eth0", f"-n {name} link set eth0 up"):
            self._ip(words)

    def hosts(self):
        lines = ["127.0.0.1 localhost"] + [f"{address} {name}" for name, address in self.addresses.items()]
        return "\n".join(lines) + "\n"


class Volume:
    """A named volume. What the image has at its place is its first content."""

    def __init__(self, folder):
        self.folder = folder

    def prepare(self, image, target):
        if self.folder.exists():
            return
        inside = image.root / target.lstrip("/")
        if inside.is_dir():
            subprocess.run(["cp", "-a", inside, self.folder], check=True)
        else:
            self.folder.mkdir(mode=0o755)


class Container:
    """mounts: (path or Volume, target, is_read_only). words: behind the entry point."""

    def __init__(self, network, name, image, folder, *, entrypoint=None, words=None, environment=None,
                 mounts=(), tmpfs=(), user=None, is_confined=True):
        config = image.config
        self.image = image
        self.log = folder / f"{name}.log"
        if words is None:
            words = [] if entrypoint is not None else config.get("Cmd") or []
        user = config.get("User") or "0:0" if user is None else user
        self.uid, self.gid = (int(number) for number in user.split(":"))
        self.environment = dict(pair.split("=", 1) for pair in config.get("Env") or [])
        self.environment.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        self.environment.update(environment or {})
        network.attach(name)
        hosts = folder / f"{name}.hosts"
        hosts.write_text(network.hosts())
        self.order = {
            "name": name, "root": str(image.root), "uid": self.uid, "gid": self.gid,
            "is_confined": is_confined, "tmpfs": list(tmpfs), "environment": self.environment,
            "folder": config.get("WorkingDir") or "/",
            "words": [*(config.get("Entrypoint") or [] if entrypoint is None else entrypoint), *words],
            "mounts": [[str(hosts), "/etc/hosts", True]],
        }
        for source, target, is_read_only in mounts:
            if isinstance(source, Volume):
                source.prepare(image, target)
                source = source.folder
            self.order["mounts"].append([str(source), target, is_read_only])
        self.process = None

    def start(self):
        """Returns when its program begins, or could not."""
        reader, writer = os.pipe()
        order = json.dumps({**self.order, "pipe": writer})
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.order["name"], "unshare", "--mount", "--pid", "--uts", "--ipc",
                 "--fork", "--kill-child", sys.executable, __file__, order],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[writer])
        os.close(writer)
        os.read(reader, 1)
        os.close(reader)
        return self

    def wait(self, timeout):
        return self.process.wait(timeout)

    def output(self):
        return self.log.read_text(errors="replace")

    @property
    def pid(self):
        """Process 1, as it is called here."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        assert children, f"{self.order['name']} has ended:\n{self.output()}"
        return int(children.split()[0])

    def stop(self):
        """Asks it to end, as its image says."""
        os.kill(self.pid, signal.Signals[self.image.config.get("StopSignal") or "SIGTERM"])

    def execute(self, *words, timeout=60):
        """Another process in the container, as its user and with its environment."""
        return subprocess.run(
            ["/usr/bin/nsenter", f"--target={self.pid}", "--mount", "--pid", "--net", "--uts", "--ipc",
             "--root", f"--wd=/proc/{self.pid}/root", f"--setuid={self.uid}", f"--setgid={self.gid}", *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
            env=self.environment)

    def test_health(self, test):
        """test: HEALTHCHECK of an image or healthcheck of a service."""
        if test[0] == "CMD-SHELL":
            return self.execute("sh", "-c", test[1])
        assert test[0] == "CMD", shlex.join(test)
        return self.execute(*test[1:])

    def remove(self):
        if self.process is not None and self.process.poll() is None:
            # With process 1 the others of its namespace end, and only then its parent.
            os.kill(self.pid, signal.SIGKILL)
            self.process.wait()


def make_folder(name):
    """An empty one, for what the containers of a test leave."""
    folder = FOLDER / "tests" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


if __name__ == "__main__":
    enter(json.loads(sys.argv[1]))
