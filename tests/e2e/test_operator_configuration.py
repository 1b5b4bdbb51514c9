"""What operators configure over the API, and its conventions: pages, tags, keys, audit."""
import hashlib
import re
import ssl
import threading
import urllib.parse
import uuid

import pytest

import operator_description
from certvendor_lab import FACTORY, SECRETS, Authority, Key, pem_request, run, wait_until
from test_operator_roles import Objects


def fresh_name(letter="n"):
    return f"{letter}{uuid.uuid4().hex[:8]}"


def refusal(answer):
    assert answer.headers.get_content_type() == "application/problem+json", answer
    return answer.status, answer.json()["code"]


def make(lab, path, body, **more):
    answer = lab.operator("POST", path, body, **more)
    assert answer.status == 201, answer
    SECRETS.update(filter(None, [answer.json().get("token")]))
    return answer.json()


def change(lab, path, body, tag="*", **more):
    return lab.operator("PATCH", path, body, headers={"If-Match": tag}, **more)


def audit(lab, **filters):
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return lab.operator("GET", f"/v1/audit?{query}").json()["items"]


def pages(lab, path, limit):
    """All items, page by page."""
    items, cursor = [], ""
    while cursor is not None:
        separator = "&" if "?" in path else "?"
        page = lab.operator("GET", f"{path}{separator}limit={limit}{cursor and '&cursor='}{cursor}").json()
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next"]
    return items


# ---- Factories ---------------------------------------------------------------------------------


def test_factories(lab):
    name = fresh_name("f")
    made = make(lab, "/v1/factories", {"name": name, "lifetime_days": 30})
    assert (made["announce"], made["first_contact"], made["lifetime_days"]) == ("explicit", "register", 30)
    assert refusal(lab.operator("POST", "/v1/factories", {"name": name})) == (409, "exists")
    assert name in [item["name"] for item in pages(lab, "/v1/factories", 2)]
    shown = lab.operator("GET", f"/v1/factories/{name}")
    assert shown.json()["created_at"] == made["created_at"]
    answer = change(lab, f"/v1/factories/{name}", {"announce": "implied", "retire_after_days": 7})
    assert answer.status == 200
    assert answer.json() == shown.json() | {"announce": "implied", "retire_after_days": 7}
    [row] = audit(lab, factory=name, action="factory-changed")
    assert row["before"] == shown.json() and row["after"] == answer.json()
    assert row["actor"] == "operator:admin" and row["request_id"] == answer.headers["X-Request-Id"]
    assert refusal(change(lab, "/v1/factories/nobody", {})) == (404, "not-found")


@pytest.mark.parametrize("body", [
    {"announce": "loud"}, {"retire_after_days": 91}, {"retire_after_days": -1}, {"lifetime_days": 0},
    {"first_contact": ""}, {"name": "other"}, {"announce": 1}, []], ids=str)
def test_settings_that_there_are_not(lab, body):
    before = lab.operator("GET", f"/v1/factories/{FACTORY}").json()
    assert refusal(change(lab, f"/v1/factories/{FACTORY}", body)) == (400, "bad-json")
    assert lab.operator("GET", f"/v1/factories/{FACTORY}").json() == before


def test_an_announce_setting_that_is_changed_lets_waiting_keys_in(make_lab):
    own = make_lab().start()
    own.gateway = own.add_gateway()
    device = own.enrolled_device()
    fresh = device.reenrol(device.new_key())
    assert device.check(fresh).status == 403
    answer = change(own, f"/v1/factories/{FACTORY}", {"announce": "implied"})
    assert answer.json()["announce"] == "implied"
    assert device.check(fresh).headers["Certvendor-Reason"] == "activated"


# ---- Groups ------------------------------------------------------------------------------------


def test_groups(lab):
    name, device = fresh_name("g"), lab.enrolled_device()
    path = f"/v1/groups/{name}"
    made = make(lab, "/v1/groups", {"name": name})
    assert (made["name"], made["factory"], made["announce"]) == (name, FACTORY, None)
    assert refusal(lab.operator("POST", "/v1/groups", {"name": name})) == (409, "exists")
    assert change(lab, path, {"announce": "implied"}).json()["announce"] == "implied"
    assert change(lab, path, {"announce": None}).json()["announce"] is None
    assert refusal(change(lab, path, {})) == (400, "bad-json")
    tag = lab.operator("GET", path).headers["ETag"]
    for given, expected in ((f'{tag}, "b"', 400), (f'{tag}{tag}', 400), ('"b"', 412), (tag, 200)):
        answer = lab.operator("PATCH", path, {"policies": ["a"]}, headers={"If-Match": given})
        assert answer.status == expected, given
    member = f"{path}/devices/{device.name}"
    for method, outcome in (("PUT", "done"), ("PUT", "unchanged")):
        assert lab.operator(method, member, {"reason": "pilot"}).json()["outcome"] == outcome
    assert [item["id"] for item in pages(lab, f"/v1/devices?group={name}", 5)] == [device.name]
    assert lab.operator("GET", f"/v1/devices/{device.name}").json()["group"] == name
    assert refusal(lab.operator("DELETE", path)) == (409, "not-possible")
    [row] = audit(lab, device=device.name, action="joined-group")
    assert (row["before"], row["after"], row["reason"]) == ({"group": None}, {"group": name}, "pilot")
    for method, outcome in (("DELETE", "done"), ("DELETE", "unchanged")):
        assert lab.operator(method, member).json()["outcome"] == outcome
    assert lab.operator("DELETE", path).json()["outcome"] == "done"
    for method, target in (("GET", path), ("DELETE", path), ("PUT", member), ("DELETE", member)):
        assert refusal(lab.operator(method, target)) == (404, "not-found"), (method, target)


