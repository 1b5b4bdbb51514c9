"""What FoundriesFactory's clients put on the wire and demand of the answer, byte by byte: the requests of Go, libcurl
and Boost as those write them, and answers read by the rules of the client that reads them."""
import base64
import json
import re
import ssl
import uuid

import pytest
from cryptography import x509

from certvendor_lab import EST, FACTORY, Authority, Key, Raw, issued, run
from fioctl import HANDLER, file
from foundries_lab import DATE, Fioconfig, read_date, write_date
from foundries_pki_lab import Workstation, pem
from registration_lab import PATH, Registrant, boost_json, import_authority, put_certificate, subject_of

BODILESS = (204, 304)


# ---- How Go reads an answer ----------------------------------------------------------------------


class Wire:
    """An answer in its bytes, as HTTP/1.1 clients that keep no connection get it."""

    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        assert re.fullmatch(r"HTTP/1\.1 \d{3} .+", first), first
        self.status = int(first.split()[1])
        self.lines = lines
        self.check_framing()

    def values(self, name):
        return [line.split(":", 1)[1].strip() for line in self.lines if line.lower().startswith(name + ":")]

    def check_framing(self):
        assert self.values("transfer-encoding") == self.values("content-encoding") == [], self.lines
        dates = self.values("date")
        assert len(dates) == 1 and DATE.fullmatch(dates[0]), dates
        if self.status in BODILESS:
            assert self.body == b"" and self.values("content-length") in ([], ["0"]), self
            assert self.values("content-type") == []
        else:
            assert self.values("content-length") == [str(len(self.body))], self
            assert len(self.values("content-type")) == (1 if self.body else 0), self

    def __repr__(self):
        return f"<{self.status} {self.lines} {self.body[:300]!r}>"


def exchange(lab, listener, identity, lines, body=b""):
    """One request, its lines as they are, and all that comes until the server closes."""
    with lab.raw(listener, identity) as raw:
        raw.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return Wire(raw.everything())


def go_lines(lab, listener, method, path, agent, body, headers):
    """In the order of Go: the first three, the length, then the others by name. A body of no bytes has a length only
    where the method means it to have a body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{lab.ports[listener]}", f"User-Agent: {agent}"]
    if body or (body is not None and method in ("POST", "PUT", "PATCH")):
        lines.append(f"Content-Length: {len(body)}")
    return lines + sorted([*headers, "Accept-Encoding: gzip", "Connection: close"])


def device_asks(lab, identity, method, path, body=None, agent="fioconfig-client/3", headers=()):
    return exchange(lab, "device", identity, go_lines(lab, "device", method, path, agent, body, [
        "Content-Type: application/json", *headers]), body or b"")


def operator_asks(lab, method, path, body=None, agent="fioctl-v0.46", headers=(), token=None):
    more = [f"Osf-Token: {token or lab.token}", *headers]
    if body is not None:
        more.append("Content-Type: application/json")
    return exchange(lab, "operator", None, go_lines(lab, "operator", method, path, agent, body, more), body or b"")


def go_bytes(value):
    """As json.Marshal writes it."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode()


def decode(kind, value, where=""):
    """As json.Unmarshal fills a type: null changes nothing, unknown members are skipped, another type is an error.
    kind: str, int, bool, [kind], {name: kind}, or None for whatever comes."""
    if value is None or kind is None:
        return value
    if isinstance(kind, list):
        assert isinstance(value, list), f"{where}: {value!r}"
        return [decode(kind[0], each, f"{where}[]") for each in value]
    if isinstance(kind, dict):
        assert isinstance(value, dict), f"{where}: {value!r}"
        folded = [name.lower() for name in value]
        assert len(folded) == len(set(folded)), f"{where}: Go takes these for one: {list(value)}"
        return {name: decode(each, value.get(name), f"{where}.{name}") for name, each in kind.items()}
    assert type(value) is kind, f"{where}: {value!r} is no {kind.__name__}"
    return value


META = {"created-by": str, "created-at": str, "updated-by": str, "updated-at": str}
FILE = {"name": str, "value": str, "unencrypted": bool, "on-changed": [str]}
CONFIG = {"created-at": str, "applied-at": str, "created-by": str, "reason": str, "files": [FILE]}
CONFIGS = {"config": [CONFIG], "total": int, "next": str}
GROUP = {"id": int, "name": str, "description": str, "created-at": str, "change-meta": META}
DEVICE = {
    "uuid": str, "name": str, "owner": str, "factory": str, "device-group": str, "group": GROUP, "created-at": str,
    "last-seen": str, "ostree-hash": str, "lmp-ver": str, "docker-apps": [str], "device-tags": [str], "tag": str,
    "network-info": {"hostname": str, "local_ipv4": str, "mac": str}, "hardware-info": None, "target-name": str,
    "status": str, "current-update": str, "up-to-date": bool, "public-key": str, "active-config": CONFIG,
    "aktualizr-toml": str, "is-prod": bool, "is-wave": bool, "change-meta": META,
    "secondary-ecus": [{"serial": str, "target-name": str, "hardware-id": str}],
    "apps-state": {"ostree": str, "deviceTime": str, "apps": None}}
DEVICES = {"devices": [DEVICE], "total": int, "next": str}
UPDATES = {"updates": [{"correlation-id": str, "target": str, "version": str, "time": str}], "total": int, "next": str}
EVENTS = [{"deviceTime": str, "eventType": {"id": str},
           "event": {"version": str, "targetName": str, "success": bool, "details": str}}]
CERTS = {"root-crt": str, "ca-crt": str, "est-tls-crt": str, "tls-crt": str, "ca-revoke-crl": str,
         "disabled-ca-serials": [str], "change-meta": META}
USER = {"polis-id": str, "name": str, "role": str}
ACCESS = {**USER, "teams-ext": [None], "effective-scopes": [str]}
QUEUES = [{"label": str, "type": str, "push-url": str}]


def read(kind, wire):
    """A good answer, parsed."""
    assert wire.status in (200, 201, 202, 204), wire
    assert wire.values("content-type") == ["application/json"], wire
    return decode(kind, json.loads(wire.body))


