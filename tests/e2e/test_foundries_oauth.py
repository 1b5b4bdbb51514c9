"""Tokens by OAuth: a device that has none shows a code, an operator approves it; fioctl makes itself sessions."""
import base64
import json
import urllib.parse
import uuid

import pytest

from certvendor_lab import FACTORY, SECRETS
from fioctl import Fioctl
from registration_lab import Registrant, make_token

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def form(lab, path, **members):
    """As libcurl and Go send it."""
    body = urllib.parse.urlencode(members).encode()
    return lab.send("operator", "POST", path, body=body, headers={"Content-Type": "application/x-www-form-urlencoded"})


def ask(lab, name, factory=FACTORY, **changes):
    members = {"client_id": name, "scope": f"{factory}:devices:create", **changes}
    return form(lab, "/oauth/authorization/device/", **{key: text for key, text in members.items() if text is not None})


def begin(lab, name):
    """The codes, read as lmp-device-register does: a missing member would crash it."""
    answer = ask(lab, name)
    assert answer.status == 200, answer
    codes = answer.json()
    assert all(isinstance(codes[key], str) for key in ("device_code", "user_code", "verification_uri"))
    assert all(isinstance(codes[key], int) for key in ("expires_in", "interval"))
    SECRETS.add(codes["device_code"])
    return codes


def poll(lab, name, code):
    return form(lab, "/oauth/token/", grant_type=GRANT, device_code=code, client_id=name,
                scope=f"{FACTORY}:devices:create")


def refused(answer, error, status=400):
    assert answer.status == status, answer
    told = answer.json()
    assert sorted(told) == ["error", "error_description"] and told["error"] == error
    assert told["error_description"] not in ("", error), "older devices crash without it, newer ones print it"


def take(answer):
    assert answer.status == 200, answer
    token = answer.json()["access_token"]
    SECRETS.add(token)
    return token


def post_with_bearer(device, token, **more):
    encoded = base64.b64encode(token.encode()).decode()
    return device.post(headers={"Content-type": "application/json", "Authorization": f"Bearer {encoded}"}, **more)


def test_device_flow(lab):
    device = Registrant(lab)
    codes = begin(lab, device.uuid)
    refused(poll(lab, device.uuid, codes["device_code"]), "authorization_pending")
    waiting = lab.operator("GET", "/v1/device-grants?state=pending").json()["items"]
    assert [row["device"] for row in waiting if row["user_code"] == codes["user_code"]] == [device.uuid]
    typed = codes["user_code"].lower().replace("-", "")
    approver = make_token(lab, name="approver")
    assert lab.operator("POST", f"/v1/device-grants/{typed}/approve", {"reason": "I see it"},
                        token=approver).status == 200
    token = take(poll(lab, device.uuid, codes["device_code"]))
    assert take(poll(lab, device.uuid, codes["device_code"])) == token, "a lost answer is repeated"
    # It registers this device and does nothing else.
    refusal = post_with_bearer(Registrant(lab), token)
    assert refusal.status == 403, refusal
    for method, path, body in (("GET", "/v1/devices", None), ("POST", "/v1/enrolment-tokens", {}),
                               ("GET", f"/ota/devices/?factory={FACTORY}", None)):
        assert lab.operator(method, path, body, token=token).status == 403
    device.take(post_with_bearer(device, token))
    assert lab.operator("GET", f"/v1/devices/{device.uuid}").json()["owner"] == "approver"
    assert device.check_in().status == 200
    rows = lab.operator("GET", f"/v1/audit?device={device.uuid}").json()["items"]
    approved = next(row for row in rows if row["action"] == "device-grant-approved")
    assert approved["actor"] == "operator:approver" and approved["reason"] == "I see it"
    # Decided once.
    assert lab.operator("POST", f"/v1/device-grants/{typed}/refuse", {}).status == 404


