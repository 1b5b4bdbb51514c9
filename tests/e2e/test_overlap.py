"""retire_after_days: the replaced key may talk through gateways for a while, and change nothing."""
import json
import time

import pytest

from certvendor_lab import FACTORY, basic, wait_until

DAYS = 7


@pytest.fixture(scope="module", name="lenient")
def fixture_lenient(make_module_lab):
    lab = make_module_lab().start()
    lab.query(f"UPDATE certvendor.factory SET retire_after_days = {DAYS} WHERE name = '{FACTORY}'")
    lab.gateway = lab.add_gateway()
    lab.start_nginx()
    wait_until(lambda: _overlaps(lab), "the server has read the new setting")
    return lab


def _overlaps(lab):
    device = lab.enrolled_device()
    return lab.through_nginx(device.rotate()).status == 200


def reason(answer):
    return answer.status, answer.reason


def through_nginx(lab, identity):
    answer = lab.through_nginx(identity)
    return answer.status, answer.headers["Certvendor-Reason"]


def grace_ends(lab, device, seconds):
    """As if the days had passed but so many seconds. Every reader is told, as of any change."""
    lab.query(f"""
        WITH ended AS (UPDATE certvendor.slot_key SET talks_until = now() + interval '{seconds} s'
            WHERE device = '{device.name}' AND talks_until IS NOT NULL RETURNING factory, device, slot),
        raised AS (UPDATE certvendor.slot s SET version = version + 1 FROM ended e
            WHERE s.factory = e.factory AND s.device = e.device AND s.name = e.slot
            RETURNING s.factory, s.device, s.name, s.version)
        INSERT INTO certvendor.change (factory, device, slot, version, kind)
            SELECT factory, device, name, version, 'changed' FROM raised""")


def test_the_replaced_key_talks_and_changes_nothing(lenient):
    lab = lenient
    device = lab.enrolled_device()
    old = device.rotate()
    assert through_nginx(lab, old) == through_nginx(lab, device.identity) == (200, "ok")
    answer = lab.check(old.der)
    assert (answer.headers["Certvendor-State"], answer.headers["Certvendor-Rotation"]) == (
        "retired", "overlap")
    # The rotation is not over for the new key either, whoever is asked.
    assert lab.check(device.identity.der).headers["Certvendor-Rotation"] == "overlap"
    assert device.show(old).json()["uuid"] == device.name

    key = device.new_key()
    assert reason(device.est("simplereenroll", key.request, old)) == (403, "denied")
    assert reason(device.est("simpleenroll", key.request, old)) == (403, "denied")
    bearer = {"Authorization": basic(lab.enrolment_token(device=device.name))}
    assert reason(device.est("simpleenroll", key.request, old, bearer)) == (403, "denied")
    same = old.key.with_suffix(".csr").read_bytes()
    assert reason(device.est("simplereenroll", same, old)) == (403, "denied")
    assert reason(device.announce(key, old)) == (403, "denied")
    assert reason(device.est("simplereenroll", same, device.identity)) == (400, "key-in-use")
    assert device.show().json()["next_pubkey"] is None

    fresh = device.reenrol(key)
    assert device.announce(key).status == 200
    assert through_nginx(lab, old) == (200, "ok")
    assert through_nginx(lab, fresh) == (200, "activated")
    # One key at a time: the older grace ended.
    assert through_nginx(lab, old) == (403, "denied")
    assert through_nginx(lab, device.identity) == (200, "ok")