def error(wire, status):
    """What is printed of a bad one: message or msg; of errors a list or an object of texts."""
    assert wire.status == status and wire.values("content-type") == ["application/json"], wire
    body = json.loads(wire.body)
    assert isinstance(body["message"], str) and body["message"]
    errors = body.get("errors") or []
    assert all(isinstance(each, str) for each in (errors.values() if isinstance(errors, dict) else errors))
    return body["message"]


@pytest.fixture
def agent(lab):
    return Fioconfig(lab)


@pytest.fixture(scope="module")
def station(lab):
    """A factory that its operator has set up, at the server of all."""
    assert lab.operator("POST", "/v1/factories", {"name": "rows"}).status == 201
    made = Workstation(lab, "rows").create()
    made.authorize_est()
    return made


# ---- Does a client certificate arrive at all? ----------------------------------------------------

ECDSA_SIGN = 64
P256_SHA256 = 0x0403
# What a P-256 key signs with, by version.
SCHEMES = {"1.2": (P256_SHA256, 0x0503, 0x0603, 0x0203), "1.3": (P256_SHA256,)}


class CertificateRequest:
    """RFC 5246 section 7.4.4 or RFC 8446 section 4.3.2, out of a handshake message."""

    def __init__(self, version, message):
        assert message[0] == 13 and int.from_bytes(message[1:4], "big") == len(message) - 4
        self.version = version
        self.types, self.schemes, self.authorities = [ECDSA_SIGN], [], []
        at = self.take_1_2(message) if version == "1.2" else self.take_1_3(message)
        assert at == len(message)

    def take_1_2(self, message):
        self.types, at = list(message[5:5 + message[4]]), 5 + message[4]
        at = self.take_schemes(message, at)
        return self.take_authorities(message, at)

    def take_1_3(self, message):
        assert message[4] == 0, "a context: this is no handshake"
        at, end = 7, 7 + int.from_bytes(message[5:7], "big")
        while at < end:
            kind, at = int.from_bytes(message[at:at + 2], "big"), at + 4
            if kind == 13:
                self.take_schemes(message, at)
            elif kind == 47:
                self.take_authorities(message, at)
            at += int.from_bytes(message[at - 2:at], "big")
        return end

    def take_schemes(self, message, at):
        end = at + 2 + int.from_bytes(message[at:at + 2], "big")
        self.schemes = [int.from_bytes(message[i:i + 2], "big") for i in range(at + 2, end, 2)]
        return end

    def take_authorities(self, message, at):
        end = at + 2 + int.from_bytes(message[at:at + 2], "big")
        at += 2
        while at < end:
            size = int.from_bytes(message[at:at + 2], "big")
            self.authorities.append(message[at + 2:at + 2 + size])
            at += 2 + size
        return end

    def is_answered_with(self, chain):
        """Whether crypto/tls sends this chain; if not, it sends none and says nothing."""
        if ECDSA_SIGN not in self.types or not set(self.schemes) & set(SCHEMES[self.version]):
            return False
        issuers = [certificate.issuer.public_bytes() for certificate in chain]
        return self.authorities == [] or any(issuer in self.authorities for issuer in issuers)


def certificate_request(lab, version, *words):
    """Of a real handshake, decrypted."""
    text = run("openssl", "s_client", "-connect", f"127.0.0.1:{lab.ports['device']}", "-CAfile", lab.root,
               f"-tls{version.replace('.', '_')}", "-msg", *words, is_checked=False).stdout
    found = re.search(r"^<<< .*CertificateRequest\n((?:    [0-9a-f ]+\n)+)", text, re.M)
    assert found, text
    return CertificateRequest(version, bytes.fromhex(found[1].replace("\n", " ")))


def handshake_message(version, authorities):
    """One that a server with a list of authorities sends."""
    names = b"".join(len(name).to_bytes(2, "big") + name for name in authorities)
    names = len(names).to_bytes(2, "big") + names
    schemes = bytes.fromhex("00020403")
    body = bytes([1, ECDSA_SIGN]) + schemes + names
    if version == "1.3":
        extensions = b"".join(kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value
                              for kind, value in ((13, schemes), (47, names)))
        body = b"\0" + len(extensions).to_bytes(2, "big") + extensions
    return bytes([13]) + len(body).to_bytes(3, "big") + body


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_go_sends_its_certificate_to_the_device_listener(lab, station, version):
    """Of every issuer: online CA, local CA, and the authority of the server that `init` made; by each name."""
    leaves = [station.enrol()[0],
              x509.load_pem_x509_certificate(station.local_device().pem.encode()),
              x509.load_der_x509_certificate(lab.enrolled_device().identity.der)]
    for words in ((), ("-servername", "rows.localhost"), ("-servername", "rows.est.localhost")):
        asked = certificate_request(lab, version, *words)
        for leaf in leaves:
            assert asked.is_answered_with([leaf]), (words, asked.schemes, asked.authorities)
    # The rule that this goes by refuses where the real one would.
    local, root = station.local.subject.public_bytes(), station.root.subject.public_bytes()
    for names, is_sent in (([], True), ([root], False), ([root, local], True), ([local[:-1] + b"x"], False)):
        told = CertificateRequest(version, handshake_message(version, names))
        assert told.authorities == names and told.is_answered_with([leaves[1]]) is is_sent


