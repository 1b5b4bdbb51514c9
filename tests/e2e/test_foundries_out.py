"""Events out: event queues of FoundriesFactory clients, webhooks, and what happens when nobody takes them."""
import json
import signal
import threading
import time
import uuid

import pytest

from certvendor_lab import FACTORY, SECRETS, PATIENCE, end_process, run, wait_until
from event_receiver import Receiver, signature_is_good, verified_claims

QUEUES = f"/ota/factories/{FACTORY}/event-queues/"
QUICK = {"timeout": "3", "retry": "1", "retry_max": "1", "tries": "5"}


@pytest.fixture(scope="module")
def out(make_module_lab):
    return make_module_lab(settings={"outbound": QUICK}).start()


@pytest.fixture
def name(out):
    """A label of the test's own; whatever it names is removed."""
    label = f"q{uuid.uuid4().hex[:8]}"
    yield label
    out.operator("DELETE", f"/v1/webhooks/{label}")


def ota(lab, method, path, body=None, token=None):
    """As fioctl sends it."""
    data = b"" if body is None else json.dumps(body).encode()
    headers = {"OSF-TOKEN": token or lab.token, "Content-Type": "application/json", "User-Agent": "fioctl-test"}
    return lab.send("operator", method, path, body=None if method == "GET" else data, headers=headers)


def public_pem(identity):
    return run("openssl", "x509", "-in", identity.certificate, "-noout", "-pubkey").stdout


def add_queue(lab, label, url):
    answer = ota(lab, "POST", QUEUES, {"label": label, "type": "push", "push-url": url})
    assert answer.status == 201, answer


def add_webhook(lab, label, url, **more):
    answer = lab.operator("POST", "/v1/webhooks", {"name": label, "url": url, **more})
    assert answer.status == 201, answer
    secret = answer.json()["secret"]
    SECRETS.add(secret)
    return secret


def event_keys(lab):
    answer = lab.send("operator", "GET", "/v1/event-keys")
    assert answer.status == 200 and answer.headers.get_content_type() == "application/json", answer
    return answer.json()


def deliveries(lab, label, state=""):
    answer = lab.operator("GET", f"/v1/webhooks/{label}/deliveries" + (state and f"?state={state}"))
    assert answer.status == 200, answer
    return answer.json()["items"]


def hurry(lab):
    """Nothing that failed waits any longer."""
    lab.query("UPDATE certvendor.delivery SET next_at = now() WHERE state = 'pending' AND last_error IS NOT NULL "
              "AND next_at < now() + interval '1 s'")


def all_done(lab, label):
    return {each["state"] for each in deliveries(lab, label)} == {"done"}


# ---- event queues ----


def test_a_rotation_is_told_once_with_both_keys(out, name):
    device = out.enrolled_device()
    with Receiver() as receiver:
        add_queue(out, name, receiver.url("/push?tenant=1"))
        old = device.identity
        device.rotate()
        assert device.show().status == 200
        got, = receiver.wait(1)
        wait_until(lambda: all_done(out, name), "it is recorded")
        assert len(receiver.received) == 1
    assert got.path == "/push?tenant=1"
    assert got.headers.get_content_type() == "application/json"
    envelope = got.json()
    assert set(envelope) == {"message", "subscription"}
    assert envelope["subscription"] == f"projects/{FACTORY}/subscriptions/{name}"
    message = envelope["message"]
    assert set(message) == {"attributes", "data", "messageId", "message_id", "publishTime", "publish_time"}
    assert message["attributes"] == {"event-type": "DEVICE_PUBKEY_CHANGE"}
    assert message["messageId"] == message["message_id"] and message["messageId"].isdigit()
    assert message["publishTime"] == message["publish_time"] and message["publishTime"].endswith("Z")
    payload = got.payload
    assert set(payload) == {"Uuid", "DeviceGroupId", "Time", "NewPubKey", "OldPubKey"}
    assert payload["Uuid"] == device.name and payload["DeviceGroupId"] is None
    assert isinstance(payload["Time"], int) and abs(payload["Time"] - time.time()) < 300
    assert payload["NewPubKey"] == public_pem(device.identity) and payload["OldPubKey"] == public_pem(old)


