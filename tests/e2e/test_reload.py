"""What changes while the service runs: settings at SIGHUP, server certificates, and what systemd hears."""
import json
import os
import shutil
import signal
import socket
import ssl
import uuid

import pytest
from cryptography.hazmat.primitives import serialization

from certvendor_lab import Authority, port_answers, rfc9440, run, wait_until
from est_client import Est, device_name, make_key, outcome, request


class Notices:
    """The socket on which systemd would listen."""

    def __init__(self):
        self.name = f"certvendor-test-{uuid.uuid4().hex}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.name)
        self.socket.setblocking(False)
        self.all = []

    def read(self):
        try:
            while True:
                self.all.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return self.all


@pytest.fixture
def notices():
    made = Notices()
    yield made
    made.socket.close()


@pytest.fixture
def own(make_lab, notices):
    lab = make_lab()
    lab.environment = {"NOTIFY_SOCKET": "@" + notices.name}
    return lab.start()


def change(lab, **sections):
    """Adds settings to the file."""
    for section, values in sections.items():
        lab.settings.setdefault(section, {}).update(values)
    lab.write_config()


def test_settings_change_while_serving(own):
    device = own.enrolled_device()
    change(own, issue={"burst": 1, "interval": 100000}, log={"level": "debug"})
    assert not own.events("http-library") and "debug" not in {line["level"] for line in own.events("request")}
    assert own.reload()
    changed = {(line["section"], line["key"]) for line in own.events("setting-changed")}
    assert changed == {("issue", "burst"), ("issue", "interval"), ("log", "level")}
    own.monitor("/livez")
    wait_until(lambda: "debug" in {line["level"] for line in own.events("request")}, "debug lines")
    last = device.new_key()
    assert device.est("simplereenroll", last.request, device.identity).status == 200
    refused = device.est("simplereenroll", device.new_key().request, device.identity)
    assert refused.status == 429 and int(refused.headers["Retry-After"]) > 1000
    # The same request again costs nothing.
    assert device.est("simplereenroll", last.request, device.identity).status == 200
    change(own, issue={"burst": 1000})
    assert own.reload()
    assert device.est("simplereenroll", device.new_key().request, device.identity).status == 200


def test_what_needs_a_restart_is_named(own):
    change(own, server={"workers": 3}, issue={"skew": 299}, est={"keys": "p256"})
    assert own.reload()
    assert [(line["section"], line["key"]) for line in own.events("setting-needs-restart")] == \
        [("server", "workers"), ("est", "*")]
    assert [line["key"] for line in own.events("setting-changed")] == ["skew"]
    # Said again each time, because it still has no effect.
    assert own.reload()
    assert len(own.events("setting-needs-restart")) == 4
    assert len(own.events("setting-changed")) == 1


def test_sources_of_the_gateway_socket_wait_for_a_restart(make_lab):
    lab = make_lab()
    lab.settings = {"gateway": {"socket": lab.gateway_socket}}
    lab.write_config()
    device = lab.start().enrolled_device()

    def reasons():
        found = []
        for header in (("Client-Cert", rfc9440(device.identity.der)),
                       ("X-Client-Cert-Sha256", device.identity.sha256)):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(lab.gateway_socket))
                client.sendall("GET /v1/check HTTP/1.0\r\n{}: {}\r\n\r\n".format(*header).encode())
                found.append(client.recv(100).split()[1])
        return found

    assert reasons() == [b"200", b"403"]
    change(lab, gateway={"socket_sources": "sha256"})
    assert lab.reload()
    assert [line["key"] for line in lab.events("setting-needs-restart")] == ["socket_sources"]
    assert reasons() == [b"200", b"403"]
    assert lab.stop() == 0
    lab.start()
    assert reasons() == [b"403", b"200"]


def test_a_bad_file_changes_nothing(own, notices):
    device = own.enrolled_device()
    good = own.config.read_text()
    for bad in ("[server]\nrequest_timeout = never\n", "[nonsense\n", "[device]\nkey = /nonexistent\n",
                "[issue]\nbust = 1\n"):
        own.config.write_text(good + "[log]\nlevel = error\n[issue]\nburst = 1\n" + bad)
        assert not own.reload()
    own.config.unlink()
    assert not own.reload()
    problems = " ".join(line["msg"] for line in own.events("configuration-problem"))
    assert "request_timeout" in problems and "/nonexistent" in problems and "bust" in problems
    assert not own.events("setting-changed")
    assert own.metric("certvendor_config_last_reload_successful") == 0
    # Neither burst nor level was taken.
    for _ in range(2):
        assert device.est("simplereenroll", device.new_key().request, device.identity).status == 200
    wait_until(lambda: "READY=1\nSTATUS=serving; the last reload was refused, see the log" in notices.read(),
               "notice")
    own.config.write_text(good)
    assert own.reload()
    assert own.metric("certvendor_config_last_reload_successful") == 1


