"""A complete rotation, each refusal next to the acceptance that it nearly was."""
import base64
import json

from certvendor_lab import EST, FACTORY, basic, certificates_in, issued, run

JSON = {"Content-Type": "application/json"}


def reason_at_nginx(answer):
    return answer.status, answer.headers["Certvendor-Reason"]


def test_complete_rotation_through_nginx(lab):
    device = lab.device()
    old_key, new_key, stranger = device.new_key(), device.new_key(), device.new_key()
    token = lab.enrolment_token(device=device.name)

    assert device.est("simpleenroll", old_key.request).status == 401
    old = device.enrol(old_key, token)
    assert reason_at_nginx(lab.through_nginx(old)) == (200, "ok")
    assert lab.through_nginx(old).body == f"hello, {device.name}\n".encode()
    assert reason_at_nginx(lab.through_nginx(None)) == (403, "no-certificate")

    new = device.reenrol(new_key)
    # A certificate alone moves nothing.
    assert reason_at_nginx(lab.through_nginx(new)) == (403, "third-key")
    assert device.announce(stranger, new).status == 403
    assert reason_at_nginx(lab.through_nginx(old)) == (200, "ok")

    assert device.announce(new_key).status == 200
    assert reason_at_nginx(lab.through_nginx(old)) == (200, "ok")
    assert lab.check(old.der).headers["Certvendor-Rotation"] == "pending"
    # A look that names no key of this device activates nothing.
    assert lab.through_nginx(None).status == 403
    assert reason_at_nginx(lab.through_nginx(old)) == (200, "ok")

    assert reason_at_nginx(lab.through_nginx(new)) == (200, "activated")
    assert reason_at_nginx(lab.through_nginx(new)) == (200, "ok")
    assert reason_at_nginx(lab.through_nginx(old)) == (403, "denied")
    refusal = device.show(old)
    assert (refusal.status, refusal.reason) == (403, "denied")
    assert device.show(new).status == 200
    # The old key proves nothing any more.
    assert device.est("simplereenroll", stranger.request, old).status == 403
    assert device.announce(stranger, old).status == 403
    assert device.est("simplereenroll", stranger.request, new).status == 200


def test_first_use_at_the_device_listener_activates(lab):
    device = lab.enrolled_device()
    old = device.rotate()
    assert device.show(old).status == 403
    assert device.show().status == 200
    assert device.check(old).headers["Certvendor-Reason"] == "denied"
    assert device.check().headers["Certvendor-Reason"] == "ok"


def test_first_use_on_an_unknown_path_activates(lab):
    device = lab.enrolled_device()
    key = device.new_key()
    new = device.reenrol(key)
    assert lab.send("device", "GET", "/nothing/here", new).status == 403
    assert device.announce(key).status == 200
    assert lab.send("device", "GET", "/nothing/here", new).status == 404
    assert device.show().status == 403
    assert device.show(new).status == 200


def test_reading_the_ca_certificates_activates_nothing(lab):
    device = lab.enrolled_device()
    key = device.new_key()
    new = device.reenrol(key)
    assert device.announce(key).status == 200
    assert lab.send("device", "GET", f"{EST}/cacerts", new).status == 200
    assert device.show().status == 200
    assert device.show(new).status == 200
    assert device.show().status == 403


def test_a_gateway_that_may_not_activate_activates_nothing(lab):
    watcher = lab.add_gateway("watcher", options=["--no-activate"])
    device = lab.enrolled_device()
    key = device.new_key()
    new = device.reenrol(key)
    assert device.announce(key).status == 200
    assert lab.check(new.der, gateway=watcher).status != 200
    assert device.check().status == 200
    assert lab.check(new.der).status == 200
    assert device.check().status == 403
    assert lab.check(new.der, gateway=watcher).status == 200