def test_policies_of_a_group(lab):
    """A gateway is told them with each allowance, and only then."""
    name, device, outside = fresh_name("g"), lab.enrolled_device(), lab.enrolled_device()
    path = f"/v1/groups/{name}"
    made = make(lab, "/v1/groups", {"name": name, "policies": ["telemetry", "ota"]})
    assert made["policies"] == ["telemetry", "ota"]
    assert device.check().headers["Certvendor-Policies"] is None
    member = f"{path}/devices/{device.name}"
    assert lab.operator("PUT", member).status == 200
    for _ in range(2):
        assert device.check().headers["Certvendor-Policies"] == "telemetry, ota"
    assert outside.check().headers["Certvendor-Policies"] is None
    assert change(lab, path, {"announce": "implied"}).json()["policies"] == ["telemetry", "ota"]
    answer = change(lab, path, {"policies": ["a"] + [f"{i:024}" for i in range(14)]})
    assert (answer.status, answer.json()["announce"]) == (200, "implied")
    assert device.check().headers["Certvendor-Policies"].startswith("a, 0000")
    for policies in (["a b"], ["a", "a"], [str(i) for i in range(17)], ["x" * 33], [f"{i:025}" for i in range(15)]):
        assert refusal(change(lab, path, {"policies": policies})) == (400, "bad-json"), policies
    [*_, row] = audit(lab, action="group-changed")[::-1]
    assert row["after"]["policies"][0] == "a"
    # Its key waits: the answer comes from the database.
    fresh = device.reenrol(device.new_key())
    answer = device.check(fresh)
    assert (answer.headers["Certvendor-Reason"], answer.headers["Certvendor-Policies"][:3]) == ("activated", "a, ")
    assert device.check().headers["Certvendor-Policies"] is None, "denied now"
    assert lab.operator("DELETE", member).status == 200
    assert device.check(fresh).headers["Certvendor-Policies"] is None
    assert lab.operator("PUT", member).status == 200
    assert change(lab, path, {"policies": []}).json()["policies"] == []
    assert device.check(fresh).headers["Certvendor-Policies"] is None


def test_the_longest_answer_stays_within_a_kibibyte(make_lab, own_postgres):
    """Of names that are as long as they may be."""
    lab = make_lab(own_postgres, settings={"gateway": {"cache_max_age": 100}, "index": {"max_age": 300}}).start()
    lab.gateway = lab.add_gateway()
    device = lab.device("d" * 64)
    device.enrol()
    device.check()
    group = make(lab, "/v1/groups", {"name": "g", "policies": [f"{i:032}" for i in range(11)] + ["x" * 26]})
    assert len(", ".join(group["policies"])) == 400
    assert lab.operator("PUT", f"/v1/groups/g/devices/{device.name}").status == 200
    with lab.raw("gateway", lab.gateway) as raw:
        raw.send(f"GET /v1/check HTTP/1.1\r\nHost: x\r\nX-Request-Id: {'r' * 63}\r\n"
                 f"X-Client-Cert-Sha256: {device.identity.sha256}\r\n\r\n")
        answer = raw.answer()
        assert answer.status == 200 and len(answer.headers["Certvendor-Policies"]) == 400
        # The name of a factory can be 60 characters longer than this one's, a version of a slot 18 digits.
        assert raw.header_bytes + 60 + 18 < 1024, answer


def test_a_device_is_in_one_group(lab):
    first, second = (make(lab, "/v1/groups", {"name": fresh_name("g")})["name"] for _ in range(2))
    device = lab.enrolled_device().name
    for group in (first, second):
        assert lab.operator("PUT", f"/v1/groups/{group}/devices/{device}").status == 200
    assert lab.operator("GET", f"/v1/devices/{device}").json()["group"] == second
    assert lab.operator("DELETE", f"/v1/groups/{first}/devices/{device}").json()["outcome"] == "unchanged"
    assert refusal(lab.operator("PUT", f"/v1/groups/{first}/devices/nobody")) == (404, "not-found")


def test_a_group_overrides_its_factory(lab):
    group = make(lab, "/v1/groups", {"name": fresh_name("g"), "announce": "implied"})["name"]
    inside, outside = lab.enrolled_device(), lab.enrolled_device()
    assert lab.operator("PUT", f"/v1/groups/{group}/devices/{inside.name}").status == 200
    fresh = {device: device.reenrol(device.new_key()) for device in (inside, outside)}
    assert outside.check(fresh[outside]).status == 403
    assert inside.check(fresh[inside]).headers["Certvendor-Reason"] == "activated"
    # What was refused before is not remembered against the new rule.
    assert lab.operator("PUT", f"/v1/groups/{group}/devices/{outside.name}").status == 200
    assert change(lab, f"/v1/groups/{group}", {"announce": "explicit"}).status == 200
    assert outside.check(fresh[outside]).status == 403
    assert change(lab, f"/v1/groups/{group}", {"announce": "implied"}).status == 200
    assert outside.check(fresh[outside]).headers["Certvendor-Reason"] == "activated"


# ---- Tokens ------------------------------------------------------------------------------------


def test_operator_tokens(lab):
    order = {"name": "night-shift", "role": "operator", "factories": [FACTORY], "expires_in": 3600}
    made = make(lab, "/v1/operator-tokens", order)
    token = made.pop("token")
    path = f"/v1/operator-tokens/{made['id']}"
    shown = lab.operator("GET", path).json()
    assert shown == made and token not in str(pages(lab, "/v1/operator-tokens", 50))
    device = lab.enrolled_device()
    assert lab.operator("POST", f"/v1/devices/{device.name}/hold", {}, token=token).status == 200
    [row] = audit(lab, device=device.name, action="held")
    assert row["actor"] == "operator:night-shift"
    assert (row["before"], row["after"]) == ({"state": "ok"}, {"state": "held"})
    for outcome in ("done", "unchanged"):
        assert lab.operator("DELETE", path, {"reason": "left"}).json()["outcome"] == outcome
    assert lab.operator("GET", "/v1/devices", token=token).status == 401
    assert lab.operator("GET", path).json()["revoked_at"] is not None
    for bad in ("x", str(uuid.uuid4())):
        for method in ("GET", "DELETE"):
            for kind in ("operator", "enrolment"):
                answer = lab.operator(method, f"/v1/{kind}-tokens/{bad}")
                assert refusal(answer) == (404, "not-found")


