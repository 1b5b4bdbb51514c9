"""Rotation groups: devices that are told one after the other to change their keys."""
import uuid

import pytest

from certvendor_lab import FACTORY, wait_until
from fioctl import Fioctl
from foundries_lab import Fioconfig

EST_URL = "https://est.example:8443/.well-known/est"
PATH = "/v1/rotation-groups"


@pytest.fixture(scope="module")
def quick(make_module_lab):
    return make_module_lab().start()


def fresh_name():
    return f"r{uuid.uuid4().hex[:8]}"


def add(lab, devices, per_hour=36000, **more):
    body = {"name": fresh_name(), "est_url": EST_URL, "per_hour": per_hour, "devices": devices, **more}
    answer = lab.operator("POST", PATH, {name: value for name, value in body.items() if value is not None})
    assert answer.status == 201, answer
    assert answer.json()["outcome"] == "added"
    return body["name"]


def show(lab, name):
    answer = lab.operator("GET", f"{PATH}/{name}")
    assert answer.status == 200, answer
    return answer.json()


def act(lab, name, what):
    answer = lab.operator("POST", f"{PATH}/{name}/{what}", {"reason": "test"})
    assert answer.status == 200, answer
    return answer.json()["outcome"]


def progress(lab, name):
    """(waiting, told, rotated, skipped)"""
    shown = show(lab, name)["progress"]
    return tuple(shown[each] for each in ("waiting", "told", "rotated", "skipped"))


def reaches(lab, name, **expected):
    """The counts that are named, and nothing but a short wait."""
    wait_until(lambda: expected.items() <= show(lab, name)["progress"].items(), f"{name}: {expected}")


def rotation_id_of(agent):
    agent.check_in()
    file = agent.read(agent.stored or {}).get("fio-rotate-certs")
    return None if file is None else dict(line.split("=", 1) for line in file.splitlines())["ROTATIONID"]


def make_due(lab, name):
    """As if the time until the next turn had passed."""
    lab.query(f"UPDATE certvendor.rotation_group SET next_at = now() WHERE name = '{name}'")


def test_three_devices_rotate_one_after_the_other(quick):
    lab = quick
    agents = {agent.name: agent for agent in (Fioconfig(lab) for _ in range(3))}
    name = add(lab, list(agents), per_hour=1, reason="yearly")
    assert (show(lab, name)["devices"], show(lab, name)["state"]) == (3, "running")
    done = []
    while agents:
        reaches(lab, name, told=1, waiting=len(agents) - 1, rotated=len(done))
        [[told]] = lab.query("SELECT device FROM certvendor.rotation_group_device WHERE state = 'told' "
                             f"AND group_name = '{name}'")
        agent = agents.pop(told)
        assert rotation_id_of(agent) == f"rotation-{name}" == show(lab, name)["rotation_id"]
        assert [rotation_id_of(other) for other in agents.values()] == [None] * len(agents)
        agent.rotate(rotation_id=f"rotation-{name}")
        assert agent.check_in() == 200
        reaches(lab, name, told=0, rotated=len(done) + 1)
        done.append(told)
        make_due(lab, name)
    wait_until(lambda: show(lab, name)["state"] == "done", "done")
    assert progress(lab, name) == (0, 0, 3, 0) and show(lab, name)["finished_at"] is not None
    # Each was told once, by the operator who made the group.
    assert lab.query("SELECT actor, reason, count(*) FROM certvendor.audit WHERE action = 'configuration-changed' "
                     f"AND device IN ('{done[0]}', '{done[1]}', '{done[2]}') GROUP BY 1, 2") == [
                         ["operator:admin", "yearly", "3"]]
    for what in ("pause", "resume", "end"):
        answer = lab.operator("POST", f"{PATH}/{name}/{what}")
        assert (answer.status, answer.reason) == (409, "not-possible"), what


