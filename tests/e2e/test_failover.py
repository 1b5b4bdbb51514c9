"""The primary dies and its synchronous standby takes over: nothing that was answered is lost."""
import json

import pytest

from certvendor_lab import Standby, end_process, wait_until
from test_crash import RotatingDevice

DEVICES = 3


@pytest.fixture(name="standby")
def fixture_standby(own_postgres):
    server = Standby(own_postgres)
    server.start()
    yield server
    server.remove()


def connect_to(lab, *servers):
    hosts = ",".join(str(server.folder) for server in servers)
    ports = ",".join("5432" for _ in servers)
    lab.settings = {"database": {
        "url": f"postgresql:///{lab.database}?host={hosts}&port={ports}&user=certvendor"
               "&target_session_attrs=read-write"},
        "issue": {"burst": "1000", "interval": "1"}}
    lab.write_config()
    return lab


def log_lines(lab):
    return [json.loads(line) for line in lab.log.read_text().splitlines()]


def test_the_standby_takes_over(own_postgres, standby, make_lab):
    lab = connect_to(make_lab(own_postgres), own_postgres, standby).start()
    lab.gateway = lab.add_gateway()
    idle = lab.enrolled_device()
    ended = idle.rotate()
    other = lab.device()
    key, token = other.new_key(), lab.enrolment_token(device=other.name)
    devices = [RotatingDevice(lab) for _ in range(DEVICES)]
    for device in devices:
        device.start()
    wait_until(lambda: all(device.ended for device in devices), "each has rotated")

    own_postgres.kill()
    # The standby alone takes no writes; what is known goes on from memory.
    answer = other.est("simpleenroll", key.request, headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
    assert idle.check().status == 200
    assert idle.check(ended).status == 403
    wait_until(lambda: any("session is read-only" in line.get("cause", "") for line in log_lines(lab)
                           if line["event"] == "request"), "refusals say why", timeout=10)
    assert all(line.get("cause") for line in log_lines(lab) if line["event"] == "feed-failed")

    standby.promote()
    lab.postgres = standby
    wait_until(lab.is_ready, "it is ready again")
    rotated = [len(device.ended) for device in devices]
    other.enrol(key, token)
    wait_until(lambda: all(len(device.ended) > count for device, count in zip(devices, rotated)),
               "each goes on with its rotations")
    for device in devices:
        device.must_stop.set()
    for device in devices:
        device.join(60)
        assert device.failure is None and not device.is_alive(), device.failure

    assert sum(device.interruptions for device in devices) > 0
    recorded = {row[0] for row in lab.query("SELECT encode(fingerprint, 'hex') FROM certvendor.certificate")}
    assert {identity.sha256 for identity in (idle.identity, ended, other.identity)} <= recorded
    for device in devices:
        assert {identity.sha256 for identity in device.acknowledged} <= recorded
        assert device.device.check().status == 200
        assert {device.device.check(identity).status for identity in device.ended} == {403}
    # What memory says, a new server reads from the database.
    assert lab.stop() == 0
    lab.start()
    assert idle.check().status == 200
    assert idle.check(ended).headers["Certvendor-Reason"] == "denied"


def test_a_standby_alone(own_postgres, standby, make_lab):
    lab = connect_to(make_lab(own_postgres), standby)
    lab.launch()
    assert lab.process.wait(60) == 1
    assert "session is read-only" in lab.log.read_text()
    result = lab.program("migrate", is_checked=False)
    assert result.returncode == 1 and "session is read-only" in result.stderr
    # Whichever of the hosts is the primary.
    connect_to(lab, standby, own_postgres).start()
    assert lab.enrolled_device().show().status == 200
    assert end_process(lab.process) == 0
    own_postgres.kill()
    standby.promote()
    lab.start()
    assert lab.enrolled_device().show().status == 200