def test_go_gets_http_1_1_when_it_offers_http_2(lab, agent):
    """Its default transport offers both, and would speak HTTP/2 if that were chosen."""
    for listener, identity in (("device", agent.identity), ("operator", None)):
        context = ssl.create_default_context(cafile=str(lab.root))
        context.set_alpn_protocols(["h2", "http/1.1"])
        if identity is not None:
            context.load_cert_chain(identity.certificate, identity.key)
        raw = Raw(lab.ports[listener])
        raw.socket = context.wrap_socket(raw.socket, server_hostname="127.0.0.1")
        with raw:
            assert raw.socket.selected_alpn_protocol() in (None, "http/1.1")
            raw.send("GET /device HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert Wire(raw.everything()).status == (200 if identity else 404)


def test_a_certificate_that_the_root_itself_issued_is_none_of_a_device(lab, station):
    """The device CAs issue for devices. The same key and names under one of those are good."""
    refused = station.local_device(ca=station.root, key=station.key)
    for method, path in (("GET", "/config"), ("GET", "/device"), ("POST", "/events"), ("GET", "/repo/1.root.json"),
                         ("POST", f"{EST}/simplereenroll")):
        answer = station.device(method, path, refused, b"[]" if method == "POST" else None,
                                {"Content-Type": "application/pkcs10"})
        assert answer.status == 403, (path, answer)
    assert station.device("GET", "/device", station.local_device()).status == 200


def test_no_certificate_is_403_and_not_the_end_of_the_handshake(lab):
    """Trouble with TLS, or 5xx, would be repeated for a minute."""
    for method, path in (("GET", "/config"), ("GET", "/config-device"), ("GET", "/device"), ("PATCH", "/device"),
                         ("PATCH", "/config"), ("POST", "/events"), ("POST", f"{EST}/simplereenroll")):
        body = None if method == "GET" else b"{}"
        wire = device_asks(lab, None, method, path, body)
        assert wire.status == 403 and wire.body.startswith(b"no-client-cert "), wire


# ---- The gateway, as fioconfig asks and reads ----------------------------------------------------


def test_every_answer_of_the_gateway_in_its_bytes(lab, agent):
    """Both generations: their agents differ."""
    for generation in ("fioconfig-client/2", "fioconfig-client/3"):
        ask = lambda *words, **more: device_asks(lab, agent.identity, *words, agent=generation, **more)  # noqa: E731
        wire = ask("PATCH", "/config", go_bytes({"reason": "Set fio-remote-actions", "files": [
            file("fio-remote-actions", f"<&> {generation}\n")], "public-key": ""}))
        assert (wire.status, wire.body) == (201, b"")
        wire = ask("GET", "/config")
        assert wire.status == 200 and wire.values("content-type") == ["application/json"]
        served = json.loads(wire.body)["fio-remote-actions"]
        assert served == {"Value": f"<&> {generation}\n", "OnChanged": None, "Unencrypted": True}
        # Its time is a file's, read back with the other name of the zone.
        modified = read_date(wire.values("date")[0])
        assert ask("GET", "/config", headers=[f"If-Modified-Since: {write_date(modified)}"]).status == 304
        assert ask("GET", "/config", headers=[f"If-Modified-Since: {write_date(modified - 1)}"]).status == 200
        wire = ask("GET", "/config-device")
        assert wire.status == 200 and json.loads(wire.body) == {"fio-remote-actions": served}
        wire = ask("POST", "/events", go_bytes([{
            "id": str(uuid.uuid4()), "deviceTime": "2026-11-29T12:00:00.123456789+05:30", "event": {
                "correlationId": "certs-1669676316", "success": True, "targetName": "", "version": "0"},
            "eventType": {"id": "CertRotationStarted", "version": 0}}]))
        assert (wire.status, wire.body) == (200, b"")


def test_a_device_without_configuration_in_its_bytes(lab, station):
    """Neither has its factory any. The removal handlers run for an empty object: it must get that when its last file
    was taken away."""
    device = Registrant(lab, factory=station.factory).register()
    for path in ("/config", "/config-device"):
        assert device_asks(lab, device.identity, "GET", path).status == 204
    body = go_bytes({"reason": "", "files": [file("a", "1")], "public-key": ""})
    assert device_asks(lab, device.identity, "PATCH", "/config", body).status == 201
    query = f"factory={station.factory}&by-uuid=1"
    assert operator_asks(lab, "DELETE", f"{PATH}{device.uuid}/config/a/?{query}", b"").status == 200
    wire = device_asks(lab, device.identity, "GET", "/config")
    assert (wire.status, wire.body) == (200, b"{}")


def test_gateway_paths_are_exact_and_never_redirect(lab, agent):
    """Go would follow by turning PATCH into GET."""
    for path in ("/config/", "/device/", "/config-device/", "/events/"):
        for method in ("GET", "PATCH"):
            wire = device_asks(lab, agent.identity, method, path, None if method == "GET" else b"{}")
            assert not 300 <= wire.status < 400 and wire.values("location") == [], wire


def test_the_shape_of_device(lab, agent):
    answer = device_asks(lab, agent.identity, "GET", "/device")
    shown = decode({"uuid": str, "factory": str, "pubkey": str, "next_pubkey": str, "group_name": str, "is_prod": bool,
                    "last_seen": int}, json.loads(answer.body))
    assert shown["pubkey"] == agent.pem and shown["next_pubkey"] is None
    assert [shown["uuid"], shown["factory"]] == [agent.name, FACTORY]


def announce(lab, agent, key_pem):
    return device_asks(lab, agent.identity, "PATCH", "/device", go_bytes({"next_pubkey": key_pem}))


def test_the_lock_compares_keys_and_not_their_text(lab, agent):
    agent.rotate(1)
    key = agent.rotation["pem"]
    for text in (key, key, key.replace("\n", "\r\n"), key.rstrip("\n"), "\n" + key + "\n\n"):
        wire = announce(lab, agent, text)
        assert (wire.status, wire.body) == (200, b""), (text, wire)
    assert lab.query("SELECT count(*) FROM certvendor.slot_key WHERE state = 'announced' AND device = "
                     f"'{agent.name}'") == [["1"]]
    assert announce(lab, agent, agent.pem).status == 400
    assert announce(lab, agent, "no key").status == 400
    agent.run_steps()
    # A client that lost the answer repeats itself with the key that is current now.
    assert device_asks(lab, agent.identity, "GET", "/config").status in (200, 204)
    assert announce(lab, agent, agent.pem).status == 200


FIRST_USES = [("GET", "/config", None), ("PATCH", "/config", {"reason": "", "files": None, "public-key": ""}),
              ("GET", "/config-device", None), ("GET", "/device", None), ("POST", "/events", []),
              ("PATCH", "/device", {"next_pubkey": "self"}), ("GET", "/repo/1.root.json", None),
              ("POST", f"{EST}/simplereenroll", None), ("PUT", "/system_info", {})]


@pytest.mark.parametrize("method, path, body", FIRST_USES)
def test_the_first_use_of_the_new_key_counts_on_every_path(lab, agent, method, path, body):
    """After a crash it may be any. The request is served, too."""
    old = agent.identity
    agent.rotate(5, saves_last=False)
    if path.endswith("reenroll"):
        key = agent.device.new_key()
        answer = agent.device.est("simplereenroll", key.request, agent.identity, {"User-Agent": "Go-http-client/1.1"})
        assert answer.status == 201, answer
    else:
        body = {"next_pubkey": agent.pem} if body == {"next_pubkey": "self"} else body
        wire = device_asks(lab, agent.identity, method, path, None if body is None else go_bytes(body))
        known = {"/config": (201,) if method == "PATCH" else (200, 204), "/config-device": (204,), "/device": (200,),
                 "/events": (200,)}
        assert wire.status in known.get(path, (404,)), wire
    for path in ("/config", "/config-device", "/device", "/repo/1.root.json", f"{EST}/simplereenroll"):
        wire = device_asks(lab, old, "POST" if path.endswith("reenroll") else "GET", path,
                           b"" if path.endswith("reenroll") else None)
        assert wire.status == 403 and wire.values("content-type") == ["text/plain; charset=utf-8"], (path, wire)
    assert device_asks(lab, agent.identity, "GET", "/device").status == 200
    assert lab.query("SELECT count(*) FROM certvendor.audit WHERE action = 'activated' AND "
                     f"device = '{agent.name}'") == [["1"]]


def test_a_third_key_changes_nothing_on_any_path(lab, agent):
    agent.rotate(2)
    third = agent.device.new_key()
    stranger = agent.device.reenrol(third, agent.identity)
    for method, path, body in FIRST_USES:
        wire = device_asks(lab, stranger, method, path, None if body is None and method == "GET" else go_bytes(body))
        assert wire.status == 403 and wire.body.startswith(b"third-key "), (path, wire)
    shown = json.loads(device_asks(lab, agent.identity, "GET", "/device").body)
    assert (shown["pubkey"], shown["next_pubkey"]) == (agent.pem, agent.rotation["pem"])


def test_more_events_than_are_kept_come_in_halves(lab, agent):
    """aktualizr-lite drops from its queue what was answered with 200, and halves its batch at 413."""
    def events(first, count):
        return [{"id": f"{agent.name}-{n}", "deviceTime": "2026-11-29T12:00:00Z", "eventType": {"id": "S"},
                 "event": {"correlationId": f"c-{n}", "ecu": "e"}} for n in range(first, first + count)]

    wire = device_asks(lab, agent.identity, "POST", "/events", go_bytes(events(0, 1002)))
    assert wire.status == 413, wire
    for first in (0, 501):
        assert device_asks(lab, agent.identity, "POST", "/events", go_bytes(events(first, 501))).status == 200
    assert lab.query("SELECT count(*), max(correlation_id) FILTER (WHERE correlation_id = 'c-1001') FROM "
                     f"certvendor.device_event WHERE device = '{agent.name}'") == [["1000", "c-1001"]]


# ---- EST, as fioconfig asks and reads ------------------------------------------------------------


def first_of_pkcs7(wire, is_fielded):
    """The rules of both generations, in the order in which they are checked."""
    assert wire.status == 201 if is_fielded else wire.status in (200, 201), wire
    [media] = wire.values("content-type")
    assert media == "application/pkcs7-mime" if is_fielded else media.startswith("application/pkcs7-mime")
    text = wire.body.replace(b"\r", b"").replace(b"\n", b"")
    return issued(type("Body", (), {"body": base64.b64encode(base64.b64decode(text, validate=True))}))


def renew(lab, identity, key, base=EST):
    """As Go sends it; the connection is not kept here."""
    body = base64.b64encode(key.request)
    return exchange(lab, "device", identity, [
        f"POST {base}/simplereenroll HTTP/1.1", f"Host: 127.0.0.1:{lab.ports['device']}",
        "User-Agent: Go-http-client/1.1", f"Content-Length: {len(body)}", "Content-Type: application/pkcs10",
        "Accept-Encoding: gzip", "Connection: close"], body)


@pytest.mark.parametrize("base", [EST, EST + "/"])
@pytest.mark.parametrize("is_fielded, is_fioup", [(True, False), (False, False), (False, True)])
def test_renewal_in_its_bytes(lab, base, is_fielded, is_fioup):
    """One line of base64. A base URL that ends in a slash gives two. The certificate is the first of the set, and has
    both usages even when the request names none."""
    device = Registrant(lab, is_production=True, is_fioup=is_fioup).register()
    identity = device.identity
    assert device.check_in().status == 200
    der = first_of_pkcs7(renew(lab, identity, device.new_key().key, base), is_fielded)
    text = ssl.DER_cert_to_PEM_cert(der)
    assert subject_of(text) == subject_of(identity.pem), "businessCategory and all, byte by byte"
    extensions = {each.oid.dotted_string: each for each in x509.load_der_x509_certificate(der).extensions}
    assert extensions["2.5.29.15"].value.public_bytes() == bytes.fromhex("03020780")
    assert extensions["2.5.29.37"].value.public_bytes() == bytes.fromhex("300a06082b06010505070302")
    assert extensions["2.5.29.15"].critical and extensions["2.5.29.37"].critical
    assert "2.5.29.17" not in extensions


def test_a_renewal_that_is_begun_again_and_again(lab):
    """Each crash before it is noted makes a new key. None of them ends the one in use, or each other."""
    device = Registrant(lab).register()
    identity = device.identity
    assert device.check_in().status == 200
    announced = device.new_key().key
    assert first_of_pkcs7(renew(lab, identity, announced), True)
    wire = device_asks(lab, identity, "PATCH", "/device", go_bytes({"next_pubkey": announced.public_pem}))
    assert wire.status == 200
    for _ in range(5):
        assert first_of_pkcs7(renew(lab, identity, device.new_key().key), True)
        assert device.check_in(identity).status == 200
    shown = json.loads(device_asks(lab, identity, "GET", "/device").body)
    assert shown["next_pubkey"] == announced.public_pem, "what is issued is announced by the device alone"


def test_a_refused_renewal_is_a_text(lab):
    """The client prints it: another's name, no request at all, and another type of it."""
    device = Registrant(lab).register()
    identity = device.identity
    assert device.check_in().status == 200
    own, other = (base64.b64encode(each.key.request) for each in (device, Registrant(lab)))
    for body, media, status in ((other, "application/pkcs10", 403), (b"!", "application/pkcs10", 400),
                                (own, "application/json", 415)):
        lines = go_lines(lab, "device", "POST", f"{EST}/simplereenroll", "Go-http-client/1.1", body,
                         [f"Content-Type: {media}"])
        wire = exchange(lab, "device", identity, lines, body)
        assert wire.status == status and wire.values("content-type") == ["text/plain; charset=utf-8"], wire
        assert wire.body.endswith(b"\n") and wire.body.count(b"\n") == 1


def test_a_certificate_names_the_key_of_its_issuer(lab, station):
    """Online CAs of a factory have one name. The client that made this one gave it no identifier."""
    with pytest.raises(x509.ExtensionNotFound):
        station.online.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    wanted = x509.AuthorityKeyIdentifier.from_issuer_public_key(station.online.public_key())
    registered = Registrant(lab, factory=station.factory).register().files["client.pem"]
    for certificate in (station.enrol()[0], x509.load_pem_x509_certificate(registered.encode())):
        assert certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value == wanted


# ---- Registration, as libcurl and Boost do it ----------------------------------------------------


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_the_probe_before_a_registration_in_its_bytes(lab, method):
    """Below 500 is good. What announces a body to HEAD and sends it would be taken for the next answer."""
    with lab.raw("operator") as raw:
        for _ in range(2):
            raw.send(f"{method} {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n")
            answer = raw.answer(has_body=method == "GET")
            assert answer.status == 401 and raw.buffer == b"", answer


def register(lab, body, path=PATH):
    """No agent, "Content-type", and everything in one line per member."""
    return exchange(lab, "operator", None, [
        f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{lab.ports['operator']}", "Accept: */*",
        "Content-type: application/json", f"OSF-TOKEN: {lab.token}", f"Content-Length: {len(body)}",
        "Connection: close"], body)


@pytest.mark.parametrize("is_upper", [False, True])
def test_registration_in_its_bytes(lab, is_upper):
    name = str(uuid.uuid4())
    device = Registrant(lab, name.upper() if is_upper else name, is_production=True)
    wire = register(lab, boost_json(device.body(overrides={"pacman": {"tags": '"main"'}, "empty": {}})).encode())
    assert wire.status == 201 and wire.values("content-type") == ["application/json"], wire
    files = json.loads(wire.body)
    assert sorted(files) == ["client.pem", "root.crt", "sota.toml"]
    for text in files.values():
        assert isinstance(text, str) and text.endswith("\n") and not text.endswith("\n\n")
    assert files["client.pem"].startswith("-----BEGIN CERTIFICATE-----\n")
    assert files["client.pem"].count("-----BEGIN") == 1
    device.files = files
    assert device.check_in().status == 200
    shown = read(DEVICE, operator_asks(lab, "GET", f"{PATH}{device.uuid}/?factory={FACTORY}&by-uuid=1"))
    assert shown["uuid"] == device.uuid


@pytest.mark.parametrize("change, status", [({"csr": "x"}, 400), ({"group": "nobody"}, 400), ({"uuid": "other"}, 400)])
def test_a_refused_registration_in_its_bytes(lab, change, status):
    """Every member is printed, and the children of errors."""
    device = Registrant(lab)
    error(register(lab, boost_json(device.body(**change)).encode()), status)
    error(exchange(lab, "operator", None, [
        f"POST {PATH} HTTP/1.1", "Host: x", "Accept: */*", "Content-type: application/json", "OSF-TOKEN: nothing",
        "Content-Length: 2", "Connection: close"], b"{}"), 401)