def test_no_two_operators_have_one_name(lab):
    """Tokens and certificates share the names, which are what the audit knows of them."""
    def token(name, **more):
        return "/v1/operator-tokens", {"name": name, "role": "viewer", **more}

    def certificate(name, **more):
        return "/v1/operator-certificates", {**token(name, **more)[1], "csr": pem_request(Key(lab.keys, "/CN=x"))}

    assert refusal(lab.operator("POST", *token("admin", factories=[FACTORY]))) == (409, "exists")
    for first in (token, certificate):
        name = fresh_name("o")
        path, order = first(name)
        made = make(lab, path, order)
        for second in (token, certificate):
            assert refusal(lab.operator("POST", *second(name, factories=[FACTORY]))) == (409, "exists")
        assert lab.operator("DELETE", f"{path}/{made['id']}").status == 200
        for second in (certificate, token):  # the name is free again, and then again
            made = make(lab, *second(name))
            table = "operator_certificate" if second is certificate else "operator_token"
            lab.query(f"UPDATE certvendor.{table} SET expires_at = now() - interval '1 s' WHERE id = '{made['id']}'")
        answers = at_once(lambda number, name=name: lab.operator("POST", *(token, certificate)[number % 2](name)), 8)
        assert sorted(answer.status for answer in answers) == [201] + 7 * [409]
        SECRETS.update(filter(None, [answer.json().get("token") for answer in answers]))


@pytest.mark.parametrize("path", ["gateways", "operator-tokens", "operator-certificates"])
def test_nothing_is_made_for_a_factory_that_is_not(lab, path):
    name = fresh_name("f")
    order = {"gateways": {"sources": ["pem"]}}.get(path, {"role": "viewer"}) | {"name": name}
    if path != "operator-tokens":
        order["csr"] = pem_request(Key(lab.keys, "/CN=x"))
    for factories in ([name], [FACTORY, name], [name, FACTORY]):
        answer = lab.operator("POST", f"/v1/{path}", order | {"factories": factories})
        assert refusal(answer) == (404, "not-found")
        assert answer.json()["detail"] == "There is no such factory."
    make(lab, "/v1/factories", {"name": name})
    assert make(lab, f"/v1/{path}", order | {"factories": [FACTORY, name]})["factories"] == sorted([FACTORY, name])


def test_names_that_were_borrowed_go_on(lab):
    made = [make(lab, "/v1/operator-tokens", {"name": fresh_name("o"), "role": "operator"}) for _ in range(2)]
    lab.query(f"UPDATE certvendor.operator_token SET name = '{made[0]['name']}' WHERE id = '{made[1]['id']}'")
    for each in made:
        make(lab, "/v1/enrolment-tokens", {}, token=each["token"])
        assert lab.operator("DELETE", f"/v1/operator-tokens/{each['id']}").status == 200


@pytest.mark.parametrize("body", [
    {}, {"name": "x"}, {"name": "x", "role": "root"}, {"name": "a b", "role": "viewer"},
    {"name": "x", "role": "viewer", "factories": []}, {"name": "x", "role": "viewer", "expires_in": 0},
    {"name": "x", "role": "viewer", "factories": [FACTORY, FACTORY]}],
                         ids=str)
def test_operator_tokens_that_cannot_be(lab, body):
    assert refusal(lab.operator("POST", "/v1/operator-tokens", body)) == (400, "bad-json")


def test_enrolment_tokens(lab):
    device = lab.device()
    made = make(lab, "/v1/enrolment-tokens", {"device": device.name})
    token = made.pop("token")
    path = f"/v1/enrolment-tokens/{made['id']}"
    assert lab.operator("GET", path).json() == made
    assert (made["device"], made["uses"], made["used"], made["created_by"]) == (
        device.name, 1, 0, "operator:admin")
    assert [row["action"] for row in audit(lab, device=device.name)] == ["enrolment-token-made"]
    device.enrol(token=token)
    [shown] = pages(lab, f"/v1/enrolment-tokens?device={device.name}", 5)
    assert shown["used"] == 1
    other = lab.device()
    spare = make(lab, "/v1/enrolment-tokens", {"device": other.name})
    assert lab.operator("DELETE", f"/v1/enrolment-tokens/{spare['id']}").json()["outcome"] == "done"
    answer = other.est("simpleenroll", other.new_key().request,
                       headers={"Authorization": f"Bearer {spare['token']}"})
    assert answer.status == 401
    assert lab.operator("GET", f"/v1/enrolment-tokens/{spare['id']}").json()["revoked_at"] is not None
    rows = audit(lab, device=other.name)
    assert [(row["action"], row["factory"]) for row in rows] == [
        ("enrolment-token-revoked", FACTORY), ("enrolment-token-made", FACTORY)]
    anybody = make(lab, "/v1/enrolment-tokens", {})
    [row] = [row for row in audit(lab, action="enrolment-token-made") if row["after"]["id"] == anybody["id"]]
    assert (row["factory"], row["device"]) == (FACTORY, None)


# ---- Gateways and authorities ------------------------------------------------------------------


def test_gateways(lab):
    name = fresh_name("w")
    gateway = lab.add_gateway(name, sources=("pem",))
    device = lab.enrolled_device()
    path = f"/v1/gateways/{name}"
    shown = lab.operator("GET", path).json()
    assert (shown["sources"], shown["factories"], shown["sha256"]) == (["pem"], None, gateway.sha256)
    assert lab.check(device.identity.der, gateway=gateway).status == 403, "not its source"
    for source in ("smoke-signals", "pem=", "pem=Host", "pem=Content-Type", "pem=A:B", "issuer-serial=A",
                   "pem=" + 65 * "a"):
        assert refusal(change(lab, path, {"sources": [source]})) == (400, "bad-source"), source
    assert refusal(change(lab, path, {"sources": ["pem=X-A", "sha1=x-a"]})) == (400, "bad-source")
    assert refusal(change(lab, path, {"sources": ["pem=X A"]})) == (400, "bad-json")
    answer = change(lab, path, {"sources": ["pem=X-SSL-Cert", "sha256"]})
    assert (answer.status, answer.json()["sources"]) == (200, ["pem=X-SSL-Cert", "sha256"])
    assert change(lab, path, {"sources": ["rfc9440"], "may_activate": False}).status == 200
    assert lab.check(device.identity.der, gateway=gateway).status == 200
    assert lab.operator("DELETE", path).json()["outcome"] == "done"
    answer = lab.check(device.identity.der, gateway=gateway)
    assert (answer.status, answer.headers["Certvendor-Reason"]) == (403, "not-a-gateway")
    assert refusal(lab.operator("GET", path)) == (404, "not-found")
    assert refusal(lab.operator("DELETE", path)) == (404, "not-found")
    lab.add_gateway(name)  # the name is free again


