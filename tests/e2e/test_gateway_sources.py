"""The headers in which gateways forward certificates, sent byte for byte as those programs send them."""
import base64
import hashlib
import re
import urllib.parse

import pytest

from certvendor_lab import FACTORY, Authority, run, rfc9440, wait_until

SOURCES = ("rfc9440", "xfcc", "pem", "traefik", "alb", "issuer-serial", "sha256", "sha1")


@pytest.fixture(scope="module")
def any_source(lab):
    return lab.add_gateway("any-source", sources=SOURCES)


@pytest.fixture(scope="module")
def device(lab):
    return lab.enrolled_device()


@pytest.fixture(scope="module")
def other(lab):
    return lab.enrolled_device()


@pytest.fixture(scope="module")
def root(lab):
    """The certificate of a chain, in PEM."""
    return lab.root.read_text()


# ---- What each program writes ------------------------------------------------------------------


def escaped(text, safe=""):
    """Percent-encoding as Envoy, nginx (nothing safe) and ALB (+ = / safe) write it."""
    return urllib.parse.quote(text, safe=safe)


def pem(identity):
    return escaped(identity.pem)


def base64_der(identity):
    return base64.b64encode(identity.der).decode()


def sha1(identity):
    return hashlib.sha1(identity.der).hexdigest()


def subject_of_issuer(identity, form):
    return run("openssl", "x509", "-in", identity.certificate, "-noout", "-issuer", "-nameopt",
               form).stdout.strip().removeprefix("issuer=").strip()


def serial(identity):
    return run("openssl", "x509", "-in", identity.certificate, "-noout",
               "-serial").stdout.strip().removeprefix("serial=")


def issuer_serial(identity, **other):
    return [("X-Client-Cert-Issuer", other.get("issuer") or subject_of_issuer(identity, "RFC2253")),
            ("X-Client-Cert-Serial", other.get("serial") or serial(identity))]


def xfcc(identity, *keys):
    values = {
        "By": "By=spiffe://mesh/ns/edge",
        "Hash": f"Hash={identity.sha256}",
        "Cert": f'Cert="{pem(identity)}"',
        "Chain": f'Chain="{pem(identity)}"',
        "Subject": f'Subject="CN={FACTORY}\\, \\";Hash={"0" * 64},O=x"',
        "URI": "URI=",
        "DNS": "DNS=a.example;DNS=b.example",
    }
    return ";".join(values[key] for key in keys)


def traefik_info(identity):
    issuer = subject_of_issuer(identity, "RFC2253")  # one part only, so every form is the same
    assert re.fullmatch("CN=[^,]*", issuer) or "," in issuer
    parts = dict(part.split("=", 1) for part in issuer.split(","))
    text = ",".join(f"{key}={parts[key]}" for key in ("C", "ST", "L", "O", "CN") if key in parts)
    number = int(serial(identity), 16)
    return urllib.parse.quote_plus(
        f'Subject="CN=anything";Issuer="{text}";SerialNumber="{number}";NB="1";NA="2"')


def every_source(identity):
    """What each source says of a certificate: its headers."""
    return {
        "rfc9440": [("Client-Cert", rfc9440(identity.der))],
        "xfcc": [("X-Forwarded-Client-Cert", xfcc(identity, "Hash"))],
        "pem": [("X-Client-Cert", pem(identity))],
        "traefik": [("X-Forwarded-Tls-Client-Cert", base64_der(identity))],
        "alb": [("X-Amzn-Mtls-Clientcert-Leaf", escaped(identity.pem, "+=/"))],
        "issuer-serial": issuer_serial(identity),
        "sha256": [("X-Client-Cert-Sha256", identity.sha256)],
        "sha1": [("X-Client-Cert-Sha1", sha1(identity))],
    }


def reason(answer):
    return answer.status, answer.headers["Certvendor-Reason"]


# ---- Each source -------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_says_which_certificate_it_is(lab, device, any_source, source):
    answer = lab.check(headers=every_source(device.identity)[source], gateway=any_source)
    assert reason(answer) == (200, "ok")
    assert answer.headers["Certvendor-Device"] == device.name
    assert answer.body == b""