def test_the_token_names_the_receiver_and_its_key_is_published(out, name):
    with Receiver() as receiver:
        add_queue(out, name, receiver.url("/here"))
        out.enrolled_device()
        got, = receiver.wait(1)
        claims = verified_claims(got, event_keys(out))
        assert claims["aud"] == receiver.url("/here")
        assert claims["iss"] == claims["sub"] == claims["email"] == "certvendor"
        assert claims["exp"] == claims["iat"] + 3600 and abs(claims["iat"] - time.time()) < 300


def test_first_sight_is_told_once(out, name):
    with Receiver() as receiver:
        add_queue(out, name, receiver.url())
        device = out.enrolled_device()
        device.show()
        got, = receiver.wait(1)
        wait_until(lambda: all_done(out, name), "it is recorded")
        assert len(receiver.received) == 1
        assert got.message["attributes"]["event-type"] == "DEVICE_FIRST_SEEN"
        assert set(got.payload) == {"Uuid", "DeviceGroupId", "Time"} and got.payload["Uuid"] == device.name


def test_queues_are_listed_and_removed(out, name):
    add_queue(out, name, "https://receiver.example/push")
    assert {"label": name, "type": "push", "push-url": "https://receiver.example/push"} in ota(
        out, "GET", QUEUES).json()
    again = ota(out, "POST", QUEUES, {"label": name, "type": "push", "push-url": "https://other.example/"})
    assert again.status == 409 and len(again.json()["message"]) > 8
    assert ota(out, "DELETE", f"{QUEUES}{name}/").status == 200
    assert name not in [each["label"] for each in ota(out, "GET", QUEUES).json()]
    gone = ota(out, "DELETE", f"{QUEUES}{name}/")
    assert gone.status == 404 and gone.json()["message"]


def test_a_removed_queue_gets_nothing_more(out, name):
    with Receiver(["close"] * 9) as receiver:
        add_queue(out, name, receiver.url())
        out.enrolled_device()
        receiver.wait(1)
        assert ota(out, "DELETE", f"{QUEUES}{name}/").status == 200
        before = len(receiver.received)
        with Receiver() as other:
            add_queue(out, name, other.url())
            out.enrolled_device()
            assert len(other.wait(1)) == 1
            wait_until(lambda: all_done(out, name), "it is recorded")
        assert len(receiver.received) <= before + 1, "one may have been on its way"


@pytest.mark.parametrize("body", [
    {"label": "x", "type": "pull"},
    {"label": "x", "type": "push"},
    {"label": "x", "type": "pop", "push-url": "https://a.example/"},
    {"label": "x y", "type": "push", "push-url": "https://a.example/"},
    {"type": "push", "push-url": "https://a.example/"},
], ids=lambda body: "-".join(body.values())[:20])
def test_what_is_no_queue_is_refused(out, body):
    answer = ota(out, "POST", QUEUES, body)
    assert answer.status == 400 and len(answer.json()["message"]) > 8, answer
    if body["type"] == "pull":
        assert "push" in answer.json()["message"]


@pytest.mark.parametrize("url", [
    "https://user:secret@a.example/", "https://user@a.example/", "https://a.example\n/", "https://a.example/\r\nX: y",
    "file:///etc/passwd", "gopher://a.example/", "ftp://a.example/", "//a.example/", "a.example", "https://",
    "https:///x",
    "https://a.example/#part", "https://a.example:0/", "https://a.example:65536/", "https://a.example:x/",
    "https://a.example\\@b.example/", "https://a.exam ple/", "https://[::1/", "https://" + "a" * 2050 + "/",
    "https://b\u00fccher.example/",
])
def test_a_url_that_is_none_is_refused(out, url):
    for answer in (ota(out, "POST", QUEUES, {"label": "bad", "type": "push", "push-url": url}),
                   out.operator("POST", "/v1/webhooks", {"name": "bad", "url": url})):
        assert answer.status == 400, (url, answer)
    assert ota(out, "DELETE", f"{QUEUES}bad/").status == 404


