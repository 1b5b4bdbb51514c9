"""Certificates that ended: refused at every door, and renewed only within the grace, by the current key.

The offline authority signs certificates of any age, so hardly any test here waits for an end.
"""
import datetime
import json

import pytest

from certvendor_lab import EST, Authority, basic, issued, wait_until

GRACE = 3600


def moment(seconds_from_now):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return at.strftime("%Y%m%d%H%M%SZ")


def fleet(lab):
    """A server and the offline authority of its devices."""
    lab.gateway = lab.add_gateway()
    authority = Authority(lab.keys, "/CN=Fleet CA")
    assert lab.operator("POST", "/v1/authorities", {
        "name": "fleet", "kind": "offline", "certificate": authority.identity.pem}).status == 201
    return lab, authority


@pytest.fixture(name="graceful", scope="module")
def fixture_graceful(make_module_lab):
    return fleet(make_module_lab(settings={"index": {"expired_grace": str(GRACE)}}).start())


def late_device(lab, authority, ended_ago):
    """A device whose certificate ended so many seconds ago; it was registered before that."""
    device = lab.device()
    key = device.new_key()
    device.identity = authority.sign(key)
    assert device.check().headers["Certvendor-Reason"] == "registered"
    device.identity = authority.sign(key, moment(-2 * GRACE), moment(-ended_ago))
    return device


def reason(answer):
    return answer.status, answer.reason


def checked(answer):
    return answer.status, answer.headers["Certvendor-Reason"]


def test_a_late_renewal_is_an_announcement(graceful):
    lab, authority = graceful
    device = late_device(lab, authority, GRACE - 600)
    too_late = late_device(lab, authority, GRACE + 600)
    answer = too_late.est("simplereenroll", too_late.new_key().request, too_late.identity)
    assert reason(answer) == (403, "expired")

    old = device.identity
    assert checked(device.check()) == (403, "expired")
    fresh = device.reenrol(device.new_key())
    # Issuing moves nothing, and the grace lets nobody talk through a gateway.
    assert checked(device.check(old)) == (403, "expired")
    assert device.show(old).status == 200
    assert checked(device.check(fresh)) == (200, "activated")
    assert reason(device.show(old)) == (403, "denied")
    assert reason(device.est("simplereenroll", device.new_key().request, old)) == (403, "denied")
    assert device.show(fresh).status == 200


def test_several_late_renewals(graceful):
    """Each request is an announcement; the device goes on with whichever answer it saved."""
    lab, authority = graceful
    for used in range(3):
        device = late_device(lab, authority, 600)
        waiting = [device.reenrol(device.new_key()) for _ in range(3)]
        assert checked(device.check(waiting[used])) == (200, "activated")
        others = [identity for identity in waiting if identity is not waiting[used]]
        assert [checked(device.check(identity)) for identity in others] == [(403, "denied")] * 2


def test_the_newest_late_renewals_count(graceful):
    lab, authority = graceful
    device = late_device(lab, authority, 600)
    named = device.new_key()
    assert device.announce(named).status == 200
    first, *_, last = [device.reenrol(device.new_key()) for _ in range(10)]
    assert checked(device.check(first)) == (403, "third-key")
    assert checked(device.check(last)) == (200, "activated")


def test_in_time_the_same_renewal_announces_nothing(graceful):
    lab, authority = graceful
    device = lab.device()
    device.identity = authority.sign(device.new_key(), moment(-GRACE), moment(GRACE))
    assert device.check().status == 200
    key = device.new_key()
    fresh = device.reenrol(key)
    assert checked(device.check(fresh)) == (403, "third-key")
    assert device.announce(key).status == 200
    assert checked(device.check(fresh)) == (200, "activated")


def test_a_renewal_in_time_whose_answer_came_too_late(graceful):
    """Asked for while the certificate was valid, never announced; then the same request after its end."""
    lab, authority = graceful
    device = late_device(lab, authority, 600)
    valid = authority.sign(_KeyOf(device))
    key = device.new_key()
    fresh = device.reenrol(key, valid)
    assert checked(device.check(fresh)) == (403, "third-key")
    assert device.reenrol(key).der == fresh.der
    assert checked(device.check(fresh)) == (200, "activated")