def test_a_device_id_that_is_no_uuid(lab):
    """With --validate-uuid 0."""
    device = Registrant(lab, f"board-{uuid.uuid4().hex[:6]}").register()
    assert device.check_in().status == 200


def test_a_registrar_repeats_and_is_told_of_conflicts(lab):
    authority = Authority(lab.keys, f"/OU={FACTORY}/CN=fio-rows")
    import_authority(lab, authority)
    name = str(uuid.uuid4())
    identities = []
    for _ in range(2):
        key = Key(lab.keys, f"/CN={name}/OU={FACTORY}")
        identities.append(authority.sign(key))
    for identity, status in ((identities[0], 201), (identities[0], 200), (identities[1], 409)):
        answer = put_certificate(lab, identity.pem)
        assert answer.status == status and answer.headers["Content-Type"] == "application/json", answer
    assert isinstance(answer.json()["message"], str)


# ---- fioctl, generation by generation ------------------------------------------------------------


GENERATIONS = ["oldest", "v0.36", "v0.43", "current"]


class Fioctl:
    """How each generation names a device: by its name alone, by name and factory, by UUID and factory."""

    def __init__(self, lab, generation):
        self.lab = lab
        self.generation = generation
        self.agent = "fioctl-v0.46" if generation == "current" else "fioctl-2"

    def ask(self, method, path, body=None):
        data = b"" if method == "DELETE" else None if body is None else go_bytes(body)
        return operator_asks(self.lab, method, path, data, self.agent)

    def device(self, method, device, rest="", body=None, more=""):
        query = {"oldest": "", "current": f"factory={FACTORY}&by-uuid=1"}.get(self.generation, f"factory={FACTORY}")
        name = device.uuid if self.generation == "current" else device.called
        query = "&".join(part for part in (query, more) if part)
        return self.ask(method, f"{PATH}{name}/{rest}" + (f"?{query}" if query else ""), body)

    def list(self, device):
        """Of names that are like this one. Older ones send what they have no value for, too, and their pattern as it
        is, with what SQL reads as a backslash before "_"."""
        pattern = device.called[:-2].replace("_", "\\_") + "%25"
        return self.ask("GET", PATH + {
            "oldest": f"?shared=0&match_tag=&name_ilike={pattern}&factory={FACTORY}&uuid=&group=&page=1&limit=500",
            "v0.36": f"?factory={FACTORY}&group=&limit=500&match_tag=&mine=&name={device.called}&name_ilike=&page=1"
                     "&prod=&sortby=&target_name=&uuid=",
            "v0.43": f"?factory={FACTORY}&limit=500&name_ilike={pattern.replace(chr(92), '%5C')}&sortby=-name",
            "current": f"?factory={FACTORY}&limit=500&uuid={device.uuid}"}[self.generation])

    def rotation(self):
        return {"reason": "yearly", "files": [file(
            "fio-rotate-certs", f"ESTSERVER=https://est.example:8443{EST}\nPKEYIDS=01,07\nCERTIDS=03,09\n"
            "ROTATIONID=certs-1669058841\n", handlers=[HANDLER])]}