def test_a_viewer_sees_queues_and_changes_none(out, name):
    made = out.operator("POST", "/v1/operator-tokens", {"name": "looks", "role": "viewer"}).json()["token"]
    SECRETS.add(made)
    body = {"label": "x", "type": "push", "push-url": "https://a.example/"}
    assert ota(out, "POST", QUEUES, body, token=made).status == 403
    add_queue(out, name, "https://a.example/")
    assert ota(out, "DELETE", f"{QUEUES}{name}/", token=made).status == 403
    assert name in [queue["label"] for queue in ota(out, "GET", QUEUES, token=made).json()]
    assert ota(out, "GET", QUEUES, token="wrong").status == 401


def test_a_webhook_is_no_queue(out, name):
    """They share names, and fioctl neither sees nor removes what it did not make."""
    add_webhook(out, name, "https://a.example/")
    assert ota(out, "DELETE", f"{QUEUES}{name}/").status == 404
    assert name not in [queue["label"] for queue in ota(out, "GET", QUEUES).json()]
    assert ota(out, "POST", QUEUES, {"label": name, "type": "push", "push-url": "https://a.example/"}).status == 409
    assert out.operator("DELETE", f"/v1/webhooks/{name}").status == 200
    add_queue(out, name, "https://a.example/")
    assert ota(out, "DELETE", f"{QUEUES}{name}/").status == 200
    assert ota(out, "DELETE", f"{QUEUES}{name}/").status == 404
    rows = f"SELECT count(*) FROM certvendor.audit WHERE action = 'subscription-removed' AND before ->> 'name' = '{name}'"
    assert out.query(rows) == [["2"]]


def test_a_new_key_signs_and_the_old_one_stays_known(out, name):
    with Receiver() as receiver:
        add_queue(out, name, receiver.url())
        out.enrolled_device()
        before = verified_claims(receiver.wait(1)[0], event_keys(out))["kid"]
        made = out.cli("event-key", "replace", "--json").stdout
        kid = json.loads(made)["kid"]
        assert set(event_keys(out)) >= {before, kid}
        out.enrolled_device()
        assert verified_claims(receiver.wait(2)[1], event_keys(out))["kid"] == kid
    out.query("UPDATE certvendor.event_key SET retired_at = now() - interval '25 hours' "
              f"WHERE kid = '{before}'")
    assert before not in event_keys(out) and kid in event_keys(out)


# ---- receivers that fail ----


def test_whatever_a_receiver_does_the_same_message_comes_again(out, name):
    with Receiver() as elsewhere, Receiver(
            [500, "hang", "close", (302, {"Location": elsewhere.url()}), 202]) as receiver:
        add_queue(out, name, receiver.url())
        device = out.enrolled_device()
        device.rotate()
        got = receiver.wait(6)
        wait_until(lambda: all_done(out, name), "they are recorded")
        assert elsewhere.received == [], "a redirect is not followed"
    first = [each.message for each in got[:5]]
    assert {each["attributes"]["event-type"] for each in first} == {"DEVICE_FIRST_SEEN"}
    assert len({each["messageId"] for each in first}) == 1
    assert len({each["publishTime"] for each in first}) == 1
    # What happened later to the same device waited for it.
    assert got[5].message["attributes"]["event-type"] == "DEVICE_PUBKEY_CHANGE"
    assert int(got[5].message["messageId"]) > int(first[0]["messageId"])
    assert len(receiver.received) == 6
    done = deliveries(out, name)
    assert [each["attempts"] for each in done] == [5, 1]


@pytest.mark.parametrize("status", [102, 200, 201, 202, 204])
def test_what_acknowledges(out, name, status):
    with Receiver([status]) as receiver:
        add_queue(out, name, receiver.url())
        out.enrolled_device()
        receiver.wait(1)
        wait_until(lambda: all_done(out, name), "it is recorded")
        assert len(receiver.received) == 1 and deliveries(out, name)[0]["attempts"] == 1