@pytest.mark.parametrize("act", ["delete", "hold", "revoke"])
def test_what_was_approved_before_does_not_undo_an_act(lab, act):
    """Neither a token that was collected, nor a code that was approved; one that is approved after it counts."""
    device = Registrant(lab)
    again = Registrant(lab, device.uuid)
    codes, later = begin(lab, device.uuid), begin(lab, device.uuid)
    for each in (codes, later):
        assert lab.operator("POST", f"/v1/device-grants/{each['user_code']}/approve", {}).status == 200
    token = take(poll(lab, device.uuid, codes["device_code"]))
    device.take(post_with_bearer(device, token))
    assert device.check_in().status == 200
    waiting = begin(lab, device.uuid)
    path = f"/v1/devices/{device.uuid}"
    assert lab.operator(*(("DELETE", path) if act == "delete" else ("POST", f"{path}/{act}", {}))).status == 200
    assert post_with_bearer(again, token).status == 401
    refused(poll(lab, device.uuid, later["device_code"]), "invalid_grant")
    assert device.check_in().status == 403
    if act == "delete":
        assert lab.operator("POST", f"/v1/device-grants/{waiting['user_code']}/approve", {}).status == 200
        again.take(post_with_bearer(again, take(poll(lab, device.uuid, waiting["device_code"]))))
        assert again.check_in().status == 200


def test_refused(lab):
    name = str(uuid.uuid4())
    codes = begin(lab, name)
    lab.cli("grant", "refuse", codes["user_code"])
    refused(poll(lab, name, codes["device_code"]), "access_denied")


def test_by_command_line(lab):
    device = Registrant(lab)
    codes = begin(lab, device.uuid)
    assert codes["user_code"] in lab.cli("grant", "list", "--state", "pending").stdout
    lab.cli("grant", "approve", codes["user_code"])
    device.take(post_with_bearer(device, take(poll(lab, device.uuid, codes["device_code"]))))


def test_expired(lab):
    name = str(uuid.uuid4())
    codes = begin(lab, name)
    lab.query(f"UPDATE certvendor.device_grant SET expires_at = now() - interval '1 second' WHERE device = '{name}'")
    refused(poll(lab, name, codes["device_code"]), "expired_token")
    assert lab.operator("POST", f"/v1/device-grants/{codes['user_code']}/approve", {}).status == 404


def test_who_approves_must_be_allowed_to(lab):
    name = str(uuid.uuid4())
    codes = begin(lab, name)
    path = f"/v1/device-grants/{codes['user_code']}/approve"
    assert lab.operator("POST", path, {}, token=make_token(lab, role="viewer")).status == 403
    assert lab.operator("POST", path, {}, token=make_token(lab, scopes=["devices:read-update"])).status == 403
    refused(poll(lab, name, codes["device_code"]), "authorization_pending")


def test_the_token_ends_with_that_of_who_approved(lab):
    device = Registrant(lab)
    codes = begin(lab, device.uuid)
    answer = lab.operator("POST", "/v1/operator-tokens", {"name": "fired", "role": "operator", "factories": [FACTORY]})
    SECRETS.add(answer.json()["token"])
    assert lab.operator("POST", f"/v1/device-grants/{codes['user_code']}/approve", {},
                        token=answer.json()["token"]).status == 200
    token = take(poll(lab, device.uuid, codes["device_code"]))
    assert lab.operator("DELETE", f"/v1/operator-tokens/{answer.json()['id']}", {}).status == 200
    assert post_with_bearer(device, token).status == 401
    refused(poll(lab, device.uuid, codes["device_code"]), "access_denied")


def test_the_token_ends_when_that_of_who_approved_does(lab):
    name = str(uuid.uuid4())
    codes = begin(lab, name)
    order = {"name": "interim", "role": "operator", "factories": [FACTORY], "expires_in": 3600}
    made = lab.operator("POST", "/v1/operator-tokens", order).json()
    SECRETS.add(made["token"])
    assert lab.operator("POST", f"/v1/device-grants/{codes['user_code']}/approve", {},
                        token=made["token"]).status == 200
    take(poll(lab, name, codes["device_code"]))
    lab.query(f"UPDATE certvendor.operator_token SET expires_at = now() WHERE id = '{made['id']}'")
    refused(poll(lab, name, codes["device_code"]), "access_denied")


def test_a_token_is_given_again_while_it_is_good(lab):
    """The code lives longer than what it gives."""
    name = str(uuid.uuid4())
    codes = begin(lab, name)
    assert lab.operator("POST", f"/v1/device-grants/{codes['user_code']}/approve", {}).status == 200
    token = take(poll(lab, name, codes["device_code"]))
    assert take(poll(lab, name, codes["device_code"])) == token
    lab.query(f"UPDATE certvendor.operator_token SET expires_at = now() WHERE device = '{name}'")
    refused(poll(lab, name, codes["device_code"]), "expired_token")