def test_authorities(lab):
    [root] = lab.operator("GET", "/v1/authorities?kind=root").json()["items"]
    assert lab.operator("GET", f"/v1/authorities/{root['name']}").json() == root
    assert refusal(lab.operator("GET", "/v1/authorities?kind=square")) == (400, "bad-request")
    path = f"/v1/authorities/{FACTORY}-device-ca-1"
    for act, outcome in (("disable", "done"), ("disable", "unchanged"), ("enable", "done")):
        assert lab.operator("POST", f"{path}/{act}", {}).json()["outcome"] == outcome
    row = audit(lab, action="authority-changed", limit=1)[0]
    assert (row["before"]["state"], row["after"]["state"]) == ("disabled", "trusted")
    lab.operator("POST", f"{path}/revoke", {"reason": "cACompromise"})
    assert refusal(lab.operator("POST", f"{path}/disable", {})) == (409, "not-possible")
    assert audit(lab, action="authority-changed", limit=1)[0]["reason"] == "cACompromise"
    lab.operator("POST", f"{path}/enable", {})


def certified_again(lab, authority, issuer):
    """The same name and key under a certificate that somebody else made."""
    request, out = authority.folder / "again.csr", authority.folder / "again.pem"
    extensions = authority.folder / "again.cnf"
    extensions.write_text("basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n")
    run("openssl", "x509", "-x509toreq", "-in", authority.identity.certificate, "-signkey", authority.identity.key,
        "-out", request)
    run("openssl", "x509", "-req", "-in", request, "-CA", issuer.identity.certificate, "-CAkey", issuer.identity.key,
        "-set_serial", "1", "-days", "30", "-extfile", extensions, "-out", out)
    return out.read_text()


@pytest.mark.parametrize("kind", ["offline", "bootstrap"])
def test_a_ca_of_another_factory_is_not_taken_over(lab, kind):
    """Its key is known to whoever saw its certificate, and its devices would be met as theirs."""
    stranger = "a" + fresh_name()  # before the other one in every order by name
    assert lab.operator("POST", "/v1/factories", {"name": stranger}).status == 201
    order = {"name": stranger, "role": "admin", "factories": [stranger]}
    token = lab.operator("POST", "/v1/operator-tokens", order).json()["token"]
    SECRETS.add(token)
    ours, theirs = Authority(lab.keys, f"/CN={fresh_name()}"), Authority(lab.keys, f"/CN={fresh_name()}")
    order = {"name": fresh_name(), "kind": "offline", "certificate": ours.identity.pem}
    assert lab.operator("POST", "/v1/authorities", order).status == 201
    twin = {"name": fresh_name(), "kind": kind, "certificate": certified_again(lab, ours, theirs)}
    assert refusal(lab.operator("POST", "/v1/authorities", twin, token=token)) == (400, "bad-certificate")
    own = {"name": fresh_name(), "kind": kind, "certificate": theirs.identity.pem}
    assert lab.operator("POST", "/v1/authorities", own, token=token).status == 201
    # One that slipped in at the same time changes nothing: the older one has the devices.
    der = ssl.PEM_cert_to_DER_cert(certified_again(lab, ours, theirs))
    lab.query("INSERT INTO certvendor.authority (id, factory, kind, name, fingerprint, certificate) VALUES "
              f"('{uuid.uuid4()}', '{stranger}', '{kind}', '{fresh_name()}', "
              f"'\\x{hashlib.sha256(der).hexdigest()}', '\\x{der.hex()}')")
    # Its own factory may change its certificate.
    assert lab.operator("POST", "/v1/authorities", {**twin, "kind": "offline"}).status == 201
    device = ours.sign(Key(lab.keys, f"/CN={uuid.uuid4()}"))
    assert lab.send("device", "GET", "/device", device).json()["factory"] == FACTORY


def test_what_another_factory_shows_is_free_for_this_one(lab):
    """Nor does it say that it is shown there."""
    neighbour, authority = fresh_name("f"), Authority(lab.keys, f"/CN={fresh_name()}")
    make(lab, "/v1/factories", {"name": neighbour})
    order = {"kind": "root", "certificate": authority.identity.pem}
    make(lab, f"/v1/authorities?factory={neighbour}", {**order, "name": "shown"})
    make(lab, "/v1/authorities", {**order, "name": fresh_name(), "kind": "offline"})
    answer = lab.operator("POST", "/v1/authorities", {**order, "name": fresh_name(), "kind": "offline"})
    assert refusal(answer) == (409, "exists")
    device = authority.sign(Key(lab.keys, f"/CN={uuid.uuid4()}"))
    assert lab.send("device", "GET", "/device", device).json()["factory"] == FACTORY
    other = fresh_name("f")
    make(lab, "/v1/factories", {"name": other})
    make(lab, f"/v1/authorities?factory={other}", {**order, "name": "shown"})
    again = lab.operator("POST", f"/v1/authorities?factory={other}", {**order, "name": "used", "kind": "offline"})
    assert refusal(again) == (400, "bad-certificate")


@pytest.mark.parametrize("first,second", [("offline", "bootstrap"), ("bootstrap", "offline")])
def test_a_ca_is_of_one_kind(lab, first, second):
    """What it was first counts; the other entry would be nothing."""
    authority = Authority(lab.keys, f"/CN={fresh_name()}")
    order = {"name": fresh_name(), "kind": first, "certificate": authority.identity.pem}
    make(lab, "/v1/authorities", order)
    authority.renew()
    renewed = {"name": fresh_name(), "kind": second, "certificate": authority.identity.pem}
    answer = lab.operator("POST", "/v1/authorities", renewed)
    assert refusal(answer) == (400, "bad-certificate")
    assert f"the key of this CA is already listed as {first}" in answer.json()["detail"]
    make(lab, "/v1/authorities", {**renewed, "kind": first})