def test_another_2xx_does_not_acknowledge(out, name):
    with Receiver([203, 206]) as receiver:
        add_queue(out, name, receiver.url())
        out.enrolled_device()
        receiver.wait(3)
        wait_until(lambda: all_done(out, name), "it is recorded")


def test_a_receiver_may_say_when(out, name):
    with Receiver([(503, {"Retry-After": "3"})]) as receiver:
        add_queue(out, name, receiver.url())
        out.enrolled_device()
        first, second = receiver.wait(2)
        assert second.at - first.at > 2.9


def test_one_that_hangs_holds_up_nobody_else(out, name):
    """More of its messages than it is sent at once, and more than a second's patience."""
    with Receiver(["hang"] * 100) as slow, Receiver() as quick:
        add_queue(out, name, slow.url())
        add_webhook(out, f"{name}-quick", quick.url(), events=["first-seen"])
        devices = {out.enrolled_device().name for _ in range(6)}
        got = quick.wait(6)
        assert {each.json()["subject"] for each in got} == devices
        assert all(each["state"] == "pending" for each in deliveries(out, name))
    assert out.operator("DELETE", f"/v1/webhooks/{name}-quick").status == 200


def test_what_is_given_up_can_be_replayed(out, name):
    with Receiver([500] * 5) as receiver:
        secret = add_webhook(out, name, receiver.url(), events=["first-seen"])
        device = out.enrolled_device()

        def is_dead():
            hurry(out)
            return deliveries(out, name, "dead")

        wait_until(is_dead, "it is given up", pause=0.2)
        dead, = deliveries(out, name)
        assert dead["state"] == "dead" and dead["attempts"] == 5 and dead["device"] == device.name
        assert dead["last_error"] == "the receiver answered 500" and dead["event"] == "first-seen"
        assert out.operator("GET", f"/v1/webhooks/{name}").json()["dead"] == 1
        assert any(line["subscription"] == name for line in out.events("delivery-dead"))
        assert len(receiver.received) == 5
        assert out.cli("webhook", "replay", name, "--reason", "it works again").stdout == f"{name}: done\n"
        again = receiver.wait(6)[5]
        wait_until(lambda: all_done(out, name), "it is recorded")
    assert signature_is_good(again, secret)
    assert again.json()["id"] == receiver.received[0].json()["id"]
    audit = out.operator("GET", "/v1/audit?action=subscription-replayed&limit=1").json()["items"][0]
    assert audit["reason"] == "it works again" and audit["before"]["dead"] == 1 and audit["after"]["dead"] == 0
    assert out.operator("POST", f"/v1/webhooks/{name}/replay").json() == {"outcome": "unchanged"}


def test_a_receiver_with_a_certificate_of_nobody_gets_nothing(out, name):
    pair = (out.folder / "pki/operator.pem", out.folder / "pki/operator.key")
    with Receiver(identity=pair) as receiver:
        add_webhook(out, name, receiver.url(), events=["first-seen"])
        out.enrolled_device()
        wait_until(lambda: deliveries(out, name)[0]["last_error"], "it was tried")
        assert receiver.received == []
        assert "certificate" in deliveries(out, name)[0]["last_error"]


def test_the_ca_of_receivers_can_be_named(make_lab):
    lab = make_lab(settings={"outbound": {**QUICK, "ca_file": "pki/root.pem"}}).start()
    pair = (lab.folder / "pki/operator.pem", lab.folder / "pki/operator.key")
    with Receiver(identity=pair) as receiver:
        secret = add_webhook(lab, "tls", receiver.url())
        lab.enrolled_device()
        assert all(signature_is_good(each, secret) for each in receiver.wait(2))


# ---- webhooks ----


