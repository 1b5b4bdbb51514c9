"""`certvendor demo` and `certvendor bench`: what an operator runs to see that an installation works, and how fast."""
import contextlib
import http.server
import itertools
import json
import re
import signal
import socketserver
import ssl
import subprocess
import threading
import uuid

import pytest

from certvendor_lab import BINARY, FACTORY, SECRETS, clean_environment, free_port, run


@pytest.fixture(scope="module")
def implied(make_module_lab):
    """A server whose factory takes a re-enrolment for the announcement, with a socket for gateways."""
    made = make_module_lab(announce="implied", settings={"gateway": {"socket": "gateway.sock"}})
    return made.start()


def fresh_id():
    return f"demo-{uuid.uuid4().hex[:8]}"


def demo(lab, *words, is_checked=True, **more):
    url = more.pop("device_url", f"https://127.0.0.1:{lab.ports['device']}")
    return lab.cli("demo", "--device-url", url, *words, is_checked=is_checked, **more)


def gateway_words(lab, gateway=None):
    identity = gateway or lab.gateway
    return ("--gateway-url", f"https://127.0.0.1:{lab.ports['gateway']}", "--gateway-cert", identity.certificate,
            "--gateway-key", identity.key)


def answers(text):
    return [int(number) for number in re.findall(r"^ +answer: (\d+)", text, re.M)]


def state_of(lab, device):
    answer = lab.operator("GET", f"/v1/devices/{device}")
    return answer.json()["state"] if answer.status == 200 else None


def test_a_whole_rotation(lab):
    device = fresh_id()
    result = demo(lab, "--id", device, *gateway_words(lab))
    assert result.stderr == ""
    # token, enrolled, twice in; renewed, too early, announced, still in; first use, twice out, in; deleted, out.
    assert answers(result.stdout) == [404, 201, 200, 200, 200, 200, 403, 200, 200, 200, 403, 403, 200, 200, 403]
    assert "Every step came out as expected." in result.stdout
    assert state_of(lab, device) == "deleted"
    acts = {row["action"] for row in lab.operator("GET", f"/v1/audit?device={device}").json()["items"]}
    assert {"announced", "activated", "deleted"} <= acts


def test_without_a_gateway(lab):
    device = fresh_id()
    result = demo(lab, "--id", device, "--factory", FACTORY)
    assert answers(result.stdout) == [404, 201, 200, 200, 200, 403, 200, 200, 200, 403, 200, 200, 403]
    assert state_of(lab, device) == "deleted"


def test_an_id_of_its_own(lab):
    [first, second] = [re.search(r"device (demo-[0-9a-f]{12})\n", demo(lab).stdout).group(1) for _ in range(2)]
    assert first != second and state_of(lab, first) == "deleted"


def test_an_implied_announcement(implied):
    device = fresh_id()
    result = demo(implied, "--id", device, "--socket", implied.gateway_socket)
    assert "announce = implied" in result.stdout and "nothing to announce" in result.stdout
    assert answers(result.stdout) == [404, 201, 200, 200, 200, 200, 200, 200, 403, 403, 200, 200, 403]
    assert state_of(implied, device) == "deleted"


def test_a_grace_for_replaced_keys(lab):
    lab.cli("factory", "set", FACTORY, "--retire-after-days", "3")
    try:
        result = demo(lab, *gateway_words(lab))
    finally:
        lab.cli("factory", "set", FACTORY, "--retire-after-days", "0")
    assert "retire_after_days = 3" in result.stdout
    assert answers(result.stdout) == [404, 201, 200, 200, 200, 200, 403, 200, 200, 200, 200, 200, 200, 200, 403]


def test_a_device_that_is_kept(lab):
    device = fresh_id()
    assert f"Device {device} stays" in demo(lab, "--id", device, "--keep").stdout
    assert state_of(lab, device) == "ok"


def test_no_device_is_taken_over(lab):
    device = lab.enrolled_device()
    result = demo(lab, "--id", device.name, is_checked=False)
    assert result.returncode == 1 and "choose another --id" in result.stderr
    assert device.show().status == 200 and state_of(lab, device.name) == "ok"
    gone = fresh_id()
    demo(lab, "--id", gone)
    assert "choose another --id" in demo(lab, "--id", gone, is_checked=False).stderr


