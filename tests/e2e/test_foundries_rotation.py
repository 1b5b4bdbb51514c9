"""Rotations by fioconfig, killed after any line and started again, alone and a thousand at once.

CV_ROTATIONS says how many (default 500), CV_FLEET how many devices rotate together (default 1000).
"""
import base64
import concurrent.futures
import json
import os
import random
import ssl
import time
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certvendor_lab import EST, FACTORY, basic, issued
from fioconfig import TRIGGER, Fioconfig, Killed, KilledAt, Pair, RotationFailed, encrypt
from fioctl import HANDLER

ROTATIONS = int(os.environ.get("CV_ROTATIONS", "500"))
FLEET = int(os.environ.get("CV_FLEET", "1000"))
MANY = {"issue": {"burst": "1000", "interval": "1"}}


def pair_of(identity):
    return Pair(serialization.load_pem_private_key(identity.key.read_bytes(), None),
                x509.load_pem_x509_certificate(identity.certificate.read_bytes()))


def rest(lab, method, path, body=None):
    """What fioctl sends; it takes only these for success."""
    answer = lab.send("operator", method, path, body=None if body is None else json.dumps(body).encode(),
                      headers={"OSF-TOKEN": lab.token, "Content-Type": "application/json"})
    assert answer.status in (200, 201, 202, 204), answer
    return answer


def trigger(lab, rotation_id):
    """The file that makes a device rotate, as fioctl writes it."""
    return {"name": TRIGGER, "unencrypted": True, "on-changed": [HANDLER],
            "value": f"ESTSERVER=https://localhost:{lab.ports['device']}{EST}\nPKEYIDS=01,07\nCERTIDS=03,09\n"
                     f"ROTATIONID={rotation_id}\n"}


class Site:
    """One device that fioconfig looks after, and its operator."""

    def __init__(self, lab, **options):
        self.lab = lab
        device = lab.enrolled_device()
        self.name = device.name
        self.number = 0
        self.device = Fioconfig(lab.ports["device"], lab.root, lab.keys, pair_of(device.identity), **options)

    def config_path(self):
        return f"/ota/devices/{self.name}/config/?factory={FACTORY}&by-uuid=1"

    def patch(self, *files):
        rest(self.lab, "PATCH", self.config_path(), {"reason": "test", "files": list(files)})

    def give_secret(self, text):
        self.patch({"name": "secret", "unencrypted": False,
                    "value": encrypt(self.device.disk.pair.private.public_key(), text)})

    def trigger(self):
        self.number += 1
        self.patch(trigger(self.lab, f"certs-{self.number}"))
        return f"certs-{self.number}"

    def status(self, pair, method="GET", path="/device"):
        """What another pair than the present one gets."""
        other = Fioconfig(self.lab.ports["device"], self.lab.root, self.lab.keys, pair)
        return other.request_once(method, path, None, [])[0]

    def run_until_rotated(self, rotation_id):
        for _ in range(20):
            self.device.run()
            if self.device.disk.completed == rotation_id:
                return
        raise AssertionError(f"{rotation_id} never ended: {self.device.disk.state}")

    def expect_whole(self, secret):
        """One certificate in use, files that can be read, and none of the keys before it."""
        states = self.lab.query("SELECT state, count(*) FROM certvendor.slot_key WHERE device = "
                                f"'{self.name}' AND state IN ('asked', 'announced', 'current') GROUP BY state")
        assert states == [["current", "1"]], states
        assert self.status(self.device.disk.pair) == 200
        assert self.device.read_file("secret") == secret
        replaced = self.device.retired[-1]
        assert self.status(replaced) == 403
        assert self.status(replaced, path="/config") == 403
        assert self.status(replaced, path="/repo/1.root.json") == 403
        assert self.status(replaced, "POST", f"{EST}/simplereenroll") == 403


def kills_of(number, length, chance):
    """First each point alone, then up to three of them."""
    if number <= length:
        return (number,)
    return chance.sample(range(1, 2 * length), chance.randint(1, 3))


def test_a_rotation_killed_at_any_point_ends_well(make_lab):
    lab = make_lab(settings=MANY).start()
    site = Site(lab)
    site.device.check_in()
    site.give_secret("first")
    assert site.device.check_in() and site.device.read_file("secret") == "first"
    site.device.faults = KilledAt()
    site.run_until_rotated(site.trigger())
    length = site.device.faults.count
    assert length > 30, "the rotation has as many points as it has lines"
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    deaths = 0
    for number in range(1, ROTATIONS):
        faults = site.device.faults = KilledAt(*kills_of(number, length, chance))
        site.run_until_rotated(site.trigger())
        deaths += sum(visit <= faults.count for visit in faults.visits)
        site.device.faults = KilledAt()
        site.device.run()
        site.expect_whole("first")
    assert deaths >= min(ROTATIONS - 1, length)
    events = lab.query("SELECT count(*) FROM certvendor.audit WHERE action = 'activated' AND "
                       f"device = '{site.name}'")
    assert events == [[str(len(site.device.retired))]], "one activation for each key"


def test_the_fielded_generation_rotates(make_lab):
    lab = make_lab(settings=MANY).start()
    site = Site(lab, is_fielded=True)
    site.give_secret("old")
    site.run_until_rotated(site.trigger())
    site.device.run()
    site.expect_whole("old")


@pytest.mark.parametrize("point", ["done: Generate new certificate", "done: Lock device configuration on server",
                                   "after PATCH /config", "sota.toml points at the new pair"])
