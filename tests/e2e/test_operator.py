"""The operators' API and the command line that asks it."""
import json
import os
import uuid

import pytest

from certvendor_lab import BINARY, FACTORY, SECRETS, Authority, Client, Key, basic, pem_request, run
from registration_lab import make_token


def add_token(lab, role, factories=None, ended=""):
    order = {"name": f"{role}-{uuid.uuid4().hex[:8]}", "role": role} | ({} if factories is None else {"factories": factories})
    made = lab.operator("POST", "/v1/operator-tokens", order).json()
    SECRETS.add(made["token"])
    if ended:
        lab.query(f"UPDATE certvendor.operator_token SET {ended} WHERE id = '{made['id']}'")
    return made["token"]


@pytest.fixture(scope="module")
def tokens(lab):
    assert lab.operator("POST", "/v1/factories", {"name": "elsewhere"}).status in (201, 409)
    return {
        "viewer": add_token(lab, "viewer"), "operator": add_token(lab, "operator"),
        "foreign": add_token(lab, "admin", ["elsewhere"]),
        "both": add_token(lab, "admin", ["elsewhere", FACTORY]),
        "expired": add_token(lab, "admin", ended="expires_at = now() - interval '1 s'"),
        "revoked": add_token(lab, "admin", ended="revoked_at = now()")}


def problem(answer):
    """Status and code of an RFC 9457 answer, once its form is right."""
    assert answer.headers.get_content_type() == "application/problem+json", answer
    body = answer.json()
    assert body["type"] == f"urn:certvendor:{body['code']}"
    assert body["status"] == answer.status
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status, body["code"]


def outcome(answer):
    assert answer.status == 200, answer
    return answer.json()["outcome"]


def ask(lab, path, headers):
    with Client(lab.ports["operator"], lab.root, source="127.0.0.2") as client:
        return client.send("GET", path, headers=headers)


def test_authentication(lab, tokens):
    for headers in ({}, {"Authorization": "Bearer cvo_wrong"}, {"Authorization": f"Basic {lab.token}"}, {"Authorization": basic(lab.token)},
                    {"Authorization": "Bearer "}, {"OSF-TOKEN": "wrong"},
                    {"Authorization": f"Bearer {tokens['expired']}"},
                    {"Authorization": f"Bearer {tokens['revoked']}"},
                    [("Authorization", f"Bearer {lab.token}")] * 2):
        answer = ask(lab, "/v1/devices", headers)
        assert problem(answer) == (401, "unauthenticated"), headers
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for headers in ({"Authorization": f"Bearer {lab.token}"}, {"authorization": f"bearer {lab.token}"},
                    {"OSF-TOKEN": lab.token}):
        assert ask(lab, "/v1/devices", headers).status == 200, headers


def test_an_enrolment_token_is_no_operators_token(lab):
    token = lab.enrolment_token()
    assert ask(lab, "/v1/devices", {"Authorization": f"Bearer {token}"}).status == 401
    device = lab.device()
    answer = device.est("simpleenroll", device.new_key().request,
                        headers={"Authorization": f"Bearer {lab.token}"})
    assert answer.status == 401


def test_a_device_certificate_is_no_token(lab):
    device = lab.enrolled_device()
    answer = lab.send("operator", "GET", "/v1/devices", device.identity)
    assert (answer.status, answer.json()["code"]) == (403, "bad-client-cert")
    assert lab.send("operator", "GET", "/v1/devices").status == 401, "a token could still come"


READS = ["/v1/devices", "/v1/certificates", "/v1/authorities", "/v1/status"]


def test_roles(lab, tokens):
    device = lab.enrolled_device()
    act = f"/v1/devices/{device.name}/hold"
    for path in READS + [f"/v1/devices/{device.name}", f"/v1/certificates/{device.identity.sha256}"]:
        for role in ("viewer", "operator", "both"):
            assert lab.operator("GET", path, token=tokens[role]).status in (200, 404), path
        assert lab.operator("GET", path, token=tokens["viewer"]).status == 200, path
    for method, path in (("POST", act), ("DELETE", f"/v1/devices/{device.name}"),
                         ("POST", "/v1/enrolment-tokens"),
                         ("POST", f"/v1/certificates/{device.identity.sha256}/revoke")):
        answer = lab.operator(method, path, {}, token=tokens["viewer"])
        assert problem(answer) == (403, "missing-role"), path
    for path in ("/v1/authorities", "/v1/gateways", f"/v1/authorities/{FACTORY}-root/disable"):
        answer = lab.operator("POST", path, {}, token=tokens["operator"])
        assert problem(answer) == (403, "missing-role"), path
    assert device.check().status == 200
    assert outcome(lab.operator("POST", act, {}, token=tokens["operator"])) == "done"
    assert device.check().status == 403


