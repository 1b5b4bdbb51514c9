"""Operators who log in with a client certificate of the service CA."""
import base64
import hashlib
import json
import uuid

import pytest

from certvendor_lab import BINARY, FACTORY, SECRETS, Authority, Identity, Key, pem_request, run

LISTS = "/v1/devices"


@pytest.fixture(name="ann", scope="module")
def fixture_ann(lab):
    return lab.add_operator("ann", "admin")


def refusal(answer):
    return answer.status, answer.json()["code"]


def id_of(lab, identity):
    found = [item["id"] for item in lab.operator("GET", "/v1/operator-certificates?limit=1000").json()["items"]
             if item["sha256"] == identity.sha256]
    assert len(found) == 1
    return found[0]


def test_a_certificate_is_as_good_as_a_token(lab, ann):
    group = f"g{uuid.uuid4().hex[:8]}"
    assert lab.operator("POST", "/v1/groups", {"name": group}, identity=ann).status == 201
    row = lab.operator("GET", "/v1/audit?limit=1", identity=ann).json()["items"][0]
    assert (row["actor"], row["action"]) == ("operator:ann", "group-added")
    shown = lab.operator("GET", f"/v1/operator-certificates/{id_of(lab, ann)}", identity=ann).json()
    assert (shown["name"], shown["role"], shown["factories"]) == ("ann", "admin", None)
    assert shown["revoked_at"] is None and "certificate" not in shown
    text = run("openssl", "x509", "-in", ann.certificate, "-noout", "-subject", "-issuer", "-ext",
               "extendedKeyUsage").stdout
    assert "CN = ann" in text and "TLS Web Client Authentication" in text and "Server" not in text


def test_a_token_does_not_make_up_for_a_bad_certificate(lab, ann):
    stranger = Authority(lab.keys, "/CN=Nobody").sign(Key(lab.keys, "/CN=ann"))
    device = lab.enrolled_device()
    server = Identity(lab.folder / "pki/operator.pem", lab.folder / "pki/operator.key")
    for other in (stranger, device.identity, lab.gateway, server):
        for token in (None, lab.token):
            answer = lab.operator("GET", LISTS, identity=other, token=token)
            assert refusal(answer) == (403, "bad-client-cert"), (other.certificate, token)
            assert "WWW-Authenticate" not in answer.headers
    assert lab.operator("GET", LISTS, identity=ann, token="cvo_wrong").status == 200
    assert lab.operator("GET", LISTS).status == 200
    assert lab.send("operator", "GET", LISTS).status == 401


def test_a_page_of_another_site_cannot_act(lab, ann):
    device = lab.enrolled_device().name
    own = f"https://127.0.0.1:{lab.ports['operator']}"
    plain = {"Content-Type": "text/plain"}
    for says, expected in (({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403),
                           ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403),
                           ({"Sec-Fetch-Site": "same-site"}, 403), ({"Origin": own.replace("s:", ":")}, 403),
                           ({"Origin": own, "Sec-Fetch-Site": "same-origin"}, 200), ({}, 200)):
        for act in ("hold", "release"):
            answer = lab.operator("POST", f"/v1/devices/{device}/{act}", identity=ann, headers=plain | says)
            assert answer.status == expected, (says, answer)
            if expected == 403:
                assert answer.json()["code"] == "cross-site"
                assert lab.operator("GET", f"/v1/devices/{device}").json()["state"] == "ok"
        assert lab.operator("GET", LISTS, identity=ann, headers=says).status == 200
        assert lab.operator("POST", f"/v1/devices/{device}/release", headers=says).status == 200
    answer = lab.send("operator", "POST", "/ota/devices/", ann, headers={"Origin": "https://evil.example"})
    assert answer.status == 403 and answer.headers["Access-Control-Allow-Origin"] is None


def test_the_description_needs_nobody(lab):
    stranger = Authority(lab.keys, "/CN=Nobody").sign(Key(lab.keys, "/CN=ann"))
    assert lab.send("operator", "GET", "/v1/openapi.json", stranger).status == 200