@pytest.mark.parametrize("source", SOURCES)
def test_a_gateway_is_read_by_its_own_sources_only(lab, device, source):
    gateway = lab.add_gateway(f"only-{source}", sources=[source])
    headers = every_source(device.identity)
    for said, pairs in headers.items():
        expected = (200, "ok") if said == source else (403, "no-certificate")
        assert reason(lab.check(headers=pairs, gateway=gateway)) == expected, said
    forged = [pair for said, pairs in headers.items() if said != source for pair in pairs]
    assert reason(lab.check(headers=forged, gateway=gateway)) == (403, "no-certificate")


def test_no_source_is_read_in_underscore_spelling_or_from_the_path(lab, device, any_source):
    for pairs in every_source(device.identity).values():
        spelled = [(name.replace("-", "_"), value) for name, value in pairs]
        assert reason(lab.check(headers=spelled, gateway=any_source)) == (403, "no-certificate")
    path = f"/v1/check/x?X-Client-Cert-Sha256={device.identity.sha256}"
    assert reason(lab.check(gateway=any_source, path=path)) == (403, "no-certificate")


def test_sources_that_agree_are_as_good_as_one(lab, device, other, any_source):
    mine, theirs = every_source(device.identity), every_source(other.identity)
    everything = [pair for pairs in mine.values() for pair in pairs]
    assert reason(lab.check(headers=everything, gateway=any_source)) == (200, "ok")
    for source, pairs in theirs.items():
        for said, own in mine.items():
            if said == source:
                continue
            answer = lab.check(headers=own + pairs, gateway=any_source)
            assert reason(answer) == (403, "ambiguous"), (said, source)
            assert answer.headers["Certvendor-Device"] is None
    assert reason(lab.check(headers=everything, gateway=any_source)) == (200, "ok")


@pytest.mark.parametrize("source", SOURCES)
def test_a_repeated_header_is_refused(lab, device, any_source, source):
    for name, value in every_source(device.identity)[source]:
        pairs = every_source(device.identity)[source] + [(name, value)]
        assert reason(lab.check(headers=pairs, gateway=any_source)) == (403, "ambiguous"), name


BAD = {
    "rfc9440": [":Zm9v", ":Zm9v:, :Zm9v:", "Zm9v"],
    "xfcc": ["nonsense", "Hash=00", 'Cert="Zm9v"', 'Subject="x', "Hash=;;"],
    "pem": ["Zm9v", "%zz", "-----BEGIN CERTIFICATE-----"],
    "traefik": ["Zm9", ",", "%zz", ":Zm9v:"],
    "alb": ["Zm9v", "%zz"],
    "sha256": ["00", "g" * 64, "0" * 65],
    "sha1": ["00", "g" * 40, "0" * 41, "0" * 64],
}


@pytest.mark.parametrize("source", BAD)
def test_a_malformed_value_is_refused(lab, device, any_source, source):
    name = every_source(device.identity)[source][0][0]
    for value in BAD[source]:
        answer = lab.check(headers=[(name, value)], gateway=any_source)
        assert reason(answer) == (403, "bad-certificate"), value
        assert answer.json()["type"] == "urn:certvendor:bad-certificate"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("source", ("rfc9440", "xfcc", "pem", "traefik", "alb"))
def test_an_oversized_value_is_refused(lab, device, any_source, source):
    name = every_source(device.identity)[source][0][0]
    answer = lab.check(headers=[(name, "A" * 32769)], gateway=any_source)
    assert reason(answer) == (403, "bad-certificate")
    with lab.raw("gateway", any_source) as raw:
        raw.send(f"GET /v1/check HTTP/1.1\r\nHost: x\r\n{name}: {'A' * 70000}\r\n\r\n")
        assert raw.answer().status == 431
    assert device.check().status == 200