def test_webhooks_get_signed_cloudevents(out, name):
    with Receiver() as receiver:
        secret = add_webhook(out, name, receiver.url("/hook"))
        device = out.enrolled_device()
        device.rotate()
        for act, body in (("hold", {"reason": "stolen" * 30}), ("release", {}), ("revoke", {}), ("allow", {})):
            assert out.operator("POST", f"/v1/devices/{device.name}/{act}", body).status == 200
        assert out.operator("DELETE", f"/v1/devices/{device.name}").status == 200
        sha256 = device.identity.sha256
        assert out.operator("POST", f"/v1/certificates/{sha256}/revoke", {"reason": "keyCompromise"}).status == 200
        got = receiver.wait(9)
    assert [each.json()["type"] for each in got] == [f"certvendor.{kind}" for kind in (
        "device-registered", "first-seen", "key-changed", "device-held", "device-allowed", "device-revoked",
        "device-allowed", "device-deleted", "certificate-revoked")]
    for each in got:
        event = each.json()
        assert each.headers.get_content_type() == "application/cloudevents+json"
        assert "Authorization" not in each.headers
        assert event["specversion"] == "1.0" and event["source"] == f"/factories/{FACTORY}"
        assert event["subject"] == event["data"]["device"] == device.name and uuid.UUID(event["id"]).version == 7
        assert event["datacontenttype"] == "application/json" and event["time"].endswith("Z")
        assert event["data"]["factory"] == FACTORY and event["data"]["slot"] == "client"
        assert signature_is_good(each, secret)
        assert not signature_is_good(each, secret[:-1] + ("A" if secret[-1] != "A" else "B"))
    assert len({each.json()["id"] for each in got}) == 9
    assert got[2].json()["data"]["public_key"] == public_pem(device.identity)
    assert "reason" not in got[3].json()["data"], "a remark is for operators"
    assert got[8].json()["data"]["certificate_sha256"] == sha256
    assert got[8].json()["data"]["reason"] == "keyCompromise"


def test_a_webhook_gets_what_it_asked_for(out, name):
    with Receiver() as receiver:
        add_webhook(out, name, receiver.url(), events=["device-held", "key-changed"])
        device = out.enrolled_device()
        device.rotate()
        assert out.operator("POST", f"/v1/devices/{device.name}/hold").status == 200
        got = receiver.wait(2)
        assert [each.json()["type"] for each in got] == ["certvendor.key-changed", "certvendor.device-held"]
    for events in ([], ["nothing"], "first-seen", [1]):
        answer = out.operator("POST", "/v1/webhooks", {"name": "bad", "url": "https://a.example/", "events": events})
        assert answer.status == 400, (events, answer)


def test_the_secret_is_shown_once(out, name):
    order = {"name": name, "url": "https://a.example/"}
    first = out.operator("POST", "/v1/webhooks", order, headers={"Idempotency-Key": name})
    again = out.operator("POST", "/v1/webhooks", order, headers={"Idempotency-Key": name})
    secret = first.json()["secret"]
    SECRETS.add(secret)
    assert first.status == again.status == 201 and again.json()["secret"] == secret
    assert "secret" not in out.operator("GET", f"/v1/webhooks/{name}").json()
    assert secret not in out.cli("webhook", "list", "--json").stdout
    stored = out.query(f"SELECT encode(secret, 'escape') FROM certvendor.subscription WHERE label = '{name}'")
    assert secret not in stored[0][0]
    assert out.operator("POST", "/v1/webhooks", order).status == 409


def test_a_factory_has_fifty(out):
    assert out.operator("POST", "/v1/factories", {"name": "many"}).status == 201
    for number in range(50):
        body = {"label": f"q{number}", "type": "push", "push-url": "https://a.example/"}
        assert ota(out, "POST", "/ota/factories/many/event-queues/", body).status == 201
    body["label"] = "one-more"
    answer = ota(out, "POST", "/ota/factories/many/event-queues/", body)
    assert answer.status == 409 and answer.json()["code"] == "not-possible"
    assert ota(out, "DELETE", "/ota/factories/many/event-queues/q7/").status == 200
    assert ota(out, "POST", "/ota/factories/many/event-queues/", body).status == 201
    assert len(ota(out, "GET", "/ota/factories/many/event-queues/").json()) == 50