def test_an_operator_is_no_gateway_and_no_device(lab, ann):
    device = lab.enrolled_device()
    assert device.check().status == 200
    answer = lab.check(device.identity.der, gateway=ann)
    assert (answer.status, answer.reason) == (403, "not-a-gateway")
    assert lab.send("device", "GET", "/device", ann).status == 403
    assert lab.check(ann.der).status == 403


def test_it_ends(lab):
    bob = lab.add_operator("bob", "viewer")
    late = lab.add_operator("late", "viewer")
    assert [lab.operator("GET", LISTS, identity=each).status for each in (bob, late)] == [200, 200]
    path = f"/v1/operator-certificates/{id_of(lab, bob)}"
    assert lab.operator("DELETE", path, {"reason": "left"}).json() == {"outcome": "done"}
    assert lab.operator("DELETE", path).json() == {"outcome": "unchanged"}
    assert refusal(lab.operator("GET", LISTS, identity=bob, token=lab.token)) == (403, "denied")
    assert lab.operator("GET", path).json()["revoked_at"] is not None
    lab.query("UPDATE certvendor.operator_certificate SET expires_at = now() - interval '1 second' "
              f"WHERE id = '{id_of(lab, late)}'")
    assert refusal(lab.operator("GET", LISTS, identity=late)) == (403, "expired")
    rows = lab.operator("GET", "/v1/audit?action=operator-certificate-revoked").json()["items"]
    assert rows[0]["reason"] == "left" and rows[0]["before"]["revoked_at"] is None


def test_what_cannot_be_issued(lab):
    key = Key(lab.keys, "/CN=carl")
    order = {"name": "carl", "role": "viewer", "csr": pem_request(key), "days": 2}
    made = lab.operator("POST", "/v1/operator-certificates", order)
    assert made.status == 201
    for change, expected in (({"role": "root"}, "bad-json"), ({"days": 0}, "bad-json"),
                             ({"name": "c arl"}, "bad-json"), ({"csr": "none"}, "bad-json"),
                             ({"csr": pem_request(key).replace("\nMI", "\nAI", 1)}, "bad-csr")):
        answer = lab.operator("POST", "/v1/operator-certificates", {**order, **change})
        assert refusal(answer) == (400, expected), change
    assert lab.operator("GET", f"/v1/operator-certificates/{uuid.uuid4()}").status == 404
    assert lab.operator("GET", "/v1/operator-certificates/carl").status == 404


def test_keys_of_others(lab):
    """A device whose key became that of a gateway or an operator could not renew any more."""
    device, gateway_key = lab.device(), Key(lab.keys, "/CN=gateway")
    device_key = device.new_key()
    device.enrol(device_key)

    def add(kind, key):
        more = {"gateways": {"sources": ["pem"]}, "operator-certificates": {"role": "viewer"}}[kind]
        return lab.operator("POST", f"/v1/{kind}", {"name": f"k{uuid.uuid4().hex[:8]}", "csr": pem_request(key), **more})

    kinds = ("gateways", "operator-certificates")
    for kind in kinds:
        assert refusal(add(kind, device_key)) == (409, "key-in-use")
    assert device.reenrol(device_key)
    gateway = add("gateways", gateway_key)
    assert gateway.status == 201
    for kind in kinds:
        assert refusal(add(kind, gateway_key)) == (409, "key-in-use")
    assert lab.operator("DELETE", f"/v1/gateways/{gateway.json()['name']}").status == 200
    made = add("operator-certificates", gateway_key)
    assert made.status == 201, "nobody has it any more"
    assert refusal(add("gateways", gateway_key)) == (409, "key-in-use")
    assert lab.operator("DELETE", f"/v1/operator-certificates/{made.json()['id']}").status == 200
    assert add("gateways", gateway_key).status == 201