@pytest.mark.parametrize("generation", GENERATIONS)
def test_devices_and_configuration_of_each_generation(lab, generation):
    fioctl = Fioctl(lab, generation)
    device = Registrant(lab)
    device.called = f"row_{uuid.uuid4().hex[:8]}"
    device.register(name=device.called)
    assert device.check_in().status == 200
    shown = read(DEVICE, fioctl.device("GET", device))
    assert (shown["uuid"], shown["name"], shown["factory"]) == (device.uuid, device.called, FACTORY)
    assert shown["owner"] and shown["public-key"] == device.key.public_pem
    # RFC 3339 is what the newer ones read; the older ones read this form and no other.
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", shown["last-seen"])
    listed = read(DEVICES, fioctl.list(device))
    assert [each["uuid"] for each in listed["devices"]] == [device.uuid]
    assert (listed["total"], listed["next"]) == (1, None)

    assert read(CONFIGS, fioctl.device("GET", device, "config/")) == {"config": [], "total": 0, "next": None}
    assert fioctl.device("PATCH", device, "config/", fioctl.rotation()).status in (200, 201, 202, 204)
    assert fioctl.device("PATCH", device, "config/", {"reason": "", "files": [file("a", "1")]},
                         "force=1").status in (200, 201, 202, 204)
    versions = read(CONFIGS, fioctl.device("GET", device, "config/"))
    assert [each["name"] for each in versions["config"][0]["files"]] == ["fio-rotate-certs", "a"]
    assert versions["config"][1]["reason"] == "yearly" and versions["config"][1]["files"] == fioctl.rotation()["files"]
    assert fioctl.device("POST", device, "config/", {"reason": "", "files": [file("b", "2")]}).status in (200, 201)
    assert fioctl.device("DELETE", device, "config/b/").status in (200, 202, 204)
    error(fioctl.device("PATCH", device, "config/", {"reason": "", "files": [{"name": 1}]}), 400)
    told = [{"id": str(uuid.uuid4()), "deviceTime": "2026-11-29T12:00:00+01:00", "event": {
        "correlationId": "certs-1669058841", "targetName": "lmp-290", "version": 290},
        "eventType": {"id": "CertRotationStarted", "version": 0}}]
    assert device_asks(lab, device.identity, "POST", "/events", go_bytes(told)).status == 200
    updates = read(UPDATES, fioctl.device("GET", device, "updates/"))["updates"]
    assert [(each["correlation-id"], each["version"]) for each in updates] == [("certs-1669058841", "290")]
    [step] = read(EVENTS, fioctl.device("GET", device, "updates/certs-1669058841/"))
    assert step["event"]["success"] is None and step["eventType"]["id"] == "CertRotationStarted"

    assert fioctl.device("PATCH", device, body={"owner": "anna"}).status in (200, 201, 202, 204)
    assert fioctl.device("DELETE", device).status in (200, 202, 204)
    error(fioctl.device("GET", device), 404)
    denied = f"/ota/factories/{FACTORY}/denied-devices/"
    listed = read(DEVICES, fioctl.ask("GET", f"{denied}?limit=500&page=1"))["devices"]
    assert (device.uuid, device.called, "anna", FACTORY) in [
        (each["uuid"], each["name"], each["owner"], each["factory"]) for each in listed]
    assert fioctl.ask("DELETE", f"{denied}{device.uuid}/").status in (200, 202, 204)
    error(fioctl.ask("DELETE", f"{denied}{device.uuid}/"), 404)