def test_steps_of_a_group_with_a_dot_are_shown(quick):
    lab = quick
    agent = Fioconfig(lab)
    name = add(lab, [agent.name], name=f"{fresh_name()}.2027")
    reaches(lab, name, told=1)
    rotation_id = rotation_id_of(agent)
    assert rotation_id == f"rotation-{name}"
    agent.rotate(rotation_id=rotation_id)
    fioctl = Fioctl(lab)
    [update] = fioctl.device("GET", agent.name, "updates/").json()["updates"]
    assert update["correlation-id"] == rotation_id
    assert len(fioctl.device("GET", agent.name, f"updates/{rotation_id}/").json()) > 3


def test_paused_resumed_and_ended(quick):
    lab = quick
    name = add(lab, [lab.enrolled_device().name for _ in range(4)], per_hour=1)
    reaches(lab, name, told=1, waiting=3)
    assert [act(lab, name, "pause"), act(lab, name, "pause")] == ["done", "unchanged"]
    [[waiting], *_] = lab.query("SELECT device FROM certvendor.rotation_group_device WHERE state = 'waiting' "
                                f"AND group_name = '{name}'")
    assert lab.operator("DELETE", f"/v1/devices/{waiting}").status == 200
    make_due(lab, name)
    other = add(lab, [lab.enrolled_device().name])
    reaches(lab, other, told=1)  # a look that passed over the paused one
    assert progress(lab, name) == (2, 1, 0, 1)
    assert [act(lab, name, "resume"), act(lab, name, "resume")] == ["done", "unchanged"]
    reaches(lab, name, told=2, waiting=1)
    assert [act(lab, name, "end"), act(lab, name, "end")] == ["done", "unchanged"]
    make_due(lab, name)
    another = add(lab, [lab.enrolled_device().name])
    reaches(lab, another, told=1)
    assert progress(lab, name) == (1, 2, 0, 1)
    refusal = lab.operator("POST", f"{PATH}/{name}/resume")
    assert (refusal.status, refusal.reason) == (409, "not-possible")
    assert [row[0] for row in lab.query("SELECT action FROM certvendor.audit WHERE after::text LIKE "
                                        f"'%\"{name}\"%' AND action LIKE 'rotation-group-%' ORDER BY at")] == [
        "rotation-group-added", "rotation-group-paused", "rotation-group-resumed", "rotation-group-ended"]


def test_who_cannot_be_told(quick):
    """Deleted: skipped. Held, or changing its key already: later. The others are not kept waiting."""
    lab = quick
    free, deleted, held = (lab.enrolled_device().name for _ in range(3))
    busy = Fioconfig(lab)
    busy.rotate(2)
    assert lab.operator("POST", f"/v1/devices/{held}/hold").status == 200
    name = add(lab, [held, busy.name, deleted, free])
    reaches(lab, name, told=2, waiting=2, put_off=2)
    assert lab.operator("DELETE", f"/v1/devices/{deleted}").status == 200
    assert progress(lab, name) == (2, 1, 0, 1)
    assert sorted(lab.query(f"SELECT device, note FROM certvendor.rotation_group_device WHERE group_name = '{name}' "
                            "AND note IS NOT NULL")) == sorted(
        [[held, "held"], [busy.name, "locked"], [deleted, "deleted"]])
    # It ends its own rotation, which is what was wanted.
    busy.resume()
    assert busy.check_in() == 204
    reaches(lab, name, rotated=1, waiting=1)
    # The hold ends, and the five minutes are over.
    assert lab.operator("POST", f"/v1/devices/{held}/release").status == 200
    lab.query(f"UPDATE certvendor.rotation_group_device SET next_at = now() WHERE group_name = '{name}'")
    reaches(lab, name, rotated=1, skipped=1, told=2, waiting=0)