def fails(lab, *words, code=1, **more):
    result = demo(lab, *words, is_checked=False, **more)
    assert result.returncode == code, result
    assert "Every step" not in result.stdout
    return result


def test_a_wrong_token(lab):
    path = lab.keys / "wrong.token"
    path.write_text("cvo_" + "0" * 43)
    device = fresh_id()
    assert "401 unauthenticated" in fails(lab, "--id", device, "--token-file", path).stderr
    viewer = lab.operator("POST", "/v1/operator-tokens", {"name": fresh_id(), "role": "viewer"}).json()["token"]
    SECRETS.add(viewer)
    path.write_text(viewer)
    assert "403 missing-role" in fails(lab, "--id", device, "--token-file", path).stderr
    assert state_of(lab, device) is None


def test_an_unknown_factory(lab):
    result = fails(lab, "--factory", "nowhere")
    assert "expected 201 and got 404 not-found" in result.stderr


def test_no_device_listener(lab):
    device = fresh_id()
    result = fails(lab, "--id", device, device_url=f"https://127.0.0.1:{free_port()}")
    assert "no answer from" in result.stderr
    assert state_of(lab, device) is None
    [token] = lab.operator("GET", f"/v1/enrolment-tokens?device={device}").json()["items"]
    assert token["revoked_at"] is not None, "nobody enrols with what was left"