def test_the_newest_announcement_counts(lab):
    device = lab.enrolled_device()
    first, second = device.new_key(), device.new_key()
    with_first, with_second = device.reenrol(first), device.reenrol(second)
    assert device.announce(first).status == 200
    assert device.announce(first).status == 200  # repeating it is fine
    assert device.announce(second).status == 200
    assert device.check(with_first).status == 403
    assert device.check(with_second).status == 200
    assert device.check().status == 403


def test_an_operator_withdraws_an_announcement(lab):
    device = lab.enrolled_device()
    key = device.new_key()
    new = device.reenrol(key)
    assert device.announce(key).status == 200
    assert lab.operator("POST", f"/v1/devices/{device.name}/cancel").json() == {"outcome": "done"}
    assert device.show(new).status == 403
    assert device.show().status == 200
    assert device.announce(key).status == 200
    assert device.show(new).status == 200


def test_an_operator_announces_for_the_device(lab):
    device = lab.enrolled_device()
    new = device.reenrol(device.new_key())
    assert device.show(new).status == 403
    assert lab.operator("POST", f"/v1/devices/{device.name}/approve").json() == {"outcome": "done"}
    assert device.show(new).status == 200
    assert device.show().status == 403


def test_bad_announcements_change_nothing(lab):
    device, other = lab.enrolled_device(), lab.enrolled_device()
    key, weak = device.new_key(), run("openssl", "genrsa", "1024").stdout
    weak = run("openssl", "rsa", "-pubout", stdin=weak).stdout
    replaced = device.new_key()
    device.enrol(replaced, lab.enrolment_token(device=device.name))
    assert device.show().status == 200
    device.rotate()
    for body, status in (
            (b"", 400), (b"{", 400), (b"[]", 400), (b"{}", 400), (b'{"next_pubkey":7}', 400),
            (b'{"next_pubkey":""}', 400), (b'{"next_pubkey":"no key"}', 400),
            (json.dumps({"next_pubkey": weak}).encode(), 400),
            (json.dumps({"next_pubkey": replaced.public_pem}).encode(), 409),
            (json.dumps({"next_pubkey": run(
                "openssl", "pkey", "-in", other.identity.key, "-pubout").stdout}).encode(), 409),
    ):
        answer = lab.send("device", "PATCH", "/device", device.identity, body, JSON)
        assert answer.status == status, (body, answer)
        assert answer.headers.get_content_type() == "text/plain"
    assert device.show().json()["next_pubkey"] is None
    assert device.announce(key).status == 200
    assert device.show().json()["next_pubkey"].split() == key.public_pem.split()


def test_renewal_of_the_same_key_needs_no_announcement(lab):
    device = lab.enrolled_device()
    again = device.est("simplereenroll", _request_of(device), device.identity)
    assert again.status == 200, again
    renewed = issued(again)
    assert lab.check(renewed).status == 200
    assert device.check().status == 200


def _request_of(device):
    path = device.identity.key.with_suffix(".again.csr")
    run("openssl", "req", "-new", "-key", device.identity.key, "-subj", device.subject, "-outform", "DER",
        "-out", path)
    return path.read_bytes()


def test_the_same_request_gets_the_same_certificate(lab):
    device = lab.enrolled_device()
    key = device.new_key()
    first = issued(device.est("simplereenroll", key.request, device.identity))
    assert issued(device.est("simplereenroll", key.request, device.identity)) == first
    # Clients sign again when they repeat, and ECDSA signatures differ each time.
    again = key.request_for(device.subject)
    assert again != key.request
    assert issued(device.est("simplereenroll", again, device.identity)) == first
    other = device.new_key()
    assert issued(device.est("simplereenroll", other.request, device.identity)) != first


def test_requests_for_another_name_are_refused(lab):
    device = lab.enrolled_device()
    key = device.new_key()
    for subject, reason in ((f"/OU={FACTORY}/CN=another", "subject-mismatch"),
                            (f"/CN={device.name}", "subject-mismatch"),
                            (f"/CN={device.name}/OU={FACTORY}", "subject-mismatch"),
                            (f"/OU=other/CN={device.name}", "subject-mismatch")):
        answer = device.est("simplereenroll", key.request_for(subject), device.identity)
        assert (answer.status, answer.reason) == (403, reason), (subject, answer)
    assert device.est("simplereenroll", key.request, device.identity).status == 200


