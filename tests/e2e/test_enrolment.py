"""First certificates: by a manufacturer's certificate or a token, each refusal next to what is allowed."""
import pytest

from certvendor_lab import EST, FACTORY, Authority, basic, issued, wait_until


def reason(answer):
    return answer.status, answer.reason


def checked(answer):
    return answer.status, answer.headers["Certvendor-Reason"]


# ---- Certificates of a bootstrap authority -----------------------------------------------------


class Maker:
    """A manufacturer, whose CA is trusted for first certificates only."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.authority = Authority(lab.keys, f"/CN={name}")
        self.list_as(name)

    def list_as(self, name):
        self.lab.cli("authority", "import", self.authority.identity.certificate, "--name", name, "--kind",
                     "bootstrap")

    def device(self):
        """A device as it leaves the factory."""
        device = self.lab.device()
        device.birth_key = device.new_key()
        device.identity = self.authority.sign(device.birth_key)
        return device

    def act(self, verb):
        assert self.lab.cli("authority", verb, self.name).stdout == f"{self.name}: done\n"


@pytest.fixture(scope="module", name="maker")
def fixture_maker(lab):
    return Maker(lab, "maker-1")


def refused_everywhere(lab, device, birth):
    """Everywhere but at simpleenroll."""
    key = device.new_key()
    assert reason(device.show(birth)) == (403, "bad-client-cert")
    assert reason(device.announce(key, birth)) == (403, "bad-client-cert")
    assert reason(device.est("simplereenroll", key.request, birth)) == (403, "bad-client-cert")
    assert reason(lab.send("device", "GET", "/nothing", birth)) == (403, "bad-client-cert")
    assert checked(device.check(birth)) == (403, "unknown")
    assert checked(lab.through_nginx(birth)) == (403, "unknown")
    assert lab.check(headers={"X-Client-Cert-Sha256": birth.sha256}).status == 403
    return True


def test_a_birth_certificate_enrols_and_nothing_else(lab, maker):
    device = maker.device()
    birth = device.identity
    assert refused_everywhere(lab, device, birth)
    assert lab.operator("GET", f"/v1/devices/{device.name}").status == 404
    assert lab.send("device", "GET", f"{EST}/cacerts", birth).status == 200

    key = device.new_key()
    first = key.with_certificate(issued(device.est("simpleenroll", key.request, birth)))
    assert device.show(first).status == 200
    assert checked(lab.through_nginx(first)) == (200, "ok")
    assert refused_everywhere(lab, device, birth)
    # Once it was seen, a copy of the birth certificate is worth nothing.
    for request in (device.new_key().request, key.request):
        assert reason(device.est("simpleenroll", request, birth)) == (403, "not-authorised")
    assert device.est("simplereenroll", device.new_key().request, first).status == 200


def test_the_answer_to_a_birth_certificate_is_lost(lab, maker):
    device = maker.device()
    birth, key = device.identity, device.new_key()
    first = issued(device.est("simpleenroll", key.request, birth))
    assert issued(device.est("simpleenroll", key.request, birth)) == first
    # Clients sign again when they repeat.
    again = device.est("simpleenroll", key.request_for(device.subject), birth)
    assert again.status == 200, again
    # Another key is another device, as far as anyone can tell.
    assert reason(device.est("simpleenroll", device.new_key().request, birth)) == (403, "not-authorised")
    assert device.show(key.with_certificate(issued(again))).status == 200
    assert device.show(key.with_certificate(first)).status == 200


def test_a_birth_certificate_names_one_device_of_one_factory(lab, maker):
    device, other = maker.device(), maker.device()
    assert reason(device.est("simpleenroll", other.new_key().request, device.identity)) == (
        403, "not-authorised")
    foreign = device.new_key().request_for(f"/OU=elsewhere/CN={device.name}")
    assert reason(device.est("simpleenroll", foreign, device.identity)) == (403, "not-authorised")
    lab.query("INSERT INTO certvendor.factory (name) VALUES ('elsewhere') ON CONFLICT DO NOTHING")
    key = device.new_key()
    wait_until(lambda: device.est("elsewhere/simpleenroll", key.request, device.identity).status == 403,
               "the other factory is known")
    assert device.est(f"{FACTORY}/simpleenroll", key.request, device.identity).status == 200


def test_the_birth_key_may_be_kept(lab, maker):
    device = maker.device()
    birth = device.identity
    first = issued(device.est("simpleenroll", device.birth_key.request, birth))
    assert device.show(device.birth_key.with_certificate(first)).status == 200
    # The key is current now, and still the birth certificate opens no door.
    assert refused_everywhere(lab, device, birth)


def test_a_birth_certificate_hides_no_token(lab, maker):
    device = maker.device()
    other = lab.device()
    bearer = {"Authorization": basic(lab.enrolment_token(device=other.name))}
    key = other.new_key()
    assert other.est("simpleenroll", key.request, device.identity, bearer).status == 403
    assert other.est("simpleenroll", key.request, headers=bearer).status == 200


def test_a_disabled_manufacturer(lab):
    maker = Maker(lab, "maker-2")
    early, late = maker.device(), maker.device()
    birth = early.identity
    key = early.new_key()
    early.identity = key.with_certificate(issued(early.est("simpleenroll", key.request, birth)))
    assert early.show().status == 200

    for verb in ("disable", "revoke"):
        maker.act(verb)
        answer = late.est("simpleenroll", late.new_key().request, late.identity)
        assert reason(answer) == (403, "bad-client-cert"), verb
        assert refused_everywhere(lab, late, late.identity)
        assert refused_everywhere(lab, early, birth)
        # What it vouched for before goes on: that certificate is ours.
        assert early.show().status == 200
        early.rotate()
    maker.act("enable")
    assert late.est("simpleenroll", late.new_key().request, late.identity).status == 200


def test_a_renewed_manufacturer(lab):
    maker = Maker(lab, "maker-3")
    device, last = maker.device(), maker.device()
    maker.act("disable")
    key = device.new_key()
    assert reason(device.est("simpleenroll", key.request, device.identity)) == (403, "bad-client-cert")
    maker.authority.renew()
    maker.list_as("maker-3-renewed")
    assert device.est("simpleenroll", key.request, device.identity).status == 200
    # The key is revoked under both certificates.
    maker.act("revoke")
    assert reason(last.est("simpleenroll", last.new_key().request, last.identity)) == (403, "bad-client-cert")


# ---- Enrolment tokens --------------------------------------------------------------------------


def enrol(device, token, key=None):
    return device.est("simpleenroll", (key or device.new_key()).request,
                      headers={"Authorization": basic(token)})


def test_a_token_ends(lab):
    device = lab.device()
    token = lab.enrolment_token(device=device.name, expires_in=3600)
    lab.query("UPDATE certvendor.enrolment_token SET expires_at = now() "
              f"WHERE device = '{device.name}'")
    answer = enrol(device, token)
    assert (answer.status, answer.body) == (401, b"")
    assert lab.operator("GET", f"/v1/devices/{device.name}").status == 404
    lab.query("UPDATE certvendor.enrolment_token SET expires_at = now() + interval '1 minute' "
              f"WHERE device = '{device.name}'")
    assert enrol(device, token).status == 200


def test_a_token_ends_at_the_time_that_was_asked_for(lab):
    device, late = lab.device(), lab.device()
    token = lab.enrolment_token(uses=1000, expires_in=5)
    assert enrol(device, token).status == 200
    wait_until(lambda: enrol(late, token).status == 401, "the token ended", pause=0.5)


def test_a_repetition_after_the_end_of_a_token(lab):
    """A lost answer is repeated in time, or needs another token."""
    device = lab.device()
    key = device.new_key()
    token = lab.enrolment_token(device=device.name)
    first = issued(enrol(device, token, key))
    assert issued(enrol(device, token, key)) == first
    lab.query(f"UPDATE certvendor.enrolment_token SET expires_at = now() WHERE device = '{device.name}'")
    assert enrol(device, token, key).status == 401
    assert issued(enrol(device, lab.enrolment_token(device=device.name), key)) == first


def test_the_uses_of_a_token_are_devices(lab):
    devices = [lab.device() for _ in range(3)]
    keys = [device.new_key() for device in devices]
    token = lab.enrolment_token(uses=2)
    assert [enrol(*each).status for each in ((devices[0], token, keys[0]), (devices[0], token, keys[0]),
                                             (devices[1], token, keys[1]))] == [200, 200, 200]
    assert enrol(devices[2], token, keys[2]).status == 401
    assert lab.operator("GET", f"/v1/devices/{devices[2].name}").status == 404
    # Whom it registered may still repeat.
    assert enrol(devices[0], token, keys[0]).status == 200
    # A refused request is no use.
    token = lab.enrolment_token(uses=1)
    assert enrol(devices[0], token).status == 403
    assert enrol(devices[2], token, keys[2]).status == 200


def test_a_token_for_another_device(lab):
    owner, other, known = lab.device(), lab.device(), lab.enrolled_device()
    token = lab.enrolment_token(device=owner.name)
    for device in (other, known):
        assert reason(enrol(device, token)) == (403, "not-authorised")
    assert known.show().status == 200
    assert lab.operator("GET", f"/v1/devices/{other.name}").status == 404
    # It was not used up by that.
    assert enrol(owner, token).status == 200
