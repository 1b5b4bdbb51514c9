"""What systemd sees: the watchdog, sockets that it hands over, and the units."""
import ctypes
import errno
import os
import re
import socket
import subprocess
import time

import pytest

from certvendor_lab import BINARY, ROOT, clean_environment, run, wait_until
from test_reload import Notices

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
ALL_THREADS = 0x40000000  # __WALL


@pytest.fixture
def notices():
    made = Notices()
    yield made
    made.socket.close()


# ---- Watchdog ----------------------------------------------------------------------------------


class Stopped:
    """Threads of a process that stand still while the others go on."""

    def __init__(self, process, is_meant):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.threads = []
        for thread in sorted(os.listdir(f"/proc/{process.pid}/task")):
            if is_meant(process.pid, thread):
                self.stop(int(thread))

    def stop(self, thread):
        if self.libc.ptrace(PTRACE_SEIZE, thread, None, None) != 0:
            if ctypes.get_errno() == errno.EPERM:
                pytest.skip("stopping a thread of another process is not allowed here")
            raise OSError(ctypes.get_errno(), "PTRACE_SEIZE")
        self.libc.ptrace(PTRACE_INTERRUPT, thread, None, None)
        os.waitpid(thread, ALL_THREADS)
        self.threads.append(thread)

    def release(self):
        for thread in self.threads:
            self.libc.ptrace(PTRACE_DETACH, thread, None, None)


def name_of(pid, thread):
    return open(f"/proc/{pid}/task/{thread}/comm", encoding="utf-8").read().strip()


def pets(notices):
    return notices.read().count("WATCHDOG=1")


@pytest.fixture
def watched(make_lab, notices):
    lab = make_lab()
    lab.environment = {"NOTIFY_SOCKET": "@" + notices.name, "WATCHDOG_USEC": "600000"}
    lab.settings = {"server": {"threads": 1}}
    lab.write_config()
    return lab.start()


def test_an_idle_service_lives(watched, notices):
    for _ in range(3):
        before = pets(notices)
        wait_until(lambda: pets(notices) > before + 1, "a sign of life")
    assert not watched.events("watchdog-stalled")


def test_event_loops_that_accept_nothing(watched, notices):
    wait_until(lambda: pets(notices) > 0, "a sign of life")
    stopped = Stopped(watched.process, lambda pid, thread: name_of(pid, thread).startswith("MHD"))
    assert len(stopped.threads) >= 5
    try:
        # Nobody asks: that is no fault yet.
        before = pets(notices)
        wait_until(lambda: pets(notices) > before + 4, "a sign of life")
        with socket.create_connection(("127.0.0.1", watched.ports["device"])):
            wait_until(lambda: watched.events("watchdog-stalled"), "stalled")
            assert watched.events("watchdog-stalled")[0]["part"] == "device"
            wait_until(lambda: "WATCHDOG=trigger" in notices.read(), "the call for a restart")
            before = pets(notices)
            time.sleep(1.5)  # two of its intervals
            assert pets(notices) == before and notices.read().count("WATCHDOG=trigger") == 1
    finally:
        stopped.release()
    wait_until(lambda: pets(notices) > before, "a sign of life")
    assert watched.is_ready()


def test_nobody_watches(make_lab, notices):
    lab = make_lab()
    lab.environment = {"NOTIFY_SOCKET": "@" + notices.name, "WATCHDOG_USEC": "300000", "WATCHDOG_PID": "1"}
    lab.start()
    time.sleep(0.6)
    assert pets(notices) == 0


# ---- Sockets -----------------------------------------------------------------------------------


def launch_with(lab, sockets, names):
    """As systemd does: descriptors from 3 on, and the number of the process that they are for."""
    # Far away first, so that none is overwritten while they are moved to their places.
    far = [os.dup2(each.fileno(), 100 + i) for i, each in enumerate(sockets)]

    def move():
        for i, descriptor in enumerate(far):
            os.dup2(descriptor, 3 + i)

    with open(lab.log, "ab") as log:
        lab.process = subprocess.Popen(
            ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", BINARY, "--config", lab.config, "serve"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=move,
            pass_fds=tuple(range(3, 3 + len(sockets))),
            env=clean_environment(LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES=":".join(names)))
    for descriptor in far:
        os.close(descriptor)


def listening():
    made = socket.create_server(("127.0.0.1", 0))
    return made, made.getsockname()[1]