def test_a_late_announcement(graceful):
    """A device that asked in time and announces within the grace."""
    lab, authority = graceful
    device = late_device(lab, authority, 600)
    key = device.new_key()
    fresh = device.reenrol(key, authority.sign(_KeyOf(device)))
    too_late = authority.sign(_KeyOf(device), moment(-3 * GRACE), moment(-GRACE - 600))
    assert reason(device.announce(key, too_late)) == (403, "expired")
    assert checked(device.check(fresh)) == (403, "third-key")
    assert device.announce(key).status == 200
    assert checked(device.check(fresh)) == (200, "activated")


class _KeyOf:
    """What an authority signs: the key that the device has."""

    def __init__(self, device):
        self.path = device.identity.key
        self.request_path = device.identity.key.with_suffix(".csr")


def test_a_late_renewal_of_the_same_key(graceful):
    lab, authority = graceful
    device = late_device(lab, authority, 600)
    request = device.identity.key.with_suffix(".csr").read_bytes()
    answer = device.est("simplereenroll", request, device.identity)
    assert answer.status == 200, answer
    assert lab.check(issued(answer)).status == 200


def test_the_grace_is_for_simplereenroll_alone(graceful):
    lab, authority = graceful
    device = late_device(lab, authority, 600)
    key = device.new_key()
    assert reason(device.est("simpleenroll", key.request, device.identity)) == (403, "expired")
    # An expired certificate hides no token behind it.
    bearer = {"Authorization": basic(lab.enrolment_token(device=device.name))}
    assert reason(device.est("simpleenroll", key.request, device.identity, bearer)) == (403, "expired")
    assert device.est("simpleenroll", key.request, headers=bearer).status == 200
    assert lab.send("device", "GET", f"{EST}/cacerts", device.identity).status == 200


def test_the_grace_is_for_the_current_key_alone(graceful):
    lab, authority = graceful
    device = late_device(lab, authority, 600)
    ended = device.identity
    device.identity = device.reenrol(device.new_key())
    assert device.check().status == 200
    stranger = lab.device()
    unknown = authority.sign(stranger.new_key(), moment(-2 * GRACE), moment(-600))
    third = authority.sign(device.new_key(), moment(-2 * GRACE), moment(-600))
    for identity, subject in ((ended, device), (unknown, stranger), (third, device)):
        answer = subject.est("simplereenroll", subject.new_key().request, identity)
        assert answer.status == 403, answer
    assert lab.operator("GET", f"/v1/devices/{stranger.name}").status == 404
    assert device.check().status == 200


def test_a_held_device_does_not_renew_late(graceful):
    lab, authority = graceful
    device = late_device(lab, authority, 600)
    assert lab.operator("POST", f"/v1/devices/{device.name}/hold").status == 200
    key = device.new_key()
    assert reason(device.est("simplereenroll", key.request, device.identity)) == (403, "denied")
    assert lab.operator("POST", f"/v1/devices/{device.name}/release").status == 200
    assert device.est("simplereenroll", key.request, device.identity).status == 200


def test_without_grace_an_end_is_final(make_lab):
    lab, authority = fleet(make_lab().start())
    device = late_device(lab, authority, 1)
    for answer in (device.est("simplereenroll", device.new_key().request, device.identity),
                   device.show(), device.announce(device.new_key())):
        assert reason(answer) == (403, "expired")
    device.enrol()
    assert device.show().status == 200


def test_a_certificate_ends_while_memory_holds_it(graceful):
    lab, authority = graceful
    device = lab.device()
    device.identity = authority.sign(device.new_key(), moment(-60), moment(10))
    with lab.client("gateway", lab.gateway) as gateway:
        def ask():
            answer = gateway.send("GET", "/v1/check",
                                  headers={"X-Client-Cert-Sha256": device.identity.sha256})
            return checked(answer)

        assert device.check().status == 200
        assert ask() == (200, "ok")
        wait_until(lambda: ask() == (403, "expired"), "the certificate ended")
    device.identity = device.reenrol(device.new_key())
    assert checked(device.check()) == (200, "activated")