@pytest.mark.parametrize("kind", ["root", "offline", "bootstrap"])
def test_a_ca_with_an_unknown_critical_extension_is_not_taken(lab, kind):
    """Whatever it signs would be refused."""
    authority, factory = Authority(lab.keys, f"/CN={fresh_name()}"), fresh_name("f")
    make(lab, "/v1/factories", {"name": factory})
    for critical, status in (("critical,", 400), ("", 201)):
        pem = run("openssl", "req", "-x509", "-key", authority.identity.key, "-subj", authority.subject, "-days", "30",
                  "-addext", "keyUsage=critical,keyCertSign", "-addext", f"1.2.3.4={critical}DER:0500").stdout
        order = {"name": fresh_name(), "kind": kind, "certificate": pem}
        answer = lab.operator("POST", f"/v1/authorities?factory={factory}", order)
        assert answer.status == status, answer
        assert status == 201 or "critical extension" in answer.json()["detail"]


def wait_for_detail(lab, check, detail):
    """In the log line of a check: some only, when many are refused."""
    def is_logged():
        wanted = check().headers["X-Request-Id"]
        return [line["request_id"] for line in lab.events("request") if line.get("detail") == detail][-1:] == [wanted]

    wait_until(is_logged, detail)


@pytest.mark.parametrize("kind", ["root", "offline", "bootstrap"])
def test_a_ca_of_the_name_of_ours_is_not_taken(lab, kind):
    """Whoever holds its key could give a certificate any serial number under that name."""
    stranger = fresh_name("f")
    make(lab, "/v1/factories", {"name": stranger})
    token = make(lab, "/v1/operator-tokens", {"name": stranger, "role": "admin", "factories": [stranger]})["token"]
    subject = run("openssl", "x509", "-in", lab.folder / "pki/device-ca.pem", "-noout", "-subject",
                  "-nameopt", "compat").stdout.removeprefix("subject=").strip()
    order = {"name": stranger, "kind": kind, "certificate": Authority(lab.keys, subject).identity.pem}
    answer = lab.operator("POST", "/v1/authorities", order, token=token)
    assert refusal(answer) == (400, "bad-certificate")
    assert "the name of this CA" in answer.json()["detail"]
    order["certificate"] = Authority(lab.keys, subject.replace(FACTORY, stranger)).identity.pem
    assert lab.operator("POST", "/v1/authorities", order, token=token).status == 201
    # One that was there before ours is told of in the log.
    der, device = Authority(lab.keys, subject).identity.der, lab.enrolled_device()
    gateway = lab.add_gateway(fresh_name("g"), sources=["issuer-serial"])
    serial = run("openssl", "x509", "-in", device.identity.certificate, "-noout", "-serial").stdout.strip()[7:]
    issuer = run("openssl", "x509", "-in", device.identity.certificate, "-noout", "-issuer", "-nameopt",
                 "RFC2253").stdout.removeprefix("issuer=").strip()
    named = [("X-Client-Cert-Issuer", issuer), ("X-Client-Cert-Serial", serial)]
    assert lab.check(headers=named, gateway=gateway).status == 200
    identity = uuid.uuid4()
    lab.query("INSERT INTO certvendor.authority (id, factory, kind, name, fingerprint, certificate) VALUES "
              f"('{identity}', '{stranger}', '{kind}', '{fresh_name()}', "
              f"'\\x{hashlib.sha256(der).hexdigest()}', '\\x{der.hex()}')")
    try:
        wait_for_detail(lab, lambda: lab.check(headers=named, gateway=gateway),
                        "another authority has the issuer's name, too, or another certificate its serial number")
    finally:
        lab.query(f"DELETE FROM certvendor.authority WHERE id = '{identity}'")
    wait_until(lambda: lab.check(headers=named, gateway=gateway).status == 200, "it is forgotten")


def test_a_check_for_another_factory_says_so_in_the_log(lab):
    stranger, device = fresh_name("f"), lab.enrolled_device()
    make(lab, "/v1/factories", {"name": stranger})
    gateway = lab.add_gateway(fresh_name("g"), options=["--factories", stranger])
    answer = lab.check(device.identity.der, gateway=gateway)
    assert (answer.status, answer.headers["Certvendor-Reason"]) == (403, "unknown")
    assert FACTORY not in str(answer.headers) + answer.body.decode()
    wait_for_detail(lab, lambda: lab.check(device.identity.der, gateway=gateway),
                    "the certificate is of another factory")


# ---- Lists -------------------------------------------------------------------------------------


def test_filters(lab):
    held, revoked = lab.enrolled_device(), lab.enrolled_device()
    lab.operator("POST", f"/v1/devices/{held.name}/hold", {})
    lab.operator("POST", f"/v1/devices/{revoked.name}/revoke", {})
    for state, mine, other in (("held", held, revoked), ("revoked", revoked, held)):
        names = [item["id"] for item in pages(lab, f"/v1/devices?state={state}", 500)]
        assert mine.name in names and other.name not in names
    certificates = pages(lab, "/v1/certificates?state=retired", 500)
    assert revoked.identity.sha256 in [item["sha256"] for item in certificates]
    assert {item["state"] for item in certificates} == {"retired"}
    [denial] = pages(lab, f"/v1/denials?device={revoked.name}", 5)
    assert (denial["sha256"], denial["state"]) == (revoked.identity.sha256, "retired")
    assert pages(lab, f"/v1/denials?device={held.name}", 5) == []
    assert pages(lab, "/v1/certificates?expires_before=2026-01-01T00:00:00Z", 5) == []
    authority = f"{FACTORY}-device-ca-1"
    [found] = pages(lab, f"/v1/certificates?device={held.name}&authority={authority}", 5)
    assert found["authority"] == authority
    assert pages(lab, f"/v1/certificates?device={held.name}&authority=nobody", 5) == []


def test_stalled_devices(lab):
    device = lab.enrolled_device()
    key = device.new_key()
    device.reenrol(key)
    assert device.announce(key).status == 200

    def listed(rotation):
        return device.name in [item["id"] for item in pages(lab, f"/v1/devices?rotation={rotation}", 500)]
    assert (listed("pending"), listed("stalled")) == (True, False)
    lab.query("UPDATE certvendor.slot SET locked_since = now() - interval '8 days' "
              f"WHERE device = '{device.name}'")
    assert (listed("pending"), listed("stalled")) == (False, True)