def test_what_the_replaced_key_tells_counts_for_nothing(lenient):
    lab = lenient
    device = lab.enrolled_device()
    old = device.rotate()
    json_type = ("Content-Type", "application/json")
    writes = [("POST", "/events", [{"id": "e", "deviceTime": "2026-11-29T12:00:00Z", "eventType": {"id": "x", "version": 0},
                                    "event": {"correlationId": "c", "targetName": "t"}}]),
              ("PATCH", "/config", {"reason": "", "public-key": "",
                                    "files": [{"name": "a", "value": "b", "unencrypted": True}]}),
              ("PATCH", "/device", {"next_pubkey": device.new_key().public_pem})]

    def tell(identity, word):
        header = ("x-ats-target", word)
        answers = [lab.send("device", "GET", "/device", identity, None, [header]),
                   lab.send("device", "GET", "/repo/1.root.json", identity, None, [header])]
        return answers + [lab.send("device", method, path, identity, json.dumps(body).encode(), [json_type, header])
                          for method, path, body in writes]

    def kept(table):
        return lab.query(f"SELECT * FROM certvendor.{table} WHERE device = '{device.name}'")

    tables = ("device_report", "device_event", "device_configuration")
    answers = tell(old, "EVIL")
    assert [answer.status for answer in answers[:2]] == [200, 404]
    assert [reason(answer) for answer in answers[2:]] == [(403, "denied")] * 3
    assert device.show(device.identity).json()["next_pubkey"] is None
    answers = tell(device.identity, "GOOD")
    assert [answer.status for answer in answers] == [200, 404, 200, 201, 200]
    wait_until(lambda: kept("device_report"), "it is written")
    assert all(len(kept(table)) == 1 for table in tables)
    assert "GOOD" in kept("device_report")[0] and "EVIL" not in kept("device_report")[0]


def test_the_grace_ends(lenient):
    lab = lenient
    device = lab.enrolled_device()
    old = device.rotate()
    [[days]] = lab.query("SELECT round(extract(epoch FROM talks_until - now()) / 86400) "
                         f"FROM certvendor.slot_key WHERE device = '{device.name}' "
                         "AND state = 'retired'")
    assert int(days) == DAYS
    grace_ends(lab, device, 6)
    assert through_nginx(lab, old) == (200, "ok")
    wait_until(lambda: through_nginx(lab, old) == (403, "denied"), "the grace ended")
    assert reason(device.show(old)) == (403, "denied")
    assert through_nginx(lab, device.identity) == (200, "ok")
    assert lab.check(device.identity.der).headers["Certvendor-Rotation"] == "none"
    assert lab.stop() == 0
    lab.start()
    assert through_nginx(lab, old) == (403, "denied")
    assert through_nginx(lab, device.identity) == (200, "ok")


def broker(lab, kind, body):
    answer = lab.send("gateway", "POST", f"/v1/broker/{kind}", lab.gateway, json.dumps(body).encode(),
                      [("Content-Type", "application/json"), ("vernemq-hook", "auth_on_register")])
    assert answer.status == 200
    return answer


def test_nothing_is_kept_while_two_keys_talk(make_lab):
    lab = make_lab(settings={"gateway": {"cache_max_age": 60, "session_max": 86400}}).start()
    lab.query(f"UPDATE certvendor.factory SET retire_after_days = {DAYS} WHERE name = '{FACTORY}'")
    lab.gateway = lab.add_gateway()
    lab.start_nginx()
    wait_until(lambda: _overlaps(lab), "the server has read the new setting")
    device = lab.enrolled_device()

    def kept(identity):
        answer = lab.check(identity.der)
        assert answer.status == 200
        return answer.headers["Cache-Control"], answer.headers["Certvendor-Rotation"]

    assert kept(device.identity) == ("private, max-age=60", "none")
    key = device.new_key()
    fresh = device.reenrol(key)
    assert device.announce(key).status == 200
    assert kept(device.identity) == ("no-store", "pending")
    assert [kept(fresh) for _ in range(2)] == [("no-store", "overlap")] * 2
    assert kept(device.identity) == ("no-store", "overlap")

    def by_name():
        answer = broker(lab, "vernemq", {"username": device.name})
        return answer.json()["result"], answer.headers["Cache-Control"]

    def session_seconds(identity):
        return broker(lab, "emqx", {"cert_pem": identity.pem}).json()["expire_at"] - time.time()

    # A question by name is answered from the database.
    assert by_name() == ("ok", "no-store")
    assert session_seconds(device.identity) > 80000
    grace_ends(lab, device, 900)
    wait_until(lambda: session_seconds(device.identity) <= 900, "sessions of the old key end with its grace")
    assert session_seconds(device.identity) > 600 and session_seconds(fresh) > 80000
    grace_ends(lab, device, 0)
    wait_until(lambda: kept(fresh) == ("private, max-age=60", "none"), "the grace ended")
    assert by_name() == ("ok", "max-age=60")


