"""EST enrolment: who may, with which request and key, what is issued, and what happens to the old one."""
import base64
import concurrent.futures
import datetime
import hashlib
import json
import os
import re
import ssl
import subprocess
import time
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certvendor_lab import (EST, FACTORY, Authority, Identity, Key, Raw, clean_environment, issued, run,
                            self_signed, tls_context, wait_until)
from est_client import (CHALLENGE_PASSWORD, CN, IA5, IDENTITY_LINKING, OU, PRINTABLE, T61, UTF8, Enrolled, Est, attribute,
                        der, device_name, dns_names, extension, extension_request, make_key, name, oid, outcome,
                        request, save, seq, sign, spki_of, integer)
from est_lab import load_key
from registration_lab import import_authority, put_certificate

est = pytest.mark.est
GOOD = 200
DC = "0.9.2342.19200300.100.1.25"


@pytest.fixture(scope="module")
def door(est_lab):
    return Est(est_lab)


def certificate_of(answer):
    return x509.load_der_x509_certificate(issued(answer))


def fresh():
    return str(uuid.uuid4())


def judged(door, make, **more):
    """Outcome for a new device of the request that make(device) gives."""
    device = fresh()
    return door.judge(make(device), device, **more)


def load_pem(path):
    return serialization.load_pem_private_key(path.read_bytes(), None)


def with_attributes(*attributes, **more):
    return lambda device: request(make_key(), device_name(device), *attributes, **more)


def with_key(key, **more):
    return lambda device: request(key, device_name(device), **more)


# ---- 6 Who may enrol ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def maker(est_lab):
    authority = Authority(est_lab.keys, "/CN=Maker CA")
    assert est_lab.operator("POST", "/v1/authorities", {
        "name": "maker", "kind": "bootstrap", "certificate": authority.identity.pem}).status == 201
    return lambda device: authority.sign(Key(est_lab.keys, f"/CN={device}"))


@est("6.1")
@pytest.mark.parametrize("label,way,expected", [
    ("by-device", "device", GOOD), ("by-device", "maker", (403, "bad-client-cert")),
    ("by-device", "token", (403, "no-client-cert")), ("by-maker", "maker", GOOD),
    ("by-maker", "token", (403, "no-client-cert")), ("by-maker", "device", (403, "not-authorised")),
    ("by-token", "token", GOOD), ("by-token", "maker", (403, "bad-client-cert")),
    ("by-token", "device", (403, "not-authorised")), ("by-both", "both", GOOD), ("by-both", "maker", 401),
    ("by-both", "token", (403, "no-client-cert")), ("", "maker", GOOD), ("", "device", GOOD)])
def test_ways_to_enrol(est_lab, door, maker, label, way, expected):
    device = fresh()
    identity = token = None
    if way == "device":
        identity = door.enrolled(device=device).identity
    if way in ("maker", "both"):
        identity = maker(device)
    if way in ("token", "both"):
        token = est_lab.enrolment_token(device=device)
    csr = request(make_key(), device_name(device))
    assert outcome(Est(est_lab, label).enrol(csr, identity=identity, token=token)) == expected


@est("6.2")
def test_tokens_are_for_one_id(est_lab, door):
    token = est_lab.enrolment_token(device="d-one")
    assert outcome(door.enrol(request(make_key(), device_name("d-two")), token=token)) == (403, "not-authorised")
    csr = request(make_key(), device_name("d-one"))
    for credentials in ({"Authorization": f"Bearer {token}"},
                        {"Authorization": "Bearer " + base64.b64encode(token.encode()).decode()}):
        assert door.enrol(csr, headers=credentials).status == 200
    assert door.enrol(csr, token=token).status == 200
    assert door.enrol(csr, token=token[:-1] + "x", source="127.0.0.9").status == 401


@est("6.10")
def test_tokens_of_a_label_count_there_only(est_lab, door):
    device = fresh()
    token = est_lab.enrolment_token(device=device, label="second")
    csr = request(make_key(), device_name(device))
    for other in (door, Est(est_lab, "life"), Est(est_lab, FACTORY)):
        assert outcome(other.enrol(csr, token=token)) == (403, "not-authorised")
    assert est_lab.query(f"SELECT FROM certvendor.device WHERE id = '{device}'") == []
    assert Est(est_lab, "second").enrol(csr, token=token).status == 200
    # What is given to that label is not given to another, not even again.
    assert outcome(door.enrol(csr, token=token)) == (403, "not-authorised")
    for label, code in (("nowhere", 400), ("a b", 400), ("cacerts", 400), (FACTORY, 400), ("second", 201)):
        assert est_lab.operator("POST", "/v1/enrolment-tokens", {"label": label}).status == code
    assert est_lab.operator("POST", "/v1/enrolment-tokens?factory=other", {"label": "second"}).status == 400
    shown, = [item for item in est_lab.operator("GET", f"/v1/enrolment-tokens?device={device}").json()["items"]]
    assert shown["label"] == "second"


@est("1.2")
def test_without_label_an_authority_of_another_factory_says_nothing(est_lab, door):
    """[est] names one of the default factory's: that one signs there, and its own for another factory."""
    def ask(door):
        token = est_lab.operator("POST", "/v1/enrolment-tokens?factory=other", {}).json()["token"]
        return door.enrol(request(make_key(), device_name(fresh(), "other")), token=token)

    answer = ask(door)
    assert certificate_of(answer).issuer.rfc4514_string() == "CN=other-1 CA"
    holder = door.enrolled()
    assert certificate_of(holder.renew()).issuer.rfc4514_string() != "CN=other-1 CA"


@est("6.3")
def test_guessing_waits(est_lab, door):
    csr = request(make_key(), device_name("guess"))
    statuses = [door.enrol(csr, token="cve_" + "x" * 40, source="127.0.0.8").status for _ in range(25)]
    assert statuses[0] == 401 and statuses[-1] == 429
    holder = door.enrolled()
    assert holder.renew(source="127.0.0.8").status == 200


@est("6.11")
@pytest.mark.parametrize("flaw,reason", [
    (lambda csr: csr[:-1] + bytes([csr[-1] ^ 1]), "bad-signature"), (lambda csr: b"\x30\x00", "bad-csr"),
    (lambda csr: request(ec.generate_private_key(ec.SECP256K1()), device_name("guess")), "weak-key"),
    (lambda csr: request(make_key(), device_name("guess"), extension_request(
        extension("2.5.29.19", seq(b"\x01\x01\xff")))), "bad-extension")])
def test_what_is_wrong_with_a_request_is_told_to_who_may_ask(est_lab, door, flaw, reason):
    csr = flaw(request(make_key(), device_name("guess")))
    source, spent = (f"127.0.{net}.{sum(reason.encode()) % 256}" for net in (9, 10))
    assert outcome(door.enrol(csr, token=est_lab.enrolment_token(device="guess"))) == (400, reason)
    assert door.enrol(csr, source=source).status == 401
    # Nor to who has a token that is used up, unless the device itself comes again.
    used, key = est_lab.enrolment_token(), make_key()
    assert door.enrol(request(key, device_name(own := fresh())), token=used).status == 200
    assert door.enrol(csr, token=used, source=spent).status == 401
    again = request(key, device_name(own), extension_request(CA_WISHES["ca"]))
    assert outcome(door.enrol(again, token=used)) == (400, "bad-extension")
    assert door.enrol(request(key, device_name(own)), token=used).status == 200
    statuses = [door.enrol(csr, token="cve_" + "x" * 40, source=source).status for _ in range(21)]
    assert statuses == [401] * 20 + [429]


@est("6.4")
def test_a_token_may_ask_again_until_its_certificate_was_seen(est_lab, door):
    device, key = fresh(), make_key()
    token = est_lab.enrolment_token(device=device)
    for _ in range(2):
        answer = door.enrol(request(key, device_name(device)), token=token)
        assert answer.status == 200
    identity = save(est_lab.keys, key, issued(answer))
    assert est_lab.send("device", "GET", "/device", identity).status == 200
    answer = door.enrol(request(make_key(), device_name(device)), token=token)
    assert outcome(answer) == (403, "not-authorised")


@est("6.4")
@pytest.mark.parametrize("label", ["", "approved"])
def test_a_lost_answer_to_a_token_for_the_present_key(est_lab, label):
    """The key is in hardware and its certificate has ended: the device was seen long before the token."""
    holder, door = Est(est_lab).enrolled(), Est(est_lab, label)
    assert est_lab.send("device", "GET", "/device", holder.identity).status == 200
    token = est_lab.enrolment_token(device=holder.device)
    csr = request(holder.key, holder.subject)
    if label:
        assert door.enrol(csr, token=token).status == 202
        [item] = [item for item in est_lab.operator("GET", "/v1/approvals").json()["items"]
                  if item["device"] == holder.device]
        assert est_lab.operator("POST", f"/v1/approvals/{item['id']}/approve", {}).status == 200
    first = door.enrol(csr, token=token)
    assert first.status == 200 and door.enrol(csr, token=token).body == first.body
    # It gave what it was for: nothing else comes of it.
    again = door.enrol(request(holder.key, holder.subject), token=token)
    assert again.status == 202 if label else outcome(again) == (403, "not-authorised")
    assert outcome(door.enrol(request(make_key(), holder.subject), token=token)) == (403, "not-authorised")


def by_token(est_lab, door, token, device):
    """Asks with the token for a key of its own, and says what came of it."""
    key = make_key()
    answer = door.enrol(request(key, device_name(device)), token=token)
    return save(est_lab.keys, key, issued(answer)) if answer.status == 200 else outcome(answer)


@est("6.4")
@pytest.mark.parametrize("used", [0, 1, 2])
@pytest.mark.parametrize("is_known", [False, True])
def test_any_key_that_a_token_gave_ends_it_once_it_was_seen(est_lab, door, used, is_known):
    """Power was lost before a key was saved, or after: the token cannot know which is used."""
    device = fresh()
    if is_known:
        first = by_token(est_lab, door, est_lab.enrolment_token(device=device), device)
        assert est_lab.send("device", "GET", "/device", first).status == 200
    token = est_lab.enrolment_token(device=device)
    given = [by_token(est_lab, door, token, device) for _ in range(3)]
    assert all(isinstance(identity, Identity) for identity in given)
    assert est_lab.send("device", "GET", "/device", given[used]).status == 200
    assert by_token(est_lab, door, token, device) == (403, "not-authorised")
    # The key that registered the device took nothing over, so that nothing ended.
    if is_known or used > 0:
        others = [est_lab.send("device", "GET", "/device", given[other]) for other in range(3) if other != used]
        assert [outcome(answer) for answer in others] == [(403, "denied")] * 2
    shown, = est_lab.operator("GET", f"/v1/enrolment-tokens?device={device}").json()["items"][is_known:]
    assert (shown["uses"], shown["used"]) == (1, 1)


