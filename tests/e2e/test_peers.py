"""Who is asking: every kind of wrong certificate, at the device listener, the check and nginx."""
import base64
import urllib.parse

import pytest

from certvendor_lab import FACTORY, Authority, Identity, rfc9440, run, self_signed

HOUR_AGO = "20200101000000Z", "20210101000000Z"
IN_FUTURE = "20980101000000Z", "20990101000000Z"


@pytest.fixture(scope="module")
def offline(lab):
    """An authority that certvendor trusts and does not hold the key of."""
    authority = Authority(lab.keys, "/CN=Offline CA")
    answer = lab.operator("POST", "/v1/authorities", {
        "name": "offline-1", "kind": "offline", "certificate": authority.identity.pem})
    assert answer.status == 201, answer
    return authority


def outcome_at_each_door(lab, identity):
    """(status, reason) of the check, the device listener and nginx."""
    check = lab.check(identity.der)
    device = lab.send("device", "GET", "/device", identity)
    nginx = lab.through_nginx(identity)
    return ((check.status, check.headers["Certvendor-Reason"]),
            (device.status, None if device.status == 200 else device.reason),
            (nginx.status, nginx.headers["Certvendor-Reason"]))


def refused(reason, word):
    return (403, reason), (403, word), (403, reason)


def refused_by_nginx_itself(reason, word):
    """optional_no_ca forgives an unknown issuer and nothing else."""
    return (403, reason), (403, word), (400, None)


GOOD = (200, "ok"), (200, None), (200, "ok")


def test_right_certificate(lab):
    assert outcome_at_each_door(lab, lab.enrolled_device().identity) == GOOD


def test_no_certificate(lab):
    answer = lab.check()
    assert (answer.status, answer.headers["Certvendor-Reason"]) == (403, "no-certificate")
    answer = lab.send("device", "GET", "/device")
    assert (answer.status, answer.reason) == (403, "no-client-cert")
    assert lab.through_nginx(None).status == 403


def test_self_signed(lab):
    device = lab.enrolled_device()
    fake = self_signed(device.new_key())
    assert outcome_at_each_door(lab, fake) == refused("unknown", "bad-client-cert")
    assert outcome_at_each_door(lab, device.identity) == GOOD


def test_self_signed_with_the_key_of_the_device(lab):
    device = lab.enrolled_device()
    out = device.identity.key.with_suffix(".self.pem")
    run("openssl", "req", "-x509", "-key", device.identity.key, "-subj", device.subject, "-days", "9",
        "-out", out)
    fake = Identity(out, device.identity.key)
    assert outcome_at_each_door(lab, fake) == refused("unknown", "bad-client-cert")
    assert outcome_at_each_door(lab, device.identity) == GOOD


def test_other_authority(lab, offline):
    device = lab.device()
    key = device.new_key()
    foreign = Authority(lab.keys).sign(key)
    assert outcome_at_each_door(lab, foreign) == refused("unknown", "bad-client-cert")
    # The same name is not the same key.
    impostor = Authority(lab.keys, "/CN=Offline CA").sign(key)
    assert outcome_at_each_door(lab, impostor) == refused("unknown", "bad-client-cert")
    known = offline.sign(key)
    assert lab.check(known.der).headers["Certvendor-Reason"] == "registered"
    assert outcome_at_each_door(lab, known) == GOOD


def test_claims_our_authority_but_was_never_recorded(lab):
    """As if the key of the device CA had been stolen."""
    device = lab.enrolled_device()
    pki = lab.folder / "pki"
    for name in (device.name, "never-seen"):
        key = lab.device(name).new_key()
        out = key.path.with_suffix(".forged.pem")
        run("openssl", "x509", "-req", "-inform", "DER", "-in", key.request_path, "-CA",
            pki / "device-ca.pem", "-CAkey", pki / "device-ca.key", "-passin",
            f"file:{pki / 'signer.passphrase'}", "-days", "30", "-set_serial", "4711", "-out", out)
        answers = outcome_at_each_door(lab, Identity(out, key.path))
        assert [status for status, _ in answers] == [403, 403, 403], answers
    assert outcome_at_each_door(lab, device.identity) == GOOD


def test_expired_and_not_yet_valid(lab, offline):
    for (start, end), reason, word in ((HOUR_AGO, "expired", "expired"),
                                       (IN_FUTURE, "not-yet-valid", "bad-client-cert")):
        device = lab.device()
        key = device.new_key()
        assert outcome_at_each_door(lab, offline.sign(key, start, end)) == refused_by_nginx_itself(
            reason, word)
        assert lab.operator("GET", f"/v1/devices/{device.name}").status == 404
        assert lab.check(offline.sign(key).der).status == 200