def test_sockets_from_systemd(make_lab):
    lab = make_lab()
    given, names = [], ["operator", "monitoring", "device", "gateway-socket"]
    configured = dict(lab.ports)
    for name in names[:3]:
        made, lab.ports[name] = listening()
        given.append(made)
    path = lab.folder / "given.sock"
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(path))
    unix.listen()
    # The configuration still says the old addresses.
    lab.config.write_text(lab.config.read_text() + f"[gateway]\nsocket = {lab.folder}/unused.sock\n")
    # A connection that came before the service is answered by it.
    early = socket.create_connection(("127.0.0.1", lab.ports["monitoring"]))
    early.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
    launch_with(lab, [*given, unix], names)
    assert early.recv(100).startswith(b"HTTP/1.1 200 ")
    wait_until(lab.is_ready, "ready")
    assert lab.enrolled_device().show().status == 200
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET /v1/check HTTP/1.0\r\n\r\n")
        assert b" 4" in client.recv(100)
    for name in names[:3]:
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", configured[name]))
    ready = lab.events("ready")[0]
    assert ready["device_port"] == lab.ports["device"] and ready["public_port"] == lab.ports["public"]
    # They stay systemd's: a restart takes them again, and the path is not removed.
    assert lab.stop() == 0
    assert path.exists()
    launch_with(lab, [*given, unix], names)
    wait_until(lab.is_ready, "ready")


@pytest.mark.parametrize("names,word", [(["devices"], "devices"), (["device", "device"], "two sockets"),
                                        ([""], "FileDescriptorName"), (["public"], "switched off"),
                                        (["monitoring"], "does not listen")])
def test_bad_sockets(make_lab, names, word):
    lab = make_lab()
    lab.settings = {"public": {"listen": ""}}
    lab.write_config()
    made = [socket.socket() if name == "monitoring" else listening()[0] for name in names]
    launch_with(lab, made, names)
    assert lab.process.wait(60) == 78
    assert word in lab.events("start-failed")[0]["detail"]


@pytest.mark.parametrize("name,kind", [("gateway-socket", "UNIX"), ("gateway", "TCP"), ("monitoring", "TCP")])
def test_a_socket_of_the_other_kind(make_lab, name, kind):
    """Whoever reaches the UNIX socket is a gateway, without TLS and a certificate."""
    lab = make_lab()
    path = lab.folder / "gateway.sock"
    lab.settings = {"gateway": {"socket": path}}
    lab.write_config()
    if kind == "UNIX":
        given, _ = listening()
    else:
        given = socket.socket(socket.AF_UNIX)
        given.bind(str(lab.folder / "given.sock"))
        given.listen()
    launch_with(lab, [given], [name])
    assert lab.process.wait(60) == 78
    assert f"not of the kind {kind}" in lab.events("start-failed")[0]["detail"]


def test_sockets_for_another_process(make_lab):
    lab = make_lab()
    lab.environment = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "device"}
    lab.start()


# ---- Units -------------------------------------------------------------------------------------

UNITS = ["certvendor.service", "certvendor-device.socket"]


def test_units_are_valid(tmp_path):
    for unit in UNITS:
        text = (ROOT / "deploy" / unit).read_text().replace("/usr/local/bin/certvendor", str(BINARY))
        (tmp_path / unit).write_text(text)
    result = run("systemd-analyze", "verify", "--man=no", *(tmp_path / unit for unit in UNITS),
                 SYSTEMD_UNIT_PATH=f"{tmp_path}:")
    assert [line for line in result.stderr.splitlines() if "certvendor" in line] == []
    bad = tmp_path / "certvendor.service"
    bad.write_text(bad.read_text().replace("ProtectHome=yes", "ProtectHomes=yes"))
    result = run("systemd-analyze", "verify", "--man=no", bad, is_checked=False,
                 SYSTEMD_UNIT_PATH=f"{tmp_path}:")
    assert "ProtectHomes" in result.stderr


def test_a_bad_configuration_is_not_tried_again(tmp_path):
    """RestartPreventExitStatus is asked of the main process only: nothing before it may judge the configuration."""
    unit = (ROOT / "deploy/certvendor.service").read_text()
    settings = [tuple(line.split("=", 1)) for line in unit.splitlines() if re.match(r"[A-Z]\w+=", line)]
    assert ("RestartPreventExitStatus", "78") in settings and ("Restart", "on-failure") in settings
    commands = [value.split() for name, value in settings if name.startswith("Exec") and name != "ExecReload"]
    assert commands == [["/usr/local/bin/certvendor", "serve"]]
    config = tmp_path / "certvendor.conf"
    config.write_text("[server]\nthreads = many\n")
    result = run(BINARY, "serve", is_checked=False, CERTVENDOR_CONFIG=str(config))
    assert result.returncode == 78, result


def test_the_service_is_hardened():
    result = run("systemd-analyze", "security", "--offline=yes", ROOT / "deploy/certvendor.service")
    level = float(re.search(r"exposure level for certvendor.service: ([0-9.]+)", result.stdout).group(1))
    assert level <= 1.1, result.stdout