@est("6.5")
def test_a_manufacturers_certificate_renews_nothing(door, maker):
    device = fresh()
    birth = maker(device)
    assert door.enrol(request(make_key(), device_name(device)), identity=birth).status == 200
    answer = door.reenrol(request(make_key(), name((CN, device))), birth)
    assert outcome(answer) == (403, "bad-client-cert")
    assert outcome(door.enrol(request(make_key(), device_name(fresh())), identity=birth)) == (
        403, "not-authorised")


@est("6.6")
def test_a_device_that_has_a_certificate(est_lab, door):
    holder = door.enrolled()
    assert est_lab.send("device", "GET", "/device", holder.identity).status == 200
    csr = request(make_key(), holder.subject)
    assert outcome(door.enrol(csr, token=est_lab.enrolment_token())) == (403, "not-authorised")
    assert door.enrol(csr, holder.device).status == 200
    assert est_lab.check(holder.identity.der).status == 200


@est("6.7")
def test_wrong_certificates(est_lab, door):
    device = fresh()
    key = Key(est_lab.keys, f"/OU={FACTORY}/CN={device}")
    pki = est_lab.folder / "pki"
    for identity in (self_signed(key), Authority(est_lab.keys).sign(key),
                     Identity(pki / "device.pem", pki / "device.key"), est_lab.gateway):
        assert outcome(door.reenrol(key.request, identity)) == (403, "bad-client-cert")
        assert door.get("cacerts", identity=identity).status == 200


@est("6.8")
def test_dates(est_lab, door):
    offline = Authority(est_lab.keys, "/CN=Dated CA")
    assert est_lab.operator("POST", "/v1/authorities", {
        "name": "dated", "kind": "offline", "certificate": offline.identity.pem}).status == 201

    def at(begin, end):
        form = "%Y%m%d%H%M%SZ"
        now = datetime.datetime.utcnow()
        key = Key(est_lab.keys, f"/OU={FACTORY}/CN={fresh()}")
        times = [(now + datetime.timedelta(seconds=each)).strftime(form) for each in (begin, end)]
        return outcome(door.reenrol(key.request, offline.sign(key, *times)))

    assert at(-1000, 1000) == GOOD
    assert at(200, 90000) == GOOD
    assert at(400, 90000) == (403, "bad-client-cert")
    assert at(-90000, -10) == (403, "expired")


@est("6.9")
def test_grace_for_expired_certificates(make_lab):
    lab = make_lab(settings={"index": {"expired_grace": 30 * 86400}}).start()
    door = Est(lab)
    offline = Authority(lab.keys, "/CN=Old CA")
    assert lab.operator("POST", "/v1/authorities", {
        "name": "old", "kind": "offline", "certificate": offline.identity.pem}).status == 201
    key = Key(lab.keys, f"/OU={FACTORY}/CN=sleeper")
    assert lab.send("device", "GET", "/device", offline.sign(key)).status == 200
    yesterday = (datetime.datetime.utcnow() - datetime.timedelta(days=1)).strftime("%Y%m%d%H%M%SZ")
    late = offline.sign(key, "20200101000000Z", yesterday)
    fresh_key = make_key()
    csr = request(fresh_key, name((OU, FACTORY), (CN, "sleeper")))
    assert outcome(door.enrol(csr, identity=late)) == (403, "expired")
    for path, status in (("/device", 200), ("/config", 204), ("/config-device", 204)):
        assert lab.send("device", "GET", path, late).status == status, path
    assert lab.send("device", "POST", "/events", late, body=b"[]").status == 200
    assert lab.check(late.der).status == 403
    assert door.reenrol(csr, late).status == 200


# ---- 7 The request -----------------------------------------------------------------------------


@est("7.1")
def test_signature_comes_first(door):
    def flipped(device):
        csr = bytearray(request(make_key(), device_name(device)))
        csr[-1] ^= 1
        return bytes(csr)

    assert judged(door, flipped) == (400, "bad-signature")
    assert judged(door, with_key(make_key(), spki=spki_of(make_key()))) == (400, "bad-signature")
    assert judged(door, with_key(make_key())) == GOOD


@est("7.2")
@pytest.mark.parametrize("digest,expected", [
    ("sha256", GOOD), ("sha384", GOOD), ("sha512", GOOD), ("sha224", (400, "bad-csr")), ("sha1", (400, "bad-csr"))])
def test_digest_of_the_request(door, digest, expected):
    for key in (make_key(), make_key("RSA-2048")):
        assert judged(door, with_key(key, digest=digest)) == expected


@est("7.3")
@pytest.mark.parametrize("kind", ["P-384", "RSA-2048", "Ed25519"])
def test_key_need_not_be_like_that_of_the_authority(door, kind):
    assert judged(door, with_key(make_key(kind))) == GOOD


@est("7.4")
def test_form_of_the_request(door):
    assert judged(door, with_attributes(version=3)) == (400, "bad-csr")
    assert judged(door, with_attributes(attribute("1.2.3.4", b"\x05\x00"))) == GOOD


@est("7.5")
def test_repeated_extensions(door):
    one, two = extension("1.2.3.4", b"\x05\x00"), extension("1.2.3.5", b"\x05\x00")
    microsoft = "1.3.6.1.4.1.311.2.1.14"
    assert judged(door, with_attributes(extension_request(one, two))) == GOOD
    assert judged(door, with_attributes(extension_request(one, kind=microsoft))) == GOOD
    for attributes in ([extension_request(one), extension_request(two)], [extension_request(one, one)],
                       [attribute("1.2.840.113549.1.9.14", seq(one), seq(two))],
                       [extension_request(one), extension_request(two, kind=microsoft)],
                       [attribute("1.2.840.113549.1.9.14", b"\x05\x00")]):
        assert judged(door, with_attributes(*attributes)) == (400, "bad-extension")


USAGE, PURPOSE = "2.5.29.15", "2.5.29.37"


def purposes(*kinds):
    return extension(PURPOSE, seq(*(oid(f"1.3.6.1.5.5.7.3.{kind}") for kind in kinds)))


@est("7.6", "7.7")
@pytest.mark.parametrize("wanted,expected", [
    (extension("1.2.3.4", b"\x05\x00", True), (400, "bad-extension")),
    (extension("1.2.3.4", b"\x05\x00"), GOOD),
    (extension("2.5.29.19", seq(), True), GOOD),
    (extension("2.5.29.14", der(4, b"\1\2")), GOOD),
    (extension("2.5.29.19", seq(b"\x01\x01\xff")), (400, "bad-extension")),
    (extension(USAGE, b"\x03\x02\x02\x04"), (400, "bad-extension")),
    (extension(USAGE, b"\x03\x02\x01\x02"), (400, "bad-extension")),
    (extension("2.5.29.30", seq(der(0xA0, seq(der(0x82, b"a"))))), (400, "bad-extension")),
    (extension("2.5.29.33", seq(seq(oid("1.2.3"), oid("1.2.4")))), (400, "bad-extension")),
    (purposes(9), (400, "bad-extension")), (purposes(2, 9), (400, "bad-extension"))])
def test_requested_extensions(est_lab, door, wanted, expected):
    device = fresh()
    answer = door.enrol(request(make_key(), device_name(device), extension_request(wanted)), device)
    assert outcome(answer) == expected
    if expected == GOOD:
        found = [each.oid.dotted_string for each in certificate_of(answer).extensions]
        assert "1.2.3.4" not in found and b"\1\2" != certificate_of(answer).extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier).value.digest
    assert est_lab.process.poll() is None


@est("7.8")
@pytest.mark.parametrize("label,wanted,expected", [
    ("", purposes(1), (400, "bad-extension")), ("", purposes(2), GOOD), ("lenient", purposes(1, 2), GOOD),
    ("", extension(USAGE, b"\x03\x02\x03\xa8"), GOOD),
    ("exact", extension(USAGE, b"\x03\x02\x03\xa8"), (400, "bad-extension")),
    ("exact", extension(USAGE, b"\x03\x02\x07\x80"), GOOD)])
def test_more_usage_than_is_given(est_lab, label, wanted, expected):
    device = fresh()
    answer = Est(est_lab, label).enrol(request(make_key(), device_name(device), extension_request(wanted)), device)
    assert outcome(answer) == expected
    if expected == GOOD:
        usage = certificate_of(answer).extensions.get_extension_for_class(x509.KeyUsage).value
        assert usage.digital_signature and not usage.key_encipherment and not usage.key_agreement


def san(*names):
    return extension_request(extension("2.5.29.17", seq(*names)))


@est("7.9")
@pytest.mark.parametrize("names,expected", [
    ([der(0x82, b"a.example.org")], GOOD), ([der(0x87, b"\x0a\1\2\3")], GOOD), ([der(0x86, b"urn:dev:1")], GOOD),
    ([der(0x81, b"a@example.org")], GOOD), ([der(0x82, b"a.example.org"), der(0x87, b"\x0a\1\2\3")], GOOD),
    ([der(0x82, b"a.example.com")], 400), ([der(0x82, b"*.example.org")], 400), ([der(0x87, b"\x0b\1\2\3")], 400),
    ([der(0xA0, oid("1.2.3"), der(0xA0, der(UTF8, b"x")))], 400),
    ([der(0x82, b"a.example.org"), der(0x82, b"evil.example.com")], 400), ([der(0x82, b"a\0.example.org")], 400),
    ([der(0x82, b".example.org")], 400), ([der(0x82, b"a..example.org")], 400),
    ([der(0x82, b"a" * 63 + b".example.org")], GOOD), ([der(0x82, b"a" * 64 + b".example.org")], 400),
    ([der(0x82, b"a." * 122 + b"example.org")], 400), ([der(0x81, b"@example.org")], 400)])