@pytest.fixture
def lamps(lab):
    """Devices whose names an SQL pattern could mix up, last seen in another order than that of their names."""
    prefix = uuid.uuid4().hex[:8]
    names = [f"{prefix}_{rest}" for rest in ("a1", "a2", "b", "aX_1")] + [f"{prefix}Xa1"]
    for number, name in enumerate(names):
        device = Registrant(lab).register(name=name)
        lab.query(f"UPDATE certvendor.device SET first_seen_at = '2026-01-0{(3 * number) % 5 + 1}' "
                  f"WHERE id = '{device.uuid}'")
    return prefix


def names_listed(lab, prefix, query):
    """What follows the prefix in the names of `fioctl devices list`, in its order."""
    wire = operator_asks(lab, "GET", f"{PATH}?factory={FACTORY}&limit=500&{query}")
    return [each["name"].removeprefix(prefix) for each in read(DEVICES, wire)["devices"]
            if each["name"].startswith(prefix)]


def test_lists_are_sorted_as_the_client_asks(lab, lamps):
    seen = ["_a1", "_b", "Xa1", "_a2", "_aX_1"]
    assert names_listed(lab, lamps, "sortby=last_seen") == seen
    assert names_listed(lab, lamps, "sortby=-last_seen") == seen[::-1]
    assert names_listed(lab, lamps, "sortby=name") == sorted(seen)
    assert names_listed(lab, lamps, "sortby=-name") == sorted(seen)[::-1]


@pytest.mark.parametrize("pattern, found", [
    ("_a%3F", ["_a1", "_a2"]), ("%3Fa1", ["Xa1", "_a1"]), ("_%2A1", ["_a1", "_aX_1"]), ("_%3F", ["_b"]), ("_a_", []),
    ("_%2A_%3F", ["_aX_1"]), ("%2A%25", []), ("%2A%5C", []), ("_a1", ["_a1"]), ("%2A", ["Xa1", "_a1", "_a2", "_aX_1", "_b"])])
def test_a_pattern_is_that_of_file_names(lab, lamps, pattern, found):
    """The client sends it as it was typed."""
    assert names_listed(lab, lamps, f"name={lamps}{pattern}") == found


def test_a_group_that_keeps_its_name_is_not_told_as_one_that_exists(lab):
    """Of a 409 the client makes "A device group with this name already exists"."""
    groups, name = f"/ota/factories/{FACTORY}/device-groups/", f"g{uuid.uuid4().hex[:8]}"
    read(GROUP, operator_asks(lab, "POST", groups, go_bytes({"name": name})))
    renamed = operator_asks(lab, "PATCH", f"{groups}{name}/", go_bytes({"description": "other", "name": "delta"}))
    assert "keeps its name" in error(renamed, 400)
    assert operator_asks(lab, "PATCH", f"{groups}{name}/", go_bytes({"name": name})).status == 200
    assert operator_asks(lab, "DELETE", f"{groups}{name}/").status in (200, 202, 204)