def test_nothing_is_kept_of_a_first_sight_while_a_key_is_announced(make_lab):
    """A device that was deleted and let in again, with its announcement: the first answer is the database's."""
    lab = make_lab(settings={"gateway": {"cache_max_age": 60}}).start()
    lab.gateway = lab.add_gateway()
    device = lab.enrolled_device()
    assert device.announce(device.new_key()).status == 200
    for act in ("delete", "allow"):
        assert lab.cli("device", act, device.name).stdout == f"{device.name}: done\n"
    for _ in range(2):
        answer = device.check()
        assert (answer.status, answer.headers["Cache-Control"], answer.headers["Certvendor-Rotation"]) == (
            200, "no-store", "pending")


def test_the_grace_outlives_a_restart(lenient):
    lab = lenient
    device = lab.enrolled_device()
    old = device.rotate()
    lab.kill()
    lab.start()
    assert through_nginx(lab, old) == (200, "ok")
    assert reason(device.announce(device.new_key(), old)) == (403, "denied")


@pytest.mark.parametrize("act", ["hold", "delete", "revoke"])
def test_an_operators_denial_ends_the_grace_too(lenient, act):
    lab = lenient
    device = lab.enrolled_device()
    old = device.rotate()
    assert through_nginx(lab, old) == (200, "ok")
    assert lab.cli("device", act, device.name).stdout == f"{device.name}: done\n"
    assert through_nginx(lab, old)[0] == through_nginx(lab, device.identity)[0] == 403


def test_a_stolen_key_has_no_grace(lenient):
    lab = lenient
    device = lab.enrolled_device()
    old = device.rotate()
    assert through_nginx(lab, old) == (200, "ok")
    lab.cli("certificate", "revoke", old.sha256, "--reason", "keyCompromise")
    assert through_nginx(lab, old) == (403, "denied")
    assert through_nginx(lab, device.identity) == (200, "ok")


# ---- approve and cancel, as an operator types them ---------------------------------------------


def test_approve_a_device_that_cannot_announce(lab):
    device = lab.enrolled_device()
    first, newest = (device.reenrol(device.new_key()) for _ in range(2))
    assert through_nginx(lab, newest) == (403, "third-key")
    assert lab.cli("device", "approve", device.name).stdout == f"{device.name}: done\n"
    # Once more does not reach for the next key.
    assert lab.cli("device", "approve", device.name).stdout == f"{device.name}: unchanged\n"
    [slot] = json.loads(lab.cli("--json", "device", "show", device.name).stdout)["slots"]
    assert sorted(key["state"] for key in slot["keys"]) == ["announced", "asked", "current"]
    assert through_nginx(lab, first) == (403, "third-key")
    assert through_nginx(lab, device.identity) == (200, "ok")
    assert through_nginx(lab, newest) == (200, "activated")
    assert through_nginx(lab, device.identity) == (403, "denied")
    result = lab.cli("device", "approve", device.name, is_checked=False)
    assert result.returncode == 1 and "not-possible" in result.stderr


def test_cancel_what_a_device_announced(lab):
    device = lab.enrolled_device()
    key = device.new_key()
    fresh = device.reenrol(key)
    assert device.announce(key).status == 200
    assert "pending" in lab.cli("device", "show", device.name).stdout
    assert lab.cli("device", "cancel", device.name).stdout == f"{device.name}: done\n"
    assert lab.cli("device", "cancel", device.name).stdout == f"{device.name}: unchanged\n"
    assert through_nginx(lab, fresh) == (403, "third-key")
    assert through_nginx(lab, device.identity) == (200, "ok")
    assert lab.cli("device", "approve", device.name).stdout == f"{device.name}: done\n"
    assert through_nginx(lab, fresh) == (200, "activated")


def test_approve_and_cancel_of_nobody(lab):
    for act in ("approve", "cancel"):
        result = lab.cli("device", act, "nobody", is_checked=False)
        assert result.returncode == 1 and "not-found" in result.stderr