def test_requested_names(est_lab, names, expected):
    device = fresh()
    csr = request(make_key(), device_name(device), san(*names))
    wanted = expected if expected == GOOD else (400, "bad-extension")
    answer = Est(est_lab, "names").enrol(csr, device)
    assert outcome(answer) == wanted
    if wanted == GOOD:
        value = seq(*names)
        assert value in issued(answer)
    assert Est(est_lab).judge(csr, device) == ((400, "bad-extension"))


@est("7.10")
@pytest.mark.parametrize("subject,expected", [
    (lambda d: device_name(d), GOOD), (lambda d: name((CN, d, PRINTABLE)), GOOD),
    (lambda d: name([(OU, FACTORY), (CN, d)]), GOOD), (lambda d: name((CN, d), ("2.5.4.15", "x")), GOOD),
    (lambda d: seq(), 400), (lambda d: name((CN, "d" * 65)), 400), (lambda d: name((CN, d + "\0x")), 400),
    (lambda d: name((CN, b"\xff\xfe")), 400), (lambda d: name((CN, d), (CN, "other")), 400),
    (lambda d: name((CN, d), *[("2.5.4.5", str(i)) for i in range(20)]), 400),
    (lambda d: name((CN, d), ("1.2.3.4", "x")), 400), (lambda d: name((CN, d, 0x1E)), 400),
    (lambda d: name([(CN, d), (OU, FACTORY)]), 400), (lambda d: name((OU, FACTORY), (CN, d, IA5)), 400),
    (lambda d: name((CN, d), ("2.5.4.6", "DE", PRINTABLE)), GOOD), (lambda d: name((CN, d), ("2.5.4.6", "DE")), 400),
    (lambda d: name((CN, d), ("2.5.4.5", "12", PRINTABLE)), GOOD), (lambda d: name((CN, d), ("2.5.4.5", "12")), 400),
    (lambda d: name((CN, d), (DC, "org", IA5)), GOOD), (lambda d: name((CN, d), (DC, "org")), 400)])
def test_subjects(door, subject, expected):
    device = fresh()
    answer = door.enrol(request(make_key(), subject(device)), device)
    if expected == GOOD:
        assert answer.status == 200 and certificate_of(answer).subject.public_bytes() == subject(device)
    else:
        assert outcome(answer) in ((400, "bad-csr"), (403, "not-authorised"))


def certificate_for(authority, key, subject):
    """Made byte by byte, as by a CA that does not mind what it signs."""
    algorithm = seq(oid("1.2.840.10045.4.3.2"))
    now = datetime.datetime.utcnow()
    times = [der(0x17, (now + datetime.timedelta(days=days)).strftime("%y%m%d%H%M%SZ").encode()) for days in (-1, 100)]
    ca = x509.load_pem_x509_certificate(authority.identity.certificate.read_bytes())
    ca_key = serialization.load_pem_private_key(authority.identity.key.read_bytes(), None)
    ski = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    extensions = seq(extension("2.5.29.19", seq(), True), extension("2.5.29.15", b"\x03\x02\x07\x80", True),
                     extension("2.5.29.37", seq(oid("1.3.6.1.5.5.7.3.2"))), extension("2.5.29.35", seq(der(0x80, ski))))
    tbs = seq(der(0xA0, integer(2)), integer(uuid.uuid4().int >> 1), algorithm, ca.subject.public_bytes(),
              seq(*times), subject, spki_of(key), der(0xA3, extensions))
    return seq(tbs, algorithm, der(3, b"\0" + sign(ca_key, tbs)[1]))


@est("7.10", "9.3")
def test_subjects_of_other_authorities_are_renewed(est_lab, door):
    """What nobody gets here as a first certificate, a device may have from elsewhere, and keeps."""
    offline = Authority(est_lab.keys, "/CN=Careless CA")
    assert est_lab.operator("POST", "/v1/authorities", {
        "name": "careless", "kind": "offline", "certificate": offline.identity.pem}).status == 201
    subjects = [lambda d: name([(CN, d), (OU, FACTORY)]), lambda d: name((OU, FACTORY), (CN, d, IA5)),
                lambda d: name((OU, FACTORY), (CN, d), ("2.5.4.5", "12"))]
    for make in subjects:
        device, key = fresh(), make_key()
        assert door.judge(request(make_key(), make(device)), device) == (400, "bad-csr")
        identity = save(est_lab.keys, key, certificate_for(offline, key, make(device)))
        assert est_lab.send("device", "GET", "/device", identity).status == 200
        for again in (key, make_key()):
            answer = door.reenrol(request(again, make(device)), identity)
            assert answer.status == 200 and make(device) in issued(answer)
        assert door.post("simpleenroll", request(make_key(), make(device)), identity).status == 200
        # Another subject, as good as it may be, is no renewal.
        assert outcome(door.reenrol(request(make_key(), device_name(device)), identity)) == (403, "subject-mismatch")


@est("7.11")
def test_name_constraints_of_the_authority(est_lab):
    door = Est(est_lab, "constrained")
    for host, expected in (("a.example.org", GOOD), ("a.example.com", (403, "not-authorised"))):
        assert judged(door, with_attributes(extension_request(dns_names(host)))) == expected


@est("7.12")
def test_a_label_may_ask_for_attributes(est_lab):
    door = Est(est_lab, "attributes")
    device = fresh()
    answer = door.enrol(request(make_key(), device_name(device), attribute("1.2.3.4.5", b"\x05\x00")), device)
    assert outcome(answer) == (400, "bad-csr") and b"2.5.4.5" in answer.body
    both = [attribute("1.2.3.4.5", b"\x05\x00"), attribute("2.5.4.5", der(PRINTABLE, b"x"))]
    assert judged(door, with_attributes(*both)) == GOOD


@est("7.13")
def test_nested_requests_do_no_harm(door):
    deep = b"\x05\x00"
    for _ in range(2000):
        deep = seq(deep)
    assert judged(door, with_attributes(attribute("1.2.3.4", deep))) == (400, "bad-csr")
    many = with_attributes(extension_request(*(extension(f"1.2.3.{i}", b"\x05\x00") for i in range(200))))
    assert judged(door, many) == (400, "bad-extension")
    assert judged(door, with_key(make_key())) == GOOD


# ---- 8 Keys ------------------------------------------------------------------------------------


@est("8.1")
@pytest.mark.parametrize("kind", ["P-256", "P-384", "P-521", "Ed25519", "RSA-2048", "RSA-3072", "RSA-4096"])
def test_keys_that_are_accepted(door, kind):
    assert judged(door, with_key(make_key(kind))) == GOOD


@est("8.2")
@pytest.mark.parametrize("kind", ["P-224", "P-192", "secp256k1", "brainpoolP256r1", "RSA-1024"])
def test_keys_that_are_refused(door, kind):
    assert judged(door, with_key(make_key(kind))) == (400, "weak-key")


@est("8.1", "8.2")
def test_keys_of_a_label(est_lab):
    door = Est(est_lab, "keys")
    for kind, expected in (("P-384", GOOD), ("RSA-3072", GOOD), ("P-256", (400, "weak-key")),
                           ("RSA-2048", (400, "weak-key"))):
        assert judged(door, with_key(make_key(kind))) == expected, kind


def rsa_spki(modulus, exponent=65537):
    return seq(seq(oid("1.2.840.113549.1.1.1"), b"\x05\x00"),
               der(3, b"\0", seq(integer(modulus), integer(exponent))))


def is_prime(number):
    return number % 2 == 1 and all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7, 11))


def next_prime(number):
    number |= 1
    while not is_prime(number):
        number += 2
    return number


def roca_modulus():
    product = 1
    for prime in range(2, 702):
        if all(prime % divisor for divisor in range(2, int(prime ** 0.5) + 1)):
            product *= prime
    first = pow(65537, 4711, product)
    number = (1 << 2047) // product * product + first + product
    while any(number % divisor == 0 for divisor in range(3, 752, 2)) or number.bit_length() != 2048:
        number += product
    return number