def test_files_that_the_service_reads_by_itself(make_lab):
    """Without a list of blocked keys it does not start; for no other reason is it stopped or a reload refused."""
    lab = make_lab()
    blocked, anchors = lab.folder / "blocked.keys", lab.folder / "anchors.pem"
    change(lab, issue={"blocked_keys": blocked}, outbound={"ca_file": anchors})
    for content in (None, "nonsense\n"):
        if content:
            blocked.write_text(content)
        refused = lab.program("serve", is_checked=False)
        assert refused.returncode == 78 and str(blocked) in refused.stderr
    blocked.write_text("# none\n")
    lab.start()
    [warning] = lab.events("ca-file-failed")
    assert warning["level"] == "warning" and str(anchors) in json.dumps(warning)
    blocked.write_text("nonsense\n")
    change(lab, issue={"burst": 7})
    assert lab.reload()
    assert [line["key"] for line in lab.events("setting-changed")] == ["burst"]
    assert lab.program("check-config", is_checked=False).returncode == 78
    blocked.write_text("# none\n")
    anchors.write_text(lab.root.read_text())
    assert lab.stop() == 0
    lab.start()
    assert len(lab.events("ca-file-failed")) == 1


def test_systemd_hears_of_a_reload(own, notices):
    assert own.reload()
    wait_until(lambda: notices.read()[-1] == "READY=1\nSTATUS=serving", "the second READY")
    begin = [text for text in notices.all if text.startswith("RELOADING=1\nMONOTONIC_USEC=")]
    assert len(begin) == 1 and int(begin[0].rsplit("=", 1)[1]) > 0
    first = next(i for i, text in enumerate(notices.all) if text.startswith("READY=1"))
    assert first < notices.all.index(begin[0]) < len(notices.all) - 1


# ---- Server certificates -----------------------------------------------------------------------


def server_pair(lab, authority=None, days=60):
    """A new certificate for localhost, and its key."""
    authority = authority or Authority(lab.keys, "/CN=New server CA")
    stem = lab.keys / uuid.uuid4().hex
    key, request, out = (stem.with_suffix(ending) for ending in (".key", ".csr", ".pem"))
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
        "/CN=localhost", "-keyout", key, "-out", request)
    extensions = stem.with_suffix(".ext")
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    run("openssl", "x509", "-req", "-in", request, "-CA", authority.identity.certificate, "-CAkey",
        authority.identity.key, "-days", str(days), "-extfile", extensions, "-out", out)
    return out, key


def presented(lab, listener):
    return ssl.get_server_certificate(("127.0.0.1", lab.ports[listener]))


def place(lab, listener, certificate=None, key=None):
    """Replaces files as a renewal program does: another file under the old name."""
    for source, ending in ((certificate, ".pem"), (key, ".key")):
        if source is None:
            continue
        fresh = lab.folder / f"pki/{listener}{ending}.new"
        shutil.copy(source, fresh)
        os.replace(fresh, lab.folder / f"pki/{listener}{ending}")


@pytest.mark.parametrize("listener", ["device", "gateway", "operator"])
def test_noticed_files(own, listener):
    old = presented(own, listener)
    with own.client(listener) as connection:
        assert connection.send("GET", "/nothing").status in (403, 404)
        certificate, key = server_pair(own)
        place(own, listener, certificate, key)
        wait_until(lambda: presented(own, listener) == certificate.read_text(), "the new certificate")
        # A connection that began with the old one goes on.
        assert connection.send("GET", "/nothing").status in (403, 404)
    assert presented(own, listener) != old
    for other in {"device", "gateway", "operator"} - {listener}:
        assert presented(own, other) != certificate.read_text()


@pytest.mark.parametrize("is_told", [False, True])
def test_no_device_gets_a_certificate_for_the_new_key(own, is_told):
    """Neither when the files changed, nor when the configuration names others."""
    certificate, path = server_pair(own)
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    est = Est(own)
    if is_told:
        change(own, gateway={"certificate": certificate, "key": path})
        assert own.reload()
    else:
        place(own, "gateway", certificate, path)
        wait_until(lambda: presented(own, "gateway") == certificate.read_text(), "the new certificate")
    wait_until(lambda: est.judge(request(key, device_name("thief")), "thief") == (400, "blocked-key"), "its key")
    assert est.judge(request(make_key(), device_name("thief")), "thief") == 200