def test_a_request_for_the_key_of_another_device_is_refused(lab):
    device, other = lab.enrolled_device(), lab.enrolled_device()
    stolen = run("openssl", "req", "-new", "-key", other.identity.key, "-subj", device.subject).stdout
    path = device.identity.key.with_suffix(".stolen")
    run("openssl", "req", "-outform", "DER", "-out", path, stdin=stolen)
    answer = device.est("simplereenroll", path.read_bytes(), device.identity)
    assert (answer.status, answer.reason) == (400, "key-in-use")
    assert other.show().status == 200


def test_enrolment_tokens(lab):
    device, other = lab.device(), lab.device()
    key, other_key = device.new_key(), other.new_key()
    token = lab.enrolment_token(device=device.name)

    def enrol(party, request, secret, scheme=basic):
        return party.est("simpleenroll", request, headers={"Authorization": scheme(secret)})

    answer = enrol(device, key.request, token + "x")
    assert answer.status == 401
    assert answer.body == b""
    assert answer.headers.get_all("WWW-Authenticate")
    # The token of one device is none for another.
    assert enrol(other, other_key.request, token).status in (401, 403)
    assert enrol(device, key.request, token).status == 200
    # The same request again is an answer that was lost.
    assert enrol(device, key.request, token).status == 200

    shared = lab.enrolment_token(uses=1)
    bearer = "Bearer {}".format
    answer = enrol(other, other_key.request, shared, bearer)
    assert answer.status == 200
    # Lost before it was seen: the token that registered it still serves. Then never again.
    assert enrol(other, other.new_key().request, shared, bearer).status == 200
    newest = other.new_key()
    answer = enrol(other, newest.request, shared, bearer)
    assert other.show(newest.with_certificate(issued(answer))).status == 200
    assert enrol(other, other.new_key().request, shared, bearer).status == 403
    late = lab.device()
    assert enrol(late, late.new_key().request, shared, bearer).status in (401, 403)
    assert enrol(late, late.new_key().request, lab.enrolment_token(uses=1), bearer).status == 200


def test_a_used_token_ends_with_the_first_sight(lab):
    device = lab.device()
    token = lab.enrolment_token(device=device.name)
    bearer = {"Authorization": basic(token)}
    device.enrol(token=token)
    # Power was lost before the key was saved: the token still serves, for the same id.
    assert device.est("simpleenroll", device.new_key().request, headers=bearer).status == 200
    device.enrol(token=token)
    assert device.check().status == 200
    answer = device.est("simpleenroll", device.new_key().request, headers=bearer)
    assert answer.status == 403
    assert device.check().status == 200


def test_an_older_token_does_not_undo_a_hold(lab):
    device = lab.enrolled_device()
    older = lab.enrolment_token(device=device.name)
    assert lab.operator("POST", f"/v1/devices/{device.name}/hold").status == 200
    answer = device.est("simpleenroll", device.new_key().request, headers={"Authorization": basic(older)})
    assert answer.status == 403
    device.enrol(token=lab.enrolment_token(device=device.name))
    assert device.check().status == 200


def test_a_registered_device_enrols_anew_only_with_a_token_for_it(lab):
    device = lab.enrolled_device()
    key = device.new_key()
    answer = device.est("simpleenroll", key.request,
                        headers={"Authorization": basic(lab.enrolment_token(uses=5))})
    assert answer.status == 403, answer
    old = device.identity
    assert device.show(old).status == 200
    fresh = device.enrol(key)
    assert device.show(fresh).status == 200
    assert device.show(old).status == 403


