"""nginx and HAProxy with the configurations that we ship, and real devices in front of them."""
import signal
import time

import pytest

from certvendor_lab import Authority, Raw, end_process, rfc9440, self_signed, wait_until

PROGRAMS = ("nginx", "haproxy")
# What a gateway says when certvendor does not: nginx knows no better word for it.
TROUBLE = {"nginx": 500, "haproxy": 503}


@pytest.fixture(scope="module")
def haproxy(lab):
    lab.start_haproxy()
    yield
    end_process(lab.haproxy)
    lab.haproxy = None


@pytest.fixture(params=PROGRAMS)
def program(request):
    if request.param == "haproxy":
        request.getfixturevalue("haproxy")
    return request.param


def ask(lab, program, identity, headers=(), method="GET", path="/hello", body=None):
    return lab.send(program, method, path, identity, body, headers)


def reason(answer):
    return answer.status, answer.headers["Certvendor-Reason"]


def test_a_device_is_let_through_by_its_certificate(lab, program):
    device = lab.enrolled_device()
    with lab.client(program, device.identity) as client:
        for _ in range(3):
            answer = client.send("GET", "/hello")
            assert reason(answer) == (200, "ok")
            assert answer.body == f"hello, {device.name}\n".encode()
    assert ask(lab, program, device.identity, method="POST", path="/x?y=z", body=b"data").status == 200
    assert reason(ask(lab, program, None)) == (403, "no-certificate")


@pytest.mark.parametrize("protocol", ["h2c", "anything"])
def test_no_tunnel_around_the_checks(lab, program, protocol):
    """What comes after an Upgrade is not asked about."""
    device = lab.enrolled_device()
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": protocol, "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"}
    answer = ask(lab, program, device.identity, headers)
    assert answer.status == {"nginx": 200, "haproxy": 400}[program]
    assert answer.headers["Upgrade"] is None and answer.headers["Seen-Upgrade"] is None
    assert reason(ask(lab, program, device.identity)) == (200, "ok")


def test_no_tunnel_by_connect(lab, program):
    device = lab.enrolled_device()
    raw = Raw(getattr(lab, f"{program}_port"), lab.root, device.identity)
    raw.send("CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n")
    answer = raw.answer()
    assert answer.status == 400
    assert program == "nginx" or answer.headers["Server"] is None, "the server behind it said that"


def test_a_rotation_takes_effect_on_open_connections(lab, program):
    device = lab.enrolled_device()
    old = device.identity
    key = device.new_key()
    fresh = device.reenrol(key)
    with lab.client(program, old) as client:
        assert reason(client.send("GET", "/hello")) == (200, "ok")
        assert reason(ask(lab, program, fresh)) == (403, "third-key")
        assert device.announce(key).status == 200
        assert reason(client.send("GET", "/hello")) == (200, "ok")
        assert reason(ask(lab, program, fresh)) == (200, "activated")
        assert reason(client.send("GET", "/hello")) == (403, "denied")
    assert reason(ask(lab, program, fresh)) == (200, "ok")


def test_what_a_client_writes_into_headers_counts_for_nothing(lab, program):
    device, thief = lab.enrolled_device(), lab.enrolled_device()
    forged = [("Client-Cert", rfc9440(device.identity.der)), ("X-Client-Cert-Sha256", device.identity.sha256),
              ("X-Client-Cert", device.identity.pem.replace("\n", "%0A").replace(" ", "%20")),
              ("X-Forwarded-Client-Cert", f"Hash={device.identity.sha256}"),
              ("Certvendor-Device", device.name), ("Certvendor-Reason", "ok")]
    for headers in ([pair] for pair in forged):
        assert reason(ask(lab, program, None, headers)) == (403, "no-certificate"), headers
        answer = ask(lab, program, thief.identity, headers)
        assert reason(answer) == (200, "ok"), headers
        assert answer.body == f"hello, {thief.name}\n".encode()
    assert lab.operator("POST", f"/v1/devices/{thief.name}/revoke", {}).status == 200
    assert ask(lab, program, thief.identity, forged).status == 403