def test_deleted_devices_do_not_hold_a_group(lab):
    """Of a 409 the client makes "There are devices assigned to this device group", and lists none."""
    base, name = f"/ota/factories/{FACTORY}", f"g{uuid.uuid4().hex[:8]}"
    groups = f"{base}/device-groups/"
    read(GROUP, operator_asks(lab, "POST", groups, go_bytes({"name": name})))
    devices = [Registrant(lab).register(group=name) for _ in range(3)]

    def delete(device):
        assert operator_asks(lab, "DELETE", f"{PATH}{device.uuid}/?factory={FACTORY}", b"").status in (200, 202, 204)

    delete(devices[0])
    assert lab.operator("POST", f"/v1/devices/{devices[1].uuid}/revoke", {"reason": "cessationOfOperation"}).status == 200
    error(operator_asks(lab, "DELETE", f"{groups}{name}/"), 409)
    for refused in devices[:2]:
        assert lab.operator("GET", f"/v1/devices/{refused.uuid}").json()["group"] == name, "it was not empty: nobody left"
    delete(devices[2])
    assert operator_asks(lab, "DELETE", f"{groups}{name}/").status in (200, 202, 204)

    # One that comes back is in no group, in none of the same name either.
    read(GROUP, operator_asks(lab, "POST", groups, go_bytes({"name": name})))
    assert operator_asks(lab, "DELETE", f"{base}/denied-devices/{devices[0].uuid}/", b"").status in (200, 202, 204)
    shown = read(DEVICE, operator_asks(lab, "GET", f"{PATH}{devices[0].uuid}/?factory={FACTORY}&by-uuid=1"))
    assert shown["group"] is None and shown["device-group"] == ""
    assert devices[0].check_in().status == 200
    assert operator_asks(lab, "DELETE", f"{groups}{name}/").status in (200, 202, 204)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_groups_and_the_factory_of_each_generation(lab, generation):
    fioctl = Fioctl(lab, generation)
    base, name = f"/ota/factories/{FACTORY}", f"g{uuid.uuid4().hex[:8]}"
    made = read(GROUP, fioctl.ask("POST", f"{base}/device-groups/", {"name": name, "description": "d"}))
    assert made["name"] == name and made["id"] is not None
    error(fioctl.ask("POST", f"{base}/device-groups/", {"name": name}), 409)
    listed = read({"groups": [GROUP]}, fioctl.ask("GET", f"{base}/device-groups/"))["groups"]
    assert made["id"] in [each["id"] for each in listed]
    for path in (f"{base}/device-groups/{name}/config/", f"{base}/config/"):
        for query in ("", "?force=1"):
            wire = fioctl.ask("PATCH", path + query, {"reason": "r", "files": [file(f"of-{name}", f"1{query}")]})
            assert wire.status in (200, 201, 202, 204), wire
        newest = read(CONFIGS, fioctl.ask("GET", path))["config"][0]
        assert newest["applied-at"] is None and newest["created-by"] == "admin" and newest["reason"] == "r"
        assert fioctl.ask("DELETE", f"{path}of-{name}/").status in (200, 202, 204)
    error(fioctl.ask("PATCH", f"{base}/device-groups//config/", fioctl.rotation()), 404)
    assert fioctl.ask("PATCH", f"{base}/device-groups/{name}/config/", fioctl.rotation()).status in (200, 201, 202, 204)
    device = Registrant(lab).register(group=name)
    assert device.check_in().status == 200
    error(fioctl.ask("DELETE", f"{base}/device-groups/{name}/"), 409)
    shown = read(DEVICE, fioctl.ask("GET", f"{PATH}{device.uuid}/?factory={FACTORY}"))
    assert shown["group"]["id"] == made["id"] and shown["group"]["name"] == name
    served = json.loads(device_asks(lab, device.identity, "GET", "/config").body)
    assert served["fio-rotate-certs"]["OnChanged"] == [HANDLER] and served["fio-rotate-certs"]["Unencrypted"] is True
    assert device_asks(lab, device.identity, "GET", "/config-device").status == 204, "it has none of its own"


def test_names_with_blanks_are_found(lab):
    """Go writes %20 for them in a path, and + in a query."""
    device = Registrant(lab)
    device.called = f"roof pump {uuid.uuid4().hex[:8]}"
    device.register(name=device.called)
    shown = read(DEVICE, operator_asks(lab, "GET", f"{PATH}{device.called.replace(' ', '%20')}/?factory={FACTORY}"))
    assert shown["uuid"] == device.uuid
    listed = read(DEVICES, operator_asks(
        lab, "GET", f"{PATH}?factory={FACTORY}&limit=10&name={device.called.replace(' ', '+')}"))
    assert [each["uuid"] for each in listed["devices"]] == [device.uuid]
    listed = read(DEVICES, operator_asks(lab, "GET", f"{PATH}?factory={FACTORY}&limit=10&name=roof%2Bpump"))
    assert listed["devices"] == []
    error(operator_asks(lab, "GET", f"{PATH}?factory={FACTORY}&limit=10&name_ilike=roof%5C"), 400)


def test_a_next_page_is_fetched_as_it_was_given(lab):
    """Absolute, and with everything that was asked for, escaped as it came."""
    kind = f"o{uuid.uuid4().hex[:6]}"
    for number in range(11):
        Registrant(lab).register(name=f"{kind} {number:02}")
    url, seen = f"{PATH}?factory={FACTORY}&limit=10&name_ilike={kind}+%25", []
    while url is not None:
        page = read(DEVICES, operator_asks(lab, "GET", url))
        seen += [each["name"] for each in page["devices"]]
        base = f"https://127.0.0.1:{lab.ports['operator']}/"
        assert page["total"] == 11 and (page["next"] is None or page["next"].startswith(base)), page["next"]
        url = page["next"] and page["next"].removeprefix(base[:-1])
    assert seen == [f"{kind} {number:02}" for number in range(11)]