@est("8.3", "8.4", "8.5")
@pytest.mark.parametrize("make", [
    lambda n: rsa_spki(n, 3), lambda n: rsa_spki(n, 1), lambda n: rsa_spki(n, 65538), lambda n: rsa_spki(n - 1),
    lambda n: rsa_spki(n // 3 * 3 - (0 if n // 3 % 2 else 3)), lambda n: rsa_spki(n >> 1 | 1),
    lambda n: rsa_spki(next_prime(1 << 1023 | 1 << 1022) ** 2),
    lambda n: rsa_spki((p := next_prime((3 << 1022) + n % (1 << 900))) * next_prime(p + 2)),
    lambda n: rsa_spki(roca_modulus())])
def test_weak_rsa_numbers(door, make):
    """The key is judged before the signature, which these could not make."""
    good = make_key("RSA-2048")
    number = good.public_key().public_numbers().n
    assert judged(door, with_key(good, spki=make(number))) == (400, "weak-key")
    assert judged(door, with_key(make_key("RSA-2048"), spki=rsa_spki(number))) == (400, "bad-signature")


@est("8.6")
def test_keys_that_everybody_has(est_lab, door):
    key = make_key()
    assert judged(door, with_key(make_key())) == GOOD
    path = est_lab.folder / "blocked.keys"
    path.write_text(f"# known\n{hashlib.sha256(spki_of(key)).hexdigest()} of a test\n")
    wait_until(lambda: judged(door, with_key(key)) == (400, "blocked-key"), "the list is read again")
    weak, other = make_key("RSA-2048"), make_key("RSA-2048")
    pem = weak.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()
    line = run("openssl", "rsa", "-noout", "-modulus", stdin=pem).stdout
    path.write_text(f"{hashlib.sha256(spki_of(key)).hexdigest()}\n{hashlib.sha1(line.encode()).hexdigest()[20:]}\n")
    wait_until(lambda: judged(door, with_key(weak)) == (400, "blocked-key"), "the list is read again")
    assert judged(door, with_key(other)) == GOOD
    path.write_text("nonsense\n")
    wait_until(lambda: "blocked-keys-failed" in est_lab.log.read_text(), "the broken list is reported")
    assert judged(door, with_key(key)) == (400, "blocked-key")


@est("8.7")
def test_elliptic_curves_are_named_and_points_are_on_them(door):
    key = make_key()
    spki = spki_of(key)
    off = bytearray(spki)
    off[-1] ^= 1
    numbers = key.public_key().public_numbers()
    compressed = seq(seq(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")),
                     der(3, b"\0", bytes([2 + numbers.y % 2]), numbers.x.to_bytes(32, "big")))
    infinity = seq(seq(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")), der(3, b"\0\0"))
    explicit = subprocess.run(
        ["openssl", "ec", "-param_enc", "explicit", "-pubout", "-outform", "DER"], check=True, capture_output=True,
        input=key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                serialization.NoEncryption())).stdout
    for bad in (bytes(off), infinity, explicit):
        assert judged(door, with_key(key, spki=bad)) == (400, "weak-key")
    assert judged(door, with_key(key, spki=compressed)) == GOOD


@est("8.8")
def test_keys_of_others_and_old_keys(est_lab, door):
    owner, other = door.enrolled(), door.enrolled()
    assert outcome(other.renew(owner.key)) == (400, "key-in-use")
    assert judged(door, with_key(owner.key)) == (400, "key-in-use")
    named = make_key()
    pem = named.public_key().public_bytes(serialization.Encoding.PEM,
                                          serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    est_lab.send("device", "PATCH", "/device", other.identity, json.dumps({"next_pubkey": pem}).encode(),
                 {"Content-Type": "application/json"})
    assert owner.renew(named).status == 200
    replaced, holder = rotate(est_lab, door)
    assert outcome(holder.renew(replaced.key)) == (400, "key-in-use")


def rotate(lab, door):
    """A device before and after its rotation."""
    old, key = door.enrolled(), make_key()
    answer = old.renew(key)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM,
                                        serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    body = json.dumps({"next_pubkey": pem}).encode()
    assert lab.send("device", "PATCH", "/device", old.identity, body,
                    {"Content-Type": "application/json"}).status == 200
    new = Enrolled(door, old.device, key, save(lab.keys, key, issued(answer)))
    assert lab.send("device", "GET", "/device", new.identity).status == 200
    return old, new


@est("8.9")
def test_a_compromised_key_stays_blocked(est_lab, door):
    holder = door.enrolled()
    assert est_lab.operator("POST", f"/v1/devices/{holder.device}/revoke",
                            {"reason": "keyCompromise"}).status == 200
    answer = door.enrol(request(holder.key, holder.subject), holder.device)
    assert outcome(answer) == (400, "blocked-key")
    assert door.enrol(request(make_key(), holder.subject), holder.device).status == 200


@est("8.10")
def test_the_same_key_again(est_lab, door):
    holder = door.enrolled()
    assert holder.renew(holder.key).status == 200
    assert outcome(holder.renew(holder.key, est=Est(est_lab, "newkey"))) == (400, "key-in-use")
    assert holder.renew(est=Est(est_lab, "newkey")).status == 200


@est("8.11")
def test_our_own_keys(est_lab, door):
    passphrase = (est_lab.folder / "pki/signer.passphrase").read_text().strip().encode()
    key = serialization.load_pem_private_key((est_lab.folder / "pki/device-ca.key").read_bytes(), passphrase)
    assert judged(door, with_key(key)) == (400, "blocked-key")
    service = serialization.load_pem_private_key((est_lab.folder / "pki/service-ca.key").read_bytes(), passphrase)
    assert judged(door, with_key(service)) == (400, "blocked-key")
    pki = est_lab.folder / "pki"
    for path in (est_lab.gateway.key, pki / "device.key", pki / "gateway.key", pki / "operator.key"):
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        assert judged(door, with_key(key)) == (400, "blocked-key"), path
        # Nor does a device renew with one.
        assert outcome(door.enrolled().renew(key)) == (400, "blocked-key"), path


@est("8.11")
def test_keys_of_operators(est_lab, door):
    operator = est_lab.add_operator("keyholder", "admin")
    key = serialization.load_pem_private_key(operator.key.read_bytes(), None)
    assert judged(door, with_key(key)) == (400, "blocked-key")
    item, = [item for item in est_lab.operator("GET", "/v1/operator-certificates?limit=1000").json()["items"]
             if item["sha256"] == operator.sha256]
    assert est_lab.operator("DELETE", f"/v1/operator-certificates/{item['id']}").status in (200, 204)
    # It opens nothing any more.
    assert judged(door, with_key(key)) == GOOD


def key_like(device, path):
    """As if the device had made this key."""
    key = device.new_key()
    key.path.write_bytes(path.read_bytes())
    key.request_path.write_bytes(key.request_for(key.subject))
    return key


def test_keys_that_no_device_may_have_have_no_other_way_in(est_lab, door):
    """A device with a certificate of an authority elsewhere needs none of ours for its key."""
    authority = Authority(est_lab.keys, "/CN=CA of any key")
    import_authority(est_lab, authority)
    known, owner = est_lab.device().new_key(), est_lab.enrolled_device()
    digests = [hashlib.sha256(spki_of(load_pem(path))).hexdigest() for path in (known.path, owner.identity.key)]
    (est_lab.folder / "blocked.keys").write_text("\n".join(digests))
    wait_until(lambda: judged(door, with_key(load_pem(owner.identity.key))) == (400, "blocked-key"),
              "the list is read again")

    def ways(path=None):
        device, new, put = est_lab.enrolled_device(), est_lab.device(), est_lab.device()
        key, first, registered = (key_like(each, path) if path else each.new_key() for each in (device, new, put))
        upload = {"reason": "", "public-key": key.public_pem, "files": [{"name": "a", "value": "b", "unencrypted": True}]}
        uploaded = est_lab.send("device", "PATCH", "/config", device.identity, json.dumps(upload).encode(),
                                {"Content-Type": "application/json"})
        met = [new.show(authority.sign(first)), est_lab.check(authority.sign(first).der)]
        return [(answer.status, None if answer.status < 300 else answer.reason) for answer in [
            uploaded, device.announce(key), *met,
            put_certificate(est_lab, authority.sign(registered).pem)]]

    assert ways() == [(201, None), (200, None), (200, None), (200, None), (201, None)]
    for path in (known.path, est_lab.gateway.key, est_lab.folder / "pki/device.key"):
        assert ways(path) == [(400, "bad-key"), (400, "bad-key"), (403, "bad-client-cert"), (403, "bad-certificate"),
                              (400, "blocked-key")], path
    # A device that has such a key already goes on, and gets rid of it.
    assert owner.show().status == 200
    owner.rotate()


@est("8.12")
def test_unknown_types_of_keys(door):
    ml_dsa = seq(seq(oid("2.16.840.1.101.3.4.3.17")), der(3, b"\0" + b"\1" * 1312))
    dsa = seq(seq(oid("1.2.840.10040.4.1")), der(3, b"\0" + integer(5)))
    ed448 = seq(seq(oid("1.3.101.113")), der(3, b"\0" + b"\1" * 57))
    for spki in (ml_dsa, dsa, ed448):
        assert judged(door, with_key(make_key(), spki=spki)) == (400, "weak-key")


# ---- 9 Enrolment and renewal -------------------------------------------------------------------


@est("9.1")
def test_the_certificate_has_the_key_of_the_request(door):
    key = make_key()
    device = fresh()
    certificate = certificate_of(door.enrol(request(key, device_name(device)), device))
    assert certificate.public_key().public_numbers() == key.public_key().public_numbers()


@est("9.2")
def test_renewal_needs_the_certificate(est_lab, door):
    holder = door.enrolled()
    csr = request(make_key(), holder.subject)
    assert outcome(door.post("simplereenroll", csr)) == (403, "no-client-cert")
    token = est_lab.enrolment_token(device=holder.device)
    assert outcome(door.post("simplereenroll", csr, token=token)) == (403, "no-client-cert")


@est("9.3")
def test_the_subject_stays(door):
    holder = door.enrolled()
    for subject in (device_name(fresh()), name((OU, FACTORY), (CN, holder.device, PRINTABLE)),
                    name((CN, holder.device))):
        assert outcome(holder.renew(subject=subject)) == (403, "subject-mismatch")
    assert holder.renew().status == 200


@est("9.4")
def test_the_alternative_names_stay(est_lab):
    names = Est(est_lab, "names")
    device, key = fresh(), make_key()
    wanted = extension_request(dns_names("a.example.org", "b.example.org"))
    answer = names.enrol(request(key, device_name(device), wanted), device)
    holder = Enrolled(Est(est_lab), device, key, save(est_lab.keys, key, issued(answer)))
    for other in ([], [extension_request(dns_names("b.example.org", "a.example.org"))],
                  [extension_request(dns_names("a.example.org"))]):
        assert outcome(holder.renew(None, None, *other)) == (403, "san-mismatch")
    answer = holder.renew(None, None, wanted)
    assert answer.status == 200 and dns_names("a.example.org", "b.example.org") in issued(answer)
    legacy = holder.renew(headers={"User-Agent": "Go-http-client/1.1"})
    assert legacy.status == 201 and dns_names("a.example.org", "b.example.org") in issued(legacy)
    plain = holder.renew(est=Est(est_lab, "plain"), headers={"User-Agent": "Go-http-client/1.1"})
    assert outcome(plain) == (403, "san-mismatch")


@est("9.5")
def test_renewed_and_rekeyed_are_told_apart(est_lab, door):
    holder = door.enrolled()
    holder.renew(holder.key)
    holder.renew()
    actions = est_lab.query(f"SELECT action FROM certvendor.audit WHERE device = '{holder.device}' "
                            "AND action NOT IN ('enrolment-token-made', 'first-seen') ORDER BY at, id")
    assert [action for action, in actions] == ["registered", "renewed", "rekeyed"]


@est("9.6")
def test_the_allowance_of_a_device(door):
    holder = door.enrolled()
    csr = request(make_key(), holder.subject)
    answers = [holder.renew() for _ in range(20)] + [door.reenrol(csr, holder.identity) for _ in range(2)]
    assert [answer.status for answer in answers[:20]] == [200] * 20
    assert answers[-1].status == 429 and answers[-1].reason == "busy" and int(answers[-1].headers["Retry-After"]) > 0
    assert door.enrolled().renew().status == 200


@est("9.7")
def test_issuing_ends_nothing(est_lab, door):
    holder = door.enrolled()
    keys = [make_key() for _ in range(5)]
    identities = [save(est_lab.keys, key, issued(holder.renew(key))) for key in keys]
    assert est_lab.check(holder.identity.der).status == 200
    assert outcome(est_lab.send("device", "GET", "/device", identities[0])) == (403, "third-key")
    pem = keys[4].public_key().public_bytes(serialization.Encoding.PEM,
                                            serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    est_lab.send("device", "PATCH", "/device", holder.identity, json.dumps({"next_pubkey": pem}).encode(),
                 {"Content-Type": "application/json"})
    assert est_lab.send("device", "GET", "/device", identities[4]).status == 200
    for ended in [holder.identity, *identities[:4]]:
        assert outcome(est_lab.send("device", "GET", "/device", ended)) == (403, "denied")


@est("9.8")
def test_who_may_not_renew(est_lab, door):
    old, new = rotate(est_lab, door)
    assert outcome(old.renew()) == (403, "denied")
    assert new.renew().status == 200
    for act, expected in (("hold", (403, "denied")), ("release", GOOD)):
        assert est_lab.operator("POST", f"/v1/devices/{new.device}/{act}", {}).status == 200
        assert outcome(new.renew()) == expected
    assert est_lab.operator("DELETE", f"/v1/devices/{new.device}").status == 200
    assert outcome(new.renew()) == (403, "denied")


@est("9.9")
def test_renewal_moves_to_the_authority_of_the_label(est_lab, door):
    holder = door.enrolled()
    certificate = certificate_of(holder.renew(est=Est(est_lab, "second")))
    assert "second CA" in certificate.issuer.rfc4514_string()


@est("9.10")
def test_many_renewals_at_once(door):
    holder = door.enrolled()
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: holder.renew(), range(19)))
    assert {answer.status for answer in answers} == {200}
    assert len({certificate_of(answer).serial_number for answer in answers}) == 19


@est("9.11")
def test_states_of_authorities(est_lab, door):
    def holder():
        return Est(est_lab, "second").enrolled()

    known, late = holder(), holder()
    est_lab.operator("POST", "/v1/authorities/second/disable", {})
    try:
        assert known.renew(est=door).status == 200
        assert outcome(known.renew()) == (503, "unavailable")
        assert Est(est_lab, "second").judge(request(make_key(), device_name("newcomer")), "newcomer") == (
            503, "unavailable")
    finally:
        est_lab.operator("POST", "/v1/authorities/second/enable", {})
    assert late.renew().status == 200


@est("15.2")
def test_a_deleted_device(est_lab, door):
    holder, key = door.enrolled(), make_key()
    unused = save(est_lab.keys, key, issued(holder.renew(key)))
    assert est_lab.operator("DELETE", f"/v1/devices/{holder.device}").status == 200
    for identity in (holder.identity, unused):
        assert est_lab.check(identity.der).status == 403
    assert outcome(holder.renew()) == (403, "denied")
    assert est_lab.operator("POST", f"/v1/devices/{holder.device}/allow", {}).status == 200
    assert est_lab.check(holder.identity.der).status == 200
    assert est_lab.check(unused.der).status == 403


# ---- 10 Requests that are tied to their connection ---------------------------------------------


def link_value(text, tag=PRINTABLE, kind=CHALLENGE_PASSWORD):
    return attribute(kind, der(tag, text if isinstance(text, bytes) else text.encode()))


class Linked:
    """One TLS 1.2 connection and its tls-unique."""

    def __init__(self, holder, label, options=0):
        lab = holder.est.lab
        self.holder, self.label = holder, label
        self.raw = Raw(lab.ports["device"])
        context = tls_context(lab.root, holder.identity)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.options |= options
        self.raw.socket = context.wrap_socket(self.raw.socket, server_hostname="127.0.0.1")
        unique = self.raw.socket.get_channel_binding("tls-unique")
        self.unique = base64.b64encode(unique or b"").decode()

    def renew(self, *attributes):
        body = base64.b64encode(request(make_key(), self.holder.subject, *attributes)).decode()
        self.raw.send(f"POST {EST}/{self.label}/simplereenroll HTTP/1.1\r\nHost: x\r\n"
                      f"Content-Type: application/pkcs10\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        return outcome(self.raw.answer())


@est("10.1", "10.2", "10.3")
@pytest.mark.parametrize("label", ["linked", "linkable"])
def test_tls_unique(door, label):
    holder = door.enrolled()
    first, second = Linked(holder, label), Linked(holder, label)
    assert first.renew(link_value(first.unique)) == GOOD
    assert first.renew(link_value(second.unique)) == (403, "pop-mismatch")
    assert first.renew(link_value(first.unique[0])) == (403, "pop-mismatch")
    assert first.renew(link_value(first.unique + "\n", UTF8)) == (403, "pop-mismatch")
    assert first.renew() == (GOOD if label == "linkable" else (400, "pop-missing"))


@est("10.7")
def test_a_connection_without_extended_master_secret(door):
    """Two of them could have the same values."""
    no_extended_master_secret = 1
    linked = Linked(door.enrolled(), "linked", no_extended_master_secret)
    assert len(linked.unique) == 16
    assert linked.renew(link_value(linked.unique)) == (403, "pop-mismatch")


@est("10.2")
def test_without_linking_the_value_is_ignored(door):
    assert door.enrolled().renew(None, None, link_value("whatever")).status == 200


@est("10.4")
@pytest.mark.parametrize("tag,expected", [(PRINTABLE, GOOD), (UTF8, GOOD), (IA5, GOOD), (T61, GOOD),
                                          (0x04, (403, "pop-mismatch")), (0x1E, (403, "pop-mismatch"))])
def test_types_of_the_value(door, tag, expected):
    linked = Linked(door.enrolled(), "linked")
    assert linked.renew(link_value(linked.unique, tag)) == expected


@est("10.4")
def test_forms_of_the_value(door):
    linked = Linked(door.enrolled(), "linked")
    good = der(PRINTABLE, linked.unique.encode())
    assert linked.renew(attribute(CHALLENGE_PASSWORD, good, good)) == (403, "pop-mismatch")
    right, wrong = link_value(linked.unique), link_value("A" * 16)
    for twice in ((right, wrong), (wrong, right), (right, right)):
        assert linked.renew(*twice) == (403, "pop-mismatch")
    assert linked.renew(right) == GOOD
    assert linked.renew(attribute(CHALLENGE_PASSWORD)) == (403, "pop-mismatch")
    assert linked.renew(link_value("x" * 256)) == (403, "pop-mismatch")


@est("10.5")
def test_the_attribute_made_for_it_is_preferred(door):
    linked = Linked(door.enrolled(), "linked")
    right, wrong = link_value(linked.unique, UTF8, IDENTITY_LINKING), link_value("A" * 16)
    assert linked.renew(right, wrong) == GOOD
    assert linked.renew(wrong, right) == GOOD
    assert linked.renew(link_value("A" * 16, UTF8, IDENTITY_LINKING), link_value(linked.unique)) == (
        403, "pop-mismatch")


def exported(holder, attributes_for):
    """Renews over openssl s_client with what it exports."""
    lab = holder.est.lab
    process = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{lab.ports['device']}", "-tls1_3", "-cert",
         holder.identity.certificate, "-key", holder.identity.key, "-keymatexport",
         "EXPORTER-Channel-Binding", "-keymatexportlen", "32", "-ign_eof"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=clean_environment())
    value = None
    while value is None:
        line = process.stdout.readline()
        assert line, "no exported key material"
        found = re.search("Keying material: ([0-9A-F]+)", line)
        value = found and base64.b64encode(bytes.fromhex(found[1])).decode()
    body = base64.b64encode(request(make_key(), holder.subject, *attributes_for(value))).decode()
    process.stdin.write(f"POST {EST}/linked/simplereenroll HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                        f"Content-Type: application/pkcs10\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    process.stdin.flush()
    output = process.communicate(timeout=30)[0]
    return output[output.index("HTTP/1.1 "):]


@est("10.6")
def test_tls_exporter(door):
    holder = door.enrolled()
    assert exported(holder, lambda value: [link_value(value)]).startswith("HTTP/1.1 200")
    wrong = exported(holder, lambda value: [link_value(value[::-1])])
    assert wrong.startswith("HTTP/1.1 403") and "pop-mismatch" in wrong


@est("10.6")
def test_what_is_missing_with_tls_1_3_is_named(door):
    answer = door.enrolled().renew(est=Est(door.lab, "linked"))
    assert outcome(answer) == (400, "pop-missing") and b"tls-exporter" in answer.body


# ---- 11 The certificate ------------------------------------------------------------------------


@est("11.1")
def test_serial_numbers(door):
    holder = door.enrolled()
    serials = [certificate_of(holder.renew()).serial_number for _ in range(15)]
    assert len(set(serials)) == 15 and all(0 < serial < 1 << 159 for serial in serials)
    assert max(serial.bit_length() for serial in serials) > 150


@est("11.2", "11.3")
def test_validity(est_lab, door):
    now = datetime.datetime.utcnow()
    certificate = certificate_of(door.enrolled().renew())
    assert abs((now - certificate.not_valid_before).total_seconds() - 300) < 60
    assert abs((certificate.not_valid_after - now).total_seconds() - 365 * 86400) < 60
    short = certificate_of(door.enrolled().renew(est=Est(est_lab, "short")))
    assert 9.9 < (short.not_valid_after - now).total_seconds() / 86400 < 10.01
    assert outcome(door.enrolled().renew(est=Est(est_lab, "ending"))) == (503, "unavailable")
    path = est_lab.keys / "dates.der"
    path.write_bytes(issued(door.enrolled().renew()))
    text = run("openssl", "asn1parse", "-inform", "DER", "-in", path).stdout
    assert text.count("UTCTIME") == 2 and "GENERALIZEDTIME" not in text


@est("11.4")
def test_lifetimes_are_spread(est_lab, door):
    now = datetime.datetime.utcnow()
    holder = door.enrolled()
    days = [(certificate_of(holder.renew(est=Est(est_lab, "life"))).not_valid_after - now).total_seconds() / 86400
            for _ in range(12)]
    assert all(89.9 < each < 100.1 for each in days) and max(days) - min(days) > 0.5


@est("11.5", "11.6", "11.7")
def test_extensions(est_lab, door):
    issuer = x509.load_pem_x509_certificate((est_lab.folder / "pki/device-ca-second.pem").read_bytes())
    ski = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    key = make_key()
    der_bytes = issued(door.enrolled().renew(key, est=Est(est_lab, "second")))
    found = x509.load_der_x509_certificate(der_bytes).extensions
    assert found.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == ski
    assert found.get_extension_for_class(x509.SubjectKeyIdentifier).value == (
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()))
    for exact in (extension("2.5.29.19", seq(), True), extension(USAGE, b"\x03\x02\x07\x80", True),
                  extension(PURPOSE, seq(oid("1.3.6.1.5.5.7.3.2")), True)):
        assert exact in der_bytes
    assert len(found) == 5


@est("11.8")
def test_where_to_ask_about_it(est_lab, door):
    found = certificate_of(door.enrolled().renew(est=Est(est_lab, "life"))).extensions
    point, = found.get_extension_for_class(x509.CRLDistributionPoints).value
    assert point.full_name[0].value == "http://crl.example.org/a.crl"
    access = found.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert {each.access_method.dotted_string: each.access_location.value for each in access} == {
        "1.3.6.1.5.5.7.48.1": "http://ocsp.example.org", "1.3.6.1.5.5.7.48.2": "http://ca.example.org/a.cer"}
    assert not found.get_extension_for_class(x509.CRLDistributionPoints).critical


@est("11.9")
@pytest.mark.parametrize("label,algorithm", [
    ("", "1.2.840.10045.4.3.2"), ("p384", "1.2.840.10045.4.3.3"), ("ed", "1.3.101.112"),
    ("rsa", "1.2.840.113549.1.1.11")])
def test_signatures_follow_the_key_of_the_authority(est_lab, label, algorithm):
    holder = Est(est_lab, label).enrolled()
    certificate = x509.load_pem_x509_certificate(holder.identity.certificate.read_bytes())
    assert certificate.signature_algorithm_oid.dotted_string == algorithm
    bundle = est_lab.keys / "bundle.pem"
    bundle.write_text("".join(path.read_text() for path in (est_lab.folder / "pki").glob("device-ca*.pem")))
    run("openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", est_lab.root, "-untrusted", bundle,
        holder.identity.certificate)


@est("11.10")
def test_what_was_delivered_is_recorded(est_lab, door):
    holder = door.enrolled()
    for answer in [holder.renew() for _ in range(3)]:
        fingerprint = hashlib.sha256(issued(answer)).hexdigest()
        assert est_lab.query("SELECT count(*) FROM certvendor.certificate "
                             f"WHERE fingerprint = '\\x{fingerprint}'") == [["1"]]


def flip_in_memory(pid, needle):
    """Flips the first bit of each copy of these bytes; how many there are."""
    count = 0
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "r+b", 0) as memory:
        for line in maps:
            bounds, rights, *_ = line.split()
            begin, end = (int(each, 16) for each in bounds.split("-"))
            # What a sanitizer reserves for its own notes is terabytes, and holds none of ours.
            if not rights.startswith("rw") or begin >= 1 << 63 or end - begin > 4 << 30:
                continue
            memory.seek(begin)
            for at in re.finditer(re.escape(needle), memory.read(end - begin)):
                memory.seek(begin + at.start())
                memory.write(bytes([needle[0] ^ 1]))
                count += 1
    return count


@est("11.11")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to reach into the memory of the server")
def test_a_bit_of_the_signing_key_flips(make_lab):
    lab = make_lab().start()
    door, device = Est(lab), fresh()
    pki = lab.folder / "pki"
    secret = load_key(pki / "device-ca.key", pki / "signer.passphrase").private_numbers().private_value
    number = secret.to_bytes(32, "little")  # as OpenSSL keeps it
    token = lab.enrolment_token(device=device)
    csr = request(make_key(), device_name(device))
    assert flip_in_memory(lab.process.pid, number) > 0
    assert outcome(door.enrol(csr, token=token)) == (500, "internal")
    assert lab.query("SELECT FROM certvendor.certificate") == []
    assert lab.events("bad-certificate-made")[0]["level"] == "error"
    assert flip_in_memory(lab.process.pid, bytes([number[0] ^ 1]) + number[1:]) > 0
    assert door.enrol(csr, token=token).status == 200


# ---- 12 Approval and repetition ----------------------------------------------------------------


def waiting(lab, device):
    return [item for item in lab.operator("GET", "/v1/approvals").json()["items"] if item["device"] == device]


@est("12.1", "12.2")
def test_an_operator_approves(est_lab):
    door, device = Est(est_lab, "approved"), fresh()
    token = est_lab.enrolment_token(device=device)
    csr = request(make_key(), device_name(device))
    for columns in (64, 76):
        text = base64.b64encode(csr).decode()
        body = "\n".join(text[i:i + columns] for i in range(0, len(text), columns)).encode()
        answer = door.send("simpleenroll", body, token=token)
        assert (answer.status, answer.body, answer.headers["Content-Type"]) == (202, b"", None)
        assert answer.headers["Retry-After"] == "7"
    item, = waiting(est_lab, device)
    assert (item["state"], item["label"], base64.b64decode(item["csr"])) == ("pending", "approved", csr)
    path = f"/v1/approvals/{item['id']}"
    assert est_lab.operator("POST", f"{path}/approve?factory=other", {}).status == 404
    answer = est_lab.operator("POST", f"{path}/approve", {"why": "checked"})
    assert (answer.status, answer.json()["code"]) == (400, "bad-json")
    assert est_lab.operator("POST", f"{path}/approve", {"reason": "checked"}).status == 200
    assert est_lab.operator("POST", f"{path}/refuse", {}).status == 404
    assert door.enrol(csr, token=token).status == 200
    other = request(make_key(), device_name(device))
    assert door.enrol(other, token=token).status == 202
    actions = est_lab.query("SELECT action, actor, reason, after ->> 'label' FROM certvendor.audit WHERE "
                            f"device = '{device}' AND action <> 'enrolment-token-made' ORDER BY at")
    assert actions[0][0] == "enrolment-approved" and actions[0][1].startswith("operator:")
    assert actions[0][2:] == ["checked", "approved"]


@est("12.2")
def test_a_renewal_waits_too(est_lab, door):
    holder = door.enrolled()
    csr = request(make_key(), holder.subject)
    for label, expected in (("approved", 202), ("", 200)):
        assert Est(est_lab, label).reenrol(csr, holder.identity).status == expected


@est("12.8")
def test_nobody_is_asked_about_what_cannot_be(est_lab, door):
    """The refusal is that of a label without approval, and comes at once; nothing waits for an operator."""
    approved = Est(est_lab, "approved")
    holder, other, held = door.enrolled(), door.enrolled(), door.enrolled()
    assert est_lab.operator("POST", f"/v1/devices/{held.device}/hold", {}).status == 200
    own, foreign = est_lab.enrolment_token(device=held.device), est_lab.enrolment_token()

    def renewed(key):
        return lambda at: at.reenrol(request(key, holder.subject), holder.identity)

    for ask, reason in (
            (renewed(other.key), (400, "key-in-use")),
            (lambda at: at.enrol(request(make_key(), other.subject), token=foreign), (403, "not-authorised")),
            (lambda at: at.enrol(request(make_key(), held.subject), token=foreign), (403, "denied"))):
        assert (outcome(ask(door)), outcome(ask(approved))) == (reason, reason)
    assert not [item for each in (holder, other, held) for item in waiting(est_lab, each.device)]
    assert est_lab.operator("POST", f"/v1/devices/{held.device}/release", {}).status == 200
    assert approved.enrol(request(make_key(), held.subject), token=own).status == 202


@est("12.2")
def test_renewals_at_once_go_by_their_own_labels(est_lab, door):
    """Those that wait together are written together: each still gets what its label says."""
    labels = ["", "approved", "life", "newkey", "keys", "constrained"] * 3
    holders = [door.enrolled() for _ in labels]
    asked = [(Est(est_lab, label), holder, request(holder.key if label == "newkey" else make_key(), holder.subject))
             for label, holder in zip(labels, holders)]

    def renew_all():
        with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
            return list(pool.map(lambda each: each[0].reenrol(each[2], each[1].identity), asked))

    def check(answers, of_approved):
        expected = {"": 200, "approved": of_approved, "life": 200, "newkey": (400, "key-in-use"),
                    "keys": (400, "weak-key"), "constrained": 200}
        assert [(label, outcome(answer)) for label, answer in zip(labels, answers)] == \
            [(label, expected[label]) for label in labels]

    first = renew_all()
    check(first, 202)
    for label, holder in zip(labels, holders):
        recorded, = est_lab.query("SELECT count(*) FROM certvendor.certificate "
                                  f"WHERE device = '{holder.device}'")[0]
        assert recorded == ("2" if label in ("", "life", "constrained") else "1")
        for item in waiting(est_lab, holder.device):
            assert label == "approved"
            assert est_lab.operator("POST", f"/v1/approvals/{item['id']}/approve", {}).status == 200
    second = renew_all()
    check(second, 200)
    for label, before, after in zip(labels, first, second):
        if label in ("", "life", "constrained"):
            assert issued(before) == issued(after)
        if label in ("", "life"):
            days = (certificate_of(after).not_valid_after - datetime.datetime.utcnow()).days
            assert (days <= 100) == (label == "life")


@est("12.6")
def test_at_another_label_it_is_another_request(est_lab, door):
    """Labels ask and give different things."""
    holder = door.enrolled()
    csr = request(make_key(), holder.subject)
    short = Est(est_lab, "life")

    def asked(at):
        answer = at.reenrol(csr, holder.identity)
        assert answer.status == 200
        return issued(answer)

    first = asked(door)
    second = asked(short)
    assert first != second and (asked(door), asked(short)) == (first, second)
    days = (x509.load_der_x509_certificate(second).not_valid_after - datetime.datetime.utcnow()).days
    assert days <= 100
    # With another signature, but of the same key.
    again = request(make_key(), holder.subject)
    assert issued(door.reenrol(again, holder.identity)) not in (first, second)


@est("12.6")
def test_the_name_of_a_factory_is_another_label_than_none(est_lab, door):
    """They have the same rules, but not the same authority."""
    holder, other = door.enrolled(), Est(est_lab, FACTORY)
    csr = request(make_key(), holder.subject)
    first, second = issued(other.reenrol(csr, holder.identity)), issued(door.reenrol(csr, holder.identity))
    assert first != second
    token = est_lab.enrolment_token(device=holder.device)
    for at, answer in ((other, first), (door, second)):
        assert issued(at.reenrol(csr, holder.identity)) == answer
        assert issued(at.enrol(csr, token=token)) == answer


@est("12.3")
def test_an_operator_refuses(est_lab):
    door, device = Est(est_lab, "approved"), fresh()
    token = est_lab.enrolment_token(device=device)
    csr = request(make_key(), device_name(device))
    assert door.enrol(csr, token=token).status == 202
    item, = waiting(est_lab, device)
    assert est_lab.operator("POST", f"/v1/approvals/{item['id']}/refuse", {}).status == 200
    assert outcome(door.enrol(csr, token=token)) == (403, "not-authorised")
    est_lab.query(f"UPDATE certvendor.approval SET expires_at = now() WHERE id = '{item['id']}'")
    assert door.enrol(csr, token=token).status == 202
    assert waiting(est_lab, device)[0]["state"] == "pending"


def approve(lab, device):
    item, = [each for each in waiting(lab, device) if each["state"] == "pending"]
    assert lab.operator("POST", f"/v1/approvals/{item['id']}/approve", {}).status == 200


@est("12.3")
@pytest.mark.parametrize("is_renewal", [False, True])
def test_an_approval_is_for_one_certificate(est_lab, is_renewal):
    door, device, key = Est(est_lab, "approved"), fresh(), make_key()
    if is_renewal:
        holder = Est(est_lab).enrolled()
        csr, device = request(holder.key, holder.subject), holder.device
        ask = lambda: door.reenrol(csr, holder.identity)  # noqa: E731
    else:
        csr, token = request(key, device_name(device)), est_lab.enrolment_token(device=device)
        ask = lambda: door.enrol(csr, token=token)  # noqa: E731
    assert ask().status == 202
    approve(est_lab, device)
    first = issued(ask())
    assert issued(ask()) == first
    only, = waiting(est_lab, device)
    assert only["state"] == "approved" and only["used_at"]
    fingerprint = hashlib.sha256(first).hexdigest()
    if not is_renewal:
        # Its key would go with its last certificate.
        assert Est(est_lab).enrol(request(key, device_name(device)), token=token).status == 200
    assert est_lab.operator("POST", f"/v1/certificates/{fingerprint}/revoke", {"reason": "superseded"}).status == 200
    for _ in range(2):
        answer = ask()
        assert (answer.status, answer.headers["Retry-After"]) == (202, "7")
    again, = waiting(est_lab, device)
    assert (again["state"], again["used_at"], again["decided_by"]) == ("pending", None, None)
    assert again["id"] != only["id"]
    approve(est_lab, device)
    second = issued(ask())
    assert second != first and issued(ask()) == second


@est("12.3")
def test_an_approved_request_at_once_is_one_certificate(est_lab):
    door, device = Est(est_lab, "approved"), fresh()
    csr, token = request(make_key(), device_name(device)), est_lab.enrolment_token(device=device)
    assert door.enrol(csr, token=token).status == 202
    approve(est_lab, device)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: issued(door.enrol(csr, token=token)), range(8)))
    assert len(set(answers)) == 1


