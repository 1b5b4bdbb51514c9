"""Devices register at /ota/devices/: with a CSR, as lmp-device-register and fioup do, and with a certificate, as a
detached registrar does; the refusal next to the acceptance that it nearly was."""
import base64
import datetime
import hashlib
import json
import re
import ssl
import threading
import tomllib
import uuid

import pytest

from certvendor_lab import EST, FACTORY, SECRETS, Authority, Identity, Key, run, wait_until
from fioctl import Fioctl
from registration_lab import (PATH, DeviceKey, Registrant, import_authority, make_token, put_certificate,
                              subject_of, subject_of_request, text_of)


def refusal(answer, status, code=None):
    assert answer.status == status, answer
    assert answer.headers.get_content_type() == "application/json"
    body = answer.json()
    assert body["message"] and (code is None or body["code"] == code), body
    return body["message"]


# ---- the probe -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("path", [PATH, PATH.rstrip("/")])
def test_probe_without_a_token_is_answered(lab, method, path):
    with lab.client("operator") as client:
        assert client.send(method, path).status == 401


# ---- POST ----------------------------------------------------------------------------------------


def test_lmp_device_register(lab):
    issuer = f'factory="{FACTORY}",ca="{FACTORY}-device-ca-1"'
    counted = f'certvendor_certificates_issued_total{{{issuer},kind="registration"}}'
    before = lab.metric(counted)
    device = Registrant(lab, is_production=True).register()
    assert lab.metric(counted) == before + 1
    pem = device.files["client.pem"]
    assert device.files["root.crt"] == lab.root.read_text()
    assert pem.count("BEGIN CERTIFICATE") == 1
    assert subject_of(pem) == subject_of_request(device.key.request)
    text = text_of(pem)
    assert re.search(r"X509v3 Key Usage: critical\s+Digital Signature\n", text), text
    assert re.search(r"X509v3 Extended Key Usage: critical\s+TLS Web Client Authentication\n", text), text
    assert "X509v3 Authority Key Identifier" in text
    assert device.check_in().status == 200
    shown = lab.operator("GET", f"/v1/devices/{device.uuid}").json()
    assert shown["production"] is True and shown["hardware_id"] == "intel-corei7-64"
    assert shown["name"] == device.uuid and shown["factory"] == FACTORY


def test_certificate_verifies_and_ends_with_its_issuer(lab):
    device = Registrant(lab).register()
    chain = lab.folder / "pki/device-ca.pem"
    leaf = device.identity.certificate
    run("openssl", "verify", "-CAfile", lab.root, "-untrusted", chain, "-purpose", "sslclient", leaf)
    end = lambda path: run("openssl", "x509", "-noout", "-enddate", "-in", path).stdout  # noqa: E731
    assert end(leaf) == end(chain)


def test_lifetime_is_a_setting(make_lab):
    own = make_lab(settings={"foundries": {"lifetime": 100, "gateway_url": "https://gw.example.org:8443",
                                           "ostree_url": "https://ostree.example.org"}}).start()
    device = Registrant(own).register()
    end = run("openssl", "x509", "-noout", "-enddate", "-in", device.identity.certificate).stdout
    end = datetime.datetime.strptime(end.strip(), "notAfter=%b %d %H:%M:%S %Y GMT")
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    assert abs((end - now).days - 100) <= 1
    toml = tomllib.loads(device.files["sota.toml"])
    assert toml["tls"]["server"] == "https://gw.example.org:8443"
    assert toml["uptane"]["repo_server"] == "https://gw.example.org:8443/repo"
    assert toml["pacman"]["ostree_server"] == "https://ostree.example.org/ostree"
    # Without an authority that signs, nobody is registered; clients would repeat what a 5xx answers.
    authority = own.operator("GET", "/v1/authorities?kind=online").json()["items"][0]["name"]
    assert own.operator("POST", f"/v1/authorities/{authority}/disable", {}).status == 200
    refusal(Registrant(own).post(), 403, "not-authorised")
    # What is answered again was signed before.
    first = device.files["client.pem"]
    assert device.register().files["client.pem"] == first
    assert own.operator("POST", f"/v1/authorities/{authority}/enable", {}).status == 200
    Registrant(own).register()
    assert own.operator("POST", f"/v1/authorities/{authority}/revoke", {}).status == 200
    refusal(device.post(), 403, "not-authorised")


def test_fioup(lab):
    """PrintableString, OU before CN, no extensions in the request."""
    device = Registrant(lab, is_fioup=True).register(is_go=True, **{"use-ostree-server": True})
    assert subject_of(device.files["client.pem"]) == subject_of_request(device.key.request)
    assert "Digital Signature" in text_of(device.files["client.pem"])
    assert device.check_in().status == 200
    assert lab.operator("GET", f"/v1/devices/{device.uuid}").json()["production"] is False


def test_it_waits_for_100_continue(lab):
    device = Registrant(lab)
    body = json.dumps(device.body()).encode()
    with lab.raw("operator") as raw:
        raw.send(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nOSF-TOKEN: {lab.token}\r\nContent-type: "
                 f"application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n")
        while b"\r\n\r\n" not in raw.buffer:
            raw._fill()
        assert raw.buffer.startswith(b"HTTP/1.1 100 ")
        raw.buffer = raw.buffer.split(b"\r\n\r\n", 1)[1]
        raw.send(body)
        device.take(raw.answer())


def test_same_key_again_gets_the_same_certificate(lab):
    device = Registrant(lab).register()
    first = device.files["client.pem"]
    device.register()
    assert device.files["client.pem"] == first
    device.key.write_request()
    device.register()
    assert device.files["client.pem"] == first, "another CSR of the same key"
    assert device.check_in().status == 200
    device.register()
    assert device.files["client.pem"] == first, "after it was seen"


def test_another_key_is_a_conflict(lab):
    device = Registrant(lab).register()
    held = device.identity
    device.new_key()
    refusal(device.post(), 409, "exists")
    assert device.check_in(held).status == 200


def test_after_a_rotation_the_first_request_is_a_conflict(lab):
    device = Registrant(lab).register()
    first = device.key
    fresh = lab.device(device.uuid)
    fresh.subject = device.key.subject
    fresh.identity = device.identity
    fresh.rotate()
    refusal(device.post(), 409, "exists")
    device.key = first
    assert device.check_in().status == 403


