"""Two servers on one database: what changes at one of them is soon so at the other, or it says 503."""
from certvendor_lab import Authority, wait_until

SOON = 5  # seconds; changes are polled five times a second


def imported(lab, name, kind="offline"):
    authority = Authority(lab.keys, f"/CN={name}")
    answer = lab.operator("POST", "/v1/authorities", {
        "name": name, "kind": kind, "certificate": authority.identity.pem})
    assert answer.status == 201, answer
    return authority


def reason(lab, identity):
    return lab.check(identity.der).headers["Certvendor-Reason"]


def test_authorities_of_another_server(lab, make_lab):
    other = make_lab(beside=lab).start()
    authority = imported(lab, "of-two-servers")
    known, late, latest = (authority.sign(lab.device().new_key()) for _ in range(3))
    act = "/v1/authorities/of-two-servers/{}".format

    wait_until(lambda: reason(other, known) == "registered", "the other server trusts it", SOON)
    assert lab.operator("POST", act("disable"), {}).status == 200
    wait_until(lambda: reason(other, late) == "authority-refused", "the other admits nobody new", SOON)
    assert reason(other, known) == "ok"
    assert lab.operator("POST", act("revoke"), {}).status == 200
    wait_until(lambda: reason(other, known) == "authority-refused", "the other allows nobody", SOON)
    assert lab.operator("POST", act("enable"), {}).status == 200
    wait_until(lambda: reason(other, known) == "ok", "the other trusts it again", SOON)
    assert reason(other, latest) == "registered"


def test_policies_at_another_server(lab, make_lab):
    other = make_lab(beside=lab).start()
    device = lab.enrolled_device()
    assert lab.operator("POST", "/v1/groups", {"name": "of-two-servers", "policies": ["a", "b"]}).status == 201

    def told():
        return other.check(device.identity.der).headers["Certvendor-Policies"]

    assert told() is None
    assert lab.operator("PUT", f"/v1/groups/of-two-servers/devices/{device.name}").status == 200
    wait_until(lambda: told() == "a, b", "the other server knows the group", SOON)
    tag = lab.operator("GET", "/v1/groups/of-two-servers").headers["ETag"]
    answer = lab.operator("PATCH", "/v1/groups/of-two-servers", {"policies": ["c"]}, headers=[("If-Match", tag)])
    assert answer.status == 200, answer
    wait_until(lambda: told() == "c", "the other server knows the change", SOON)
    assert lab.operator("DELETE", f"/v1/groups/of-two-servers/devices/{device.name}").status == 200
    wait_until(lambda: told() is None, "the other server knows that it left", SOON)


def test_a_gateway_added_at_another_server(lab, make_lab):
    other = make_lab(beside=lab).start()
    device = lab.enrolled_device()
    stranger = lab.enrolled_device().identity
    added = lab.add_gateway("added-elsewhere")
    wait_until(lambda: other.check(device.identity.der, gateway=added).status == 200,
               "the other server knows the gateway", SOON)
    assert other.check(device.identity.der, gateway=stranger).status == 403


def test_authorities_that_cannot_be_read(own_postgres, make_lab):
    """One server loses the right to read them: it must not go on with what it knew."""
    lab = make_lab(own_postgres).start()
    lab.gateway = lab.add_gateway()
    lab.query("CREATE ROLE second LOGIN IN ROLE certvendor_service")
    url = own_postgres.url(lab.database).replace("user=certvendor", "user=second")
    blind = make_lab(own_postgres, beside=lab, settings={
        "database": {"url": url}, "index": {"max_age": "5"}}).start()
    authority = imported(lab, "doubtful")
    identity = authority.sign(lab.device().new_key())
    device = lab.enrolled_device()
    wait_until(lambda: reason(blind, identity) == "registered", "both servers trust it", SOON)
    assert reason(blind, device.identity) == "ok"

    lab.query("REVOKE SELECT ON certvendor.authority FROM certvendor_service")
    # Nothing has changed since: what it knows is still right.
    assert reason(blind, identity) == "ok"
    assert lab.operator("POST", "/v1/authorities/doubtful/revoke", {}).status == 200
    assert reason(lab, identity) == "authority-refused"
    wait_until(lambda: reason(blind, identity) == "unavailable", "the blind one admits it", timeout=30)
    answer = blind.check(device.identity.der)
    assert (answer.status, answer.headers["Certvendor-Reason"]) == (503, "unavailable")
    assert int(answer.headers["Certvendor-Age"]) >= 5
    assert blind.send("device", "GET", "/device", device.identity).status == 503
    assert blind.monitor("/readyz?role=check").status == 503
    assert "permission denied for table authority" in blind.log.read_text()
    assert reason(lab, device.identity) == "ok"

    lab.query("GRANT SELECT ON certvendor.authority TO certvendor_service")
    wait_until(lambda: reason(blind, device.identity) == "ok", "it sees again", SOON)
    assert reason(blind, identity) == "authority-refused"