@est("12.4")
def test_too_many_wait(est_lab):
    door, device = Est(est_lab, "approved"), fresh()
    token = est_lab.enrolment_token(device=device)
    requests = [request(make_key(), device_name(device)) for _ in range(4)]
    assert [door.enrol(csr, token=token).status for csr in requests] == [202, 202, 202, 429]
    assert door.enrol(requests[0], token=token).status == 202
    item = waiting(est_lab, device)[0]
    assert est_lab.operator("POST", f"/v1/approvals/{item['id']}/refuse", {}).status == 200
    assert door.enrol(requests[3], token=token).status == 202


@est("12.4")
def test_a_token_does_not_fill_the_queue_with_names(est_lab, maker):
    door = Est(est_lab, "approved")

    def statuses(count, **credentials):
        devices = [fresh() for _ in range(count)]
        return [door.enrol(request(make_key(), device_name(device)),
                           **{key: value(device) if callable(value) else value for key, value in credentials.items()})
                .status for device in devices]

    one, two = est_lab.enrolment_token(), est_lab.enrolment_token(uses=2)
    assert statuses(4, token=one) == [202, 202, 202, 429]
    keygen = Est(est_lab, "keygen-approved").post("serverkeygen", request(make_key(), device_name(fresh())), token=one)
    assert keygen.status == 429
    assert statuses(7, token=two) == [202] * 6 + [429]
    assert statuses(9, token=est_lab.enrolment_token(uses=100)) == [202] * 8 + [429]
    assert statuses(9, identity=maker) == [202] * 8 + [429]
    # Devices with certificates of their own are not concerned.
    holders = [Est(est_lab).enrolled() for _ in range(9)]
    assert [door.reenrol(request(make_key(), holder.subject), holder.identity).status for holder in holders] == [202] * 9