def test_names(lab):
    name = f"pump {uuid.uuid4().hex[:8]}"
    first = Registrant(lab).register(name=name)
    other = Registrant(lab)
    refusal(other.post(name=name), 409, "exists")
    refusal(other.post(name=first.uuid), 400)
    for bad in ("a/b", " a", "a\tb", "x" * 65, '"'):
        assert other.post(name=bad).status == 400, bad
    other.register(name=name + "b")
    third = Registrant(lab)
    third.register(name="")
    shown = lab.operator("GET", f"/v1/devices/{third.uuid}").json()
    assert shown["name"] == third.uuid


def test_an_id_that_is_taken_is_no_name(lab):
    device = Registrant(lab, name=f"pump-{uuid.uuid4().hex[:8]}").register()
    Fioctl(lab).done("PATCH", f"{PATH}{device.uuid}/?factory={FACTORY}", {"name": "renamed " + device.uuid[:8]})
    refusal(Registrant(lab).post(name=device.uuid), 409, "exists")


def renamed(device, uuid_):
    """Another id, the same key."""
    device.uuid = uuid_
    device.key.subject = f"/CN={uuid_}/OU={FACTORY}"
    device.key.write_request()
    return device


def test_a_refusal_keeps_neither_row_nor_key(lab):
    name = f"pump {uuid.uuid4().hex[:8]}"
    first = Registrant(lab).register(name=name)
    rows = "SELECT (SELECT count(*) FROM certvendor.device), (SELECT count(*) FROM certvendor.key_claim)"
    before = lab.query(rows)
    devices = [Registrant(lab), Registrant(lab), Registrant(lab, name=first.uuid)]
    assert devices[0].post(name=name).status == 409
    assert devices[1].post(group="nobody").status == 400
    assert devices[2].post().status == 409
    assert lab.query(rows) == before
    for device in devices:
        renamed(device, str(uuid.uuid4())).register()
        assert renamed(device, str(uuid.uuid4())).post().status == 400


def test_groups(lab):
    group = f"g{uuid.uuid4().hex[:8]}"
    device = Registrant(lab)
    refusal(device.post(group=group), 400)
    assert lab.operator("POST", "/v1/groups", {"name": group}).status == 201
    device.register(group=group)
    assert lab.operator("GET", f"/v1/devices/{device.uuid}").json()["group"] == group


@pytest.mark.parametrize("what", ["uuid", "factory", "no-unit", "csr", "signature", "weak", "json", "no-csr"])
def test_bad_requests(lab, what):
    device = Registrant(lab)
    changes = {}
    if what == "uuid":
        changes["uuid"] = str(uuid.uuid4())
    elif what == "factory":
        device.key = DeviceKey(lab, device.uuid, factory="nowhere")
    elif what == "no-unit":
        key = Key(lab.keys, f"/CN={device.uuid}")
        changes["csr"] = run("openssl", "req", "-inform", "DER", "-in", key.request_path).stdout
    elif what == "csr":
        changes["csr"] = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"
    elif what == "signature":
        der = bytearray(device.key.request)
        der[-1] ^= 1
        changes["csr"] = ssl.DER_cert_to_PEM_cert(bytes(der)).replace("CERTIFICATE", "CERTIFICATE REQUEST")
    elif what == "weak":
        key = Key(lab.keys, f"/CN={device.uuid}/OU={FACTORY}", curve="P-224")
        changes["csr"] = run("openssl", "req", "-inform", "DER", "-in", key.request_path).stdout
    elif what == "no-csr":
        changes["csr"] = None
    if what == "json":
        answer = lab.send("operator", "POST", PATH, body=b"{", headers={"OSF-TOKEN": lab.token})
    else:
        answer = device.post(**changes)
    refusal(answer, 400)
    assert lab.operator("GET", f"/v1/devices/{device.uuid}").status == 404


def test_a_key_of_another_device(lab):
    first = Registrant(lab).register()
    other = Registrant(lab)
    request = first.key.request_for(f"/CN={other.uuid}/OU={FACTORY}")
    pem = ssl.DER_cert_to_PEM_cert(request).replace("CERTIFICATE", "CERTIFICATE REQUEST")
    refusal(other.post(csr=pem), 400, "key-in-use")
    other.register()


def test_whoever_registers_is_one_row_of_the_trail(lab, local_ca):
    """Of an operator of this factory, who sees it: whatever devices and keys he invents, in any OU."""
    name = f"t{uuid.uuid4().hex[:8]}"
    token = make_token(lab, name=name)
    taken = Registrant(lab).register().key
    for kind, ou in (("ca-request", FACTORY), ("ca-request", "nowhere"), ("key-in-use", FACTORY)):
        device = Registrant(lab, factory=ou)
        if kind == "ca-request":
            device.key.extensions = ["-addext", "basicConstraints=critical,CA:TRUE"]
            csr = device.key.write_request().pem
        else:
            csr = taken.request_for(f"/CN={device.uuid}/OU={FACTORY}")
            csr = ssl.DER_cert_to_PEM_cert(csr).replace("CERTIFICATE", "CERTIFICATE REQUEST")
        refusal(device.post(token=token, csr=csr), 400, "bad-extension" if kind == "ca-request" else kind)

    for _ in range(2):
        refusal(put_certificate(lab, issue_over(lab, local_ca, taken.path).pem, token), 409, "exists")

    def rows():
        items = lab.operator("GET", "/v1/audit?action=security-event&limit=500", token=token).json()["items"]
        return sorted((row["reason"], row["factory"]) for row in items if row["actor"] == f"operator:{name}")

    wait_until(lambda: len(rows()) == 2, "both")
    assert rows() == [("ca-request", FACTORY), ("key-in-use", FACTORY)]


def test_a_deleted_device_registers_anew(lab):
    device = Registrant(lab).register(name=(name := f"n{uuid.uuid4().hex[:8]}"))
    old = device.identity
    assert device.check_in().status == 200
    Fioctl(lab).done("DELETE", f"{PATH}{name}/?factory={FACTORY}")
    assert device.check_in().status == 403
    device.new_key().register(name=name)
    assert device.check_in().status == 200
    assert device.check_in(old).status == 403, "every earlier certificate is denied"
    denied = Fioctl(lab).get(f"/ota/factories/{FACTORY}/denied-devices/?limit=500&page=1")
    assert device.uuid not in [row["uuid"] for row in denied["devices"]]


def test_a_deleted_device_registers_anew_with_its_key(lab):
    """Its key was neither replaced nor revoked; its certificates are denied all the same."""
    device = Registrant(lab).register()
    old = device.identity
    assert device.check_in().status == 200
    assert lab.operator("DELETE", f"/v1/devices/{device.uuid}", {}).status == 200
    device.register()
    assert device.identity.der != old.der
    assert device.check_in(old).status == 403
    assert device.check_in().status == 200
    again = device.files["client.pem"]
    device.register()
    assert device.files["client.pem"] == again
    # One that it had replaced before is another matter.
    other = lab.device(device.uuid)
    other.subject, other.identity = device.key.subject, device.identity
    other.rotate()
    assert lab.operator("DELETE", f"/v1/devices/{device.uuid}", {}).status == 200
    refusal(device.post(), 400, "key-in-use")
    device.new_key().register()


