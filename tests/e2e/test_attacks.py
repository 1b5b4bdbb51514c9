"""Attempts that once went through, or nearly did: each stands next to what is allowed."""
import uuid

import pytest

from certvendor_lab import FACTORY, Authority, basic


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


@pytest.mark.parametrize("name", [".", ".."])
def test_nobody_is_called_what_no_path_can_name(lab, name):
    """Such a device could be neither held nor revoked: its path is another one."""
    authority = Authority(lab.keys, "/CN=Dots CA")
    assert lab.operator("POST", "/v1/authorities", {
        "name": f"dots{len(name)}", "kind": "offline", "certificate": authority.identity.pem}).status == 201
    token = lab.enrolment_token()
    for device, is_good in ((lab.device(name), False), (lab.device(f"{name}{uuid.uuid4()}"), True)):
        key = device.new_key()
        met = lab.check(authority.sign(key).der)
        assert (met.status, met.headers["Certvendor-Reason"]) == (
            (200, "registered") if is_good else (403, "bad-certificate"))
        assert (lab.operator("POST", "/v1/enrolment-tokens", {"device": device.name}).status == 201) == is_good
        asked = lab.device(device.name)
        answer = asked.est("simpleenroll", asked.new_key().request, headers={"Authorization": basic(token)})
        assert answer.status == (403 if is_good else 400), answer  # it is known by now
        held = lab.operator("POST", f"/v1/devices/{device.name}/hold", {})
        assert (held.status == 200) == is_good
    assert lab.operator("POST", "/v1/groups", {"name": name}).status == 400


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