def test_bodies_are_json(lab):
    def add(*types):
        headers = [("Content-Type", each) for each in types]
        return lab.operator("POST", "/v1/groups", {"name": fresh_name("g")}, headers=headers)

    for types in ((), ("application/json",), ("Application/JSON; charset=utf-8",)):
        assert add(*types).status == 201, types
    for types in (("text/plain",), ("application/x-www-form-urlencoded",), ("application/jsonx",), ("",),
                  ("multipart/form-data; boundary=x",), ("application/json", "text/plain")):
        assert refusal(add(*types)) == (415, "media-type"), types


@pytest.mark.parametrize("operation", [each for each in operator_description.OPERATIONS
                                       if "cursor" in each.names("query")], ids=str)
def test_what_lists_refuse(lab, operation):
    for query, code in (("cursor=x", "bad-cursor"), ("cursor=", "bad-cursor"), ("cursor", "bad-cursor"),
                        ("cursor=00", "bad-cursor"),
                        ("cursor=" + "0" * 300, "bad-cursor"), ("limit=0", "bad-request"),
                        ("limit=1001", "bad-request"), ("no_such_filter=1", "bad-request"),
                        ("limit=1&limit=1", "bad-request")):
        assert refusal(lab.operator("GET", f"{operation.path}?{query}")) == (400, code), query
    for name in operation.names("query") - {"factory", "limit", "cursor", "after"}:
        for query in (f"{name}=", name):
            assert refusal(lab.operator("GET", f"{operation.path}?{query}")) == (400, "bad-request"), query
    cursor = lab.operator("GET", "/v1/certificates?limit=1").json()["next"]
    if operation.path != "/v1/certificates":
        answer = lab.operator("GET", f"{operation.path}?cursor={cursor}")
        assert refusal(answer) == (400, "bad-cursor"), "the cursor of another list"
    for parameter in operation.parameters:
        if parameter["schema"].get("format") == "date-time":
            name = parameter["name"]
            for time in ("yesterday", "2026-13-30T06:00:00Z", "2026-02-29T06:00:00Z", "2026-11-30T06:00:00+23:59",
                         "2026-11-30T25:00:00Z", "2026-11-30T06:00:00", "2026-11-30", "+2", "-", "Z",
                         "2026-11-30T06:00:00." + 60 * "1" + "Z"):
                answer = lab.operator("GET", f"{operation.path}?{name}={time}")
                assert refusal(answer) == (400, "bad-request"), time
                assert answer.json()["detail"] == f"Query member {name} must be a time as in 2026-11-23T03:01:12Z."
            for time in ("2026-12-30T06:00:00Z", "2024-02-29t06:00:60.123456789-15:59", "0001-01-01%2000:00:00z",
                         "9999-12-31T23:59:59+00:00", "2026-11-30T06:00:00." + 40 * "1" + "Z"):
                assert lab.operator("GET", f"{operation.path}?{name}={time}").status == 200, time


def test_what_only_the_database_finds_names_nothing_of_ours(lab):
    for path in ("/v1/audit?actor=%ff", "/v1/devices/%ff", "/v1/groups/%ff", "/v1/webhooks/%ff/deliveries"):
        answer = lab.operator("GET", path)
        assert refusal(answer) == (400, "bad-request")
        assert "detail" not in answer.json(), answer


def test_pages_are_stable_when_something_comes_in_between(lab):
    names = sorted(fresh_name("page-") for _ in range(4))
    for name in (names[0], names[2], names[3]):
        make(lab, "/v1/groups", {"name": name})
    seen, cursor, is_first = [], "", True
    while cursor is not None:
        page = lab.operator("GET", f"/v1/groups?limit=1{cursor and '&cursor='}{cursor}").json()
        seen += [item["name"] for item in page["items"] if item["name"] in names]
        cursor = page["next"]
        if is_first and seen == names[:1]:
            make(lab, "/v1/groups", {"name": names[1]})
            lab.operator("DELETE", f"/v1/groups/{names[0]}")
            is_first = False
    assert seen == names


def test_the_audit_is_read_backwards(lab):
    device = lab.enrolled_device()
    for act in ("hold", "release", "hold"):
        lab.operator("POST", f"/v1/devices/{device.name}/{act}", {"reason": f"try to {act}"})
    rows = pages(lab, f"/v1/audit?device={device.name}&actor=operator:admin", 2)
    assert [row["action"] for row in rows[:3]] == ["held", "released", "held"]
    assert rows[0]["reason"] == "try to hold"
    assert audit(lab, device=device.name, since=rows[0]["at"].replace("+00:00", "Z"))[0] == rows[0]
    until = audit(lab, device=device.name, until=rows[0]["at"].replace("+00:00", "Z"))
    assert rows[0] not in until and rows[1] in until


# ---- Preconditions -----------------------------------------------------------------------------


def test_entity_tags(lab):
    name = make(lab, "/v1/groups", {"name": fresh_name("g")})["name"]
    path = f"/v1/groups/{name}"
    tag = lab.operator("GET", path).headers["ETag"]
    assert refusal(lab.operator("PATCH", path, {"announce": None})) == (428, "precondition-required")
    fresh = change(lab, path, {"announce": "implied"}, tag).headers["ETag"]
    assert fresh != tag and lab.operator("GET", path).headers["ETag"] == fresh
    for stale in (tag, '"x"'):
        answer = change(lab, path, {"announce": None}, stale)
        assert refusal(answer) == (412, "precondition-failed")
    for malformed in ("x", f"W/{fresh}", f"{fresh}, {tag}", '"', ""):
        answer = change(lab, path, {"announce": None}, malformed)
        assert refusal(answer) == (400, "bad-request"), malformed
    assert lab.operator("GET", path).json()["announce"] == "implied"
    assert change(lab, path, {"announce": "implied"}, fresh).headers["ETag"] == fresh, "no change"
    answer = lab.operator("DELETE", path, headers={"If-Match": tag})
    assert refusal(answer) == (412, "precondition-failed")
    assert lab.operator("DELETE", path, headers={"If-Match": fresh}).json()["outcome"] == "done"