def clear(lab, name):
    """As the manual of FoundriesFactory says: delete it, then take its id from the list of denied ones."""
    fioctl = Fioctl(lab)
    fioctl.done("DELETE", f"{PATH}{name}/?factory={FACTORY}&by-uuid=1")
    fioctl.done("DELETE", f"/ota/factories/{FACTORY}/denied-devices/{name}/")


def test_a_cleared_device_registers_anew(lab):
    """lmp-device-register makes a new key each time."""
    device = Registrant(lab).register(name=(name := f"n{uuid.uuid4().hex[:8]}"))
    old = device.identity
    assert device.check_in().status == 200
    clear(lab, device.uuid)
    device.new_key().register(name=name)
    assert (device.check_in().status, device.check_in(old).status) == (200, 403)
    rows = lab.operator("GET", f"/v1/audit?device={device.uuid}").json()["items"]
    assert [row["action"] for row in rows].count("registered-anew") == 1
    again = device.files["client.pem"]
    device.register()
    assert device.files["client.pem"] == again
    held = device.identity
    refusal(device.new_key().post(), 409, "exists")
    assert device.check_in(held).status == 200


def test_a_cleared_device_that_was_seen_keeps_its_key(lab):
    device = Registrant(lab).register()
    held = device.identity
    assert device.check_in().status == 200
    clear(lab, device.uuid)
    assert device.check_in().status == 200
    refusal(device.new_key().post(), 409, "exists")
    assert device.check_in(held).status == 200
    # So does one that was held meanwhile.
    clear(lab, device.uuid)
    for act in ("hold", "release"):
        assert lab.operator("POST", f"/v1/devices/{device.uuid}/{act}", {}).status == 200
    refusal(device.post(), 409, "exists")


def test_a_cleared_device_takes_no_earlier_key(lab):
    device = Registrant(lab).register()
    other = lab.device(device.uuid)
    other.subject, other.identity = device.key.subject, device.identity
    other.rotate()
    replaced = device.key
    device.new_key()
    other.reenrol(device.key)
    clear(lab, device.uuid)
    refusal(device.post(), 400, "key-in-use")
    device.key = replaced
    refusal(device.post(), 400, "key-in-use")
    device.new_key().register()


def test_too_many_certificates(make_lab):
    own = make_lab(settings={"issue": {"burst": 1}}).start()
    device = Registrant(own).register()
    for status in (201, 429):
        assert own.operator("DELETE", f"/v1/devices/{device.uuid}", {}).status == 200
        answer = device.new_key().post()
        assert answer.status == status, answer
    assert int(answer.headers["Retry-After"]) > 0
    refusal(answer, 429, "busy")


@pytest.mark.parametrize("act", ["revoke", "hold"])
def test_a_device_that_an_operator_refused_stays_so(lab, act):
    """Registering clears what was deleted, not what was revoked or held: that takes an operator."""
    device = Registrant(lab).register()
    assert lab.operator("POST", f"/v1/devices/{device.uuid}/{act}", {}).status == 200
    refusal(device.new_key().post(), 403, "denied")
    undo = {"revoke": "allow", "hold": "release"}[act]
    assert lab.operator("POST", f"/v1/devices/{device.uuid}/{undo}", {}).status == 200
    answer = device.post()
    assert answer.status == (201 if act == "revoke" else 409), answer


def test_a_deleted_device_gives_its_name_free(lab):
    name = f"n{uuid.uuid4().hex[:8]}"
    first = Registrant(lab).register(name=name)
    refusal(Registrant(lab).post(name=name), 409)
    fioctl = Fioctl(lab)
    fioctl.done("DELETE", f"{PATH}{name}/?factory={FACTORY}")
    second = Registrant(lab).register(name=name)
    fioctl.done("DELETE", f"/ota/factories/{FACTORY}/denied-devices/{first.uuid}/")
    assert fioctl.show(name)["uuid"] == second.uuid
    assert fioctl.show(first.uuid)["name"] == first.uuid