def test_authority_as_client(lab, offline):
    answers = outcome_at_each_door(lab, offline.identity)
    assert [status for status, _ in answers] == [403, 403, 403], answers
    # Ours may not sign handshakes, so that TLS itself refuses them.
    for name in ("root.pem", "device-ca.pem"):
        answer = lab.check(Identity(lab.folder / "pki" / name, None).der)
        assert answer.status == 403, answer


def test_server_and_gateway_certificates_are_no_devices(lab):
    pki = lab.folder / "pki"
    for identity in (Identity(pki / "device.pem", pki / "device.key"), lab.gateway):
        check, device, nginx = outcome_at_each_door(lab, identity)
        assert check == (403, "unknown")
        assert device == (403, "bad-client-cert")
        assert nginx[0] in (400, 403)


def test_denied(lab):
    device = lab.enrolled_device()
    old = device.rotate()
    assert outcome_at_each_door(lab, old) == refused("denied", "denied")
    assert outcome_at_each_door(lab, device.identity) == GOOD


def test_disabled_and_revoked_authority(lab):
    authority = Authority(lab.keys, "/CN=Short-lived CA")
    name = "short-lived"
    assert lab.operator("POST", "/v1/authorities", {
        "name": name, "kind": "offline", "certificate": authority.identity.pem}).status == 201
    known, late = lab.device(), lab.device()
    known_identity = authority.sign(known.new_key())
    late_identity = authority.sign(late.new_key())
    assert lab.check(known_identity.der).status == 200
    assert lab.operator("POST", f"/v1/authorities/{name}/disable", {}).status == 200
    assert lab.check(known_identity.der).status == 200
    assert lab.check(late_identity.der).status == 403
    assert lab.operator("POST", f"/v1/authorities/{name}/revoke", {}).status == 200
    assert lab.check(known_identity.der).status == 403


def test_forged_headers_at_the_device_listener(lab):
    device = lab.enrolled_device()
    der = device.identity.der
    for headers in every_header(device.identity):
        answer = lab.send("device", "GET", "/device", headers=headers)
        assert (answer.status, answer.reason) == (403, "no-client-cert"), headers
    other = lab.enrolled_device()
    answer = lab.send("device", "GET", "/device", other.identity, headers={"Client-Cert": rfc9440(der)})
    assert answer.json()["uuid"] == other.name


def every_header(identity):
    values = {
        "Client-Cert": rfc9440(identity.der),
        "X-Client-Cert": urllib.parse.quote(identity.pem),
        "X-Client-Cert-Sha256": identity.sha256,
    }
    return [{name: value} for name, value in values.items()] + [values]


def test_each_source_is_read_from_a_gateway(lab):
    device = lab.enrolled_device()
    old = device.rotate()
    for headers in every_header(device.identity):
        answer = lab.check(headers=headers)
        assert (answer.status, answer.headers["Certvendor-Device"]) == (200, device.name), headers
    for headers in every_header(old):
        answer = lab.check(headers=headers)
        assert (answer.status, answer.headers["Certvendor-Reason"]) == (403, "denied"), headers


def test_forged_headers_through_nginx(lab):
    device = lab.enrolled_device()
    old = device.rotate()
    for headers in every_header(device.identity):
        answer = lab.through_nginx(None, headers)
        assert (answer.status, answer.headers["Certvendor-Reason"]) == (403, "no-certificate"), headers
        answer = lab.through_nginx(old, headers)
        assert (answer.status, answer.headers["Certvendor-Reason"]) == (403, "denied"), headers
    for headers in every_header(old):
        assert lab.through_nginx(device.identity, headers).status == 200
    answer = lab.through_nginx(device.identity, {"Certvendor-Device": "somebody-else"})
    assert answer.body == f"hello, {device.name}\n".encode()


def test_only_gateways_may_ask(lab):
    device = lab.enrolled_device()
    pki = lab.folder / "pki"
    for asker in (None, device.identity, Identity(pki / "device.pem", pki / "device.key"),
                  self_signed(device.new_key())):
        answer = lab.send("gateway", "GET", "/v1/check", asker,
                          headers={"Client-Cert": rfc9440(device.identity.der)})
        assert (answer.status, answer.reason) == (403, "not-a-gateway"), asker
    assert device.check().status == 200


def test_duplicated_and_contradicting_headers(lab):
    device, other = lab.enrolled_device(), lab.enrolled_device()
    value = rfc9440(device.identity.der)
    once = [("Client-Cert", value)]
    for headers in (once + once, once + [("client-cert", rfc9440(other.identity.der))],
                    once + [("X-Client-Cert-Sha256", other.identity.sha256)],
                    once + [("Client-Cert", "")]):
        answer = lab.check(headers=headers)
        assert (answer.status, answer.headers["Certvendor-Reason"]) == (403, "ambiguous"), headers
    agreeing = once + [("X-Client-Cert-Sha256", device.identity.sha256)]
    for headers in (once, agreeing, once + [("X-Client-Cert-Sha256", "")]):
        assert lab.check(headers=headers).status == 200, headers


