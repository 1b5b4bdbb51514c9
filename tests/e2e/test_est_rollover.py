"""EST cacerts while the root of a factory changes (RFC 7030 section 4.1.3, RFC 4210 section 4.4)."""
import base64
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certvendor_lab import Authority, Key, certificates_in, run
from est_client import Est, device_name, make_key, outcome, request
from est_lab import ca_certificate, ski_of

est = pytest.mark.est
NEW = "New root"


def shown(lab):
    answer = Est(lab).get("cacerts")
    assert answer.status == 200, answer
    return [x509.load_der_x509_certificate(der) for der in certificates_in(base64.b64decode(answer.body))]


def common_name(name):
    return name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value


def pairs(lab):
    """Subject and issuer of each."""
    return [(common_name(each.subject), common_name(each.issuer)) for each in shown(lab)]


@est("5.5")
def test_both_roots_vouch_for_a_device(rollover, tmp_path):
    lab = rollover.lab
    old = common_name(rollover.old.subject)
    issuer = common_name(shown(lab)[0].subject)
    assert pairs(lab) == [(issuer, old), (old, old), (NEW, NEW), (NEW, old), (old, NEW)]
    files = []
    for i, each in enumerate(certificates_in(base64.b64decode(Est(lab).get("cacerts").body))):
        files.append(tmp_path / f"{i}.pem")
        files[-1].write_text(ssl.DER_cert_to_PEM_cert(each))
    leaf = Est(lab).enrolled().identity.certificate
    issuing, old_root, new_root, _, old_with_new = files
    run("openssl", "verify", "-x509_strict", "-CAfile", old_root, "-untrusted", issuing, leaf)
    between = tmp_path / "between.pem"
    between.write_text(issuing.read_text() + old_with_new.read_text())
    run("openssl", "verify", "-x509_strict", "-CAfile", new_root, "-untrusted", between, leaf)
    assert run("openssl", "verify", "-CAfile", new_root, "-untrusted", issuing, leaf,
               is_checked=False).returncode != 0


@est("5.6")
def test_what_clients_would_misread_is_refused(rollover):
    key = make_key()
    args = ("Third root", key, rollover.old.subject, rollover.old_key)
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    for name, pem, word in (("nameless", ca_certificate(*args), "authorityKeyIdentifier"),
                            ("equal", ca_certificate(*args, own), "authorityKeyIdentifier"),
                            ("stranger", ca_certificate(*args[:2], "Nobody", make_key(), ski_of(rollover.old)),
                             "import that first")):
        answer = rollover.add(name, pem)
        assert outcome(answer) == (400, "bad-certificate") and word in answer.json()["detail"]
    own_key = "the key of this CA is held"
    issuing = shown(rollover.lab)[0]
    assert own_key in rollover.lab.operator("POST", "/v1/authorities", {
        "name": "ours", "kind": "offline",
        "certificate": issuing.public_bytes(serialization.Encoding.PEM).decode()}).json()["detail"]


@est("5.6")
def test_they_vouch_for_nothing(rollover):
    """A leaf of the new root is as unknown as one of the old."""
    lab = rollover.lab
    authority = Authority(lab.keys, f"/CN={NEW}")
    assert rollover.add("offline-root", authority.identity.pem).status == 201
    device = "of-a-root"
    leaf = authority.sign(Key(lab.keys, f"/OU=demo/CN={device}"))
    assert outcome(Est(lab).reenrol(request(make_key(), device_name(device)), leaf)) == (403, "bad-client-cert")
    assert lab.operator("POST", "/v1/authorities/offline-root/revoke", {"reason": "superseded"}).status == 200


@est("5.7")
def test_nothing_out_of_date_is_shown(rollover):
    lab = rollover.lab
    before = pairs(lab)
    later = ca_certificate("Later root", rollover.key, rollover.old.subject, rollover.old_key, ski_of(rollover.old),
                           begin=2)
    assert rollover.add("later", later).status == 201
    assert pairs(lab) == before
    lab.query("UPDATE certvendor.authority SET certificate = '\\x"
              + ssl.PEM_cert_to_DER_cert(ca_certificate(
                  NEW, rollover.key, rollover.old.subject, rollover.old_key, ski_of(rollover.old), begin=-9,
                  days=-1)).hex() + "' WHERE name = 'new-with-old'")
    lab.stop()
    lab.start()
    assert pairs(lab) == [pair for pair in before if pair != (NEW, common_name(rollover.old.subject))]
    assert {event["authority"] for event in lab.events("authority-out-of-date")} == {"later", "new-with-old"}
    lab.query("UPDATE certvendor.authority SET certificate = '\\x"
              + ssl.PEM_cert_to_DER_cert(rollover.pem["new-with-old"]).hex() + "' WHERE name = 'new-with-old'")
    lab.query("UPDATE certvendor.authority SET state = 'revoked' WHERE name = 'later'")
    lab.stop()
    lab.start()
    assert pairs(lab) == before