def test_a_wrong_certificate_never_falls_back_to_a_token(lab):
    device = lab.enrolled_device()
    old = device.rotate()
    fresh = lab.device()
    token = lab.enrolment_token(device=fresh.name)
    key = fresh.new_key()
    answer = fresh.est("simpleenroll", key.request, old, {"Authorization": basic(token)})
    assert (answer.status, answer.reason) == (403, "denied")
    assert fresh.est("simpleenroll", key.request, headers={"Authorization": basic(token)}).status == 200


def test_bad_certificate_requests(lab):
    device = lab.enrolled_device()
    good = device.new_key().request
    broken = bytearray(good)
    broken[-1] ^= 1
    rsa = run("openssl", "req", "-new", "-newkey", "rsa:1024", "-nodes", "-subj", device.subject,
              "-keyout", "/dev/null", "-outform", "PEM").stdout
    weak = base64.b64decode("".join(rsa.splitlines()[1:-1]))
    send = lab.send
    pkcs10 = {"Content-Type": "application/pkcs10"}
    path = f"{EST}/simplereenroll"
    for body, headers, status in (
            (b"", pkcs10, 400), (b"%%%", pkcs10, 400), (base64.b64encode(b"junk"), pkcs10, 400),
            (base64.b64encode(bytes(broken)), pkcs10, 400), (base64.b64encode(weak), pkcs10, 400),
            (base64.b64encode(good[:-10]), pkcs10, 400),
            (base64.b64encode(good), {"Content-Type": "text/plain"}, 415),
    ):
        answer = send("device", "POST", path, device.identity, body, headers)
        assert answer.status == status, (body, answer)
    assert send("device", "POST", path, device.identity, base64.b64encode(good), pkcs10).status == 200


def test_issued_certificates_verify_with_openssl(lab):
    device = lab.enrolled_device()
    answer = lab.send("device", "GET", f"{EST}/cacerts")
    assert answer.status == 200
    bundle = device.identity.certificate.with_suffix(".cas")
    found = certificates_in(base64.b64decode(answer.body))
    assert len(found) == 2
    bundle.write_bytes(b"".join(
        b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"
        for der in found))
    run("openssl", "verify", "-purpose", "sslclient", "-x509_strict", "-CAfile", lab.root, "-untrusted",
        bundle, device.identity.certificate)
    text = run("openssl", "x509", "-in", device.identity.certificate, "-noout", "-subject", "-ext",
               "keyUsage,extendedKeyUsage,basicConstraints").stdout
    assert device.name in text and "Client Authentication" in text and "CA:TRUE" not in text


def test_answers_suit_the_client(lab):
    device = lab.enrolled_device()
    key = device.new_key()
    usual = device.est("simplereenroll", key.request, device.identity)
    assert usual.status == 200
    assert usual.headers["Content-Type"] == "application/pkcs7-mime; smime-type=certs-only"
    fioconfig = device.est("simplereenroll", key.request, device.identity,
                           {"User-Agent": "Go-http-client/1.1"})
    assert fioconfig.status == 201
    assert fioconfig.headers["Content-Type"] == "application/pkcs7-mime"
    libest = device.est("simplereenroll", key.request, device.identity, {"User-Agent": "libest"})
    assert max(map(len, libest.body.splitlines())) == 64
    assert b"\n" not in usual.body.rstrip()
    assert issued(usual) == issued(fioconfig) == issued(libest)


def test_labels_are_factories(lab):
    device = lab.enrolled_device()
    key = device.new_key()
    assert lab.send("device", "GET", f"{EST}/{FACTORY}/cacerts").status == 200
    assert lab.send("device", "GET", f"{EST}/nobody/cacerts").status == 404
    assert device.est(f"{FACTORY}/simplereenroll", key.request, device.identity).status == 200
    assert device.est("nobody/simplereenroll", key.request, device.identity).status == 404
    assert device.est("/simplereenroll", key.request, device.identity).status == 200


def test_implied_announcement(make_lab):
    """For fleets whose clients speak only EST; the same steps under explicit are refused above."""
    lab = make_lab(announce="implied").start()
    device = lab.enrolled_device()
    new = device.reenrol(device.new_key())
    assert device.show().status == 200
    assert device.show(new).status == 200
    assert device.show().status == 403