def test_users_and_queues_are_of_the_types_that_are_declared(lab):
    base = f"/ota/factories/{FACTORY}"
    mine = read(ACCESS, operator_asks(lab, "GET", f"{base}/users/self/"))
    assert mine["polis-id"] and mine["teams-ext"] == [] and mine["effective-scopes"] == []
    assert mine["polis-id"] in [each["polis-id"] for each in read([USER], operator_asks(lab, "GET", f"{base}/users/"))]
    assert read(ACCESS, operator_asks(lab, "GET", f"{base}/users/{mine['polis-id']}/"))["teams-ext"] == []
    label = f"q{uuid.uuid4().hex[:8]}"
    queue = {"label": label, "type": "push", "push-url": "https://receiver.example/push"}
    assert operator_asks(lab, "POST", f"{base}/event-queues/", go_bytes(queue)).status in (200, 201, 202, 204)
    assert queue in read(QUEUES, operator_asks(lab, "GET", f"{base}/event-queues/"))
    assert operator_asks(lab, "DELETE", f"{base}/event-queues/{label}/", b"").status in (200, 202, 204)


# ---- The PKI, generation by generation -----------------------------------------------------------


@pytest.fixture
def fresh(lab):
    factory = f"rows-{uuid.uuid4().hex[:8]}"
    assert lab.operator("POST", "/v1/factories", {"name": factory}).status == 201
    return Workstation(lab, factory)


def pem_decode(text):
    """encoding/pem: the block, and what is behind it."""
    found = re.match(r"-----BEGIN ([A-Z0-9 ]+)-----\n(.*?)\n-----END \1-----(?:\n|$)", text, re.S)
    assert found, text
    return found[1], text[found.end():]


def test_what_is_not_set_up_is_told_in_its_bytes(lab, fresh):
    """Exactly 206, whatever was asked before a root came; the members that old clients read are null."""
    for _ in range(2):
        wire = operator_asks(lab, "GET", fresh.path)
        assert wire.status == 206 and wire.values("content-type") == ["application/json"], wire
        assert json.loads(wire.body) == {"tls-crt": None, "ca-crt": None, "root-crt": None}
        fresh.request(first_time_init=True, ca_csr=True, tls_csr=True)


@pytest.mark.parametrize("generation, body, expected", [
    ("current", {"first-time-init": True, "ca-csr": True, "est-tls-csr": False, "tls-csr": True},
     {"ca-csr", "tls-csr"}),
    ("without-online", {"first-time-init": True, "ca-csr": False, "est-tls-csr": False, "tls-csr": True},
     {"tls-csr"}),
    ("v0.37", {}, {"ca-csr", "tls-csr"}), ("v0.36", None, {"ca-csr", "tls-csr"})])
def test_csrs_of_each_generation(lab, fresh, generation, body, expected):
    """One block, and no blank line behind it: that would be the end of the command."""
    wire = operator_asks(lab, "POST", fresh.path, b"" if body is None else go_bytes(body))
    assert wire.status in (200, 201), wire
    answer = json.loads(wire.body)
    scripts = {"create_ca", "create_device_ca", "sign_tls_csr", "sign_ca_csr"}
    assert set(answer) == expected | (set() if body else scripts)
    assert all(isinstance(text, str) and text for text in answer.values())
    for name in expected:
        kind, rest = pem_decode(answer[name])
        assert kind == "CERTIFICATE REQUEST" and rest in ("", "\n")
    error(operator_asks(lab, "POST", fresh.path, b'{"first-time-init":"yes"}'), 400)


def test_an_uploaded_pki_in_its_bytes(lab, station):
    wire = operator_asks(lab, "GET", station.path)
    certs = read(CERTS, wire)
    assert wire.status == 200 and certs["root-crt"] == pem(station.root) and certs["ca-crt"] == station.bundle
    assert certs["tls-crt"] == pem(station.tls) and certs["disabled-ca-serials"] == []
    assert all(certs["change-meta"].values())
    # rotate-certs makes its URL of this one name.
    names = x509.load_pem_x509_certificate(certs["est-tls-crt"].encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value
    assert len(names.get_values_for_type(x509.DNSName)) == len(list(names)) == 1
    # A client of before sends back what it got, and names that it alone knows.
    echo = {**certs, "ca-csr": "x", "tls-csr": "y", "create_ca": "z", "active-root-serial": "1",
            "change-meta": {"created-by": "", "created-at": "", "updated-by": "", "updated-at": ""}}
    assert operator_asks(lab, "PATCH", station.path, go_bytes(echo)).status in (200, 201, 202, 204)
    assert read(CERTS, operator_asks(lab, "GET", station.path))["ca-crt"] == station.bundle
    other = Workstation(lab, station.factory)
    assert error(operator_asks(lab, "PATCH", station.path, go_bytes({"root-crt": pem(other.make_root())})), 409)
    assert error(operator_asks(lab, "POST", station.path, go_bytes({
        "first-time-init": True, "ca-csr": True, "est-tls-csr": False, "tls-csr": True})), 409)


def test_the_path_for_est_of_a_generation_in_its_bytes(lab, station):
    wire = operator_asks(lab, "POST", station.path + "est/", b"")
    answer = json.loads(wire.body)
    assert wire.status in (200, 201) and list(answer) == ["tls-csr"], wire
    certificate = station.sign_tls(x509.load_pem_x509_csr(answer["tls-csr"].encode()))
    wire = operator_asks(lab, "PUT", station.path + "est/", go_bytes({"tls-crt": pem(certificate)}))
    assert wire.status in (200, 201, 202, 204), wire
    assert station.certs()["est-tls-crt"] == pem(certificate)


def test_ota_paths_with_and_without_their_slash_never_redirect(lab, agent):
    device = f"{PATH}{agent.name}"
    base = f"/ota/factories/{FACTORY}"
    for path in (device, f"{device}/config", f"{device}/updates", f"{base}/certs", f"{base}/device-groups",
                 f"{base}/config", f"{base}/users/self", f"{base}/denied-devices", f"{base}/event-queues"):
        for target in (path, path + "/"):
            wire = operator_asks(lab, "GET", f"{target}?factory={FACTORY}")
            assert wire.status == 200 and wire.values("location") == [], (target, wire)