def test_a_rotation_that_rests_for_weeks_ends_well(make_lab, point):
    """The device talks with its old key all the while, or was switched off."""
    lab = make_lab(settings=MANY).start()
    site = Site(lab)
    site.give_secret("rested")
    rotation_id = site.trigger()
    site.device.faults = KilledAtPoint(point)
    with pytest.raises(Killed):
        site.device.start()
    lab.query("UPDATE certvendor.slot SET locked_since = locked_since - interval '40 days'")
    lab.query("UPDATE certvendor.slot_key SET announced_at = announced_at - interval '40 days', "
              "created_at = created_at - interval '40 days'")
    lab.stop()
    lab.start()
    site.run_until_rotated(rotation_id)
    site.device.run()
    site.expect_whole("rested")


class KilledAtPoint:
    """Once, when this point is first reached."""

    def __init__(self, point):
        self.point = point

    def reach(self, point):
        if point == self.point:
            self.point = None
            raise Killed(point)


def test_a_restarted_rotation_goes_on_with_the_newest_key(make_lab):
    """A new rotation id makes a new key; what was staged for the one before cannot be read by anybody."""
    lab = make_lab(settings=MANY).start()
    site = Site(lab)
    site.give_secret("kept")
    site.trigger()
    site.device.faults = KilledAtPoint("after PATCH /config")
    with pytest.raises(Killed):
        site.device.start()
    abandoned = site.device.disk.state["pair"]
    site.device.disk.state = None
    site.device.renew(trigger(lab, "certs-again")["value"])
    assert site.device.disk.completed == "certs-again"
    # Its configuration still asks for the first one, which never ended.
    site.run_until_rotated("certs-1")
    site.device.run()
    site.expect_whole("kept")
    assert site.status(abandoned) == 403


def test_an_operator_cannot_change_a_device_in_rotation(make_lab):
    """Its files would be for a key that is about to end. Group and factory stay open; force is an admin's."""
    lab = make_lab(settings=MANY).start()
    site = Site(lab)
    site.give_secret("mine")
    rotation_id = site.trigger()
    site.device.faults = KilledAtPoint("done: Lock device configuration on server")
    with pytest.raises(Killed):
        site.device.start()
    body = {"reason": "too late", "files": [{"name": "x", "value": "1", "unencrypted": True}]}
    send = lambda path: lab.send("operator", "PATCH", path, body=json.dumps(body).encode(),  # noqa: E731
                                 headers={"OSF-TOKEN": lab.token, "Content-Type": "application/json"})
    refused = send(site.config_path())
    assert refused.status == 409 and refused.json()["message"], refused
    assert send(f"/ota/factories/{FACTORY}/config/").status in (200, 201, 202, 204)
    assert send(site.config_path() + "&force=1").status in (200, 201, 202, 204)
    site.run_until_rotated(rotation_id)
    site.device.run()
    site.expect_whole("mine")


# ---- A fleet ---------------------------------------------------------------------------------------


def rotate_one(work):
    """In a process of its own: devices do not share a lock."""
    port, root, folder, key, certificate, rotation_id = work
    pair = Pair(serialization.load_pem_private_key(key, None), x509.load_pem_x509_certificate(certificate))
    device = Fioconfig(port, root, folder, pair)
    try:
        for _ in range(3):
            device.run()
            if device.disk.completed == rotation_id:
                return None
        return f"not completed: {device.disk.state}"
    except (RotationFailed, AssertionError, OSError) as failure:
        return f"{type(failure).__name__}: {failure}"


def make_fleet(lab, group):
    """Devices of a group, enrolled with one token."""
    token = lab.enrolment_token(uses=FLEET, expires_in=3600)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: make_member(lab, group, token), range(FLEET)))


def make_member(lab, group, token):
    name = str(uuid.uuid4())
    pair = Pair()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, FACTORY),
                         x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    answer = lab.send("device", "POST", f"{EST}/simpleenroll", body=base64.b64encode(pair.request(subject)), headers={
        "Content-Type": "application/pkcs10", "Authorization": basic(token)})
    assert answer.status == 200, answer
    assert lab.operator("PUT", f"/v1/groups/{group}/devices/{name}").status == 200
    return name, pair.private_pem.encode(), ssl.DER_cert_to_PEM_cert(issued(answer)).encode()


def test_a_whole_group_rotates_at_once(make_lab):
    """One change of a group's configuration reaches every device; all ask for certificates in the same minute."""
    lab = make_lab(settings=MANY).start()
    assert lab.operator("POST", "/v1/groups", {"name": "fleet"}).status == 201
    members = make_fleet(lab, "fleet")
    rest(lab, "PATCH", f"/ota/factories/{FACTORY}/device-groups/fleet/config/",
         {"reason": "yearly", "files": [trigger(lab, "certs-1669058841")]})
    began = time.monotonic()
    work = [(lab.ports["device"], str(lab.root), lab.keys, key, certificate, "certs-1669058841")
            for _, key, certificate in members]
    with concurrent.futures.ProcessPoolExecutor(max(2, os.cpu_count())) as pool:
        failures = [failure for failure in pool.map(rotate_one, work, chunksize=4) if failure]
    print(f"{FLEET} devices in {time.monotonic() - began:.1f} s")
    assert failures == [], f"{len(failures)} of {FLEET}: {failures[:3]}"
    assert lab.query("SELECT count(*) FROM certvendor.audit WHERE action = 'activated'") == [[str(FLEET)]]
    assert lab.query("SELECT count(*) FROM certvendor.slot_key WHERE state = 'current'") == [[str(FLEET)]]
