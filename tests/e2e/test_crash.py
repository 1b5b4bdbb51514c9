"""kill -9 at random points of rotations. CV_KILLS says how many times (default 200).

Devices keep their state as a real one does on disk: each step is noted when it was acknowledged, and
repeated when it was not.
"""
import http.client
import json
import os
import random
import ssl
import threading
import time

import pytest

from certvendor_lab import EST, PATIENCE, Key, issued

KILLS = int(os.environ.get("CV_KILLS", "200"))
DEVICES = 3
LONGEST_LIFE = 0.15  # seconds that a server may live after it is ready


class Interrupted(Exception):
    """No answer, or none but "not now"."""


class RotatingDevice(threading.Thread):
    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab = lab
        self.device = lab.enrolled_device()
        self.acknowledged = [self.device.identity]
        self.ended = []
        self.interruptions = 0
        self.failure = None
        self.must_stop = threading.Event()

    def ask(self, what):
        """The answer of a live server."""
        try:
            answer = what()
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            raise Interrupted from error
        if answer.status == 503:
            raise Interrupted
        return answer

    def until_answered(self, what):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self.ask(what)
                assert answer.status == 200, answer
                return answer
            except Interrupted:
                self.interruptions += 1
                assert time.monotonic() < deadline, "no answer"
                time.sleep(0.005)

    def rotate(self):
        device = self.device
        key = Key(self.lab.keys, device.subject)
        announcement = json.dumps({"next_pubkey": key.public_pem}).encode()
        answer = self.until_answered(
            lambda: device.est("simplereenroll", key.request, device.identity))
        fresh = key.with_certificate(issued(answer))
        self.acknowledged.append(fresh)
        self.until_answered(lambda: self.lab.send(
            "device", "PATCH", "/device", device.identity, announcement,
            {"Content-Type": "application/json"}))
        self.until_answered(lambda: device.show(fresh))
        old, device.identity = device.identity, fresh
        self.ended.append(old)

    def run(self):
        try:
            while not self.must_stop.is_set():
                self.rotate()
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error


@pytest.mark.est("15.1")
def test_kill_at_random_points(make_lab):
    lab = make_lab(settings={"issue": {"burst": "1000", "interval": "1"}}).start()
    lab.gateway = lab.add_gateway()
    devices = [RotatingDevice(lab) for _ in range(DEVICES)]
    for device in devices:
        device.start()
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0, LONGEST_LIFE))
        lab.kill()
        lab.start()
        for device in devices:
            assert device.failure is None, device.failure
    for device in devices:
        device.must_stop.set()
    for device in devices:
        device.join(2 * PATIENCE)
        assert not device.is_alive()
        assert device.failure is None, device.failure

    # Something did happen, and was interrupted.
    assert sum(len(device.ended) for device in devices) >= DEVICES
    assert sum(device.interruptions for device in devices) > 0

    recorded = {row[0] for row in lab.query("SELECT encode(fingerprint, 'hex') FROM certvendor.certificate")}
    current = lab.query("SELECT device, count(*) FROM certvendor.slot_key WHERE state = 'current' "
                        "GROUP BY device, slot")
    assert sorted(current) == sorted([device.device.name, "1"] for device in devices)
    for device in devices:
        assert {identity.sha256 for identity in device.acknowledged} <= recorded
        assert device.device.show().status == 200
        with lab.client("gateway", lab.gateway) as gateway:
            for identity in device.ended:
                answer = gateway.send("GET", "/v1/check",
                                      headers={"X-Client-Cert-Sha256": identity.sha256})
                assert (answer.status, answer.headers["Certvendor-Reason"]) == (403, "denied")
        assert device.device.check().status == 200
        activations = lab.query("SELECT count(*) FROM certvendor.audit WHERE action = 'activated' "
                                f"AND device = '{device.device.name}'")
        assert activations == [[str(len(device.ended))]], "one audit record for each activation"


@pytest.mark.est("15.1")
def test_a_lost_answer_to_an_enrolment(make_lab):
    """The same request and token get the same certificate, whenever the server died."""
    lab = make_lab().start()
    chance = random.Random(7)
    for _ in range(max(3, KILLS // 20)):
        device = lab.device()
        key, token = device.new_key(), lab.enrolment_token(device=device.name)
        killer = threading.Timer(chance.uniform(0, 0.01), lab.process.kill)
        killer.start()
        try:
            first = device.est("simpleenroll", key.request, headers={"Authorization": f"Bearer {token}"})
        except (OSError, http.client.HTTPException):
            first = None
        killer.join()
        lab.process.wait()
        lab.start()
        again = device.est("simpleenroll", key.request, headers={"Authorization": f"Bearer {token}"})
        assert again.status == 200, again
        if first is not None and first.status == 200:
            assert issued(first) == issued(again)
        rows = lab.query(f"SELECT count(*) FROM certvendor.certificate WHERE device = '{device.name}'")
        assert rows == [["1"]]
        assert device.show(key.with_certificate(issued(again))).status == 200
    assert lab.send("device", "GET", f"{EST}/cacerts").status == 200