def test_a_client_does_not_write_its_own_policies(lab, program):
    """What stands behind a gateway believes what certvendor said, and nobody else."""
    plain, grouped = lab.enrolled_device(), lab.enrolled_device()
    group = f"policies-{program}"
    assert lab.operator("POST", "/v1/groups", {"name": group, "policies": ["read", "write"]}).status == 201
    assert lab.operator("PUT", f"/v1/groups/{group}/devices/{grouped.name}").status == 200
    for device, policies in ((plain, None), (grouped, "read, write")):
        for forged in ((), [("Certvendor-Policies", "admin"), ("certvendor-device", "another"),
                            ("CERTVENDOR-State", "admin"), ("Certvendor_Policies", "admin")]):
            answer = ask(lab, program, device.identity, headers=forged)
            assert reason(answer) == (200, "ok")
            assert answer.headers["Certvendor-Policies"] == policies
            assert answer.headers["Certvendor-State"] is None
            assert answer.body == f"hello, {device.name}\n".encode()


def test_certificates_of_nobody_we_know(lab, program):
    device = lab.enrolled_device()
    stranger = Authority(lab.folder, f"/CN=Nobody {program}")
    key = device.new_key()
    assert reason(ask(lab, program, stranger.sign(key))) == (403, "unknown")
    assert ask(lab, program, self_signed(key)).status == 403
    assert reason(ask(lab, program, device.identity)) == (200, "ok")


def test_an_expired_certificate(lab, program):
    authority = Authority(lab.folder, f"/CN=Offline for {program}")
    lab.cli("authority", "import", authority.identity.certificate, "--name", f"for-{program}", "--kind",
            "offline")
    device = lab.device()
    key = device.new_key()
    expired = authority.sign(key, end="20240101000000Z")
    # nginx takes any issuer when told to, but looks at the dates itself and does not ask.
    refused = {"nginx": (400, None), "haproxy": (403, "expired")}[program]
    assert reason(ask(lab, program, expired)) == refused
    assert reason(ask(lab, program, authority.sign(key))) == (200, "registered")
    assert reason(ask(lab, program, expired)) == refused


@pytest.mark.parametrize("program", PROGRAMS)
def test_fails_closed(make_lab, program):
    lab = make_lab().start()
    lab.gateway = lab.add_gateway()
    lab.start_nginx()
    lab.start_haproxy()
    device = lab.enrolled_device()
    with lab.client(program, device.identity) as client:
        assert client.send("GET", "/hello").status == 200
        lab.pause()
        try:
            assert client.send("GET", "/hello").status == TROUBLE[program]
        finally:
            lab.process.send_signal(signal.SIGCONT)
    lab.kill()
    begin = time.monotonic()
    assert ask(lab, program, device.identity).status == TROUBLE[program]
    assert time.monotonic() - begin < 5, "nobody listens, so there is nothing to wait for"
    assert ask(lab, program, None).status == TROUBLE[program]
    lab.start()
    wait_until(lambda: ask(lab, program, device.identity).status == 200, f"{program} found it again")
    assert ask(lab, program, None).status == 403


@pytest.mark.parametrize("program", PROGRAMS)
def test_other_factory(make_lab, program):
    """Who asks, not from where, is what counts."""
    lab = make_lab().start()
    lab.have_factory("another")
    lab.gateway = lab.add_gateway(options=["--factories", "another"])
    lab.start_nginx()
    lab.start_haproxy()
    device = lab.enrolled_device()
    assert reason(ask(lab, program, device.identity)) == (403, "unknown")


def test_caching_nginx(make_lab):
    """nginx keeps what it may, for the time that it is told, and nothing else."""
    lab = make_lab(settings={"gateway": {"cache_max_age": 120}}).start()
    lab.gateway = lab.add_gateway()
    lab.start_nginx(is_caching=True)
    kept, rotating, stranger = lab.enrolled_device(), lab.enrolled_device(), lab.device()
    assert rotating.announce(rotating.new_key()).status == 200
    for device in (kept, rotating):
        assert reason(ask(lab, "nginx", device.identity)) == (200, "ok")
        assert lab.operator("POST", f"/v1/devices/{device.name}/hold", {}).status == 200
        assert device.check().status == 403
    answer = ask(lab, "nginx", kept.identity)
    assert reason(answer) == (200, "ok")
    assert answer.body == f"hello, {kept.name}\n".encode()
    assert reason(ask(lab, "nginx", rotating.identity)) == (403, "device-refused")
    assert reason(ask(lab, "nginx", None)) == (403, "no-certificate")
    # A refusal is not kept either.
    assert lab.operator("POST", f"/v1/devices/{rotating.name}/release", {}).status == 200
    assert reason(ask(lab, "nginx", rotating.identity)) == (200, "ok")
    assert ask(lab, "nginx", self_signed(stranger.new_key())).status == 403