def test_one_of_two_changes_of_the_same_state_wins(lab):
    name = make(lab, "/v1/groups", {"name": fresh_name("g")})["name"]
    path = f"/v1/groups/{name}"
    tag = lab.operator("GET", path).headers["ETag"]
    answers = at_once(lambda number: change(
        lab, path, {"announce": ("implied", "explicit")[number % 2]}, tag), 8)
    assert sorted(answer.status for answer in answers) == [200] + [412] * 7


# ---- Links -------------------------------------------------------------------------------------

NOWHERE = "https://localhost:1/events"
LISTS = [each.path for each in operator_description.OPERATIONS if "cursor" in each.names("query")]


def follow(lab, path, query):
    """The items of all pages, by the links alone, and how many links there were."""
    items, links, target = [], 0, f"{path}?{query}"
    while True:
        answer = lab.operator("GET", target)
        assert answer.status == 200, answer
        items += answer.json()["items"]
        if "Link" not in answer.headers:
            return items, links
        reference, relation = re.fullmatch(r'<([^>]*)>; rel="(\w+)"', answer.headers["Link"]).groups()
        assert relation == "next"
        target = urllib.parse.urljoin(target, reference)
        links += 1


def new_rotation_group(device):
    return {"name": fresh_name("r"), "est_url": "https://est.example/.well-known/est", "per_hour": 1,
            "devices": [device]}


@pytest.fixture(name="two_of_each", scope="module")
def fixture_two_of_each(lab):
    objects = Objects(lab)
    for _ in range(2):
        lab.operator("POST", f"/v1/devices/{objects.device().name}/revoke")
        for make_one in (objects.group, objects.gateway, objects.enrolment_token, objects.approval,
                         objects.operator_token, objects.operator_certificate, objects.authority_name,
                         objects.device_grant):
            make_one()
        SECRETS.add(make(lab, "/v1/webhooks", {"name": fresh_name("h"), "url": NOWHERE})["secret"])
        name = make(lab, "/v1/rotation-groups", new_rotation_group(objects.device().name))["name"]
        assert lab.operator("POST", f"/v1/rotation-groups/{name}/end").status == 200
        make(lab, "/v1/factories", {"name": fresh_name("f")})


@pytest.fixture(name="told", scope="module")
def fixture_told(lab):
    """A webhook that was told something twice."""
    name = fresh_name("h")
    SECRETS.add(make(lab, "/v1/webhooks", {"name": name, "url": NOWHERE})["secret"])
    device = lab.enrolled_device().name
    for act in ("hold", "release"):
        assert lab.operator("POST", f"/v1/devices/{device}/{act}").status == 200
    yield name
    lab.operator("DELETE", f"/v1/webhooks/{name}")