def test_no_answer_is_kept_beyond_the_end(make_lab):
    """The first answer is of the database, the second of memory."""
    lab, authority = fleet(make_lab(settings={"gateway": {"cache_max_age": 200, "session_max": 86400}}).start())
    for life, most in ((120, 120), (7200, 200)):
        device = lab.device()
        end = moment(life)
        device.identity = authority.sign(device.new_key(), moment(-60), end)
        assert checked(device.check()) == (200, "registered")
        answer = device.check()
        kept = int(answer.headers["Cache-Control"].removeprefix("private, max-age="))
        assert most - 60 < kept <= most
        assert answer.headers["X-Accel-Expires"] == str(kept)
        answer = lab.send("gateway", "POST", "/v1/broker/emqx", lab.gateway, json.dumps(
            {"clientid": "c", "cert_pem": device.identity.pem}).encode(), [("Content-Type", "application/json")])
        at = datetime.datetime.fromtimestamp(answer.json()["expire_at"], datetime.timezone.utc)
        assert at.strftime("%Y%m%d%H%M%SZ") == end


def test_an_authority_outside_its_dates_admits_nobody_new(make_lab):
    """Whom it admitted before stays."""
    lab = make_lab().start()
    lab.gateway = lab.add_gateway()
    early, ending = Authority(lab.keys, "/CN=Tomorrow CA"), Authority(lab.keys, "/CN=Ending CA")
    end = moment(25)
    early.date_itself(moment(86400), moment(2 * 86400))
    ending.date_itself(moment(-60), end)
    for name, authority in (("early", early), ("ending", ending)):
        assert lab.operator("POST", "/v1/authorities", {
            "name": name, "kind": "offline", "certificate": authority.identity.pem}).status == 201
    old, stranger, newcomer = (lab.device() for _ in range(3))
    for device, authority in ((old, ending), (newcomer, ending), (stranger, early)):
        device.identity = authority.sign(device.new_key())
    assert checked(stranger.check()) == (403, "authority-refused")
    assert checked(old.check()) == (200, "registered")
    wait_until(lambda: moment(0) > end, "the authority ended")
    assert checked(newcomer.check()) == (403, "authority-refused")
    assert reason(newcomer.show()) == (403, "bad-client-cert")
    assert checked(old.check()) == (200, "ok")
    ending.date_itself(moment(-60), moment(86400))
    assert lab.operator("POST", "/v1/authorities", {
        "name": "renewed", "kind": "offline", "certificate": ending.identity.pem}).status == 201
    assert checked(newcomer.check()) == (200, "registered")
    assert checked(old.check()) == (200, "ok")


def test_the_certificate_of_a_gateway_ends(make_lab):
    """On a connection that it had before, too; and it may not ask before its time."""
    lab = make_lab().start()
    authority = Authority(lab.keys, "/CN=Service of a gateway")
    device = lab.enrolled_device()
    asked = {}
    for name, start, end in (("early", 3600, 7200), ("ending", -60, 20)):
        lab.add_gateway(name)
        identity = authority.sign(device.new_key(), moment(start), moment(end))
        lab.query("UPDATE certvendor.gateway SET certificate = decode('{0}', 'hex'), "
                  "fingerprint = sha256(decode('{0}', 'hex')) WHERE name = '{1}'".format(identity.der.hex(), name))
        asked[name] = identity

    def asks(client):
        answer = client.send("GET", "/v1/check", headers={"X-Client-Cert-Sha256": device.identity.sha256})
        return answer.status, answer.reason if answer.status == 403 else None

    with lab.client("gateway", asked["ending"]) as ending, lab.client("gateway", asked["early"]) as early:
        wait_until(lambda: asks(ending) == (200, None), "the gateway is known")
        assert asks(early) == (403, "not-a-gateway")
        wait_until(lambda: asks(ending) == (403, "not-a-gateway"), "its certificate ended")
    with lab.client("gateway", asked["ending"]) as again:
        assert asks(again) == (403, "not-a-gateway")