def test_a_key_that_everybody_has(make_lab):
    lab = make_lab()
    known, other = Key(lab.keys, "/CN=known"), Key(lab.keys, "/CN=other")
    spki = run("openssl", "pkey", "-in", known.path, "-pubout").stdout
    der = base64.b64decode("".join(spki.splitlines()[1:-1]))
    (lab.folder / "blocked.keys").write_text(hashlib.sha256(der).hexdigest() + "\n")
    lab.settings = {"issue": {"blocked_keys": "blocked.keys"}}
    lab.write_config()
    lab.start()
    for path, body in (("gateways", {"sources": ["pem"]}), ("operator-certificates", {"role": "viewer"})):
        answer = lab.operator("POST", f"/v1/{path}", {"name": "known", "csr": pem_request(known), **body})
        assert refusal(answer) == (400, "bad-csr")
    assert lab.operator("POST", "/v1/gateways", {
        "name": "other", "csr": pem_request(other), "sources": ["pem"]}).status == 201


def test_our_own_keys(lab):
    for name, expected in (("device-ca", (409, "key-in-use")), ("service-ca", (400, "bad-csr")),
                           ("operator", (400, "bad-csr"))):
        request = run("openssl", "req", "-new", "-subj", "/CN=thief", "-key", lab.folder / f"pki/{name}.key",
                      "-passin", f"file:{lab.folder / 'pki/signer.passphrase'}").stdout
        for path, body in (("gateways", {"sources": ["pem"]}), ("operator-certificates", {"role": "viewer"})):
            answer = lab.operator("POST", f"/v1/{path}", {"name": "thief", "csr": request, **body})
            assert refusal(answer) == expected, name


def test_secrets_of_repeated_requests(lab, ann):
    """The database knows the sealed secret, and of the key that opens it only a digest."""
    key = uuid.uuid4().hex
    headers = {"Idempotency-Key": key}
    first = lab.operator("POST", "/v1/enrolment-tokens", {}, identity=ann, headers=headers).json()
    SECRETS.add(first["token"])
    assert lab.operator("POST", "/v1/enrolment-tokens", {}, identity=ann, headers=headers).json() == first
    other = lab.operator("POST", "/v1/enrolment-tokens", {"uses": 2}, identity=ann, headers=headers)
    assert refusal(other) == (422, "idempotency-key-reused")
    [[stored]] = lab.query("SELECT DISTINCT key FROM certvendor.idempotency WHERE operator = "
                           f"'{id_of(lab, ann)}'")
    assert len(stored) == 64 and stored != key


def test_command_line(lab):
    name = f"o{uuid.uuid4().hex[:8]}"
    key = Key(lab.keys, f"/CN={name}")
    request, out = key.path.with_suffix(".csr.pem"), key.path.with_suffix(".pem")
    request.write_text(pem_request(key))
    lab.cli("operator-certificate", "add", name, "--role", "viewer", "--factories", FACTORY, "--days", "30",
            "--csr", request, "--out", out)
    server = ("--server", f"https://127.0.0.1:{lab.ports['operator']}", "--ca", lab.root)
    assert FACTORY in run(BINARY, *server, "--cert", out, "--key", key.path, "factory", "list").stdout
    assert FACTORY in run(BINARY, *server, "factory", "list", "--cert", out, "--key", key.path).stdout
    by_environment = {"CERTVENDOR_CERT": str(out), "CERTVENDOR_KEY": str(key.path)}
    assert FACTORY in run(BINARY, *server, "factory", "list", **by_environment).stdout
    assert "missing-role" in run(BINARY, *server, "group", "create", "x", is_checked=False,
                                 **by_environment).stderr
    # What is on the command line comes before the environment.
    group = f"g{uuid.uuid4().hex[:8]}"
    run(BINARY, *server, "--token-file", lab.token_file, "group", "create", group, **by_environment)
    listed = json.loads(lab.cli("--json", "operator-certificate", "list", "--all").stdout)["items"]
    found = [item["id"] for item in listed if item["name"] == name]
    assert lab.cli("operator-certificate", "revoke", *found).stdout == f"{found[0]}: done\n"
    assert "revoked_at" in lab.cli("operator-certificate", "show", *found).stdout
    result = run(BINARY, *server, "device", "list", is_checked=False, **by_environment)
    assert result.returncode == 1 and "denied" in result.stderr
    result = run(BINARY, *server, "--cert", lab.folder / "none.pem", "device", "list", is_checked=False)
    assert result.returncode == 1 and "none.pem" in result.stderr