def test_two_keys_at_once(lab):
    """One is registered, the other a conflict, whichever comes first."""
    for _ in range(4):
        device = Registrant(lab)
        bodies = [device.body(csr=DeviceKey(lab, device.uuid).pem) for _ in range(2)]
        answers = [None, None]

        def post(number):
            answers[number] = lab.send("operator", "POST", PATH, body=json.dumps(bodies[number]).encode(),
                                       headers={"OSF-TOKEN": lab.token})

        threads = [threading.Thread(target=post, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status for answer in answers) == [201, 409], answers


def test_two_devices_want_one_name_at_once(lab):
    for _ in range(4):
        name = f"n{uuid.uuid4().hex[:8]}"
        devices = [Registrant(lab), Registrant(lab)]
        answers = [None, None]

        def post(number):
            answers[number] = devices[number].post(name=name)

        threads = [threading.Thread(target=post, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status for answer in answers) == [201, 409], answers


def test_killed_between_commit_and_answer(make_stopper, make_lab):
    own = make_lab()
    stopper = make_stopper(own.postgres)
    own.settings["database"] = {"url": stopper.url(own.database)}
    own.write_config()
    own.start()
    device = Registrant(own)
    stopper.stop_next("after")
    thread = threading.Thread(target=lambda: pytest.raises(Exception, device.post))
    thread.start()
    stopper.wait()
    own.kill()
    thread.join()
    stopper.cut()
    stored = own.query(f"SELECT encode(der, 'hex') FROM certvendor.certificate WHERE device = '{device.uuid}'")
    assert len(stored) == 1
    own.start()
    device.register()
    assert ssl.PEM_cert_to_DER_cert(device.files["client.pem"]).hex() == stored[0][0]
    assert device.check_in().status == 200
    own.close()


# ---- sota.toml -----------------------------------------------------------------------------------


def strings_in(table):
    for value in table.values():
        yield from strings_in(value) if isinstance(value, dict) else [value]


def test_sota_toml(lab):
    device = Registrant(lab).register()
    toml = tomllib.loads(device.files["sota.toml"])
    gateway = f"https://localhost:{lab.ports['device']}"
    assert all(isinstance(value, str) for value in strings_in(toml)), "fioconfig reads strings only"
    assert toml["tls"] == {"server": gateway, "ca_source": "file", "pkey_source": "file", "cert_source": "file"}
    assert toml["provision"] == {"server": gateway, "primary_ecu_hardware_id": "intel-corei7-64"}
    assert toml["uptane"] == {"repo_server": f"{gateway}/repo", "key_source": "file"}
    assert toml["pacman"] == {"type": "ostree+compose_apps", "ostree_server": f"{gateway}/ostree", "tags": "main"}
    assert toml["storage"] == {"type": "sqlite", "path": "/var/sota/"}
    assert toml["import"] == {"tls_cacert_path": "/var/sota/root.crt", "tls_pkey_path": "/var/sota/pkey.pem",
                              "tls_clientcert_path": "/var/sota/client.pem"}


def test_sota_toml_of_an_hsm(lab):
    """It clears what its token has, and adds a section."""
    device = Registrant(lab).register(overrides={
        "tls": {"ca_source": '"file"', "pkey_source": '"pkcs11"', "cert_source": '"pkcs11"'},
        "p11": {"module": '"/usr/lib/softhsm/libsofthsm2.so"', "pass": '"1234"', "label": "aktualizr"},
        "import": {"tls_pkey_path": "", "tls_clientcert_path": ""}, "empty": {}},
        **{"sota-config-dir": "/etc/sota/", "use-ostree-server": "false"})
    toml = tomllib.loads(device.files["sota.toml"])
    assert toml["tls"]["pkey_source"] == "pkcs11"
    assert toml["p11"] == {"module": "/usr/lib/softhsm/libsofthsm2.so", "pass": "1234", "label": "aktualizr"}
    assert toml["import"] == {"tls_cacert_path": "/etc/sota/root.crt"}
    assert toml["storage"]["path"] == "/etc/sota/"
    assert "ostree_server" not in toml["pacman"]


@pytest.mark.parametrize("section, key, value", [
    ("tls", "server", 'x"\n[evil]\nkey = "y'), ("tls", "server", '"a"b"'), ("tls", "server", '"a\\"'),
    ("tls", "server", "\"a\nb\""), ("tls", "server", 'a"b'), ("tls", "server", '"a\\u0041"'),
    ("tls", "server", "'a'b'"), ("tls]\n[x", "key", "y"), ("tls", "a = 1\nb", "y"), ("tls", "a b", "y"),
    ("", "a", "y"), ("tls", "", "y"), ("a..b", "c", "y"), ("tls.server", "x", "y"), ("tls", "server.x", "y"),
])
def test_nothing_is_smuggled_into_it(lab, section, key, value):
    device = Registrant(lab)
    refusal(device.post(is_go=True, overrides={section: {key: value}}), 400)
    assert lab.operator("GET", f"/v1/devices/{device.uuid}").status == 404, "nothing was registered"


@pytest.mark.parametrize("changes", [{"hardware-id": 'a"b'}, {"sota-config-dir": '/var"'}, {"hardware-id": "a\nb"}])
def test_nor_by_other_members(lab, changes):
    refusal(Registrant(lab).post(is_go=True, **changes), 400)


# ---- who may -------------------------------------------------------------------------------------


def test_tokens(lab):
    device = Registrant(lab)
    assert device.post(token="cvo_wrong", headers={"OSF-TOKEN": "cvo_wrong"}).status == 401
    refusal(device.post(token=make_token(lab, role="viewer")), 403, "missing-role")
    refusal(device.post(token=make_token(lab, scopes=["devices:read", "devices:delete"])), 403, "missing-scope")
    device.register(token=make_token(lab, scopes=["devices:create"]))


def test_a_bearer_token_is_base64(lab):
    encoded = base64.b64encode(lab.token.encode()).decode()
    device = Registrant(lab)
    device.take(device.post(headers={"Content-type": "application/json", "Authorization": f"Bearer {encoded}"}))


def test_the_owner_is_whose_token_it_is(lab):
    token = make_token(lab, name="anna")
    device = Registrant(lab).register(token=token)
    assert lab.operator("GET", f"/v1/devices/{device.uuid}").json()["owner"] == "anna"
    rows = lab.operator("GET", f"/v1/audit?device={device.uuid}").json()["items"]
    assert [row["action"] for row in rows] == ["registered"] and rows[0]["actor"] == "operator:anna"


def test_a_token_of_another_factory(lab):
    assert lab.operator("POST", "/v1/factories", {"name": "far"}).status in (201, 409)
    answer = lab.operator("POST", "/v1/operator-tokens", {"name": "far", "role": "admin", "factories": ["far"]})
    SECRETS.add(answer.json()["token"])
    refusal(Registrant(lab).post(token=answer.json()["token"]), 400)


def test_scopes_bound_every_door(lab):
    """What a token was cut down to, it may do and nothing else."""
    device = Registrant(lab).register()
    reads = [("GET", "/v1/devices", None), ("GET", f"{PATH}?factory={FACTORY}", None)]
    updates = [("POST", f"/v1/devices/{device.uuid}/cancel", {}),
               ("PATCH", f"{PATH}{device.uuid}/?factory={FACTORY}", {"owner": "anna"}),
               ("POST", f"/v1/approvals/{uuid.uuid4()}/approve", {}), ("DELETE", "/v1/webhooks/none", {})]
    creates = [("POST", "/v1/enrolment-tokens", {})]
    deletes = [("DELETE", f"/v1/devices/{uuid.uuid4()}", {}), ("DELETE", f"{PATH}nothing/?factory={FACTORY}", None),
               ("POST", f"/v1/devices/{uuid.uuid4()}/allow", {})]
    admin = [("POST", "/v1/groups", {"name": "g"}), ("GET", "/v1/operator-tokens", None)]
    allowed = {"devices:read": reads, "devices:read-update": reads + updates, "devices:create": creates,
               "devices:delete": deletes}
    for scope, mine in allowed.items():
        token = make_token(lab, role="operator" if scope != "devices:read" else "viewer", scopes=[scope])
        for method, path, body in reads + updates + creates + deletes + admin:
            data = None if body is None else json.dumps(body).encode()
            answer = lab.send("operator", method, path, body=data, headers={"Authorization": f"Bearer {token}"})
            is_mine = (method, path, body) in mine
            assert (answer.status != 403) == is_mine, (scope, method, path, answer)
            if path == "/v1/enrolment-tokens" and is_mine:
                SECRETS.add(answer.json()["token"])


def test_registering_does_not_take_devices_over(lab):
    """A token for an id that there is lets a new key in, and lets a refused device in again."""
    there, revoked = Registrant(lab).register(), Registrant(lab).register()
    assert lab.operator("POST", f"/v1/devices/{revoked.uuid}/revoke", {}).status == 200
    registrar = make_token(lab, scopes=["devices:create"])
    both = make_token(lab, scopes=["devices:create", "devices:read-update"])
    for device in (there, revoked):
        refusal = lab.operator("POST", "/v1/enrolment-tokens", {"device": device.uuid}, token=registrar)
        assert (refusal.status, refusal.json()["code"]) == (403, "missing-scope")
        answer = lab.operator("POST", "/v1/enrolment-tokens", {"device": device.uuid}, token=both)
        assert answer.status == 201
        SECRETS.add(answer.json()["token"])
    answer = lab.operator("POST", "/v1/enrolment-tokens", {"device": str(uuid.uuid4())}, token=registrar)
    assert answer.status == 201
    SECRETS.add(answer.json()["token"])


@pytest.mark.parametrize("is_put", [False, True])
def test_a_token_made_before_opens_no_registered_device(lab, local_ca, is_put):
    device = Registrant(lab)
    early = lab.enrolment_token(device=device.uuid)
    if is_put:
        assert put_certificate(lab, issue(lab, local_ca, name=device.uuid).pem).status == 201
    else:
        device.register()
    late = lab.enrolment_token(device=device.uuid)

    def enrol(token):
        headers = {"Content-Type": "application/pkcs10", "Authorization": f"Bearer {token}"}
        request = base64.b64encode(device.new_key().key.request_path.read_bytes())
        return lab.send("device", "POST", f"{EST}/simpleenroll", body=request, headers=headers).status

    assert (enrol(early), enrol(late)) == (403, 200)


def test_scopes_are_within_the_role(lab):
    order = {"name": "t", "role": "viewer", "factories": [FACTORY], "scopes": ["devices:create"]}
    assert lab.operator("POST", "/v1/operator-tokens", order).status == 400
    for bad in ([], ["devices:everything"], "devices:read", [1]):
        assert lab.operator("POST", "/v1/operator-tokens", {**order, "scopes": bad}).status == 400, bad
    made = lab.cli("--json", "operator-token", "create", "cut", "--role", "operator", "--scopes",
                   "devices:read,devices:create").stdout
    SECRETS.add(json.loads(made)["token"])
    assert json.loads(made)["scopes"] == ["devices:read", "devices:create"]


# ---- PUT by a registrar --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def local_ca(lab):
    """Of the user "anna"."""
    authority = Authority(lab.keys, f"/OU={FACTORY}/CN=fio-anna")
    authority.name = import_authority(lab, authority)
    return authority


def issue(lab, authority, name=None, factory=FACTORY, subject=None, **dates):
    name = name or str(uuid.uuid4())
    key = Key(lab.keys, subject or f"/OU={factory}/CN={name}")
    identity = authority.sign(key, **dates)
    identity.name = name
    return identity


def test_registrar(lab, local_ca):
    device = issue(lab, local_ca)
    name = f"n{uuid.uuid4().hex[:8]}"
    assert put_certificate(lab, device.pem, token=make_token(lab, scopes=["devices:create"]), name=name).status == 201
    assert put_certificate(lab, device.pem, name=name).status == 200, "its retry after a lost answer"
    shown = lab.operator("GET", f"/v1/devices/{device.name}").json()
    assert (shown["name"], shown["owner"], shown["origin"]) == (name, "anna", local_ca.name)
    assert lab.send("device", "GET", "/device", device).status == 200
    other = issue(lab, local_ca, name=device.name)
    refusal(put_certificate(lab, other.pem), 409, "exists")
    refusal(put_certificate(lab, issue(lab, local_ca).pem, name=name), 409, "exists")
    refusal(put_certificate(lab, issue(lab, local_ca).pem, group="nobody"), 400)
    refusal(put_certificate(lab, issue(lab, local_ca).pem, token=make_token(lab, scopes=["devices:read"])), 403)


def test_registrar_with_its_chain(lab, local_ca):
    device = issue(lab, local_ca)
    assert put_certificate(lab, device.pem + "\n" + local_ca.identity.pem).status == 201
    assert lab.send("device", "GET", "/device", device).status == 200


def test_certificates_that_are_refused(lab, local_ca):
    stranger = Authority(lab.keys, f"/OU={FACTORY}/CN=fio-anna")
    for identity in (issue(lab, stranger), issue(lab, local_ca, factory="nowhere"),
                     issue(lab, local_ca, end="20210101000000Z"), issue(lab, local_ca, start="20980101000000Z"),
                     issue(lab, local_ca, subject=f"/CN={uuid.uuid4()}")):
        refusal(put_certificate(lab, identity.pem), 400, "bad-certificate")
    refusal(put_certificate(lab, "nothing"), 400, "bad-json")
    root = Identity(lab.root, None)
    refusal(put_certificate(lab, root.pem), 400, "bad-certificate")


def issue_over(lab, authority, key):
    """For another device, over a key that exists."""
    name = str(uuid.uuid4())
    other = Key(lab.keys, f"/OU={FACTORY}/CN={name}")
    other.path.write_bytes(key.read_bytes())
    other.request_path.write_bytes(other.request_for(other.subject))
    identity = authority.sign(other)
    identity.name = name
    return identity


def test_a_key_is_of_the_device_that_used_it_first(lab, local_ca):
    first = issue(lab, local_ca)
    second = issue_over(lab, local_ca, first.key)
    assert [put_certificate(lab, each.pem).status for each in (first, second)] == [201, 201]
    assert lab.send("device", "GET", "/device", first).status == 200
    for answer in (lab.send("device", "GET", "/device", second), lab.check(second.der)):
        assert (answer.status, answer.reason) == (403, "key-in-use")
    assert lab.send("device", "GET", "/device", first).status == 200


@pytest.mark.parametrize("act", ["certificate", "device"])
def test_a_compromised_key_is_nobodys_also_if_it_was_never_used(lab, local_ca, act):
    device = issue(lab, local_ca)
    other, new = (issue_over(lab, local_ca, device.key) for _ in range(2))
    assert put_certificate(lab, device.pem).status == 201
    assert put_certificate(lab, other.pem).status == 201
    target = f"devices/{device.name}" if act == "device" else f"certificates/{hashlib.sha256(device.der).hexdigest()}"
    assert lab.operator("POST", f"/v1/{target}/revoke", {"reason": "keyCompromise"}).status == 200
    for identity in (other, new):
        answer = lab.send("device", "GET", "/device", identity)
        assert (answer.status, answer.reason) == (403, "key-in-use")
    someone = lab.enrolled_device()
    body = json.dumps({"next_pubkey": run("openssl", "pkey", "-in", device.key, "-pubout").stdout}).encode()
    answer = lab.send("device", "PATCH", "/device", someone.identity, body, {"Content-Type": "application/json"})
    assert (answer.status, answer.reason) == (409, "key-in-use")


def test_a_disabled_ca_admits_nobody_new(lab):
    authority = Authority(lab.keys, f"/OU={FACTORY}/CN=fio-bert")
    name = import_authority(lab, authority)
    known, new, third = issue(lab, authority), issue(lab, authority), issue(lab, authority)
    assert put_certificate(lab, known.pem).status == 201
    assert lab.operator("POST", f"/v1/authorities/{name}/disable", {}).status == 200
    assert put_certificate(lab, new.pem).status == 403
    assert lab.send("device", "GET", "/device", third).status == 403
    assert lab.send("device", "GET", "/device", known).status == 200
    authority.renew()
    import_authority(lab, authority)
    assert put_certificate(lab, new.pem).status == 201
    assert lab.send("device", "GET", "/device", third).status == 200


def test_a_denied_uuid_is_refused_to_a_registrar(lab, local_ca):
    device = issue(lab, local_ca)
    assert put_certificate(lab, device.pem).status == 201
    fioctl = Fioctl(lab)
    fioctl.done("DELETE", f"{PATH}{device.name}/?factory={FACTORY}&by-uuid=1")
    refusal(put_certificate(lab, device.pem), 403, "denied")
    assert lab.send("device", "GET", "/device", device).status == 403
    fioctl.done("DELETE", f"/ota/factories/{FACTORY}/denied-devices/{device.name}/")
    assert put_certificate(lab, device.pem).status == 200
    assert lab.send("device", "GET", "/device", device).status == 200


def test_a_cleared_uuid_comes_back_through_a_registrar(lab, local_ca):
    first = issue(lab, local_ca)
    assert put_certificate(lab, first.pem).status == 201
    assert lab.send("device", "GET", "/device", first).status == 200
    second, third = (issue(lab, local_ca, name=first.name) for _ in range(2))
    refusal(put_certificate(lab, second.pem), 409, "exists")
    clear(lab, first.name)
    assert put_certificate(lab, second.pem, name=f"n{first.name[:8]}").status == 201
    assert put_certificate(lab, second.pem).status == 200
    assert [lab.send("device", "GET", "/device", each).status for each in (first, second)] == [403, 200]
    refusal(put_certificate(lab, third.pem), 409, "exists")
    clear(lab, first.name)
    refusal(put_certificate(lab, first.pem), 409, "exists")
    device = issue(lab, local_ca)
    assert put_certificate(lab, device.pem).status == 201
    announced = issue(lab, local_ca, name=device.name)
    body = json.dumps({"next_pubkey": run("openssl", "pkey", "-in", announced.key, "-pubout").stdout}).encode()
    assert lab.send("device", "PATCH", "/device", device, body, {"Content-Type": "application/json"}).status == 200
    clear(lab, device.name)
    refusal(put_certificate(lab, announced.pem), 409, "exists")
    assert lab.send("device", "GET", "/device", device).status == 200
    refusal(put_certificate(lab, issue(lab, local_ca, name=device.name).pem), 409, "exists")


def test_repeated_serials(lab, local_ca):
    """Registrars make the serial out of the UUID: a second certificate of a device repeats it."""
    from certvendor_lab import run as openssl
    name = str(uuid.uuid4())
    made = []
    for _ in range(2):
        key = Key(lab.keys, f"/OU={FACTORY}/CN={name}")
        out = key.path.with_suffix(".pem")
        request = key.path.with_suffix(".pem.csr")
        openssl("openssl", "req", "-inform", "DER", "-in", key.request_path, "-out", request)
        openssl("openssl", "x509", "-req", "-in", request, "-CA", local_ca.identity.certificate, "-CAkey",
                local_ca.identity.key, "-set_serial", "0x" + name.replace("-", "") + "01020304", "-days", "30",
                "-out", out)
        made.append(Identity(out, key.path))
    assert put_certificate(lab, made[0].pem).status == 201
    refusal(put_certificate(lab, made[1].pem), 409)
    assert lab.send("device", "GET", "/device", made[0]).status == 200
    assert lab.send("device", "GET", "/device", made[1]).status == 403


# ---- first contact -------------------------------------------------------------------------------


@pytest.mark.parametrize("path, status", [("/device", 200), ("/repo/1.root.json", 404)])
def test_first_contact(lab, local_ca, path, status):
    """A device that nobody registered: any path, an unknown one too, is judged and has its effect."""
    name = str(uuid.uuid4())
    device = issue(lab, local_ca, name=name, subject=f"/CN={name}/OU={FACTORY}/businessCategory=production")
    assert lab.send("device", "GET", path, device).status == status
    shown = Fioctl(lab).show(name, is_uuid=True)
    assert (shown["name"], shown["owner"], shown["factory"], shown["is-prod"]) == (name, "anna", FACTORY, True)
    third = issue(lab, local_ca, name=name)
    assert lab.send("device", "GET", path, third).status == 403


def test_an_owner_that_was_given_counts_more(lab):
    authority = Authority(lab.keys, f"/OU={FACTORY}/CN=fio-carl")
    order = {"name": "given", "kind": "offline", "certificate": authority.identity.pem, "owner": "dora"}
    assert lab.operator("POST", "/v1/authorities", order).status == 201
    device = issue(lab, authority)
    assert lab.send("device", "GET", "/device", device).status == 200
    assert lab.operator("GET", f"/v1/devices/{device.name}").json()["owner"] == "dora"


# ---- fioctl --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fioctl(lab):
    return Fioctl(lab)


STRINGS = ("uuid name owner factory device-group last-seen created-at tag target-name ostree-hash status "
           "current-update lmp-ver aktualizr-toml public-key").split()
BOOLEANS = ("is-prod", "is-wave", "up-to-date")


def check_device(device):
    """As the decoder of fioctl wants it: a wrong type ends the command."""
    for name in STRINGS:
        assert isinstance(device[name], str), name
    for name in BOOLEANS:
        assert isinstance(device[name], bool), name
    for name in ("uuid", "name", "owner", "factory"):
        assert device[name], name
    assert device["docker-apps"] == [] and isinstance(device["change-meta"], dict)
    assert device["last-seen"] == "" or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", device["last-seen"])


def test_devices_show(lab, fioctl):
    name = f"n{uuid.uuid4().hex[:8]}"
    device = Registrant(lab).register(name=name)
    shown = fioctl.show(name)
    check_device(shown)
    assert shown["uuid"] == device.uuid and shown["group"] is None and shown["last-seen"] == ""
    assert shown["public-key"] == device.key.public_pem
    assert fioctl.show(device.uuid, is_uuid=True) == shown
    fioctl.refused("GET", f"{PATH}{device.uuid}/", 404)
    fioctl.refused("GET", f"{PATH}{name}/?factory={FACTORY}&by-uuid=1", 404)
    device.check_in()
    assert fioctl.show(name)["last-seen"]


def test_public_key_is_the_current_one(lab, fioctl):
    """While another key is announced it stays the old one: configuration is encrypted for it."""
    device = Registrant(lab).register()
    other = lab.device(device.uuid)
    other.subject, other.identity = device.key.subject, device.identity
    assert other.show().status == 200
    key = other.new_key()
    fresh = other.reenrol(key)
    assert other.announce(key).status == 200
    assert fioctl.show(device.uuid)["public-key"] == device.key.public_pem
    assert other.show(fresh).status == 200
    assert fioctl.show(device.uuid)["public-key"] == key.public_pem


def test_a_device_of_est_is_shown_too(lab, fioctl):
    device = lab.enrolled_device()
    shown = fioctl.show(device.name)
    check_device(shown)
    assert shown["owner"] == "admin"


def test_devices_list_pages(make_lab):
    own = make_lab().start()
    for number in range(23):
        own.query("INSERT INTO certvendor.device (factory, id, is_production) VALUES "
                  f"('{FACTORY}', 'unit-{number:02}', {number == 3})")
        own.query(f"INSERT INTO certvendor.device_name VALUES ('{FACTORY}', 'unit-{number:02}', 'name-{99 - number}')")
    fioctl = Fioctl(own)
    page = fioctl.get(f"{PATH}?factory={FACTORY}&limit=10&name=&sortby=")
    assert page["total"] == 23 and len(page["devices"]) == 10
    names = []
    while True:
        for device in page["devices"]:
            check_device(device)
        names += [device["name"] for device in page["devices"]]
        if page["next"] is None:
            break
        base = f"https://127.0.0.1:{own.ports['operator']}"
        assert page["next"].startswith(base + PATH + "?")
        page = fioctl.get(page["next"].removeprefix(base))
    assert names == sorted(f"name-{99 - number}" for number in range(23))
    ids = lambda query: [d["uuid"] for d in fioctl.get(f"{PATH}?factory={FACTORY}&limit=50&{query}")["devices"]]  # noqa: E731
    assert ids("name=name-99") == ["unit-00"]
    assert ids("name=name-9*") == [f"unit-0{number}" for number in range(9, -1, -1)]
    assert ids("uuid=unit-05") == ["unit-05"]
    assert ids("prod=1") == ["unit-03"] and len(ids("prod=0")) == 22
    assert ids("mine=1") == [] and ids("group=g") == [] and ids("match_tag=main") == []
    assert ids("sortby=uuid")[0] == "unit-00" and ids("sortby=-uuid")[0] == "unit-22"
    assert ids("unknown=1&page=2") == []
    for bad in ("limit=7", "limit=x", "page=0", "page=x", "name=a&name=b"):
        fioctl.refused("GET", f"{PATH}?factory={FACTORY}&{bad}", 400)
    fioctl.refused("GET", f"{PATH}?factory=nowhere", 404)


def test_devices_change(lab, fioctl):
    first, second = Registrant(lab).register(), Registrant(lab).register()
    group = f"g{uuid.uuid4().hex[:8]}"
    fioctl.done("POST", f"/ota/factories/{FACTORY}/device-groups/", {"name": group, "description": "of a test"})
    path = f"{PATH}{first.uuid}/?factory={FACTORY}&by-uuid=1"
    name = f"n{uuid.uuid4().hex[:8]}"
    fioctl.done("PATCH", path, {"name": name})
    fioctl.done("PATCH", path, {"owner": "anna"})
    fioctl.done("PATCH", path, {"group": group})
    shown = fioctl.show(name)
    assert (shown["owner"], shown["device-group"], shown["group"]["name"]) == ("anna", group, group)
    assert isinstance(shown["group"]["id"], int)
    assert fioctl.get(f"{PATH}?factory={FACTORY}&group={group}")["devices"][0]["name"] == name
    fioctl.refused("PATCH", f"{PATH}{second.uuid}/?factory={FACTORY}", 409, {"name": name})
    fioctl.refused("PATCH", path, 400, {"name": "a/b"})
    fioctl.refused("PATCH", path, 400, {"group": "nobody"})
    fioctl.refused("PATCH", path, 400, {})
    fioctl.refused("PATCH", path, 400, {"owner": 7})
    fioctl.refused("PATCH", f"{PATH}nobody/?factory={FACTORY}", 404, {"owner": "anna"})
    fioctl.done("PATCH", path, {"owner": "bert", "group": None})
    assert fioctl.show(name)["device-group"] == group, "null is as good as absent"
    fioctl.done("PATCH", path, {"group": ""})
    assert fioctl.show(name)["group"] is None
    actions = [row["action"] for row in lab.operator("GET", f"/v1/audit?device={first.uuid}").json()["items"]]
    assert actions.count("device-updated") == 5


def test_denied_devices(lab, fioctl):
    name = f"n{uuid.uuid4().hex[:8]}"
    device = Registrant(lab).register(name=name)
    assert device.check_in().status == 200
    denied = f"/ota/factories/{FACTORY}/denied-devices/"
    fioctl.refused("DELETE", f"{denied}{device.uuid}/", 404)
    fioctl.done("DELETE", f"{PATH}{name}/")
    fioctl.refused("GET", f"{PATH}{name}/", 404)
    fioctl.refused("DELETE", f"{PATH}{name}/", 404)
    row = next(row for row in fioctl.get(f"{denied}?limit=500&page=1")["devices"] if row["uuid"] == device.uuid)
    assert (row["name"], row["owner"], row["factory"]) == (name, "admin", FACTORY)
    for path in ("/device", "/unknown", "/.well-known/est/simplereenroll"):
        method = "POST" if path.endswith("enroll") else "GET"
        assert lab.send("device", method, path, device.identity).status == 403
    fioctl.done("DELETE", f"{denied}{device.uuid}/")
    fioctl.refused("DELETE", f"{denied}{device.uuid}/", 404)
    assert device.check_in().status == 200, "its keys are as they were"
    assert fioctl.show(name)["uuid"] == device.uuid


def test_rotated_keys_are_no_denied_devices(lab, fioctl):
    device = lab.enrolled_device()
    replaced = device.rotate()
    assert device.show(replaced).status == 403
    denied = fioctl.get(f"/ota/factories/{FACTORY}/denied-devices/?limit=1000")["devices"]
    assert device.name not in [row["uuid"] for row in denied]


def test_device_groups(lab, fioctl):
    groups = f"/ota/factories/{FACTORY}/device-groups/"
    name = f"g{uuid.uuid4().hex[:8]}"
    made = fioctl.done("POST", groups, {"name": name, "description": "first"}).json()
    assert made["name"] == name and isinstance(made["id"], int)
    fioctl.refused("POST", groups, 409, {"name": name, "description": None})
    fioctl.refused("POST", groups, 400, {"name": "a b"})
    fioctl.refused("POST", groups, 400, {"description": "x"})
    fioctl.done("PATCH", f"{groups}{name}/", {"description": "second"})
    fioctl.done("PATCH", f"{groups}{name}/", {"name": name})
    fioctl.refused("PATCH", f"{groups}{name}/", 400, {"name": name + "x"})
    fioctl.refused("PATCH", f"{groups}nobody/", 404, {"description": "x"})
    listed = next(row for row in fioctl.get(groups)["groups"] if row["name"] == name)
    assert listed["description"] == "second" and listed["id"] == made["id"]
    assert listed["change-meta"]["created-by"] == listed["change-meta"]["updated-by"] == "admin"
    device = Registrant(lab).register(group=name)
    fioctl.refused("DELETE", f"{groups}{name}/", 409)
    fioctl.done("PATCH", f"{PATH}{device.uuid}/", {"group": ""})
    fioctl.done("DELETE", f"{groups}{name}/")
    fioctl.refused("DELETE", f"{groups}{name}/", 404)
    fioctl.refused("DELETE", groups + "/", 404)


def test_users(lab, fioctl):
    users = f"/ota/factories/{FACTORY}/users/"
    token = make_token(lab, role="operator", name="user-of-users", scopes=["devices:read"])
    mine = Fioctl(lab, token).get(users + "self/")
    assert mine == {"polis-id": "user-of-users", "name": "user-of-users", "role": "operator", "teams-ext": [],
                    "effective-scopes": ["devices:read"]}
    listed = fioctl.get(users)
    assert {"polis-id": "user-of-users", "name": "user-of-users", "role": "operator"} in listed
    assert [user["polis-id"] for user in listed].count("admin") == 1
    one = fioctl.get(users + "user-of-users/")
    assert one["polis-id"] == "user-of-users" and one["teams-ext"] == []
    fioctl.refused("GET", users + "nobody/", 404)


def test_no_slash_no_redirect(lab, fioctl):
    device = Registrant(lab).register()
    assert fioctl.get(f"{PATH.rstrip('/')}/{device.uuid}?factory={FACTORY}")["uuid"] == device.uuid


# ---- with what the other commands have made ------------------------------------------------------


def test_a_factory_of_fioctl(make_lab):
    """Its root, its online CA, and the names of its server certificate are what devices are given; a registrar signs
    with a local CA of the user."""
    from foundries_pki_lab import Workstation
    own = make_lab().start()
    assert own.operator("POST", "/v1/factories", {"name": "fresh"}).status == 201
    refusal(Registrant(own, factory="fresh").post(), 403, "not-authorised")
    station = Workstation(own, "fresh").create()
    device = Registrant(own, factory="fresh").register()
    assert ssl.PEM_cert_to_DER_cert(device.files["root.crt"]) == ssl.PEM_cert_to_DER_cert(station.certs()["root-crt"])
    toml = tomllib.loads(device.files["sota.toml"])
    port = own.ports["device"]
    assert toml["tls"]["server"] == f"https://fresh.localhost:{port}"
    assert toml["pacman"]["ostree_server"] == f"https://fresh.ostree.localhost:{port}/ostree"
    answer = station.device("GET", "/device", device.identity)
    assert answer.status == 200, answer
    local = station.local_device()
    assert put_certificate(own, local.pem).status == 201
    name = run("openssl", "x509", "-noout", "-subject", "-nameopt", "sep_multiline", "-in", local.certificate).stdout
    name = re.search(r"CN=(\S+)", name)[1]
    fioctl = Fioctl(own, factory="fresh")
    assert fioctl.show(name, is_uuid=True)["owner"] == "admin"
    # fioctl disables the local CA: known devices go on, new ones are not admitted.
    other = station.local_device()
    authority = next(row["name"] for row in own.operator(
        "GET", "/v1/authorities?kind=offline&factory=fresh").json()["items"])
    assert own.operator("POST", f"/v1/authorities/{authority}/disable?factory=fresh", {}).status == 200
    assert put_certificate(own, other.pem).status == 403
    assert station.device("GET", "/device", local).status == 200
    assert station.device("GET", "/device", other).status == 403


def test_what_a_device_reports_is_listed(lab, fioctl):
    device = Registrant(lab).register()
    answer = lab.send("device", "GET", "/device", device.identity, headers={
        "x-ats-target": "intel-lmp-290", "x-ats-tags": device.uuid, "x-ats-ostreehash": "aa",
        "x-ats-dockerapps": "shellhttpd,vuln"})
    assert answer.status == 200
    wait_until(lambda: fioctl.show(device.uuid)["tag"] != "", "the report was written")
    shown = fioctl.show(device.uuid)
    assert (shown["target-name"], shown["tag"], shown["ostree-hash"]) == ("intel-lmp-290", device.uuid, "aa")
    assert shown["docker-apps"] == ["shellhttpd", "vuln"]
    listed = fioctl.get(f"{PATH}?factory={FACTORY}&match_tag={device.uuid}&target_name=intel-lmp-290")["devices"]
    assert [row["uuid"] for row in listed] == [device.uuid]


def test_configuration_by_name(lab, fioctl):
    """The commands for configuration take a name, too, and with by-uuid an id."""
    name = f"n{uuid.uuid4().hex[:8]}"
    device = Registrant(lab).register(name=name)
    body = {"reason": "r", "files": [{"name": "a", "value": "b", "unencrypted": True}]}
    fioctl.done("PATCH", f"{PATH}{name}/config/", body)
    shown = fioctl.get(f"{PATH}{device.uuid}/config/?factory={FACTORY}&by-uuid=1")
    assert shown["config"][0]["files"][0]["name"] == "a"
    fioctl.refused("PATCH", f"{PATH}{device.uuid}/config/", 404, body)
    fioctl.get(f"{PATH}{name}/updates/?factory={FACTORY}")