def test_what_fails_halfway_leaves_no_device(lab):
    device = fresh_id()
    result = fails(lab, "--id", device, "--socket", lab.folder / "nobody.sock")
    assert "no answer from" in result.stderr and f"device {device} is deleted" in result.stderr
    assert state_of(lab, device) == "deleted"
    kept = fresh_id()
    fails(lab, "--id", kept, "--socket", lab.folder / "nobody.sock", "--keep")
    assert state_of(lab, kept) == "ok"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_device(lab, how):
    device = fresh_id()
    with subprocess.Popen(
            [BINARY, "--server", f"https://127.0.0.1:{lab.ports['operator']}", "--ca", lab.root, "--token-file",
             lab.token_file, "demo", "--id", device, "--device-url", f"https://127.0.0.1:{lab.ports['device']}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment()) as process:
        while not process.stdout.readline().startswith(" 2. "):
            pass
        process.send_signal(how)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 1 and "interrupted" in told
    assert state_of(lab, device) in ("deleted", None)
    tokens = lab.operator("GET", f"/v1/enrolment-tokens?device={device}").json()["items"]
    assert len(tokens) == 1 and tokens[0]["revoked_at"] is not None


def test_who_is_no_gateway(lab):
    device = lab.enrolled_device()
    result = fails(lab, *gateway_words(lab, device.identity))
    assert "expected 200 and got 403 not-a-gateway" in result.stderr


@pytest.mark.parametrize("words,problem", [
    (("--id", "a b"), "--id"),
    (("--socket", "a", "--gateway-url", "https://x", "--gateway-cert", "c"), "not both"),
    (("--gateway-url", "https://x"), "need each other"),
    (("--gateway-cert", "c"), "need each other"),
    (("--json",), "--json"),
    (("something",), "unexpected"),
])
def test_wrong_command_lines(lab, words, problem):
    result = fails(lab, *words, code=2)
    assert problem in result.stderr and result.stdout == ""
    assert lab.cli("demo", is_checked=False).returncode == 2, "--device-url is needed"


class Impostor(http.server.BaseHTTPRequestHandler):
    """Answers as the operator API does, with what each test puts into its tokens; refuses what devices ask."""

    protocol_version = "HTTP/1.1"
    made = {}
    asked = []

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append((self.path, self.headers))
        status, body = {"devices": (404, {"code": "not-found"}), "enrolment-tokens": (201, self.made),
                        "factories": (200, {"announce": "explicit", "retire_after_days": 0})}.get(
                            self.path.split("/")[2], (403, {"code": "denied"}))
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(server):
    """Its thread ends before its socket, also when the test fails."""
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


@contextlib.contextmanager
def impersonating(lab, handler):
    """The address of an impostor that has got the certificate of the operator listener."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(lab.folder / "pki/operator.pem", lab.folder / "pki/operator.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield f"https://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize("member,value", [
    (None, None),
    ("factory", "\x1b[2J"), ("factory", "a\nfake"), ("id", "\x1b[2J"), ("id", ".."),
    ("token", "cve_x\r\nX-Added: yes"), ("token", ""),
])
def test_an_answer_that_would_command_the_terminal(lab, member, value):
    """Or add lines to what is sent to the device listener."""
    made = {"id": str(uuid.uuid4()), "factory": FACTORY, "token": "cve_x"}
    if member is not None:
        made[member] = value
    asked = []
    handler = type("Handler", (Impostor,), {"made": made, "asked": asked})
    with impersonating(lab, handler) as url:
        result = fails(lab, "--server", url, device_url=url)
    assert "\x1b" not in result.stdout + result.stderr and "fake" not in result.stdout
    enrolments = [headers for path, headers in asked if path.endswith("/simpleenroll")]
    if member is None:
        assert [headers["Authorization"] for headers in enrolments] == ["Bearer cve_x"]
    else:
        assert "the answer holds no token" in result.stderr and not enrolments
    revoked = [path for path, _ in asked if path == f"/v1/enrolment-tokens/{made['id']}"]
    assert len(revoked) == (member != "id")


@pytest.mark.parametrize("words", [("--server", "http://{}"), ("--device-url", "http://{}"),
                                   ("--gateway-url", "ftp://{}", "--gateway-cert", "none.pem")])
def test_nothing_is_sent_in_clear_text(lab, words):
    asked = []
    handler = type("Handler", (Impostor,), {"asked": asked})
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        given = [word.format(f"127.0.0.1:{server.server_port}") for word in words]
        result = demo(lab, *given, is_checked=False)
        assert result.returncode == 2 and "does not begin with https://" in result.stderr
    assert asked == [] and result.stdout == ""


class Forgetful(Impostor):
    """Hangs up on whoever deletes what is named."""

    made = {"id": str(uuid.uuid4()), "factory": FACTORY, "token": "cve_x"}

    def do_DELETE(self):
        if self.path.split("/")[2] in self.lost:
            self.asked.append((self.path, self.headers))
            self.close_connection = True
        else:
            self.answer()


@pytest.mark.parametrize("lost", [(), ("enrolment-tokens",), ("enrolment-tokens", "devices")])
def test_what_cannot_be_cleared_away_is_told(lab, lost):
    asked = []
    device = fresh_id()
    handler = type("Handler", (Forgetful,), {"lost": lost, "asked": asked})
    with impersonating(lab, handler) as url:
        result = fails(lab, "--id", device, "--server", url, device_url=url)
    assert [path for path, _ in asked[-2:]] == [f"/v1/enrolment-tokens/{handler.made['id']}", f"/v1/devices/{device}"]
    assert (f"device {device} may be left" in result.stderr) == ("devices" in lost)
    assert result.stderr.count("no answer from") == len(lost)


# ---- bench -------------------------------------------------------------------------------------


def bench(lab, *words, **more):
    return lab.cli("bench", "check", "--seconds", "1", *words, **more)


def bench_json(lab, *words):
    result = bench(lab, "--json", *words)
    assert result.stderr == ""
    shown = json.loads(result.stdout)
    assert shown["seconds"] >= 1 and shown["checks"] > 0
    assert shown["checks_per_second"] == pytest.approx(shown["checks"] / shown["seconds"], rel=0.01)
    latency = [shown["latency_seconds"][name] for name in ("p50", "p90", "p99", "p999", "max")]
    assert latency == sorted(latency) and 0 < latency[0] and latency[-1] < 60
    counts = {name: shown[name] for name in ("allowed", "refused", "undecided", "other", "failed")}
    assert sum(counts.values()) == shown["checks"]
    return shown


def gateway_login(lab):
    return ("--gateway-url", f"https://127.0.0.1:{lab.ports['gateway']}", "--cert", lab.gateway.certificate, "--key",
            lab.gateway.key)


@pytest.mark.parametrize("what", ["sha256", "pem"])
def test_checks_over_mutual_tls(lab, what):
    device = lab.enrolled_device()
    words = ("--sha256", device.identity.sha256) if what == "sha256" else ("--pem", device.identity.certificate)
    before = lab.metric('certvendor_lookups_total{source="memory"}')
    shown = bench_json(lab, *gateway_login(lab), *words, "--connections", "3")
    assert shown["allowed"] == shown["checks"] and shown["connections"] == 3 and shown["code"] is None
    assert lab.metric('certvendor_lookups_total{source="memory"}') - before >= shown["checks"]


def test_checks_at_the_socket(implied):
    device = implied.enrolled_device()
    shown = bench_json(implied, "--socket", implied.gateway_socket, "--pem", device.identity.certificate)
    assert shown["allowed"] == shown["checks"] > 16 and shown["connections"] == 16
    table = bench(implied, "--socket", implied.gateway_socket, "--pem", device.identity.certificate).stdout
    rows = dict(re.split(r"  +", line) for line in table.splitlines() if "  " in line)
    assert rows["allowed"] == rows["checks"] and rows["failed"] == "0"
    assert float(rows["50 %"]) <= float(rows["99.9 %"]) <= float(rows["most"])
    assert int(rows["checks per second"]) > 0 and "last code" not in rows


def test_refused_certificates_are_counted_as_such(lab):
    device = lab.enrolled_device()
    lab.cli("device", "revoke", device.name)
    shown = bench_json(lab, *gateway_login(lab), "--sha256", device.identity.sha256)
    assert shown["refused"] == shown["checks"] and shown["code"] == "denied"
    shown = bench_json(lab, *gateway_login(lab), "--sha256", "0" * 64)
    assert shown["refused"] == shown["checks"] and shown["code"] == "unknown"


class Silent(socketserver.StreamRequestHandler):
    """Answers the first request of each connection, and those of the first talkative ones from then on."""

    def handle(self):
        number = next(self.server.numbers)
        for count in itertools.count():
            while True:
                line = self.rfile.readline()
                if line in (b"", b"\r\n"):
                    break
            if line == b"":
                return
            if count == 0 or number < self.server.talkative:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("talkative", [0, 1, 2])
def test_who_waits_in_vain_shows(lab, talkative):
    path = lab.keys / f"{talkative}.sock"
    with serving(socketserver.ThreadingUnixStreamServer(str(path), Silent)) as server:
        server.daemon_threads, server.numbers, server.talkative = True, itertools.count(), talkative
        result = bench(lab, "--json", "--socket", path, "--sha256", "0" * 64, "--connections", "2", is_checked=False)
    shown = json.loads(result.stdout)
    assert (result.returncode == 0) == (shown["checks"] > 0) == (talkative > 0)
    assert ("no answer within the time" in result.stderr) == (talkative == 0)
    assert (shown["latency_seconds"]["max"] > 0.9) == (talkative < 2)
    assert shown["latency_seconds"]["p999"] < 0.9


def test_no_answer_to_measure(lab):
    def no_answer(*words):
        result = bench(lab, *words, is_checked=False)
        assert result.returncode == 1 and result.stdout == "" and "no answer from" in result.stderr, result

    no_answer("--socket", lab.folder / "nobody.sock", "--sha256", "0" * 64)
    no_answer("--gateway-url", f"https://127.0.0.1:{free_port()}", "--cert", lab.gateway.certificate, "--key",
              lab.gateway.key, "--sha256", "0" * 64)


@pytest.mark.parametrize("words,problem", [
    (("--sha256", "0" * 64), "--socket or --gateway-url"),
    (("--socket", "a", "--gateway-url", "https://x", "--sha256", "0" * 64), "--socket or --gateway-url"),
    (("--gateway-url", "https://x", "--sha256", "0" * 64), "needs --cert"),
    (("--socket", "a"), "--sha256 or --pem"),
    (("--socket", "a", "--sha256", "0" * 64, "--pem", "b"), "--sha256 or --pem"),
    (("--socket", "a", "--sha256", "0" * 63), "64 hex digits"),
    (("--socket", "a", "--sha256", "0" * 64, "--connections", "0"), "from 1 to 1000"),
    (("--socket", "a", "--sha256", "0" * 64, "--connections", "1001"), "from 1 to 1000"),
    (("--socket", "a", "--sha256", "0" * 64, "--seconds", "3601"), "from 1 to 3600"),
    (("--socket", "a", "--sha256", "0" * 64, "--seconds", "-1"), "from 1 to 3600"),
])
def test_wrong_orders_to_measure(lab, words, problem):
    result = bench(lab, *words, is_checked=False)
    assert result.returncode == 2 and problem in result.stderr and result.stdout == ""


def test_a_file_that_is_no_certificate(lab):
    result = bench(lab, "--socket", "a", "--pem", lab.config, is_checked=False)
    assert result.returncode == 2 and str(lab.config) in result.stderr