def test_nobody_hears_what_happened_before(out, name):
    with Receiver() as receiver:
        early = out.enrolled_device()
        add_webhook(out, name, receiver.url(), events=["first-seen", "key-changed"])
        late = out.enrolled_device()
        assert receiver.wait(1)[0].json()["subject"] == late.name
        wait_until(lambda: all_done(out, name), "it is recorded")
        assert early.name not in [each.json()["subject"] for each in receiver.received]


def test_without_subscribers_nothing_is_written(make_lab):
    lab = make_lab().start()
    lab.enrolled_device().rotate()
    assert lab.query("SELECT count(*) FROM certvendor.outbox") == [["0"]]
    assert lab.query("SELECT count(*) FROM certvendor.event_key") == [["0"]]
    assert event_keys(lab) == {}
    assert lab.metric("certvendor_outbox_pending") == 0


def test_metrics_tell_results(out, name):
    def count(result):
        return out.metric(f'certvendor_webhook_deliveries_total{{result="{result}"}}')

    delivered, failed = count("delivered"), count("failed")
    with Receiver([500]) as receiver:
        add_webhook(out, name, receiver.url(), events=["first-seen"])
        out.enrolled_device()
        receiver.wait(2)
        wait_until(lambda: count("delivered") == delivered + 1, "it is counted")
        assert count("failed") == failed + 1
    assert out.metric("certvendor_outbox_pending") >= 0


def test_the_command_line_manages_webhooks(out, name):
    secret = out.cli("webhook", "add", name, "--url", "https://a.example/x", "--events", "first-seen").stdout.strip()
    SECRETS.add(secret)
    assert secret.startswith("cvw_")
    assert "https://a.example/x" in out.cli("webhook", "show", name).stdout
    assert name in out.cli("webhook", "list").stdout
    assert out.cli("webhook", "deliveries", name, "--json").stdout.strip() == '{"items":[],"next":null}'
    assert out.cli("webhook", "remove", name).stdout == f"{name}: done\n"
    assert out.cli("webhook", "show", name, is_checked=False).returncode == 1


# ---- servers that fail ----


def test_a_server_that_dies_between_sending_and_recording_sends_again(make_lab):
    lab = make_lab(settings={"outbound": {**QUICK, "timeout": "1"}}).start()
    killed = threading.Event()

    def kill():
        lab.kill()
        killed.set()
        return 204

    with Receiver([kill]) as receiver:
        add_queue(lab, "q", receiver.url())
        device = lab.device()
        device.enrol()
        try:
            device.show()
        except OSError:
            pass
        assert killed.wait(PATIENCE)
        lab.start()
        first, second = receiver.wait(2)
        wait_until(lambda: all_done(lab, "q"), "it is recorded")
        assert first.message == second.message


def test_two_servers_share_the_work(make_lab):
    settings = {"outbound": {**QUICK, "timeout": "60"}}
    one = make_lab(settings=settings).start()
    other = make_lab(beside=one, settings=settings).start()
    with Receiver() as receiver:
        add_queue(one, "q", receiver.url())
        devices = {(one, other)[number % 2].enrolled_device().name for number in range(12)}
        wait_until(lambda: len(deliveries(one, "q")) == 12 and all_done(one, "q"), "all are recorded")
        assert {each.payload["Uuid"] for each in receiver.received} == devices
        assert len(receiver.received) == 12, "each was sent once"


def test_a_server_that_stops_leaves_the_rest_to_others(make_lab):
    lab = make_lab(settings={"outbound": {**QUICK, "timeout": "60"}, "server": {"drain_timeout": "1"}}).start()
    with Receiver(["hang"]) as receiver:
        add_queue(lab, "q", receiver.url())
        lab.enrolled_device()
        receiver.wait(1)
        begun = time.monotonic()
        assert end_process(lab.process, signal.SIGTERM) == 0
        assert time.monotonic() - begun < 20
        lab.start()
        first, second = receiver.wait(2)
        assert first.message == second.message