def test_which_devices_it_has(quick):
    lab = quick
    group = fresh_name()
    assert lab.operator("POST", "/v1/groups", {"name": group}).status == 201
    members = [lab.enrolled_device().name for _ in range(2)]
    for member in members:
        assert lab.operator("PUT", f"/v1/groups/{group}/devices/{member}").status == 200

    def devices(name):
        act(lab, name, "end")
        return sorted(row[0] for row in lab.query(
            f"SELECT device FROM certvendor.rotation_group_device WHERE group_name = '{name}'"))

    everyone = lab.query(f"SELECT id FROM certvendor.device WHERE factory = '{FACTORY}' AND state IN ('ok', 'held')")
    assert devices(add(lab, None, group=group)) == sorted(members)
    assert devices(add(lab, members[:1])) == members[:1]
    assert devices(add(lab, None)) == sorted(row[0] for row in everyone)
    # The certificate of the first ends a second before that of the second.
    [[first], [_]] = lab.query("UPDATE certvendor.certificate SET not_after = CASE device WHEN "
                               f"'{members[0]}' THEN timestamptz '2031-01-01 00:00:00Z' ELSE timestamptz "
                               f"'2031-01-01 00:00:01Z' END WHERE device IN ('{members[0]}', '{members[1]}') "
                               "RETURNING device")
    assert first in members
    assert devices(add(lab, None, group=group, expires_before="2031-01-01T00:00:01Z")) == members[:1]
    assert devices(add(lab, None, group=group, expires_before="2031-01-01T00:00:02Z")) == sorted(members)

    good = {"est_url": EST_URL, "per_hour": 1, "devices": members}
    for change, status, reason in (
            ({"devices": [*members, "nobody"]}, 409, "not-possible"),
            ({"devices": None, "group": "nothing"}, 409, "not-possible"),
            ({"expires_before": "2031-01-01T00:00:00Z"}, 409, "not-possible"),
            ({"expires_before": "tomorrow"}, 400, "bad-json"),
            ({"expires_before": "2031-02-29T00:00:00Z"}, 400, "bad-json"),
            ({"group": group}, 400, "bad-json"),
            ({"devices": []}, 400, "bad-json"),
            ({"devices": ["a,b"]}, 400, "bad-json"),
            ({"per_hour": 0}, 400, "bad-json"),
            ({"per_hour": 36001}, 400, "bad-json"),
            ({"per_hour": None}, 400, "bad-json"),
            ({"est_url": "http://est.example"}, 400, "bad-json"),
            ({"more": 1}, 400, "bad-json")):
        answer = lab.operator("POST", PATH, {"name": fresh_name(), **good, **change})
        assert (answer.status, answer.reason) == (status, reason), change
    # What is refused leaves nothing behind, and what is good is taken once.
    name = fresh_name()
    headers = {"Idempotency-Key": name}
    answers = [lab.operator("POST", PATH, {"name": name, **good}, headers=headers) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201] and answers[0].body == answers[1].body
    again = lab.operator("POST", PATH, {"name": name, **good})
    assert (again.status, again.reason) == (409, "exists")
    act(lab, name, "end")


def test_the_command_line(quick):
    lab = quick
    name, device = fresh_name(), lab.enrolled_device().name
    lab.cli("rotation-group", "add", name, "--est-url", EST_URL, "--per-hour", "1", "--devices", device)
    reaches(lab, name, told=1)
    assert "told" in lab.cli("rotation-group", "show", name).stdout
    lab.cli("rotation-group", "pause", name)
    assert name in lab.cli("rotation-group", "list", "--state", "paused").stdout
    assert name not in lab.cli("rotation-group", "list", "--state", "running").stdout
    lab.cli("rotation-group", "resume", name)
    lab.cli("rotation-group", "end", name, "--reason", "enough")
    assert lab.cli("rotation-group", "resume", name, is_checked=False).returncode == 1
    assert lab.cli("rotation-group", "add", fresh_name(), "--est-url", EST_URL, is_checked=False).returncode == 2