def test_malformed_headers(lab):
    device = lab.enrolled_device()
    der = device.identity.der
    plain = base64.b64encode(der).decode()
    for headers in ({"Client-Cert": plain}, {"Client-Cert": ":"}, {"Client-Cert": "::"},
                    {"Client-Cert": f":{plain}"}, {"Client-Cert": f":{plain[:-8]}:"},
                    {"Client-Cert": f":{plain}:, :{plain}:"}, {"X-Client-Cert": "%zz"},
                    {"X-Client-Cert": "-----BEGIN%20CERTIFICATE-----"},
                    {"X-Client-Cert-Sha256": device.identity.sha256[:-1]},
                    {"X-Client-Cert-Sha256": "z" * 64}, {"Client-Cert": rfc9440(der + b"\0")}):
        answer = lab.check(headers=headers)
        assert answer.status == 403, headers
        assert answer.headers["Certvendor-Reason"] in ("bad-certificate", "unknown"), headers
    assert lab.check(der).status == 200


def test_a_source_that_the_gateway_does_not_have(lab):
    """What a gateway does not overwrite, its clients can forge."""
    narrow = lab.add_gateway("narrow", sources=["sha256"])
    device = lab.enrolled_device()
    assert lab.check(device.identity.der, gateway=narrow).headers["Certvendor-Reason"] == "no-certificate"
    underscore = {"X_Client_Cert_Sha256": device.identity.sha256}
    assert lab.check(headers=underscore, gateway=narrow).status == 403
    good = {"X-Client-Cert-Sha256": device.identity.sha256}
    assert lab.check(headers=good, gateway=narrow).status == 200
    # A fingerprint cannot register anybody.
    unknown = {"X-Client-Cert-Sha256": "0" * 64}
    assert lab.check(headers=unknown, gateway=narrow).headers["Certvendor-Reason"] == "unknown"


def test_a_gateway_of_another_factory(lab):
    lab.have_factory("elsewhere")
    stranger = lab.add_gateway("stranger", options=["--factories", "elsewhere"])
    own = lab.add_gateway("own", options=["--factories", FACTORY])
    device = lab.enrolled_device()
    answer = lab.check(device.identity.der, gateway=stranger)
    assert (answer.status, answer.headers["Certvendor-Reason"]) == (403, "unknown")
    assert "Certvendor-Device" not in answer.headers
    assert lab.check(device.identity.der, gateway=own).status == 200


def test_check_takes_any_method_and_suffix(lab):
    device = lab.enrolled_device()
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        for path in ("/v1/check", "/v1/check/", "/v1/check/some/path?and=query", "/v1/check/../%2e%2e//"):
            answer = lab.check(device.identity.der, path=path, method=method)
            assert (answer.status, answer.body) == (200, b""), (method, path)
    for path in ("/", "/v1/checker", "/v1", "/v1/devices"):
        assert lab.check(device.identity.der, path=path).status == 404, path


def test_unix_socket_of_a_gateway(make_lab):
    lab = make_lab(settings={"gateway": {"socket": "gateway.sock", "socket_sources": "sha256"}}).start()
    device = lab.enrolled_device()
    old = device.rotate()

    def ask(header):
        return run("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}",
                   "--unix-socket", lab.gateway_socket, "-H", header, "http://gateway/v1/check").stdout

    assert ask(f"X-Client-Cert-Sha256: {device.identity.sha256}") == "200"
    assert ask(f"X-Client-Cert-Sha256: {old.sha256}") == "403"
    assert ask(f"Client-Cert: {rfc9440(device.identity.der)}") == "403"


def test_bootstrap_certificate(lab):
    """A manufacturer's certificate enrols the device that it names, and does nothing else."""
    maker = Authority(lab.keys, "/CN=Manufacturer CA")
    assert lab.operator("POST", "/v1/authorities", {
        "name": "maker", "kind": "bootstrap", "certificate": maker.identity.pem}).status == 201
    device, other = lab.device(), lab.device()
    birth = maker.sign(device.new_key())
    assert device.show(birth).status == 403
    assert lab.check(birth.der).status == 403
    assert other.est("simpleenroll", other.new_key().request, birth).status == 403
    stranger = Authority(lab.keys).sign(device.new_key())
    answer = device.est("simpleenroll", device.new_key().request, stranger)
    assert (answer.status, answer.reason) == (403, "bad-client-cert")
    expired = maker.sign(device.new_key(), *HOUR_AGO)
    assert device.est("simpleenroll", device.new_key().request, expired).status == 403
    key = device.new_key()
    answer = device.est("simpleenroll", key.request, birth)
    assert answer.status == 200, answer