@pytest.mark.usefixtures("two_of_each")
@pytest.mark.parametrize("path", LISTS)
def test_links_lead_to_the_end(lab, path, told):
    """What is tried again all the time, such as a delivery, may change between two looks."""
    path = path.replace("{name}", told)
    until = "" if path != "/v1/audit" else f"&until={lab.operator('GET', '/v1/audit?limit=1').json()['items'][0]['at']}"

    def look(limit):
        return follow(lab, path, f"limit={limit}{until}".replace("+", "%2B"))

    for _ in range(10):
        before = look(1000)[0]
        assert len(before) >= 2
        limit = max(1, min(1000, len(before) // 3))
        found, links = look(limit)
        whole = look(1000)[0]
        if before == whole:
            break
    assert found == whole
    assert links == -(-len(whole) // limit) - 1 > 0


def test_links_keep_the_filters(lab):
    group = make(lab, "/v1/groups", {"name": fresh_name("g")})["name"]
    names = sorted(lab.enrolled_device().name for _ in range(3))
    for name in names:
        assert lab.operator("PUT", f"/v1/groups/{group}/devices/{name}").status == 200
    found, links = follow(lab, "/v1/devices", f"group={group}&limit=1&factory={FACTORY}")
    assert ([item["id"] for item in found], links) == (names, 2)


def test_a_link_that_is_too_long_is_left_out(lab):
    """The same question in few letters and in many."""
    device = lab.device(fresh_name("d").ljust(64, "x"))
    device.enrol()
    for act in ("hold", "release", "hold"):
        assert lab.operator("POST", f"/v1/devices/{device.name}/{act}").status == 200
    filters = {"device": device.name, "actor": "operator:admin", "since": "2026-01-01T00:00:00Z",
               "until": "2100-01-01T00:00:00Z", "factory": FACTORY, "limit": "1"}
    short = "&".join(f"{name}={value}" for name, value in filters.items())
    long = "&".join(f"{name}=" + "".join(f"%{ord(letter):02X}" for letter in value)
                    for name, value in filters.items())
    answers = [lab.send("operator", "GET", f"/v1/audit?{query}", headers={"Authorization": f"Bearer {lab.token}"})
               for query in (short, long)]
    assert answers[0].body == answers[1].body and answers[0].json()["next"] is not None
    assert ["Link" in answer.headers for answer in answers] == [True, False]


# ---- Idempotency -------------------------------------------------------------------------------


def at_once(act, count):
    answers = [None] * count
    barrier = threading.Barrier(count)

    def run(number):
        barrier.wait()
        answers[number] = act(number)
    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def creations(lab):
    """Each creating operation with a body that can be carried out once."""
    def request():
        return pem_request(Key(lab.keys, "/CN=twice"))

    return {
        "/v1/factories": {"name": fresh_name("f")},
        "/v1/groups": {"name": fresh_name("g")},
        "/v1/gateways": {"name": fresh_name("w"), "sources": ["pem"], "csr": request()},
        "/v1/authorities": None,
        "/v1/enrolment-tokens": {"device": fresh_name("d")},
        "/v1/operator-tokens": {"name": fresh_name("o"), "role": "viewer"},
        "/v1/operator-certificates": {"name": fresh_name("o"), "role": "viewer", "csr": request()},
        "/v1/webhooks": {"name": fresh_name("h"), "url": NOWHERE},
        "/v1/event-keys": {"reason": "a new year"},
        "/v1/rotation-groups": new_rotation_group(lab.enrolled_device().name),
    }


def changed(body):
    """Another request of the same kind."""
    for member, value in (("device", {"uses": 2}), ("reason", {"reason": "no reason"})):
        if member in body:
            return {**body, **value}
    return {**body, "name": fresh_name()}


def test_every_creation_takes_a_key(lab):
    documented = {each.path for each in operator_description.OPERATIONS
                  if "Idempotency-Key" in each.names("header")}
    assert documented == set(creations(lab))
    for path, body in creations(lab).items():
        if body is None:
            continue
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        first = lab.operator("POST", path, body, headers=headers)
        assert first.status == 201, first
        SECRETS.update(filter(None, [first.json().get("token"), first.json().get("secret")]))
        second = lab.operator("POST", path, body, headers=headers)
        assert (second.status, second.body) == (201, first.body), path
        answer = lab.operator("POST", path, changed(body), headers=headers)
        assert refusal(answer) == (422, "idempotency-key-reused"), path


def test_what_may_be_left_out_may_be_null(lab):
    def nullable(path):
        schema = operator_description.DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        schema = operator_description.resolve(schema["schema"])
        return {name for name, value in schema["properties"].items()
                if "oneOf" in value or "null" in value.get("type", ())}
    for path, body in creations(lab).items():
        if body is not None and path != "/v1/event-keys":
            answer = lab.operator("POST", path, dict.fromkeys(nullable(path)) | body)
            assert answer.status == 201, (path, answer)
            SECRETS.update(filter(None, [answer.json().get("token"), answer.json().get("secret")]))
    device, group = lab.enrolled_device().name, make(lab, "/v1/groups", {"name": fresh_name("g")})["name"]
    for act in ("hold", "release", "revoke"):
        assert lab.operator("POST", f"/v1/devices/{device}/{act}", {"reason": None}).status == 200
    for path, body in ((f"/v1/factories/{FACTORY}", {"lifetime_days": None, "announce": None}),
                       (f"/v1/groups/{group}", {"announce": None, "policies": None})):
        assert change(lab, path, body).status == 200


@pytest.mark.parametrize("name", ["device", "label"])
def test_no_token_for_every_id_by_mistake(lab, name):
    for value in (None, ""):
        assert refusal(lab.operator("POST", "/v1/enrolment-tokens", {name: value})) == (400, "bad-json")


def test_remarks_are_counted_in_bytes(lab):
    device = lab.enrolled_device().name
    for act, reason, expected in (("hold", 100 * "\u00e9", 200), ("release", 100 * "\u00e9" + "x", 400),
                                  ("release", 200 * "x", 200)):
        assert lab.operator("POST", f"/v1/devices/{device}/{act}", {"reason": reason}).status == expected


@pytest.mark.parametrize("path", operator_description.DOCUMENT["paths"])
def test_what_no_operation_declares(lab, path):
    """405 and 414, which the description has once for all of them."""
    methods = {method.upper() for method in operator_description.DOCUMENT["paths"][path]}
    target = re.sub(r"\{\w+\}", "none", path)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
        answer = lab.operator(method, target)
        assert refusal(answer) == (405, "method")
        assert set(answer.headers["Allow"].split(", ")) - {"HEAD"} == methods
    for method in methods:
        answer = lab.send("operator", method, f"{target}?{1024 * 'x'}", headers={"OSF-TOKEN": lab.token})
        assert refusal(answer) == (414, "target-too-long")


@pytest.mark.parametrize("head", ["Content-Length: x", "X-Long: " + 33000 * "x"], ids=["length", "head"])
def test_what_is_no_http_is_answered_by_the_library(lab, head):
    with lab.raw("operator") as raw:
        raw.send(f"POST /v1/groups HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n")
        answer = raw.answer()
    assert answer.status in (400, 413, 431) and answer.headers["X-Request-Id"] is None
    assert answer.headers.get_content_type() != "application/problem+json", answer


def test_double_sends_run_once(lab):
    device = fresh_name("d")
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    answers = at_once(lambda _: lab.operator(
        "POST", "/v1/enrolment-tokens", {"device": device}, headers=headers), 8)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    SECRETS.add(answers[0].json()["token"])
    assert len(pages(lab, f"/v1/enrolment-tokens?device={device}", 10)) == 1
    rows = audit(lab, action="enrolment-token-made", limit=100)
    assert [row["after"]["device"] for row in rows].count(device) == 1


def test_keys_are_of_one_operator_and_end(lab):
    headers = {"Idempotency-Key": "1"}
    device = fresh_name("d")
    other = make(lab, "/v1/operator-tokens", {"name": "other", "role": "operator"})["token"]
    first = make(lab, "/v1/enrolment-tokens", {"device": device}, headers=headers)
    theirs = make(lab, "/v1/enrolment-tokens", {"device": device}, headers=headers, token=other)
    assert first["id"] != theirs["id"]
    lab.query("UPDATE certvendor.idempotency SET created_at = now() - interval '25 hours'")
    later = make(lab, "/v1/enrolment-tokens", {"device": device}, headers=headers)
    assert later["id"] != first["id"]
    assert lab.query("SELECT count(*) FROM certvendor.idempotency "
                     "WHERE created_at < now() - interval '24 hours'") == [["0"]]


def test_a_refusal_is_not_remembered(lab):
    name = make(lab, "/v1/groups", {"name": fresh_name("g")})["name"]
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    assert lab.operator("POST", "/v1/groups", {"name": name}, headers=headers).status == 409
    lab.operator("DELETE", f"/v1/groups/{name}")
    assert lab.operator("POST", "/v1/groups", {"name": name}, headers=headers).status == 201


def test_the_database_holds_no_secret(lab):
    token = make(lab, "/v1/operator-tokens", {"name": "hidden", "role": "viewer"},
                 headers={"Idempotency-Key": str(uuid.uuid4())})["token"]
    for table in ("idempotency", "operator_token", "audit"):
        rows = lab.query(f"SELECT t::text FROM certvendor.{table} t")
        assert token not in str(rows) and token.encode().hex() not in str(rows), table


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 129, "\u00fc"])
def test_keys_that_are_none(lab, key):
    answer = lab.operator("POST", "/v1/enrolment-tokens", {}, headers={"Idempotency-Key": key})
    assert refusal(answer) == (400, "bad-request")


def test_description(lab):
    answer = lab.send("operator", "GET", "/v1/openapi.json")
    assert answer.status == 200 and answer.json() == operator_description.DOCUMENT