def test_a_value_may_have_32_kib(lab, device, any_source):
    """A chain of RSA keys is long, and longer where it is percent-encoded."""
    run("openssl", "req", "-x509", "-newkey", "rsa:4096", "-nodes", "-subj", "/CN=long", "-keyout",
        lab.keys / "long.key", "-out", lab.keys / "long.pem")
    chain = pem(device.identity) + escaped((lab.keys / "long.pem").read_text()) * 8
    assert len(chain) > 16000
    for value in (chain, pem(device.identity) + "%0A" * ((32768 - len(pem(device.identity))) // 3)):
        answer = lab.check(headers=[("X-Amzn-Mtls-Clientcert", value)], gateway=any_source)
        assert reason(answer) == (200, "ok"), len(value)
        assert answer.headers["Certvendor-Device"] == device.name
    value = (pem(device.identity) + "x" * 32768)[:32768]
    assert reason(lab.check(headers=[("X-Amzn-Mtls-Clientcert", value)], gateway=any_source)) == (200, "ok")
    answer = lab.check(headers=[("X-Amzn-Mtls-Clientcert", value + "x")], gateway=any_source)
    assert reason(answer) == (403, "bad-certificate")


def test_an_empty_value_means_that_there_is_none(lab, device, any_source):
    empty = [(name, "") for pairs in every_source(device.identity).values() for name, _ in pairs]
    assert reason(lab.check(headers=empty, gateway=any_source)) == (403, "no-certificate")
    pairs = [pair for pair in empty if pair[0] != "X-Client-Cert"]
    pairs.append(("X-Client-Cert", pem(device.identity)))
    assert reason(lab.check(headers=pairs, gateway=any_source)) == (200, "ok")


# ---- Names of headers --------------------------------------------------------------------------

RENAMED = {
    "rfc9440": ["X-My-Client-Cert"],
    "xfcc": ["X-Mesh-Cert"],
    "pem": ["X-SSL-Client-Cert"],
    "traefik": ["X-Edge-Cert"],
    "alb": ["X-Lb-Leaf"],
    "issuer-serial": ["X-SSL-Issuer", "X-SSL-Serial"],
    "sha256": ["X-SSL-Sha256"],
    "sha1": ["X-SSL-Fingerprint"],
}


@pytest.fixture(scope="module")
def renamed(lab):
    return lab.add_gateway("renamed", sources=[f"{word}={':'.join(names)}" for word, names in RENAMED.items()])


@pytest.mark.parametrize("source", SOURCES)
def test_a_header_under_another_name(lab, device, renamed, source):
    """It is read as under the usual name, and that is not read any more."""
    usual = every_source(device.identity)[source]
    pairs = [(name, value) for name, (_, value) in zip(RENAMED[source], usual)]
    forged = every_source(lab.enrolled_device().identity)[source]
    assert reason(lab.check(headers=usual, gateway=renamed)) == (403, "no-certificate")
    for spelled in (str, str.lower, str.upper):
        mine = [(spelled(name), value) for name, value in pairs]
        answer = lab.check(headers=mine + forged, gateway=renamed)
        assert reason(answer) == (200, "ok"), spelled
        assert answer.headers["Certvendor-Device"] == device.name
    for name, value in pairs:
        assert reason(lab.check(headers=pairs + [(name.upper(), value)], gateway=renamed)) == (403, "ambiguous")
    underscored = [(name.replace("-", "_"), value) for name, value in pairs]
    assert reason(lab.check(headers=underscored, gateway=renamed)) == (403, "no-certificate")
    empty = [(name, "") for name, _ in pairs]
    assert reason(lab.check(headers=empty, gateway=renamed)) == (403, "no-certificate")
    assert reason(lab.check(headers=[(pairs[0][0], "nonsense")], gateway=renamed)) == (403, "bad-certificate")


def test_the_second_header_of_a_source_needs_a_name_too(lab, device):
    info = [("X-Edge-Info", traefik_info(device.identity))]
    usual = [("X-Forwarded-Tls-Client-Cert-Info", traefik_info(device.identity))]
    one = lab.add_gateway("edge-one", sources=["traefik=X-Edge-Cert"])
    two = lab.add_gateway("edge-two", sources=["traefik=X-Edge-Cert:X-Edge-Info"])
    for gateway, pairs, expected in ((one, info, (403, "no-certificate")), (one, usual, (403, "no-certificate")),
                                     (two, usual, (403, "no-certificate")), (two, info, (200, "ok"))):
        assert reason(lab.check(headers=pairs, gateway=gateway)) == expected


# ---- Envoy -------------------------------------------------------------------------------------


def envoy_request(method, path, value, body=""):
    """As Envoy's HTTP authorization filter writes it, path_prefix being /v1/check."""
    return (f"{method} /v1/check{path} HTTP/1.1\r\nhost: certvendor:8445\r\n"
            f"x-forwarded-client-cert: {value}\r\nx-request-id: 3f2c8c52-0d6a-4a7e-8e09-8a6a4a5b6c7d\r\n"
            f"content-length: {len(body)}\r\nx-envoy-internal: true\r\nx-forwarded-for: 10.0.0.7\r\n"
            f"x-envoy-expected-rq-timeout-ms: 200\r\n\r\n{body}")


@pytest.mark.parametrize("keys", (
    ("Hash",), ("By", "Hash"), ("Hash", "Cert"), ("By", "Hash", "Cert", "Subject", "URI", "DNS"),
    ("Hash", "Cert", "Chain", "Subject")))
def test_envoy_replayed(lab, device, any_source, keys):
    with lab.raw("gateway", any_source) as raw:
        for method, path in (("GET", "/"), ("POST", "/a/b?c=d&e"), ("DELETE", "/%2e%2e/x//y"),
                             ("PROPFIND", "/" + "z" * 3000)):
            raw.send(envoy_request(method, path, xfcc(device.identity, *keys)))
            answer = raw.answer()
            assert reason(answer) == (200, "ok"), answer
            assert answer.headers["X-Request-Id"] == "3f2c8c52-0d6a-4a7e-8e09-8a6a4a5b6c7d"


def test_envoy_with_the_body_of_its_client(lab, device, any_source):
    with lab.raw("gateway", any_source) as raw:
        raw.send(envoy_request("POST", "/x", xfcc(device.identity, "Hash"), "some body"))
        assert reason(raw.answer()) == (200, "ok")


def test_what_an_alternative_name_smuggles_in_is_refused(lab, device, other, any_source):
    """Envoy writes them without quotes, whatever a client put into its certificate."""
    mine, theirs = xfcc(device.identity, "Hash", "Cert"), xfcc(other.identity, "Hash")
    for value in (f"{mine};URI=x,{theirs}", f"{mine},{theirs}"):
        answer = lab.check(headers=[("X-Forwarded-Client-Cert", value)], gateway=any_source)
        assert reason(answer) == (403, "ambiguous")
    answer = lab.check(headers=[("X-Forwarded-Client-Cert", f"{mine};URI=x;{theirs}")], gateway=any_source)
    assert reason(answer) == (403, "bad-certificate")
    differs = f"Hash={other.identity.sha256};" + xfcc(device.identity, "Cert")
    answer = lab.check(headers=[("X-Forwarded-Client-Cert", differs)], gateway=any_source)
    assert reason(answer) == (403, "ambiguous")
    answer = lab.check(headers=[("X-Forwarded-Client-Cert", 'Subject="CN=x";URI=')], gateway=any_source)
    assert reason(answer) == (403, "no-certificate")


# ---- Traefik -----------------------------------------------------------------------------------


def traefik_request(header, value):
    return ("GET /v1/check HTTP/1.1\r\nHost: certvendor:8445\r\nUser-Agent: curl/7.88.1\r\n"
            "Accept: */*\r\nX-Forwarded-For: 10.0.0.7\r\nX-Forwarded-Host: devices.example\r\n"
            "X-Forwarded-Method: POST\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Proto: https\r\n"
            f"X-Forwarded-Server: edge\r\n{header}: {value}\r\nX-Forwarded-Uri: /hello\r\n"
            "X-Real-Ip: 10.0.0.7\r\nAccept-Encoding: gzip\r\n\r\n")


def test_traefik_replayed(lab, device, any_source, root):
    der, chain = base64_der(device.identity), "".join(root.splitlines()[1:-1])
    values = [der, f"{der},{chain}", urllib.parse.quote_plus(der),
              urllib.parse.quote_plus(f"{der},{chain}"), pem(device.identity)]
    with lab.raw("gateway", any_source) as raw:
        for value in values:
            raw.send(traefik_request("X-Forwarded-Tls-Client-Cert", value))
            assert reason(raw.answer()) == (200, "ok"), value
        raw.send(traefik_request("X-Forwarded-Tls-Client-Cert-Info", traefik_info(device.identity)))
        assert reason(raw.answer()) == (200, "ok")
        raw.send(traefik_request("X-Forwarded-Tls-Client-Cert-Info",
                                 urllib.parse.quote_plus('Subject="CN=x"')))
        assert reason(raw.answer()) == (403, "bad-certificate")


# ---- ALB ---------------------------------------------------------------------------------------


def test_alb_replayed(lab, device, other, any_source, root):
    leaf, chain = escaped(device.identity.pem, "+=/"), escaped(device.identity.pem + root, "+=/")
    common = ("GET /v1/check/hello HTTP/1.1\r\nX-Forwarded-For: 10.0.0.7\r\nX-Forwarded-Proto: https\r\n"
              "X-Forwarded-Port: 443\r\nHost: devices.example\r\n"
              "X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678\r\nuser-agent: device/1\r\n")
    verify = (f"X-Amzn-Mtls-Clientcert-Serial-Number: {serial(device.identity)}\r\n"
              "X-Amzn-Mtls-Clientcert-Issuer: CN=x\r\nX-Amzn-Mtls-Clientcert-Subject: CN=y\r\n"
              "X-Amzn-Mtls-Clientcert-Validity: NotBefore=2026-01-01T00:00:00Z;NotAfter=2027-01-01T00:00:00Z\r\n"
              f"X-Amzn-Mtls-Clientcert-Leaf: {leaf}\r\n")
    with lab.raw("gateway", any_source) as raw:
        raw.send(f"{common}{verify}\r\n")
        assert reason(raw.answer()) == (200, "ok")
        raw.send(f"{common}X-Amzn-Mtls-Clientcert: {chain}\r\n\r\n")
        assert reason(raw.answer()) == (200, "ok")
        raw.send(f"{common}{verify}X-Amzn-Mtls-Clientcert: {pem(other.identity)}\r\n\r\n")
        assert reason(raw.answer()) == (403, "ambiguous")


# ---- Names -------------------------------------------------------------------------------------


def test_issuer_and_serial_number_in_the_spellings_of_proxies(lab, device, any_source):
    number = serial(device.identity)
    spellings = {
        "nginx": (subject_of_issuer(device.identity, "RFC2253"), number),
        "nginx, old names": (subject_of_issuer(device.identity, "compat"), number.lower()),
        "with colons": (subject_of_issuer(device.identity, "RFC2253"),
                        "00:" + ":".join(number[i:i + 2] for i in range(0, len(number), 2))),
    }
    for what, (issuer, text) in spellings.items():
        answer = lab.check(headers=issuer_serial(device.identity, issuer=issuer, serial=text),
                           gateway=any_source)
        assert reason(answer) == (200, "ok"), what


def test_issuer_and_serial_number_never_activate(lab, any_source):
    device = lab.enrolled_device()
    key = device.new_key()
    fresh = device.reenrol(key)
    assert device.announce(key).status == 200
    for _ in range(2):
        answer = lab.check(headers=issuer_serial(fresh), gateway=any_source)
        assert reason(answer) == (503, "unavailable")
        assert answer.headers["Retry-After"] == "1"
        assert answer.json()["code"] == "unavailable"
    assert reason(lab.check(headers=every_source(device.identity)["sha1"], gateway=any_source)) == (200, "ok")
    assert reason(lab.check(headers=every_source(fresh)["sha1"], gateway=any_source)) == (200, "activated")
    assert reason(lab.check(headers=issuer_serial(fresh), gateway=any_source)) == (200, "ok")
    assert reason(lab.check(headers=issuer_serial(device.identity), gateway=any_source)) == (403, "denied")


def test_what_is_denied_by_another_name_is_said_to_be_no_other_certificate(lab, any_source):
    """The trail has its fingerprint or none."""
    def named():
        return lab.query("SELECT after->>'sha256' FROM certvendor.audit WHERE action = 'security-event' "
                         f"AND reason = 'denied' AND device = '{device.name}'")

    device = lab.enrolled_device()
    fingerprint = device.identity.sha256
    lab.cli("certificate", "revoke", fingerprint)
    for sources in (every_source(device.identity)["sha1"], issuer_serial(device.identity)):
        wait_until(lambda: reason(lab.check(headers=sources, gateway=any_source)) == (403, "denied"), "denied")
    wait_until(lambda: [""] in named(), "audit row")
    assert all(row in ([""], [fingerprint]) for row in named())
    assert reason(lab.check(headers=every_source(device.identity)["sha256"], gateway=any_source)) == (403, "denied")
    wait_until(lambda: [fingerprint] in named(), "audit row")


def test_names_of_what_is_not_recorded(lab, device, any_source):
    unknown = [("X-Client-Cert-Sha1", "0" * 40)]
    assert reason(lab.check(headers=unknown, gateway=any_source)) == (403, "unknown")
    for change in ({"issuer": "CN=nobody"}, {"serial": "0123456789"}):
        answer = lab.check(headers=issuer_serial(device.identity, **change), gateway=any_source)
        assert reason(answer) == (403, "unknown"), change
    for pairs in ([("X-Client-Cert-Issuer", "CN=x")], issuer_serial(device.identity, serial="xyz"),
                  [("X-Client-Cert-Issuer", "x" * 256), ("X-Client-Cert-Serial", "1")]):
        assert reason(lab.check(headers=pairs, gateway=any_source)) == (403, "bad-certificate")
    assert reason(lab.check(headers=[("X-Client-Cert-Serial", "1")], gateway=any_source)) == \
        (403, "no-certificate")


def test_an_offline_authority_is_no_name(lab, any_source):
    """Who has its key can issue any serial number under its name."""
    authority = Authority(lab.folder, f"/O=Factory floor/CN=Offline CA for {FACTORY}")
    lab.cli("authority", "import", authority.identity.certificate, "--name", "for-names", "--kind",
            "offline")
    device = lab.device()
    identity = authority.sign(device.new_key())
    assert reason(lab.check(headers=issuer_serial(identity), gateway=any_source)) == (403, "unknown")
    assert reason(lab.check(headers=every_source(identity)["sha1"], gateway=any_source)) == (403, "unknown")
    assert reason(lab.check(identity.der)) == (200, "registered")
    assert reason(lab.check(headers=issuer_serial(identity), gateway=any_source)) == (403, "unknown")
    assert reason(lab.check(headers=every_source(identity)["sha1"], gateway=any_source)) == (200, "ok")


def test_a_gateway_is_added_with_known_sources_only(lab):
    for sources in (["md5"], ["rfc9440", "rfc9440"], ["Client-Cert"]):
        with pytest.raises(AssertionError, match="rfc9440, xfcc, pem, traefik, alb, issuer-serial"):
            lab.add_gateway("bad-source", sources=sources)


def test_answers_of_one_connection_do_not_mix(lab):
    """What is kept between answers is never another device's."""
    devices = [lab.enrolled_device() for _ in range(3)]
    denied = lab.enrolled_device()
    lab.cli("device", "revoke", denied.name)
    with lab.client("gateway", lab.gateway) as client:
        for round_ in range(4):
            for number, device in enumerate([devices[0], devices[1], denied, devices[1], devices[2], None]):
                headers = [("X-Request-Id", f"round-{round_}-{number}")]
                if device is not None:
                    headers.append(("Client-Cert", rfc9440(device.identity.der)))
                answer = client.send("GET", "/v1/check", None, headers)
                assert answer.status == (200 if device in devices else 403)
                assert answer.headers.get("Certvendor-Device") == (device.name if device else None)
                assert answer.headers.get_all("X-Request-Id") == [f"round-{round_}-{number}"]
                assert len(answer.headers.get_all("Certvendor-Reason")) == 1
