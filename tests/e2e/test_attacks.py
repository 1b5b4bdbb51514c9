"""Attempts that once went through, or nearly did: each stands next to what is allowed."""
import uuid

from certvendor_lab import FACTORY, Authority


def test_a_leaked_request_does_not_lock_its_owner_out(lab):
    victim, thief = lab.enrolled_device(), lab.enrolled_device()
    key = victim.new_key()
    answer = thief.est("simplereenroll", key.request, thief.identity)
    assert (answer.status, answer.reason) == (403, "subject-mismatch")
    victim.reenrol(key)


def test_a_key_that_another_device_uses_is_refused(lab):
    owner, other = lab.enrolled_device(), lab.enrolled_device()
    key = owner.new_key()
    owner.reenrol(key)
    answer = other.est("simplereenroll", key.request_for(other.subject), other.identity)
    assert (answer.status, answer.reason) == (400, "key-in-use")


def test_a_revoked_authority_is_not_brought_back_by_disabling_it(lab):
    authority = Authority(lab.keys, "/CN=Withdrawn CA")
    name = "withdrawn"
    assert lab.operator("POST", "/v1/authorities", {
        "name": name, "kind": "offline", "certificate": authority.identity.pem}).status == 201
    device = authority.sign(lab.device().new_key())
    assert lab.check(device.der).status == 200
    assert lab.operator("POST", f"/v1/authorities/{name}/revoke", {}).json()["outcome"] == "done"
    assert lab.operator("POST", f"/v1/authorities/{name}/revoke", {}).json()["outcome"] == "unchanged"
    assert lab.operator("POST", f"/v1/authorities/{name}/disable", {}).status == 409
    assert lab.check(device.der).status == 403
    # To list it again is a decision of its own.
    assert lab.operator("POST", f"/v1/authorities/{name}/enable", {}).status == 200
    assert lab.check(device.der).status == 200


def test_the_service_ca_is_no_authority(lab):
    certificate = (lab.root.parent / "service-ca.pem").read_text()
    answer = lab.operator("POST", "/v1/authorities",
                          {"name": "service", "kind": "offline", "certificate": certificate})
    assert answer.status == 400
    assert lab.check(lab.gateway.der).status == 403


def test_an_empty_device_name_makes_no_token(lab):
    assert lab.operator("POST", "/v1/enrolment-tokens", {"device": ""}).status == 400
    assert lab.operator("POST", "/v1/enrolment-tokens", {}).status == 201


def test_a_hold_counts_while_a_body_is_on_its_way(lab):
    device = lab.enrolled_device()
    with lab.raw("device", device.identity) as slow:
        slow.send("GET /device HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert device.show().status == 200
        assert lab.operator("POST", f"/v1/devices/{device.name}/hold").status == 200
        slow.send("0\r\n\r\n")
        assert slow.answer().status == 403
    assert lab.operator("POST", f"/v1/devices/{device.name}/release").status == 200
    assert device.show().status == 200


def test_malformed_names_are_the_client_s_mistake(lab):
    for path in ("/v1/devices?after=%ff", "/v1/devices/%ff", "/v1/certificates?device=%ff",
                 "/v1/certificates?after=zz"):
        assert lab.operator("GET", path).status in (400, 404), path
    assert lab.operator("GET", f"/v1/devices/{uuid.uuid4()}?factory={FACTORY}").status == 404