def test_another_factory_looks_as_if_it_did_not_exist(lab, tokens):
    device = lab.enrolled_device()
    token = tokens["foreign"]
    for method, path in (
            ("GET", f"/v1/devices/{device.name}"), ("GET", f"/v1/devices/{device.name}?factory={FACTORY}"),
            ("GET", f"/v1/devices?factory={FACTORY}"), ("GET", "/v1/devices?factory=no-such"),
            ("GET", f"/v1/certificates/{device.identity.sha256}"),
            ("POST", f"/v1/devices/{device.name}/revoke"), ("DELETE", f"/v1/devices/{device.name}"),
            ("POST", f"/v1/certificates/{device.identity.sha256}/revoke"),
            ("POST", f"/v1/enrolment-tokens?factory={FACTORY}"),
            ("POST", f"/v1/authorities/{FACTORY}-device-ca-1/disable")):
        answer = lab.operator(method, path, None if method == "GET" else {}, token=token)
        assert problem(answer) == (404, "not-found"), path
    assert lab.operator("GET", "/v1/devices", token=token).json()["items"] == []
    assert lab.operator("GET", "/v1/authorities", token=token).json()["items"] == []
    key = Key(lab.keys, "/CN=spy")
    request = {"name": "spy", "sources": ["pem"], "factories": [FACTORY], "csr": pem_request(key)}
    assert lab.operator("POST", "/v1/gateways", request, token=token).status == 404
    del request["factories"]
    assert lab.operator("POST", "/v1/gateways", request, token=token).status == 404
    assert device.check().status == 200
    shown = lab.operator("GET", f"/v1/devices/{device.name}?factory={FACTORY}", token=tokens["both"])
    assert shown.status == 200


def test_what_does_not_exist(lab):
    nobody = uuid.uuid4()
    for method, path in (
            ("GET", f"/v1/devices/{nobody}"), ("POST", f"/v1/devices/{nobody}/revoke"),
            ("POST", f"/v1/devices/{nobody}/hold"), ("DELETE", f"/v1/devices/{nobody}"),
            ("GET", f"/v1/devices/{'x' * 200}"), ("GET", "/v1/devices/%00"), ("GET", "/v1/devices/%27"),
            ("GET", "/v1/certificates/" + "0" * 64), ("GET", "/v1/certificates/zz"),
            ("POST", "/v1/certificates/" + "0" * 64 + "/revoke"),
            ("POST", "/v1/authorities/nobody/disable"), ("GET", "/v1/nothing"), ("GET", "/")):
        answer = lab.operator(method, path, None if method == "GET" else {})
        assert problem(answer) == (404, "not-found"), path