def test_several_clients_see_the_new_certificate(own):
    certificate, key = server_pair(own)
    authority = next(own.keys.glob("ca-*/ca.pem"))
    address = f"127.0.0.1:{own.ports['device']}"
    url = f"https://{address}/.well-known/est/cacerts"
    assert run("curl", "-sS", "--noproxy", "*", "--cacert", authority, url, is_checked=False).returncode != 0
    change(own, device={"certificate": certificate, "key": key})
    assert own.reload()
    run("curl", "-sS", "-f", "--noproxy", "*", "--cacert", authority, url)
    for version in ("-tls1_2", "-tls1_3"):
        run("openssl", "s_client", "-connect", address, version, "-CAfile", authority, "-verify_return_error")
        refused = run("openssl", "s_client", "-connect", address, version, "-CAfile", own.root,
                      "-verify_return_error", is_checked=False)
        assert refused.returncode != 0


def test_a_pair_that_does_not_fit_is_refused(own):
    old = presented(own, "device")
    before = own.metric('certvendor_tls_not_after_timestamp_seconds{listener="device"}')
    certificate, key = server_pair(own)
    place(own, "device", certificate)
    wait_until(lambda: own.events("certificates-refused"), "refused")
    assert "device listener" in own.events("certificates-refused")[0]["detail"]
    assert presented(own, "device") == old
    assert own.metric('certvendor_tls_not_after_timestamp_seconds{listener="device"}') == before
    assert own.enrolled_device().show().status == 200
    # SIGHUP does not force it either, and takes nothing else along.
    change(own, issue={"burst": 1})
    assert not own.reload()
    assert not own.events("setting-changed")
    # The other half comes later.
    place(own, "device", key=key)
    wait_until(lambda: presented(own, "device") == certificate.read_text(), "the new certificate")
    assert own.metric('certvendor_tls_not_after_timestamp_seconds{listener="device"}') != before
    assert len(own.events("certificates-refused")) == 1


def test_a_file_that_becomes_readable_is_tried(own):
    """Its content is the old one, and so is the time of that."""
    certificate, _ = server_pair(own)
    place(own, "device", certificate)
    wait_until(lambda: own.events("certificates-refused"), "refused")
    (own.folder / "pki/device.key").chmod(0o640)
    wait_until(lambda: len(own.events("certificates-refused")) == 2, "tried again")


def test_one_bad_pair_stops_all_of_them(own):
    certificate, key = server_pair(own)
    change(own, device={"certificate": certificate, "key": key},
           operator={"certificate": certificate, "key": own.folder / "pki/operator.key"})
    old = {listener: presented(own, listener) for listener in ("device", "operator")}
    assert not own.reload()
    assert {listener: presented(own, listener) for listener in old} == old
    change(own, operator={"key": key})
    assert own.reload()
    for listener in old:
        assert presented(own, listener) == certificate.read_text()


def test_handshakes_during_reloads(own):
    """No handshake fails, and each sees one of the two certificates with its own key."""
    pairs = [server_pair(own), server_pair(own)]
    texts = {certificate.read_text() for certificate, _ in pairs} | {presented(own, "device")}
    seen = set()
    for round_ in range(20):
        certificate, key = pairs[round_ % 2]
        change(own, device={"certificate": certificate, "key": key})
        own.process.send_signal(signal.SIGHUP)
        seen |= {presented(own, "device") for _ in range(5)}
    assert seen <= texts and len(seen) >= 2


# ---- Before it serves --------------------------------------------------------------------------


# No index is loaded as long as this is held.
LOADING = "LOCK TABLE certvendor.certificate"


def test_files_that_change_while_the_index_is_loaded(make_lab):
    lab = make_lab(settings={"database": {"statement_timeout": 60000}})
    certificate, key = server_pair(lab)
    with lab.holding(LOADING):
        lab.launch()
        wait_until(lambda: port_answers(lab.ports["monitoring"]), "the old files were read")
        place(lab, "device", certificate, key)
    wait_until(lab.is_ready, "ready")
    wait_until(lambda: presented(lab, "device") == certificate.read_text(), "the new certificate")


def test_monitoring_answers_while_the_index_is_loaded(make_lab):
    lab = make_lab()
    with lab.holding(LOADING):
        lab.launch()
        wait_until(lambda: port_answers(lab.ports["monitoring"]), "monitoring")
        assert lab.monitor("/livez").status == 200
        loading = lab.monitor("/readyz?verbose")
        assert loading.status == 503 and int(loading.headers["Retry-After"]) > 0
        text = loading.body.decode()
        assert "[-] index failed" in text and "[-] listeners failed" in text
        assert "loading certificates: 0 of 0\n" in text
        assert lab.metric("certvendor_cache_up") == 0
        for listener in ("device", "gateway", "operator", "public"):
            assert not port_answers(lab.ports[listener])
    wait_until(lab.is_ready, "ready")
    assert b"loading" not in lab.monitor("/readyz?verbose").body
    assert all(port_answers(port) for port in lab.ports.values())