def test_a_token_that_was_revoked_is_not_given_again(lab):
    devices = [Registrant(lab) for _ in range(2)]
    codes = [begin(lab, device.uuid) for device in devices]
    for each in codes:
        assert lab.operator("POST", f"/v1/device-grants/{each['user_code']}/approve", {}).status == 200
    tokens = [take(poll(lab, devices[i].uuid, codes[i]["device_code"])) for i in range(2)]
    [[made]] = lab.query(f"SELECT id FROM certvendor.operator_token WHERE device = '{devices[0].uuid}'")
    assert lab.operator("DELETE", f"/v1/operator-tokens/{made}", {}).status == 200
    refused(poll(lab, devices[0].uuid, codes[0]["device_code"]), "access_denied")
    assert post_with_bearer(devices[0], tokens[0]).status == 401
    assert take(poll(lab, devices[1].uuid, codes[1]["device_code"])) == tokens[1]
    devices[1].take(post_with_bearer(devices[1], tokens[1]))


def test_what_a_session_approved_ends_with_its_token(lab):
    order = {"name": "erna", "role": "operator", "factories": [FACTORY]}
    made = lab.operator("POST", "/v1/operator-tokens", order).json()
    own = session(lab, grant_type="client_credentials", client_id="erna", client_secret=made["token"]).json()
    SECRETS.update([made["token"], own["access_token"], own["refresh_token"]])
    devices = [Registrant(lab) for _ in range(3)]
    codes = [begin(lab, device.uuid) for device in devices]
    for each in codes:
        assert lab.operator("POST", f"/v1/device-grants/{each['user_code']}/approve", {},
                            token=own["access_token"]).status == 200
    tokens = [take(poll(lab, devices[i].uuid, codes[i]["device_code"])) for i in range(2)]
    devices[0].take(post_with_bearer(devices[0], tokens[0]))
    assert lab.operator("DELETE", f"/v1/operator-tokens/{made['id']}", {}).status == 200
    assert post_with_bearer(devices[1], tokens[1]).status == 401
    refused(poll(lab, devices[2].uuid, codes[2]["device_code"]), "access_denied")


def test_two_instances(make_lab):
    """What one instance was asked the other answers."""
    first = make_lab().start()
    second = make_lab(beside=first).start()
    name = str(uuid.uuid4())
    codes = begin(first, name)
    refused(poll(second, name, codes["device_code"]), "authorization_pending")
    assert second.operator("POST", f"/v1/device-grants/{codes['user_code']}/approve", {}).status == 200
    assert take(poll(first, name, codes["device_code"])) == take(poll(second, name, codes["device_code"]))


@pytest.mark.parametrize("changes, error", [
    ({"client_id": None}, "invalid_request"), ({"client_id": "a b"}, "invalid_request"),
    ({"scope": None}, "invalid_scope"), ({"scope": "nowhere:devices:create"}, "invalid_scope"),
    ({"scope": f"{FACTORY}:devices:delete"}, "invalid_scope"), ({"scope": ":devices:create"}, "invalid_scope"),
])
def test_bad_questions(lab, changes, error):
    refused(ask(lab, str(uuid.uuid4()), **changes), error)


def test_a_device_asks_a_few_times_only(lab):
    name = str(uuid.uuid4())
    for _ in range(10):
        begin(lab, name)
    refused(ask(lab, name), "slow_down", 429)
    begin(lab, str(uuid.uuid4()))