def test_bad_input(lab):
    device = lab.enrolled_device()
    revoke = f"/v1/devices/{device.name}/revoke"
    for path, body in (
            (revoke, {"reason": "because"}), (revoke, {"reason": 1}), (revoke, {"raeson": "superseded"}),
            (revoke, []), ("/v1/enrolment-tokens", {"uses": 0}), ("/v1/enrolment-tokens", {"uses": "1"}),
            ("/v1/enrolment-tokens", {"uses": 10 ** 12}), ("/v1/enrolment-tokens", {"expires_in": -1}),
            ("/v1/enrolment-tokens", {"device": "no/id"}), ("/v1/gateways", {}),
            ("/v1/gateways", {"name": "x", "sources": [], "csr": "x"}),
            ("/v1/authorities", {"name": "x", "kind": "online", "certificate": device.identity.pem}),
            ("/v1/authorities", {"name": "x", "kind": "offline", "certificate": "x"}),
            ("/v1/authorities", {"name": "x", "kind": "offline", "certificate": device.identity.pem})):
        status, _ = problem(lab.operator("POST", path, body))
        assert status == 400, (path, body)
    for text in (b"{", b"nothing", b'{"reason":"superseded","reason":"keyCompromise"}', b"\xff", b"[" * 500):
        answer = lab.send("operator", "POST", revoke, body=text,
                          headers={"Authorization": f"Bearer {lab.token}"})
        assert problem(answer) == (400, "bad-json"), text
    for query in ("limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "factory=%zz"):
        assert problem(lab.operator("GET", f"/v1/devices?{query}")) == (400, "bad-request"), query
    assert device.check().status == 200


def test_a_misspelt_factory_acts_in_none(lab):
    device = lab.enrolled_device()
    hold = f"/v1/devices/{device.name}/hold"
    assert problem(lab.operator("POST", f"{hold}?facotry={FACTORY}")) == (400, "bad-request")
    assert device.check().status == 200
    assert lab.operator("POST", f"{hold}?factory={FACTORY}").status == 200
    assert device.check().status == 403


def test_list_and_show(lab):
    device = lab.enrolled_device()
    shown = lab.operator("GET", f"/v1/devices/{device.name}").json()
    assert (shown["id"], shown["factory"], shown["state"]) == (device.name, FACTORY, "ok")
    [slot] = shown["slots"]
    assert [key["state"] for key in slot["keys"]] == ["current"]
    [certificate] = lab.operator("GET", f"/v1/certificates?device={device.name}").json()["items"]
    assert certificate["sha256"] == device.identity.sha256
    shown = lab.operator("GET", f"/v1/certificates/{device.identity.sha256}").json()
    assert (shown["state"], shown["device"]) == ("active", device.name)
    names = [item["name"] for item in lab.operator("GET", "/v1/authorities").json()["items"]]
    assert {f"{FACTORY}-root", f"{FACTORY}-device-ca-1"} <= set(names)
    status = lab.operator("GET", "/v1/status").json()
    assert status["database"] == "up" and status["index"]["certificates"] > 0


def test_lists_come_in_pages(lab):
    mine = {lab.enrolled_device().name for _ in range(3)}
    seen, after = [], ""
    while after is not None:
        page = lab.operator("GET", f"/v1/devices?limit=2{after and '&after='}{after}").json()
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
    assert seen == sorted(set(seen)) and mine <= set(seen)


def test_revoke_device(lab):
    device = lab.enrolled_device()
    path = f"/v1/devices/{device.name}"
    early = lab.enrolment_token(device=device.name)
    pending = device.new_key()
    fresh = device.reenrol(pending)
    assert device.announce(pending).status == 200
    assert outcome(lab.operator("POST", f"{path}/revoke", {"reason": "keyCompromise"})) == "done"
    assert outcome(lab.operator("POST", f"{path}/revoke", {"reason": "keyCompromise"})) == "unchanged"
    assert device.check().status == device.show().status == 403
    assert device.check(fresh).status == device.show(fresh).status == 403
    assert lab.operator("GET", path).json()["state"] == "revoked"
    answer = device.est("simpleenroll", device.new_key().request,
                        headers={"Authorization": f"Bearer {early}"})
    assert answer.status in (401, 403), "a token from before the revocation"
    revoked = device.identity
    device.enrol()
    assert device.check().status == 200
    assert device.check(revoked).status == device.check(fresh).status == 403


def test_hold_and_release(lab):
    device = lab.enrolled_device()
    path = f"/v1/devices/{device.name}"
    pending = device.new_key()
    fresh = device.reenrol(pending)
    assert device.announce(pending).status == 200
    assert outcome(lab.operator("POST", f"{path}/hold", {})) == "done"
    assert outcome(lab.operator("POST", f"{path}/hold", {})) == "unchanged"
    assert device.check().status == device.check(fresh).status == device.show().status == 403
    assert device.est("simplereenroll", device.new_key().request, device.identity).status == 403
    assert outcome(lab.operator("POST", f"{path}/release", {})) == "done"
    assert outcome(lab.operator("POST", f"{path}/release", {})) == "unchanged"
    assert device.check().status == 200
    assert device.check(fresh).headers["Certvendor-Reason"] == "activated"


def test_the_reason_of_a_refused_id_is_shown(lab):
    device = lab.enrolled_device()
    path = f"/v1/devices/{device.name}"

    def after(method, act, body=None):
        assert outcome(lab.operator(method, path + act, body)) in ("done", "unchanged")
        return lab.operator("GET", path).json()["state_reason"]
    assert after("POST", "/hold", {"reason": "stolen"}) == "stolen"
    assert "stolen" in lab.cli("device", "show", device.name).stdout
    assert after("POST", "/hold", {"reason": "again"}) == "stolen", "it was held for that"
    assert after("POST", "/release", {"reason": "found"}) is None
    assert after("POST", "/hold") is None
    assert after("POST", "/release") is None
    assert after("DELETE", "", {"reason": "scrapped"}) == "scrapped"
    assert after("POST", "/allow", {"reason": "repaired"}) is None
    assert after("POST", "/revoke", {"reason": "superseded"}) == "superseded"


def test_delete_and_allow(lab):
    device = lab.enrolled_device()
    path = f"/v1/devices/{device.name}"
    assert outcome(lab.operator("DELETE", path)) == "done"
    assert device.check().status == device.show().status == 403
    assert outcome(lab.operator("POST", f"{path}/allow", {})) == "done"
    assert device.check().status == device.show().status == 200
    assert outcome(lab.operator("POST", f"{path}/allow", {})) == "unchanged"


def test_deleting_ends_neither_a_hold_nor_a_revocation(lab):
    """Whoever may delete and clear, and nothing else, lets no device in that others refuse."""
    cleaner = make_token(lab, scopes=["devices:delete"])
    for act in ("hold", "revoke"):
        device = lab.enrolled_device()
        path, ota = f"/v1/devices/{device.name}", f"/ota/devices/{device.name}/?factory={FACTORY}"
        assert outcome(lab.operator("POST", f"{path}/{act}", {})) == "done"
        assert problem(lab.operator("DELETE", path)) == (409, "not-possible")
        # Below /ota/ a revoked one is among the denied only.
        assert lab.operator("DELETE", ota, token=cleaner).status == {"hold": 409, "revoke": 404}[act]
        if act == "hold":
            assert lab.operator("DELETE", f"/ota/factories/{FACTORY}/denied-devices/{device.name}/",
                                token=cleaner).status == 404
        assert device.check().status == device.show().status == 403
        assert lab.operator("GET", path).json()["state"] == {"hold": "held", "revoke": "revoked"}[act]


def test_revoke_certificate(lab):
    device = lab.enrolled_device()
    spare = device.reenrol(device.new_key())
    path = "/v1/certificates/{}/revoke"
    answer = lab.operator("POST", path.format(spare.sha256), {"reason": "superseded"})
    assert answer.json() == {"outcome": "done", "ends_key": False}
    assert device.check(spare).status == 403
    assert device.check().status == 200
    answer = lab.operator("POST", path.format(device.identity.sha256), {"reason": "keyCompromise"})
    assert answer.json() == {"outcome": "done", "ends_key": True}
    assert device.check().status == 403
    answer = lab.operator("POST", path.format(device.identity.sha256), {"reason": "keyCompromise"})
    assert answer.json()["outcome"] == "unchanged"
    shown = lab.operator("GET", f"/v1/certificates/{device.identity.sha256}").json()
    assert shown["state"] == "revoked"


def test_what_is_not_possible(lab):
    device = lab.enrolled_device()
    path = f"/v1/devices/{device.name}"
    assert problem(lab.operator("POST", f"{path}/approve", {})) == (409, "not-possible")
    duplicate = Authority(lab.keys, "/CN=Twice")
    body = {"name": "twice", "kind": "offline", "certificate": duplicate.identity.pem}
    assert lab.operator("POST", "/v1/authorities", body).status == 201
    assert problem(lab.operator("POST", "/v1/authorities", body)) == (409, "exists")
    gateway = {"name": "gateway", "sources": ["pem"], "csr": pem_request(Key(lab.keys, "/CN=gateway"))}
    assert problem(lab.operator("POST", "/v1/gateways", gateway)) == (409, "exists")
    gateway.update(name="other", sources=["x-client-cert"])
    assert problem(lab.operator("POST", "/v1/gateways", gateway)) == (400, "bad-source")


def test_every_act_is_in_the_audit(lab):
    device = lab.enrolled_device()
    for act in ("hold", "release", "revoke"):
        lab.operator("POST", f"/v1/devices/{device.name}/{act}", {})
    rows = lab.query("SELECT action, actor FROM certvendor.audit "
                     f"WHERE device = '{device.name}' AND actor LIKE 'operator:%' ORDER BY id")
    assert [row[0] for row in rows] == ["enrolment-token-made", "held", "released", "revoked"]
    assert all("admin" in actor for _, actor in rows), rows
