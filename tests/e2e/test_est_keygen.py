"""EST serverkeygen: the key is made by the server, given once, and kept nowhere."""
import base64
import concurrent.futures
import email
import json
import os
import re
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certvendor_lab import EST, FACTORY, Authority, Key, certificates_in, issued, run
from est_client import (CN, Est, attribute, der, device_name, dns_names, extension_request, make_key, name, outcome,
                        request, save, seq, spki_of, oid)
from registration_lab import Registrant, import_authority, put_certificate

est = pytest.mark.est
KEY, CERTIFICATE = "application/pkcs8", "application/pkcs7-mime"
DECRYPT_KEY, ASYMMETRIC_DECRYPT_KEY = "1.2.840.113549.1.9.16.2.37", "1.2.840.113549.1.9.16.2.54"
CAPABILITIES = "1.2.840.113549.1.9.15"


def fresh():
    return str(uuid.uuid4())


@pytest.fixture(scope="module")
def door(est_lab):
    return Est(est_lab, "keygen")


def parts_of(answer):
    """The parts of the answer as a MIME library sees them."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.body)
    assert message.is_multipart() and not message.defects
    return message.get_payload()


def pair_of(answer):
    """Private key and certificate (DER)."""
    assert answer.status == 200, answer
    key, certificate = parts_of(answer)
    assert key.get_content_type() == KEY and certificate.get_content_type() == CERTIFICATE
    only, = certificates_in(certificate.get_payload(decode=True))
    return serialization.load_der_private_key(key.get_payload(decode=True), None), only


def identity_of(lab, answer):
    return save(lab.keys, *pair_of(answer))


def ask(door, csr, device=None, **more):
    if device is not None:
        more.setdefault("token", door.lab.enrolment_token(device=device))
    return door.post("serverkeygen", csr, **more)


@est("16.1")
def test_it_is_off_until_a_label_has_it(est_lab, door):
    device = fresh()
    csr = request(make_key(), device_name(device))
    for label in ("", "second"):
        assert outcome(ask(Est(est_lab, label), csr, device)) == (404, "not-found")
    assert est_lab.send("device", "GET", f"{EST}/keygen/serverkeygen").headers["Allow"] == "POST"
    assert ask(door, csr).status == 401
    assert ask(door, csr, token="cve_wrong", source="127.0.0.7").status == 401
    assert outcome(ask(door, csr, token=est_lab.enrolment_token(device="somebody"))) == (403, "not-authorised")
    assert ask(door, csr, device, media="text/plain").status == 415
    assert ask(door, csr, device).status == 200


@est("16.2")
@pytest.mark.parametrize("label,columns", [("keygen", 64), ("keygen-rsa", 64), ("keygen-line", None)])
def test_form_of_the_answer(est_lab, label, columns):
    device = fresh()
    answer = ask(Est(est_lab, label), request(make_key(), device_name(device)), device)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("multipart/mixed; boundary=")
    assert "Content-Transfer-Encoding" not in answer.headers and "Transfer-Encoding" not in answer.headers
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert answer.headers["Cache-Control"] == "no-store"
    boundary = answer.headers.get_boundary().encode()
    pieces = answer.body.split(b"--" + boundary)
    assert (pieces[0], pieces[-1], len(pieces)) == (b"", b"--\r\n", 4)
    for piece in pieces[1:3]:
        assert piece.startswith(b"\r\n") and piece.endswith(b"\r\n") and not re.search(b"[^\r]\n", piece)
        head, body = piece[2:-2].split(b"\r\n\r\n")
        assert b"\r\nContent-Transfer-Encoding: base64" in head
        lines = body.split(b"\r\n")
        assert len(lines) == 1 if columns is None else {len(line) for line in lines[:-1]} == {columns}
    assert pieces[1].startswith(b"\r\nContent-Type: application/pkcs8\r\n")
    assert pieces[2].startswith(b"\r\nContent-Type: application/pkcs7-mime; smime-type=certs-only\r\n")


@est("16.2")
def test_go_clients_get_the_same(door):
    device = fresh()
    answer = ask(door, request(make_key(), device_name(device)), device, headers={"User-Agent": "Go-http-client/1.1"})
    assert answer.status == 200 and len(parts_of(answer)) == 2


@est("16.3")
@pytest.mark.parametrize("label,kind", [("keygen", "P-256"), ("keygen-rsa", "RSA-2048"), ("keygen-line", "Ed25519")])
def test_the_pair_fits(est_lab, label, kind):
    """Whatever the key of the request is, also one that the label would not certify."""
    device, own = fresh(), make_key("RSA-2048")
    answer = ask(Est(est_lab, label), request(own, device_name(device)), device)
    key, certificate = pair_of(answer)
    assert spki_of(key) != spki_of(own)
    parsed = x509.load_der_x509_certificate(certificate)
    assert parsed.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo) == spki_of(key)
    assert parsed.subject.public_bytes() == device_name(device)
    assert type(key) is type(make_key(kind)) and getattr(key, "key_size", 0) == getattr(make_key(kind), "key_size", 0)
    assert est_lab.send("device", "GET", "/device", save(est_lab.keys, key, certificate)).status == 200


@est("12.6")
def test_a_key_that_was_made_here_asks_for_other_names(est_lab):
    """Its first certificate answers no request of this key; the next one does."""
    door = Est(est_lab, "keygen-rsa")
    holder = Est(est_lab).enrolled()
    token = est_lab.enrolment_token(device=holder.device)
    key, first = pair_of(ask(door, request(make_key(), holder.subject), token=token))
    other = request(key, name(("2.5.4.10", "Org"), (CN, holder.device)))
    answers = [issued(door.enrol(other, token=token)) for _ in range(2)]
    assert answers[0] == answers[1] != first
    assert issued(door.enrol(request(key, holder.subject), token=token)) == first


@est("16.3")
def test_the_key_of_the_request_claims_nothing(est_lab, door):
    """It only signs: another device may have it, but it must have signed."""
    plain, device = Est(est_lab), fresh()
    other = plain.enrolled()
    answer = ask(door, request(other.key, device_name(device)), device)
    assert answer.status == 200
    assert est_lab.send("device", "GET", "/device", other.identity).status == 200
    own, second, third = make_key(), fresh(), fresh()
    assert ask(door, request(own, device_name(second)), second).status == 200
    assert plain.judge(request(own, device_name(third)), third) == 200
    broken = bytearray(request(make_key(), device_name(device)))
    broken[-1] ^= 1
    assert outcome(ask(door, bytes(broken), device)) == (400, "bad-signature")


@est("16.4")
@pytest.mark.parametrize("wish", [
    attribute(DECRYPT_KEY, der(4, b"key-1")), attribute(ASYMMETRIC_DECRYPT_KEY, der(4, b"k" * 20)),
    attribute(CAPABILITIES, seq(seq(oid("2.16.840.1.101.3.4.1.42"))))])
def test_a_wish_for_encryption_is_never_answered_in_the_clear(est_lab, door, wish):
    device, key = fresh(), make_key()
    token = est_lab.enrolment_token(device=device)
    assert outcome(ask(door, request(key, device_name(device), wish), token=token)) == (400, "bad-csr")
    assert est_lab.query(f"SELECT FROM certvendor.device WHERE id = '{device}'") == []
    assert Est(est_lab).enrol(request(key, device_name(device), wish), token=token).status == 200


def secret_of(key):
    """What nobody else may have."""
    numbers = key.private_numbers()
    return numbers.private_value.to_bytes(32, "big")


# What a sanitizer reserves for its own notes is terabytes, and holds none of ours.
SHADOW_BYTES = 4 << 30


def memory_has(pid, needles):
    """Which of them are in the memory of the process."""
    found = set()
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            bounds, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            begin, end = (int(each, 16) for each in bounds.split("-"))
            if end - begin > SHADOW_BYTES:
                continue
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except (OSError, ValueError):
                continue
            found |= {needle for needle in needles if needle in data}
    return found


def require_no_copy(lab, device, key, certificate, *needles):
    """Neither of the key nor of the needles, but of the certificate."""
    secret = secret_of(key)
    dump = run("pg_dump", "-h", lab.postgres.folder, "-p", "5432", "-U", "certvendor", "--data-only",
               lab.database).stdout
    assert certificate.hex() in dump and secret.hex() not in dump
    assert secret.hex() not in lab.log.read_text()
    after = lab.query(f"SELECT after FROM certvendor.audit WHERE device = '{device}' "
                      "AND action <> 'enrolment-token-made'")
    assert '"key_was_made_here": true' in after[0][0]
    if os.geteuid() == 0:
        assert memory_has(lab.process.pid, {secret, *needles}) == set()


@est("16.5")
def test_no_copy_is_kept(est_lab, door):
    device = fresh()
    answer = ask(door, request(make_key(), device_name(device)), device)
    encoded = parts_of(answer)[0].get_payload().replace("\r\n", "\n").split("\n")[1].encode()
    require_no_copy(est_lab, device, *pair_of(answer), encoded)


@est("16.5")
def test_the_same_request_gets_another_key(est_lab, door):
    """The answer may have been lost, and with it the only copy of the key."""
    device = fresh()
    token = est_lab.enrolment_token(device=device)
    csr = request(make_key(), device_name(device))
    first, second, third = (identity_of(est_lab, ask(door, csr, token=token)) for _ in range(3))
    assert first.der != second.der
    assert est_lab.send("device", "GET", "/device", second).status == 200
    for other in (first, third):
        assert outcome(est_lab.send("device", "GET", "/device", other)) == (403, "denied")
    # Nor does another operation answer with a certificate whose key is not the client's.
    assert Est(est_lab).enrol(csr, token=token).status == 403


@est("16.5")
def test_a_lost_answer_to_a_manufacturers_certificate(est_lab, door):
    authority = Authority(est_lab.keys, "/CN=Keygen maker CA")
    assert est_lab.operator("POST", "/v1/authorities", {
        "name": "keygen-maker", "kind": "bootstrap", "certificate": authority.identity.pem}).status == 201
    device = fresh()
    birth = authority.sign(Key(est_lab.keys, f"/CN={device}"))
    csr = request(make_key(), device_name(device))
    first, second = (identity_of(est_lab, ask(door, csr, identity=birth)) for _ in range(2))
    assert est_lab.send("device", "GET", "/device", second).status == 200
    assert outcome(est_lab.send("device", "GET", "/device", first)) == (403, "denied")
    assert outcome(ask(door, csr, identity=birth)) == (403, "not-authorised")
    # A key that the device brought itself is not put aside like that.
    own = fresh()
    birth = authority.sign(Key(est_lab.keys, f"/CN={own}"))
    token = est_lab.enrolment_token(device=own)
    assert Est(est_lab).enrol(request(make_key(), device_name(own)), token=token).status == 200
    assert outcome(ask(door, request(make_key(), device_name(own)), identity=birth)) == (403, "not-authorised")


@pytest.fixture(scope="module")
def maker(est_lab):
    return bootstrap(est_lab, "first-maker")


def bootstrap(lab, name):
    authority = Authority(lab.keys, f"/CN={name} CA")
    assert lab.operator("POST", "/v1/authorities", {
        "name": name, "kind": "bootstrap", "certificate": authority.identity.pem}).status == 201
    return authority


def by_post(lab, device, maker):
    return Registrant(lab, device).register().identity


def by_put(lab, device, maker):
    offline = Authority(lab.keys, "/CN=Registrar CA")
    import_authority(lab, offline)
    identity = offline.sign(Key(lab.keys, f"/OU={FACTORY}/CN={device}"))
    assert put_certificate(lab, identity.pem).status in (200, 201)
    return identity


def by_another_maker(lab, device, maker):
    key, other = make_key(), bootstrap(lab, "second-maker")
    birth = other.sign(Key(lab.keys, f"/CN={device}"))
    return save(lab.keys, key, issued(Est(lab).enrol(request(key, device_name(device)), identity=birth)))


def by_this_maker_and_anew(lab, device, maker):
    birth = maker.sign(Key(lab.keys, f"/CN={device}"))
    assert Est(lab).enrol(request(make_key(), device_name(device)), identity=birth).status == 200
    assert lab.operator("DELETE", f"/v1/devices/{device}").status == 200
    return by_post(lab, device, maker)


@est("6.5", "16.5")
@pytest.mark.parametrize("begin", [by_post, by_put, by_another_maker, by_this_maker_and_anew])
def test_a_manufacturer_takes_over_no_device_that_others_registered(est_lab, door, maker, begin):
    device = fresh()
    holder = begin(est_lab, device, maker)
    birth = maker.sign(Key(est_lab.keys, f"/CN={device}"))
    csr = request(make_key(), device_name(device))
    assert outcome(Est(est_lab).enrol(csr, identity=birth)) == (403, "not-authorised")
    assert outcome(ask(door, csr, identity=birth)) == (403, "not-authorised")
    assert est_lab.send("device", "GET", "/device", holder).status == 200


def waiting(lab, device):
    return [item for item in lab.operator("GET", "/v1/approvals").json()["items"] if item["device"] == device]


@est("16.6")
def test_an_operator_approves_that_a_key_is_made(est_lab):
    door, device = Est(est_lab, "keygen-approved"), fresh()
    token = est_lab.enrolment_token(device=device)
    csr = request(make_key(), device_name(device))
    answer = ask(door, csr, token=token)
    assert (answer.status, answer.body) == (202, b"")
    item, = waiting(est_lab, device)
    assert item["identity"].endswith(" serverkeygen")
    assert est_lab.operator("POST", f"/v1/approvals/{item['id']}/approve", {}).status == 200
    # The approval is for this and for nothing else.
    assert door.enrol(csr, token=token).status == 202
    identity = identity_of(est_lab, ask(door, csr, token=token))
    assert [ask(door, csr, token=token).status for _ in range(3)] == [202] * 3
    assert est_lab.send("device", "GET", "/device", identity).status == 200


@est("16.6")
def test_an_approval_is_for_one_key(est_lab):
    """The answer was lost, or four are asked for at once: each pair is approved."""
    door, device = Est(est_lab, "keygen-approved"), fresh()
    token, csr = est_lab.enrolment_token(device=device), request(make_key(), device_name(device))
    assert ask(door, csr, token=token).status == 202
    for _ in range(2):
        item, = [each for each in waiting(est_lab, device) if each["state"] == "pending"]
        assert est_lab.operator("POST", f"/v1/approvals/{item['id']}/approve", {}).status == 200
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: ask(door, csr, token=token).status, range(4)))
        assert sorted(answers) == [200, 202, 202, 202]
    count, = est_lab.query(f"SELECT count(*) FROM certvendor.certificate WHERE device = '{device}'")[0]
    assert count == "2"


@est("16.7")
def test_with_the_certificate_of_the_device_it_is_a_renewal(est_lab, door):
    holder = Est(est_lab).enrolled()
    assert outcome(ask(door, request(make_key(), device_name("other")), identity=holder.identity)) == (
        403, "subject-mismatch")
    named = request(make_key(), holder.subject, extension_request(dns_names("a.example.org")))
    assert outcome(ask(door, named, identity=holder.identity)) == (403, "san-mismatch")
    # Signed with the key that it has: that is not asked for again.
    answer = ask(door, request(holder.key, holder.subject), identity=holder.identity)
    key, certificate = pair_of(answer)
    successor = save(est_lab.keys, key, certificate)
    assert outcome(est_lab.send("device", "GET", "/device", successor)) == (403, "third-key")
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert est_lab.send("device", "PATCH", "/device", holder.identity, json.dumps(
        {"next_pubkey": pem.decode()}).encode(), {"Content-Type": "application/json"}).status == 200
    assert est_lab.send("device", "GET", "/device", successor).status == 200
    assert outcome(ask(door, request(holder.key, holder.subject), identity=holder.identity)) == (403, "denied")


@est("16.7", "9.6")
def test_keys_count_like_certificates(est_lab, door):
    holder = Est(est_lab).enrolled()
    csr = request(make_key(), holder.subject)
    statuses = [ask(door, csr, identity=holder.identity).status for _ in range(21)]
    assert statuses[0] == 200 and statuses[-1] == 429 and set(statuses) == {200, 429}


def test_it_is_counted_by_itself(est_lab, door):
    def issued(kind):
        return sum(float(line.rsplit(" ", 1)[1]) for line in est_lab.monitor("/metrics").body.decode().splitlines()
                   if line.startswith("certvendor_certificates_issued_total{") and f'kind="{kind}"' in line)

    before = issued("keygen"), issued("enrolment")
    device = fresh()
    assert ask(door, request(make_key(), device_name(device)), device).status == 200
    assert (issued("keygen"), issued("enrolment")) == (before[0] + 1, before[1])