def test_polls_are_answered_400_whatever_is_wrong(make_lab):
    """Any other status would make the device ask every two seconds for ever."""
    own = make_lab().start()
    name = str(uuid.uuid4())
    codes = begin(own, name)
    refused(form(own, "/oauth/token/"), "invalid_request")
    refused(form(own, "/oauth/token/", grant_type="password", username="a"), "unsupported_grant_type")
    refused(form(own, "/oauth/token/", grant_type=GRANT, client_id=name), "invalid_request")
    refused(poll(own, str(uuid.uuid4()), codes["device_code"]), "invalid_grant")
    body = f"grant_type={GRANT}&device_code=a&device_code=b&client_id={name}".encode()
    answer = own.send("operator", "POST", "/oauth/token/", body=body)
    refused(answer, "invalid_request")
    body = f"grant_type={GRANT}&device_code={codes['device_code']}&client_id=%ff".encode()
    refused(own.send("operator", "POST", "/oauth/token/", body=body), "invalid_request")
    refused(poll(own, name, codes["device_code"]), "authorization_pending")
    # Who guesses must wait.
    answers = [poll(own, name, f"cvd_{number}").json()["error"] for number in range(25)]
    assert answers[0] == "invalid_grant" and answers[-1] == "slow_down"


def test_page(lab):
    answer = lab.send("operator", "GET", "/oauth/device/")
    assert answer.status == 200 and b"grant approve" in answer.body
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


# ---- fioctl --------------------------------------------------------------------------------------


def session(lab, **members):
    return form(lab, "/oauth/token/", **members)


def test_client_credentials(lab):
    secret = make_token(lab, name="carla", role="viewer")
    answer = session(lab, grant_type="client_credentials", client_id="carla", client_secret=secret)
    assert answer.status == 200, answer
    first = answer.json()
    SECRETS.update([first["access_token"], first["refresh_token"]])
    assert first["token_type"] == "bearer" and isinstance(first["expires_in"], int)
    assert first["orgs"] == [{"name": FACTORY}] and first["scope"] == "devices:read"
    encoded = base64.b64encode(first["access_token"].encode()).decode()
    answer = lab.send("operator", "GET", f"/ota/factories/{FACTORY}/users/self/",
                      headers={"Authorization": f"Bearer {encoded}"})
    assert answer.json()["polis-id"] == "carla" and answer.json()["role"] == "viewer"
    second = session(lab, grant_type="refresh_token", client_id="carla", client_secret=secret,
                     refresh_token=first["refresh_token"]).json()
    SECRETS.add(second["access_token"])
    assert second["access_token"] != first["access_token"]
    assert Fioctl(lab, second["access_token"]).get(f"/ota/devices/?factory={FACTORY}&limit=10")["devices"] is not None
    for changes in ({"client_secret": "cvo_wrong"}, {"client_id": "other"}):
        wrong = {"grant_type": "client_credentials", "client_id": "carla", "client_secret": secret, **changes}
        refused(session(lab, **wrong), "invalid_client", 401)
    refused(session(lab, grant_type="refresh_token", client_id="carla", client_secret=secret, refresh_token="cvr_x"),
            "invalid_client", 401)
    refused(session(lab, grant_type="refresh_token", client_id="carla", client_secret=secret), "invalid_request")


def test_a_session_makes_no_session(lab):
    secret = make_token(lab, name="dirk")
    first = session(lab, grant_type="client_credentials", client_id="dirk", client_secret=secret).json()
    SECRETS.update([first["access_token"], first["refresh_token"]])
    refused(session(lab, grant_type="client_credentials", client_id="dirk", client_secret=first["access_token"]),
            "invalid_client", 401)


def test_a_token_has_so_many_sessions(lab):
    def begin_session(name, secret):
        made = session(lab, grant_type="client_credentials", client_id=name, client_secret=secret).json()
        SECRETS.update([made["access_token"], made["refresh_token"]])
        return made["access_token"]

    def status(token):
        return lab.operator("GET", "/v1/devices?limit=1", token=token).status

    secrets = {name: make_token(lab, name=name, role="viewer") for name in ("fritz", "gerda")}
    other, first, second = (begin_session(name, secrets[name]) for name in ("gerda", "fritz", "fritz"))
    for _ in range(98):
        begin_session("fritz", secrets["fritz"])
    assert (status(first), status(second)) == (200, 200)
    newest = begin_session("fritz", secrets["fritz"])
    assert [status(token) for token in (first, second, newest, other)] == [401, 200, 200, 200]
    assert status(secrets["fritz"]) == 200


def test_other_methods_are_told_as_json(lab):
    answer = lab.send("operator", "GET", "/oauth/token/")
    assert answer.status == 405 and json.loads(answer.body)