@est("12.5")
def test_approvals_need_a_role_and_exist(est_lab):
    assert est_lab.operator("GET", "/v1/approvals", token="x").status == 401
    for path in (f"/v1/approvals/{uuid.uuid4()}/approve", "/v1/approvals/nonsense/refuse"):
        assert est_lab.operator("POST", path, {}).status == 404


@est("12.6")
def test_a_lost_answer(est_lab, door):
    holder = door.enrolled()
    csr = request(make_key(), holder.subject)
    answers = [door.reenrol(csr, holder.identity) for _ in range(3)]
    assert len({issued(answer) for answer in answers}) == 1
    fingerprint = hashlib.sha256(issued(answers[0])).hexdigest()
    assert est_lab.operator("POST", f"/v1/certificates/{fingerprint}/revoke", {}).status == 200
    again = door.reenrol(csr, holder.identity)
    assert again.status != 200 or issued(again) != issued(answers[0])


def names_of(certificate):
    return certificate.subject.rfc4514_string(), [
        each.value.get_values_for_type(x509.DNSName) for each in certificate.extensions
        if each.oid == x509.ExtensionOID.SUBJECT_ALTERNATIVE_NAME]


@est("12.6")
def test_a_waiting_key_under_other_names_is_another_request(est_lab):
    """Who lost the answer may sign anew with the same key, but not ask for something else."""
    names = Est(est_lab, "names")
    holder, key = names.enrolled(), make_key()
    token = est_lab.enrolment_token(device=holder.device)
    longer = name(("2.5.4.10", "Org"), (OU, FACTORY), (CN, holder.device))

    def asked(subject, *hosts):
        attributes = [extension_request(dns_names(*hosts))] if hosts else []
        return issued(names.enrol(request(key, subject, *attributes), token=token))

    certificates = [asked(holder.subject), asked(longer), asked(longer, "a.example.org"),
                    asked(longer, "b.example.org")]
    assert [names_of(x509.load_der_x509_certificate(each)) for each in certificates] == [
        (f"CN={holder.device},OU={FACTORY}", []), (f"CN={holder.device},OU={FACTORY},O=Org", []),
        (f"CN={holder.device},OU={FACTORY},O=Org", [["a.example.org"]]),
        (f"CN={holder.device},OU={FACTORY},O=Org", [["b.example.org"]])]
    # Signed again, each is a repetition.
    assert [asked(holder.subject), asked(longer), asked(longer, "a.example.org"),
            asked(longer, "b.example.org")] == certificates
    # Any of them may be used, and renews under its own names.
    assert est_lab.send("device", "GET", "/device", save(est_lab.keys, key, certificates[0])).status == 200
    assert est_lab.check(certificates[2]).status == 200


