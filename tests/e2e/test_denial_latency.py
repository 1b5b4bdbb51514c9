"""A denial is seen by the very next check, also on a connection that was opened before."""
import pytest

from certvendor_lab import Authority, wait_until

ROUNDS = 10


class Watcher:
    """Connections that stay open: of the device itself, of a gateway, and through nginx."""

    def __init__(self, lab, identity):
        self.identity = identity
        self.device = lab.client("device", identity)
        self.gateway = lab.client("gateway", lab.gateway)
        self.nginx = lab.client("nginx", identity)

    def look(self):
        return (self.gateway.send("GET", "/v1/check", headers={
                    "X-Client-Cert-Sha256": self.identity.sha256}).status,
                self.nginx.send("GET", "/hello").status,
                self.device.send("GET", "/device").status)

    def is_on_the_same_connections(self):
        """http.client would open new ones silently."""
        return [client.connection.sock.getsockname() for client in (self.device, self.gateway, self.nginx)]


ALLOWED, DENIED = (200, 200, 200), (403, 403, 403)


@pytest.mark.parametrize("path,body", [
    ("/v1/devices/{device}/revoke", {"reason": "keyCompromise"}),
    ("/v1/devices/{device}/hold", {}),
    ("/v1/certificates/{sha256}/revoke", {"reason": "keyCompromise"}),
])
def test_an_operators_denial(lab, path, body):
    for _ in range(ROUNDS):
        device = lab.enrolled_device()
        watcher = Watcher(lab, device.identity)
        assert watcher.look() == ALLOWED
        before = watcher.is_on_the_same_connections()
        target = path.format(device=device.name, sha256=device.identity.sha256)
        assert lab.operator("POST", target, body).status == 200
        assert watcher.look() == DENIED
        assert watcher.is_on_the_same_connections() == before


def test_a_deletion_and_its_end(lab):
    device = lab.enrolled_device()
    watcher = Watcher(lab, device.identity)
    for _ in range(ROUNDS):
        assert watcher.look() == ALLOWED
        assert lab.operator("DELETE", f"/v1/devices/{device.name}").status == 200
        assert watcher.look() == DENIED
        assert lab.operator("POST", f"/v1/devices/{device.name}/allow", {}).status == 200


@pytest.mark.parametrize("door", ["device", "gateway"])
def test_a_first_use_ends_the_old_key(lab, door):
    for _ in range(ROUNDS):
        device = lab.enrolled_device()
        watcher = Watcher(lab, device.identity)
        key = device.new_key()
        fresh = device.reenrol(key)
        assert device.announce(key).status == 200
        assert watcher.look() == ALLOWED
        before = watcher.is_on_the_same_connections()
        first_use = device.show(fresh) if door == "device" else device.check(fresh)
        assert first_use.status == 200
        assert watcher.look() == DENIED
        assert watcher.is_on_the_same_connections() == before
        assert Watcher(lab, fresh).look() == ALLOWED


def test_a_revoked_authority(lab):
    authority = Authority(lab.keys, "/CN=To be revoked")
    name = "to-be-revoked"
    assert lab.operator("POST", "/v1/authorities", {
        "name": name, "kind": "offline", "certificate": authority.identity.pem}).status == 201
    identity = authority.sign(lab.device().new_key())
    assert lab.check(identity.der).headers["Certvendor-Reason"] == "registered"
    watcher = Watcher(lab, identity)
    assert watcher.look() == ALLOWED
    assert lab.operator("POST", f"/v1/authorities/{name}/revoke", {}).status == 200
    assert watcher.look() == DENIED


@pytest.mark.parametrize("revoked", [0, 1])
def test_a_revoked_authority_under_its_other_certificate(lab, revoked):
    """Its key is what is revoked: neither certificate vouches for a device, known or new."""
    authority = Authority(lab.keys, f"/CN=Twice listed {revoked}")
    names = [f"twin-{revoked}-{each}" for each in "ab"]
    watchers = []
    for name in names:
        assert lab.operator("POST", "/v1/authorities", {
            "name": name, "kind": "offline", "certificate": authority.identity.pem}).status == 201
        authority.renew()
        identity = authority.sign(lab.device().new_key())
        assert lab.check(identity.der).headers["Certvendor-Reason"] == "registered"
        watchers.append(Watcher(lab, identity))
        # What is met under the next entry is recorded there.
        assert lab.operator("POST", f"/v1/authorities/{name}/disable", {}).status == 200
    for name in names:
        assert lab.operator("POST", f"/v1/authorities/{name}/enable", {}).status == 200
    assert lab.query("SELECT count(DISTINCT origin) FROM certvendor.device d JOIN certvendor.authority a "
                     f"ON a.id = d.origin WHERE a.name LIKE 'twin-{revoked}-%'") == [["2"]]
    assert [each.look() for each in watchers] == [ALLOWED, ALLOWED]
    assert lab.operator("POST", f"/v1/authorities/{names[revoked]}/revoke", {}).status == 200
    assert [each.look() for each in watchers] == [DENIED, DENIED]
    new = authority.sign(lab.device().new_key())
    assert lab.check(new.der).headers["Certvendor-Reason"] == "authority-refused"
    authority.renew()
    third = {"name": f"twin-{revoked}-c", "kind": "offline", "certificate": authority.identity.pem}
    answer = lab.operator("POST", "/v1/authorities", third)
    assert answer.status == 400 and "the key of this CA is revoked" in answer.json()["detail"]
    assert lab.operator("POST", f"/v1/authorities/{names[revoked]}/enable", {}).status == 200
    assert [each.look() for each in watchers] == [ALLOWED, ALLOWED]
    assert lab.check(new.der).headers["Certvendor-Reason"] == "registered"
    assert lab.operator("POST", "/v1/authorities", third).status == 201


def test_two_servers_on_one_database(lab, make_lab):
    """The other server hears of a denial within moments, and of a first use too."""
    other = make_lab(beside=lab).start()
    device = lab.enrolled_device()

    def at_the_other(identity):
        return other.check(identity.der, gateway=lab.gateway).status

    assert at_the_other(device.identity) == 200
    old = device.rotate()
    wait_until(lambda: at_the_other(old) == 403, "the other server knows", timeout=5)
    assert at_the_other(device.identity) == 200
    assert lab.operator("POST", f"/v1/devices/{device.name}/revoke", {}).status == 200
    wait_until(lambda: at_the_other(device.identity) == 403, "the other server knows", timeout=5)