def test_a_token_announces_a_key_that_was_only_asked(lab):
    """The operator's word for a device that cannot announce; its client repeats the same request."""
    device = lab.enrolled_device()
    key = device.new_key()
    fresh = device.reenrol(key)
    assert device.show(fresh).status == 403
    bearer = {"Authorization": basic(lab.enrolment_token(device=device.name))}
    answer = device.est("simpleenroll", key.request, headers=bearer)
    assert answer.status == 200, answer
    assert issued(answer) == fresh.der
    assert device.show().status == 200
    assert device.show(fresh).status == 200
    assert device.show().status == 403
    # That was its use.
    assert device.est("simpleenroll", device.new_key().request, headers=bearer).status == 403


# ---- Rotations that take weeks -----------------------------------------------------------------


def let_time_pass(lab, device, days):
    """As if everything so far had happened so many days earlier."""
    ago = f"- interval '{days} days'"
    for table, columns in (("slot", ["locked_since", "activated_at", "issue_debt_until", "last_seen_at"]),
                           ("slot_key", ["announced_at", "created_at"]),
                           ("certificate", ["recorded_at"])):
        changes = ", ".join(f"{column} = {column} {ago}" for column in columns)
        lab.query(f"UPDATE certvendor.{table} SET {changes} WHERE device = '{device.name}'")


def rotation_of(lab, device):
    shown = lab.operator("GET", f"/v1/devices/{device.name}").json()
    return shown["slots"][0]["rotation"]


def test_a_stalled_rotation_is_finished_weeks_later(lab):
    device = lab.enrolled_device()
    key, third = device.new_key(), device.new_key()
    fresh, unannounced = device.reenrol(key), device.reenrol(third)
    assert rotation_of(lab, device) == "none"
    assert device.announce(key).status == 200
    assert rotation_of(lab, device) == "pending"
    let_time_pass(lab, device, 6)
    assert rotation_of(lab, device) == "pending"
    let_time_pass(lab, device, 36)
    assert rotation_of(lab, device) == "stalled"

    # Time has ended nothing, and allowed nothing.
    assert reason_at_nginx(lab.through_nginx(device.identity)) == (200, "ok")
    assert reason_at_nginx(lab.through_nginx(unannounced)) == (403, "third-key")
    # The same request again is a new one by now; it is for the same key.
    again = device.reenrol(key)
    assert again.der != fresh.der
    assert reason_at_nginx(lab.through_nginx(fresh)) == (200, "activated")
    assert reason_at_nginx(lab.through_nginx(again)) == (200, "ok")
    assert reason_at_nginx(lab.through_nginx(device.identity)) == (403, "denied")
    assert rotation_of(lab, device) == "none"


def test_a_stalled_rotation_is_cancelled(lab):
    device = lab.enrolled_device()
    key = device.new_key()
    fresh = device.reenrol(key)
    assert device.announce(key).status == 200
    let_time_pass(lab, device, 36)
    assert lab.cli("device", "cancel", device.name).stdout == f"{device.name}: done\n"
    assert rotation_of(lab, device) == "none"
    assert reason_at_nginx(lab.through_nginx(fresh)) == (403, "third-key")
    assert device.announce(key).status == 200
    assert rotation_of(lab, device) == "pending"
    assert reason_at_nginx(lab.through_nginx(fresh)) == (200, "activated")


def test_a_renewal_long_after_the_announcement(lab):
    """The key was named, and its certificate is asked for weeks later."""
    device = lab.enrolled_device()
    key = device.new_key()
    assert device.announce(key).status == 200
    let_time_pass(lab, device, 36)
    fresh = device.reenrol(key)
    third = device.reenrol(device.new_key())
    assert reason_at_nginx(lab.through_nginx(third)) == (403, "third-key")
    assert reason_at_nginx(lab.through_nginx(fresh)) == (200, "activated")
    assert reason_at_nginx(lab.through_nginx(device.identity)) == (403, "denied")