@est("12.6", "9.3", "9.4")
def test_a_waiting_key_is_renewed_under_the_names_that_are_presented(est_lab):
    names = Est(est_lab, "names")
    holder = names.enrolled()
    longer = name(("2.5.4.10", "Org"), (OU, FACTORY), (CN, holder.device))
    hosts = extension_request(dns_names("a.example.org"))
    other = save(est_lab.keys, holder.key, issued(
        names.enrol(request(holder.key, longer, hosts), holder.device)))
    key = make_key()
    first = issued(names.reenrol(request(key, holder.subject), holder.identity))
    second = issued(names.reenrol(request(key, longer, hosts), other))
    assert [names_of(x509.load_der_x509_certificate(each)) for each in (first, second)] == [
        (f"CN={holder.device},OU={FACTORY}", []), (f"CN={holder.device},OU={FACTORY},O=Org", [["a.example.org"]])]
    assert issued(names.reenrol(request(key, longer, hosts), other)) == second
    # A Go client names nothing, and its request says the same with either certificate.
    bare = save(est_lab.keys, holder.key, issued(names.enrol(request(holder.key, longer), holder.device)))
    csr = request(make_key(), longer)
    answers = [names.reenrol(csr, identity, headers={"User-Agent": "Go-http-client/1.1"}) for identity in (bare, other)]
    assert [names_of(certificate_of(answer))[1] for answer in answers] == [[], [["a.example.org"]]]


@est("12.6")
def test_nothing_is_repeated_of_a_revoked_authority(est_lab):
    door, key, device = Est(est_lab, "parting"), make_key(), fresh()

    def token():
        return est_lab.operator("POST", "/v1/enrolment-tokens?factory=parting", {"device": device}).json()["token"]

    def act(authority, verb):
        assert est_lab.operator("POST", f"/v1/authorities/{authority}/{verb}?factory=parting", {}).status == 200

    def issuer(answer):
        return certificate_of(answer).issuer.rfc4514_string()

    subject, current = device_name(device, "parting"), make_key()
    holder = save(est_lab.keys, current, issued(
        Est(est_lab, "parting-2").enrol(request(current, subject), token=token())))
    csr, for_token = request(key, subject), token()
    asked = [lambda: door.reenrol(csr, holder), lambda: door.reenrol(request(key, subject), holder),
             lambda: door.enrol(csr, token=for_token)]
    first = asked[0]()
    assert issuer(first) == "CN=parting-1 CA"
    # One that only signs no more is as good as before, and its certificates are.
    act("parting-1", "disable")
    assert {issued(ask()) for ask in asked} == {issued(first)}
    act("parting-1", "revoke")
    second = asked[0]()
    assert issuer(second) == "CN=parting-2 CA"
    assert {issued(ask()) for ask in asked} == {issued(second)}
    # Nothing is left to sign a new one, nor is it needed.
    act("parting-2", "disable")
    assert {issued(ask()) for ask in asked} == {issued(second)}
    other = request(make_key(), subject)
    claims = "SELECT count(*) FROM certvendor.key_claim"
    before = est_lab.query(claims)
    assert outcome(door.reenrol(other, holder)) == (503, "unavailable")
    assert outcome(door.enrol(other, token=for_token)) == (503, "unavailable")
    assert outcome(door.enrol(request(make_key(), device_name(fresh(), "parting")), token=est_lab.operator(
        "POST", "/v1/enrolment-tokens?factory=parting", {}).json()["token"])) == (503, "unavailable")
    assert est_lab.query(claims) == before
    act("parting-2", "revoke")
    assert outcome(asked[2]()) == (503, "unavailable")


@est("12.7")
def test_every_issue_is_audited_and_every_refusal_logged(est_lab, door):
    holder = door.enrolled()
    answers = {rid: call(rid) for rid, call in {
        "audit-1": lambda rid: holder.renew(headers={"X-Request-Id": rid}),
        "audit-2": lambda rid: holder.renew(subject=device_name("x"), headers={"X-Request-Id": rid})}.items()}
    assert outcome(answers["audit-1"]) == GOOD
    rows = est_lab.query("SELECT action, device FROM certvendor.audit WHERE request_id LIKE 'audit-_' "
                         "AND action <> 'first-seen'")
    assert rows == [["rekeyed", holder.device]]
    # By which certificate, and where.
    old = holder.identity.sha256
    assert Est(est_lab, "life").reenrol(request(make_key(), holder.subject), holder.identity,
                                        headers={"X-Request-Id": "audit-3"}).status == 200
    rows = est_lab.query("SELECT after->>'presented', after->>'label' FROM certvendor.audit "
                         "WHERE request_id IN ('audit-1', 'audit-3') AND action = 'rekeyed' ORDER BY request_id")
    assert rows == [[old, ""], [old, "life"]]
    refusal, = [line for line in est_lab.log.read_text().splitlines() if '"request_id":"audit-2"' in line]
    assert '"reason":"subject-mismatch"' in refusal and holder.device in refusal
    serial, = est_lab.query("SELECT after->>'serial' FROM certvendor.audit WHERE request_id = 'audit-1' "
                            "AND action = 'rekeyed'")[0]
    assert int(serial, 16) == certificate_of(answers["audit-1"]).serial_number


def line_of(lab, request_id):
    def lines():
        return [line for line in lab.events("request") if line["request_id"] == request_id]

    wait_until(lines, "log line")
    line, = lines()
    return line


def token_with_id(lab, **more):
    made = lab.operator("POST", "/v1/enrolment-tokens", more).json()
    return made["token"], made["id"]


@est("12.9")
def test_the_line_of_a_refusal_names_who_asked(est_lab, door):
    device, other, key = fresh(), fresh(), make_key()
    token, number = token_with_id(est_lab, device=device)
    for request_id, csr, secret, status, who, detail in (
            ("who-1", request(key, device_name(other)), token, 403, other, "the token is for another device"),
            ("who-2", request(key, device_name(device), san(der(0x82, b"a"))), token, 400, device,
             "this subjectAltName is not allowed at enrolment"),
            ("who-3", request(key, device_name(device))[:-1] + b"\0", token, 400, None,
             "signature was not made by the key of the request"),
            ("who-4", request(key, device_name(other)), "cve_wrong", 401, other, "the token is not valid"),
            ("who-5", request(key, device_name(device)), token, 200, device, None)):
        assert door.enrol(csr, token=secret, headers={"X-Request-Id": request_id}).status == status
        line = line_of(est_lab, request_id)
        assert (line.get("device"), line.get("detail")) == (who, detail)
        assert line.get("actor") == (f"token:{number}" if secret == token else None)
        assert line.get("factory") == (FACTORY if who and secret == token else None)
    assert token not in est_lab.log.read_text()


CA_WISHES = {
    "ca": extension("2.5.29.19", seq(b"\x01\x01\xff")), "certs": extension(USAGE, b"\x03\x02\x02\x04"),
    "crls": extension(USAGE, b"\x03\x02\x01\x02"), "ocsp": purposes(2, 9),
    "names": extension("2.5.29.30", seq(der(0xA0, seq(der(0x82, b"a"))))),
    "policies": extension("2.5.29.33", seq(seq(oid("1.2.3"), oid("1.2.4"))))}


def security_events(lab, device):
    """What the row is about, and the device that the request named."""
    return lab.query("SELECT reason, actor, factory, request_id, after->>'label', device, after->>'device' "
                     "FROM certvendor.audit WHERE action = 'security-event' "
                     f"AND '{device}' IN (device, after->>'device')")


def counted(lab, kind, token):
    """Times that somebody came with the token."""
    rows = lab.query(f"SELECT count FROM certvendor.security_event WHERE kind = '{kind}' AND device = '' "
                     f"AND key_id = sha256(convert_to('token:{token}', 'UTF8'))")
    return sum(int(number) for number, in rows)


@est("12.10")
def test_who_asks_for_a_ca_is_in_the_audit_trail(est_lab):
    door, holder = Est(est_lab, "second"), Est(est_lab).enrolled()
    for wish, wanted in CA_WISHES.items():
        token, number = token_with_id(est_lab)
        device = fresh()
        csr = request(make_key(), device_name(device), extension_request(
            extension("1.2.3.4", b"\x05\x00", True), wanted))
        for attempt in range(3):
            answer = door.enrol(csr, token=token, headers={"X-Request-Id": f"{wish}-{attempt}"})
            assert outcome(answer) == (400, "bad-extension")
        # One row, however often it asks.
        wait_until(lambda: counted(est_lab, "ca-request", number) == 3, "all three")
        assert security_events(est_lab, device) == [
            ["ca-request", f"token:{number}", FACTORY, f"{wish}-0", "second", "", device]]
    # A renewal is that of the device, whatever name it asks for.
    csr = request(make_key(), device_name(fresh()), extension_request(CA_WISHES["ca"]))
    assert outcome(door.reenrol(csr, holder.identity, headers={"X-Request-Id": "ca-renewal"})) == (400, "bad-extension")
    wait_until(lambda: security_events(est_lab, holder.device), "audit row")
    assert security_events(est_lab, holder.device) == [
        ["ca-request", "device", FACTORY, "ca-renewal", "second", holder.device, ""]]
    items = est_lab.operator("GET", f"/v1/audit?action=security-event&device={holder.device}").json()["items"]
    assert [item["reason"] for item in items] == ["ca-request"]


@est("12.10")
def test_what_is_no_wish_for_a_ca_is_no_security_event(est_lab, door):
    devices = [fresh(), fresh(), fresh()]
    token = est_lab.enrolment_token(device=devices[0])
    for device, wanted, secret, status in (
            (devices[0], purposes(1), token, 400), (devices[1], extension("1.2.3.4", b"\x05\x00", True),
                                                     est_lab.enrolment_token(device=devices[1]), 400),
            (devices[2], CA_WISHES["ca"], "cve_wrong", 401)):
        csr = request(make_key(), device_name(device), extension_request(wanted))
        assert door.enrol(csr, token=secret, source="127.0.0.21").status == status
    marker = fresh()
    csr = request(make_key(), device_name(marker), extension_request(CA_WISHES["ca"]))
    assert door.enrol(csr, token=est_lab.enrolment_token(device=marker)).status == 400
    wait_until(lambda: security_events(est_lab, marker), "audit row")
    assert [security_events(est_lab, device) for device in devices] == [[], [], []]


@est("12.10")
@pytest.mark.parametrize("by_maker", [False, True])
def test_whoever_invents_keys_is_one_row_of_the_trail(est_lab, door, maker, by_maker):
    """Of one certificate: the device's, or that of its manufacturer, who has others."""
    def ask(device, identity):
        csr = request(make_key(), device_name(device), extension_request(CA_WISHES["ca"]))
        answer = door.enrol(csr, identity=identity) if by_maker else door.reenrol(csr, identity)
        assert outcome(answer) == (400, "bad-extension")

    if by_maker:
        askers = [(device, maker(device)) for device in (fresh(), fresh())]
    else:
        askers = [(holder.device, holder.identity) for holder in (door.enrolled(), door.enrolled())]
    for _ in range(30):
        ask(*askers[0])
    ask(*askers[1])
    wait_until(lambda: security_events(est_lab, askers[1][0]), "audit row")
    for device, _ in askers:
        assert [row[0] for row in security_events(est_lab, device)] == ["ca-request"]


@est("12.10")
@pytest.mark.parametrize("kind", ["ca-request", "key-in-use"])
def test_whoever_invents_names_is_one_row_of_the_trail(est_lab, door, kind):
    def ask(token):
        device = fresh()
        answer = door.enrol(request(key, device_name(device), *wish), token=token)
        assert outcome(answer) == (400, "bad-extension" if wish else "key-in-use")
        return device

    wish = [extension_request(CA_WISHES["ca"])] if kind == "ca-request" else []
    key = make_key() if wish else door.enrolled().key
    (token, number), (other, other_number) = token_with_id(est_lab), token_with_id(est_lab)
    devices = [ask(token) for _ in range(100)]
    wait_until(lambda: counted(est_lab, kind, number) >= 100, "all of them")
    rows = [row for device in devices for row in security_events(est_lab, device)]
    assert [row[:3] + row[5:] for row in rows] == [[kind, f"token:{number}", FACTORY, "", devices[0]]]
    # It takes nobody's place.
    device = ask(other)
    wait_until(lambda: security_events(est_lab, device), "audit row")
    assert [row[1] for row in security_events(est_lab, device)] == [f"token:{other_number}"]



