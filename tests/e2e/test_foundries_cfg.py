"""Configuration and rotation as fioconfig and fioctl do them, byte by byte."""
import contextlib
import datetime
import json
import socket
import threading
import time
import uuid

import pytest
from cryptography import x509

from certvendor_lab import FACTORY, SECRETS, Raw, self_signed, tls_context, wait_until
from fioctl import HANDLER, Fioctl, file
from foundries_lab import Fioconfig, seal, unseal, write_date


@pytest.fixture(scope="module")
def fioctl(lab):
    return Fioctl(lab)


@pytest.fixture
def agent(lab):
    return Fioconfig(lab)


def make_group(lab):
    name = f"g{uuid.uuid4().hex[:8]}"
    assert lab.operator("POST", "/v1/groups", {"name": name}).status == 201
    return name


def join(lab, group, device):
    assert lab.operator("PUT", f"/v1/groups/{group}/devices/{device}").status == 200


def leave(lab, group, device):
    assert lab.operator("DELETE", f"/v1/groups/{group}/devices/{device}").status == 200


# ---- check-in ----------------------------------------------------------------------------------


def test_a_device_without_configuration_gets_none(agent):
    assert agent.check_in() == 204
    answer = agent.ask("GET", "/config-device")
    assert (answer.status, answer.body) == (204, b"")


def test_a_device_gets_its_configuration_once(agent, fioctl):
    assert fioctl.set(agent.name, file("greeting", "hello", handlers=["/usr/bin/say"]),
                      file("secret", seal(agent.pem, "x"), False)).status == 200
    assert agent.check_in() == 200
    assert agent.stored == {
        "greeting": {"Value": "hello", "OnChanged": ["/usr/bin/say"], "Unencrypted": True},
        "secret": {"Value": seal(agent.pem, "x"), "OnChanged": None, "Unencrypted": False}}
    assert agent.check_in() == 304
    # Nothing was stored of the answer: it is given again.
    agent.modified = None
    assert agent.check_in() == 200


@pytest.mark.parametrize("zone", ["UTC", "GMT"])
def test_both_zones_are_read(agent, fioctl, zone):
    fioctl.set(agent.name, file("a", "1"))
    assert agent.check_in() == 200
    for since, status in ((agent.modified, 304), (agent.modified - 1, 200)):
        headers = [("If-Modified-Since", write_date(since, zone))]
        assert agent.ask("GET", "/config", headers=headers).status == status


def test_what_is_no_time_of_ours_counts_as_none(agent, fioctl):
    fioctl.set(agent.name, file("a", "1"))
    assert agent.check_in() == 200
    for since in (write_date(time.time() + 3600), "yesterday", "", write_date(0, "CET"),
                  write_date(agent.modified)[:-1]):
        assert agent.ask("GET", "/config", headers=[("If-Modified-Since", since)]).status == 200, since


def test_a_time_that_was_never_given_is_not_believed(agent, fioctl):
    """A device that has a configuration of another server, or one that it wrote itself with a fast clock."""
    fioctl.set(agent.name, file("a", "1"))
    agent.modified = int(time.time()) + 1
    wait_until(lambda: time.time() > agent.modified, "its time is past")
    assert agent.check_in() == 200
    assert agent.check_in() == 304


def test_date_is_the_time_of_the_configuration_and_comes_once(agent, fioctl):
    fioctl.set(agent.name, file("a", "1"))
    with Raw(agent.lab.ports["device"], agent.lab.root, agent.identity) as raw:
        raw.send("GET /config HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        first = raw.everything()
    assert first.lower().count(b"\r\ndate:") == 1, first
    assert b" GMT\r\n" in first
    time.sleep(1.1)  # the answer is another, the configuration is not
    with Raw(agent.lab.ports["device"], agent.lab.root, agent.identity) as raw:
        raw.send("GET /config HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        second = raw.everything()
    date = lambda text: next(line for line in text.split(b"\r\n") if line.lower().startswith(b"date:"))  # noqa: E731
    assert date(first) == date(second)


def test_later_layers_win_by_name(lab, agent, fioctl):
    group = make_group(lab)
    join(lab, group, agent.name)
    for ask, files in ((lambda body: fioctl.factory("PATCH", body=body), "abc"),
                       (lambda body: fioctl.group("PATCH", group, body=body), "bc"),
                       (lambda body: fioctl.device("PATCH", agent.name, body=body), "c")):
        assert ask({"reason": "", "files": [file(f"{name}-{group}", f"{len(files)}") for name in files]}).status == 200
    assert agent.check_in() == 200
    assert {name: value for name, value in agent.read().items() if name.endswith(group)} == {
        f"a-{group}": "3", f"b-{group}": "2", f"c-{group}": "1"}
    own = Fioconfig.parse(agent.ask("GET", "/config-device").body)
    assert list(own) == [f"c-{group}"]
    for name in "abc":
        assert fioctl.factory("DELETE", f"config/{name}-{group}/").status == 200
    assert agent.check_in() == 200
    assert f"a-{group}" not in agent.stored and f"b-{group}" in agent.stored


def test_settings_of_aktualizr_are_merged_by_key(lab, agent, fioctl):
    group = make_group(lab)
    join(lab, group, agent.name)
    name = "z-50-fioctl.toml"
    fioctl.group("PATCH", group, body={"files": [file(
        name, '[pacman]\n# of the group\ntags = "main"\ncompose_apps = "shell"\n\n[uptane]\npolling_sec = 60\n')]})
    fioctl.set(agent.name, file(name, '\n[pacman]\n  tags = "devel # not a comment"\n', handlers=["/bin/restart"]))
    assert agent.check_in() == 200
    assert agent.stored[name] == {
        "Value": '[pacman]\ntags = "devel # not a comment"\ncompose_apps = "shell"\n[uptane]\npolling_sec = 60\n',
        "OnChanged": ["/bin/restart"], "Unencrypted": True}
    # What cannot be read wins as a whole: encrypted, or more than keys of one line.
    fioctl.set(agent.name, file(name, seal(agent.pem, "x"), False))
    assert agent.check_in() == 200
    assert agent.stored[name]["Value"] == seal(agent.pem, "x")
    fioctl.set(agent.name, file(name, 'tags = [\n"a"\n]\n'))
    assert agent.check_in() == 200
    assert agent.stored[name]["Value"] == 'tags = [\n"a"\n]\n'


def test_times_rise_whatever_changed(lab, agent, fioctl):
    """Within one second too: of the device, of its group, and when it changes the group."""
    groups = [make_group(lab), make_group(lab)]
    for number, group in enumerate(groups):
        assert fioctl.group("PATCH", group, body={"files": [file("of-group", str(number))]}).status == 200
    seen = []
    for change in (lambda: fioctl.set(agent.name, file("a", "1")), lambda: join(lab, groups[0], agent.name),
                   lambda: join(lab, groups[1], agent.name), lambda: fioctl.set(agent.name, file("a", "2")),
                   lambda: fioctl.group("PATCH", groups[1], body={"files": [file("of-group", "again")]}),
                   lambda: leave(lab, groups[1], agent.name)):
        change()
        assert agent.check_in() == 200
        seen.append(agent.modified)
        assert agent.check_in() == 304
    assert seen == sorted(set(seen))
    assert agent.read()["a"] == "2" and "of-group" not in agent.stored


def test_an_emptied_configuration_is_given_as_empty(agent, fioctl):
    """An answer without content would keep the device from removing what it has."""
    fioctl.set(agent.name, file("a", "1"))
    assert agent.check_in() == 200
    assert fioctl.device("DELETE", agent.name, "config/a/").status == 200
    assert agent.check_in() == 200
    assert "a" not in agent.stored
    assert agent.ask("GET", "/config-device").status == 204


def test_files_lie_in_folders(lab, agent, fioctl):
    """fioconfig makes the folders of a name. fioctl deletes such a file by a path of more segments, as they are."""
    name = "with/subdir/1.txt"
    group = make_group(lab)
    join(lab, group, agent.name)
    place = {"device": agent.name, "group": group}
    for kind, target in place.items():
        ask = getattr(fioctl, kind)
        assert ask("PATCH", target, body={"files": [file(name, kind), file("other", "kept")]}).status == 200
    assert agent.check_in() == 200
    assert agent.read()[name] == "device"
    assert fioctl.device("DELETE", agent.name, f"config/{name}/").status == 200
    assert agent.check_in() == 200
    assert agent.read()[name] == "group"
    assert fioctl.group("DELETE", group, f"config/{name}/").status == 200
    assert agent.check_in() == 200
    assert agent.read() == {"other": "kept"}


@pytest.mark.parametrize("name", ["/a", "a/", "a//b", "../a", "a/..", "a/../b", "a/./b", "1/2/3/4/5/6/7/8/9"])
def test_no_name_leads_out_of_the_folder(agent, fioctl, name):
    for how in ("PATCH", "POST"):
        answer = fioctl.device(how, agent.name, body={"files": [file(name, "x")]})
        assert (answer.status, answer.json()["code"]) == (400, "bad-json"), answer
    assert agent.upload(file(name, "x")).status == 400
    assert agent.ask("GET", "/config-device").status == 204


def test_applied_is_when_the_device_fetched_it(agent, fioctl):
    fioctl.set(agent.name, file("a", "1"), reason="first")
    [version] = fioctl.device("GET", agent.name).json()["config"]
    assert version["applied-at"] is None
    agent.check_in()
    [applied] = fioctl.device("GET", agent.name).json()["config"]
    assert datetime.datetime.fromisoformat(applied["applied-at"].replace("Z", "+00:00"))
    agent.modified = None
    assert agent.check_in() == 200
    assert fioctl.device("GET", agent.name).json()["config"] == [applied]


# ---- operators ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["device", "group"])
def test_versions_are_a_log(lab, agent, fioctl, kind):
    target = agent.name if kind == "device" else make_group(lab)
    ask = lambda method, rest="config/", body=None: getattr(fioctl, kind)(method, target, rest, body)  # noqa: E731
    assert ask("GET").json() == {"config": [], "total": 0, "next": None}
    assert ask("PATCH", body={"reason": "one", "files": [file("a", "1"), file("b", "2", handlers=["/x"])]}).status == 200
    assert ask("PATCH", body={"reason": "two", "files": [file("a", "3")]}).status == 200
    assert ask("POST", body={"reason": "three", "files": [file("c", "4", False)]}).status == 200
    assert ask("DELETE", "config/c/").status == 200
    listed = ask("GET").json()
    assert listed["total"] == 4 and listed["next"] is None
    assert [version["reason"] for version in listed["config"]] == ["", "three", "two", "one"]
    assert [version["files"] for version in listed["config"]] == [
        [], [file("c", "4", False)], [file("a", "3"), file("b", "2", handlers=["/x"])],
        [file("a", "1"), file("b", "2", handlers=["/x"])]]
    for version in listed["config"]:
        assert set(version) == {"created-at", "applied-at", "created-by", "reason", "files"}
        assert isinstance(version["created-by"], str) and version["created-at"].endswith("Z")
    if kind == "group":
        audit = lab.operator("GET", "/v1/audit?action=configuration-changed&limit=4").json()["items"]
        assert {"group": target, "files": ["a", "b"], "count": 2} in [row["after"] for row in audit]
    # What changes nothing makes no version.
    assert ask("POST", body={"reason": "again", "files": None}).status == 200
    assert ask("GET").json()["total"] == 4


def test_the_last_ten_are_kept(agent, fioctl):
    for number in range(13):
        assert fioctl.set(agent.name, file("a", str(number)), reason=str(number)).status == 200
    reasons = [version["reason"] for version in fioctl.device("GET", agent.name).json()["config"]]
    assert reasons == [str(number) for number in range(12, 2, -1)]


def test_refusals_are_json_and_change_nothing(lab, agent, fioctl):
    group = make_group(lab)
    fioctl.set(agent.name, file("a", "1"))
    for status, answer in (
            (404, fioctl.device("PATCH", "no-such-device", body={"files": []})),
            (404, fioctl.device("GET", "no-such-device")),
            (404, fioctl.group("PATCH", "no-such-group", body={"files": []})),
            (404, fioctl.group("GET", "no-such-group")),
            (404, fioctl.group("PATCH", "", body={"files": []})),
            (404, fioctl.ask("PATCH", "/ota/factories/nowhere/config/", {"files": []})),
            (400, fioctl.set(agent.name, file("../a", "1"))),
            (400, fioctl.set(agent.name, file("", "1"))),
            (400, fioctl.set(agent.name, {**file("a", "1"), "value": 7})),
            (400, fioctl.device("PATCH", agent.name, body=b"no JSON")),
            (400, fioctl.device("POST", agent.name, body={"files": {}})),
            (403, Fioctl(lab, viewer(lab)).set(agent.name, file("a", "2"))),
            (403, Fioctl(lab, viewer(lab)).group("PATCH", group, body={"files": [file("a", "2")]})),
            (401, Fioctl(lab, "wrong").device("GET", agent.name)),
    ):
        assert answer.status == status, answer
    assert Fioctl(lab, viewer(lab)).device("GET", agent.name).json()["total"] == 1


def viewer(lab, role="viewer", **more):
    order = {"name": f"{role}-{uuid.uuid4().hex[:8]}", "role": role, "factories": [FACTORY], **more}
    made = lab.operator("POST", "/v1/operator-tokens", order)
    SECRETS.add(made.json()["token"])
    return made.json()["token"]


def test_a_path_is_served_with_and_without_its_slash(agent, fioctl):
    for path in (f"/ota/devices/{agent.name}/config", f"/ota/devices/{agent.name}/config/"):
        assert fioctl.ask("GET", path, factory=FACTORY).status == 200
    assert fioctl.ask("GET", f"/ota/devices/{agent.name}/nothing/", factory=FACTORY).status == 404


def test_a_deleted_device_has_no_configuration(lab, agent, fioctl):
    fioctl.set(agent.name, file("a", "1"))
    assert lab.operator("DELETE", f"/v1/devices/{agent.name}").status == 200
    assert fioctl.device("GET", agent.name).status == 404
    assert fioctl.set(agent.name, file("a", "2")).status == 404
    assert agent.ask("GET", "/config").status == 403


def test_a_group_made_again_begins_empty(lab, agent, fioctl):
    group = make_group(lab)
    join(lab, group, agent.name)
    fioctl.group("PATCH", group, body={"files": [file("of-group", "old")]})
    assert agent.check_in() == 200
    leave(lab, group, agent.name)
    assert lab.operator("DELETE", f"/v1/groups/{group}").status == 200
    assert lab.operator("POST", "/v1/groups", {"name": group}).status == 201
    assert fioctl.group("GET", group).json()["total"] == 0
    fioctl.group("PATCH", group, body={"files": [file("of-group", "new")]})
    join(lab, group, agent.name)
    assert agent.check_in() == 200
    assert agent.read()["of-group"] == "new"


def test_large_configurations(agent, fioctl):
    """A megabyte of files is 1.4 MiB when it is encrypted and in base64; more than 2 MiB are too much."""
    big = "x" * (1400 * 1024)
    assert fioctl.set(agent.name, file("big", big)).status == 200
    assert agent.check_in() == 200
    assert agent.stored["big"]["Value"] == big
    assert agent.upload(file("own", "y" * (500 * 1024))).status == 201
    assert agent.check_in() == 200
    assert fioctl.set(agent.name, file("more", "z" * (300 * 1024))).status == 413
    assert agent.upload(file("more", "z" * (300 * 1024))).status == 413
    # Whoever announces more is refused before it sends it.
    with agent.lab.raw("operator") as raw:
        raw.send(f"PATCH /ota/devices/{agent.name}/config/ HTTP/1.1\r\nHost: x\r\nOSF-TOKEN: {fioctl.token}\r\n"
                 f"Content-Length: {2400 * 1024}\r\n\r\n")
        refusal = raw.answer()
    assert refusal.status == 413 and refusal.json()["message"]
    assert sorted(agent.stored) == ["big", "own"]
    assert agent.check_in() == 304


LARGE = "PATCH /config HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"


def has_no_place(lab, identity):
    """Is a large body refused? One that has a place is waited for, and gives it back at once."""
    with lab.raw("device", identity) as raw:
        raw.send(LARGE)
        raw.socket.settimeout(0.2)
        try:
            return raw.answer().status == 503
        except TimeoutError:
            return False


def hold_large_bodies(stack, lab, identity, count):
    for _ in range(count):
        stack.enter_context(lab.raw("device", identity)).send(LARGE)


def take_every_place(stack, lab, identity):
    """One after the other, because what was given back a moment ago may not be free yet."""
    def is_full():
        hold_large_bodies(stack, lab, identity, 1)
        return has_no_place(lab, identity)

    wait_until(is_full, "every place is taken")


def test_few_large_bodies_at_a_time(lab, agent):
    """Small ones are served meanwhile, and so are other devices."""
    agent.check_in()
    assert not has_no_place(lab, agent.identity)
    with contextlib.ExitStack() as stack:
        take_every_place(stack, lab, agent.identity)
        assert agent.upload(file("small", "1")).status == 201
        assert Fioconfig(lab).upload(file("large", "1" * 300000)).status == 201
    # Who asks whether there is a place takes one for a moment.
    wait_until(lambda: agent.upload(file("large", "1" * 300000)).status == 201, "there is a place again")


def test_strangers_leave_places_for_large_bodies(lab, agent, fioctl):
    """They are read before it is known who sends them."""
    stranger = self_signed(agent.device.new_key())
    agent.check_in()
    with contextlib.ExitStack() as stack:
        take_every_place(stack, lab, stranger)
        hold_large_bodies(stack, lab, stranger, 30)
        assert agent.upload(file("large", "1" * 300000)).status == 201
        assert fioctl.set(agent.name, file("larger", "1" * 300000)).status == 200


def test_few_large_answers_at_a_time(lab, agent, fioctl):
    """Whoever reads slowly holds in memory what the kernel does not take."""
    group = make_group(lab)
    join(lab, group, agent.name)
    files = [file(f"f{number}", "1" * 250000) for number in range(8)]
    assert fioctl.group("PATCH", group, body={"reason": "", "files": files}).status == 200
    fioctl.set(agent.name, *({**each, "name": "own-" + each["name"]} for each in files))

    def ask(stack):
        """Takes the first bytes, and leaves the rest where they are."""
        plain = stack.enter_context(socket.socket())
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(("127.0.0.1", lab.ports["device"]))
        client = stack.enter_context(tls_context(lab.root, agent.identity).wrap_socket(
            plain, server_hostname="127.0.0.1"))
        client.sendall(b"GET /config HTTP/1.1\r\nHost: x\r\n\r\n")
        return int(client.recv(12)[9:])

    with contextlib.ExitStack() as stack:
        assert [ask(stack) for _ in range(5)] == [200, 200, 200, 200, 503]
        assert agent.ask("GET", "/device").status == 200
    wait_until(lambda: agent.ask("GET", "/config").status == 200, "there is a place again")


# ---- what a device uploads ---------------------------------------------------------------------


def test_own_files_are_answered_with_201(agent, fioctl):
    fioctl.set(agent.name, file("a", "1"), file("fio-remote-actions", "old"))
    answer = agent.upload(file("fio-remote-actions", "reboot", handlers=["/x"]), reason="at start")
    assert (answer.status, answer.body) == (201, b"")
    assert agent.upload(file("fio-remote-actions", "reboot", handlers=["/x"])).status == 201
    newest, before = fioctl.device("GET", agent.name).json()["config"]
    assert newest["files"] == [file("a", "1"), file("fio-remote-actions", "reboot", handlers=["/x"])]
    assert newest["reason"] == "at start" and newest["created-by"] == agent.name
    assert before["files"] == [file("a", "1"), file("fio-remote-actions", "old")]


@pytest.mark.parametrize("body", [
    {"reason": "r", "files": None, "public-key": ""}, {"reason": "r", "files": [], "public-key": ""},
    {"files": None}, {"reason": None, "files": None, "public-key": None, "more": 1}])
def test_an_empty_upload_is_none(agent, fioctl, body):
    assert agent.ask("PATCH", "/config", body).status == 201
    assert agent.check_in() in (200, 204)


def test_a_device_changes_itself_at_a_bounded_pace(lab, agent):
    """Each change leaves a row in the audit trail for ever: a stolen key is not to fill the disk with them."""
    with lab.client("device", agent.identity) as client:
        for number in range(60):
            body = json.dumps({"reason": "", "files": [file("a", str(number))], "public-key": ""}).encode()
            assert client.send("PATCH", "/config", body).status == 201
        answer = client.send("PATCH", "/config", body)
        assert (answer.status, answer.reason, answer.headers["Retry-After"]) == (429, "busy", "60")
        key = json.dumps({"next_pubkey": agent.device.new_key().public_pem}).encode()
        assert client.send("PATCH", "/device", key).status == 429
        named = json.dumps({"files": [], "public-key": agent.device.new_key().public_pem}).encode()
        assert client.send("PATCH", "/config", named).status == 429
        # What changes nothing is answered as ever, and so are other devices.
        same = json.dumps({"next_pubkey": agent.pem}).encode()
        assert client.send("PATCH", "/device", same).status == 400
        assert client.send("GET", "/config").status == 200
    assert Fioconfig(lab).upload(file("a", "1")).status == 201
    rows = lab.query(f"SELECT count(*) FROM certvendor.audit WHERE device = '{agent.name}' AND actor = 'device' "
                     "AND action IN ('configuration-changed', 'announced')")
    assert rows == [["60"]]


def test_a_device_asks_at_a_bounded_pace(make_lab):
    """Each request costs the database something: one stolen key is not to keep it busy, nor to keep others out."""
    own = make_lab(settings={"issue": {"burst": 1, "interval": 2592000}}).start()
    agent, other = Fioconfig(own), Fioconfig(own)
    refused = 'certvendor_ratelimit_rejected_total{limit="requests"}'
    with own.client("device", agent.identity) as client:
        for _ in range(5):
            assert client.send("GET", "/config").status == 204
            assert client.send("GET", "/config-device").status == 204
            assert client.send("POST", "/events", b"[]").status == 200
        for ask in (("GET", "/config"), ("HEAD", "/config"), ("GET", "/config-device"), ("POST", "/events", b"[]")):
            answer = client.send(*ask)
            assert answer.status == 429 and 1000 <= int(answer.headers["Retry-After"]) <= 1440, ask
        # Its key is changed as ever.
        key = json.dumps({"next_pubkey": agent.device.new_key().public_pem}).encode()
        assert client.send("PATCH", "/device", key).status == 200
    assert other.check_in() == 204
    assert own.metric(refused) == 4


def test_a_replaced_key_uses_up_nothing_of_the_device(make_lab):
    """Whoever stole it is let in until its grace ends, and is held to a pace as well."""
    own = make_lab(settings={"issue": {"burst": 2, "interval": 2592000}}).start()
    own.cli("factory", "set", FACTORY, "--retire-after-days", "3")
    device = own.enrolled_device()
    replaced = device.rotate()
    with own.client("device", replaced) as client:
        for _ in range(30):
            assert client.send("GET", "/config").status == 204
        for ask in (("GET", "/config"), ("GET", "/config-device")):
            assert client.send(*ask).status == 429, ask
    with own.client("device", device.identity) as client:
        for _ in range(30):
            assert client.send("GET", "/config").status == 204
        assert client.send("GET", "/config").status == 429


def test_a_burst_of_events_is_taken(agent):
    with agent.lab.client("device", agent.identity) as client:
        for number in range(100):
            assert client.send("POST", "/events", json.dumps([event(f"c-{number}")]).encode()).status == 200
        assert client.send("GET", "/config").status in (200, 204)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"files":"a"}', b'{"files":[{"value":"a"}]}',
                                  b'{"files":[{"name":"a/../b","value":"a"}]}',
                                  b'{"files":[],"public-key":"no key"}', b'{"files":[],"public-key":7}'])
def test_a_malformed_upload_is_refused(agent, fioctl, body):
    assert agent.ask("PATCH", "/config", body).status == 400
    assert fioctl.device("GET", agent.name).json()["total"] == 0


def test_files_for_the_current_key_are_taken(agent, fioctl):
    body = {"reason": "", "files": [file("s", seal(agent.pem, "x"), False)], "public-key": agent.pem}
    assert agent.ask("PATCH", "/config", body).status == 201
    assert agent.check_in() == 200
    assert agent.read()["s"] == "x"


# ---- rotation ----------------------------------------------------------------------------------


def prepare(agent, fioctl):
    """A device with a secret of its own, which was told to change its key."""
    assert fioctl.set(agent.name, file("secret", seal(agent.pem, "x"), False, [HANDLER]), file("plain", "y"),
                      fioctl.rotation_file()).status == 200
    assert agent.check_in() == 200
    value = agent.read()["fio-rotate-certs"]
    return dict(line.split("=") for line in value.splitlines())["ROTATIONID"]


def assert_done(agent, fioctl, old):
    """The new key has everything, and the old one nothing."""
    assert agent.check_in() == 200
    assert agent.ask("GET", "/config", identity=old).status == 403
    assert agent.read()["secret"] == "x" and agent.read()["plain"] == "y"
    assert agent.stored["secret"]["OnChanged"] == [HANDLER]
    assert "fio-rotate-certs" in agent.stored
    assert agent.check_in() == 304
    assert agent.lab.query("SELECT count(*) FROM certvendor.device_stage WHERE "
                           f"device = '{agent.name}'") == [["0"]]
    assert fioctl.set(agent.name, file("later", "z")).status == 200


@pytest.mark.parametrize("version", ["fioconfig-client/2", "fioconfig-client/3"])
def test_a_whole_rotation(lab, fioctl, version):
    agent = Fioconfig(lab, agent=version)
    rotation_id = prepare(agent, fioctl)
    old = agent.identity
    agent.rotate(rotation_id=rotation_id)
    assert_done(agent, fioctl, old)
    updates = fioctl.device("GET", agent.name, "updates/").json()
    assert updates["updates"] == [{"correlation-id": rotation_id, "target": "intel-corei7-64-lmp-290",
                                   "version": "290", "time": "2026-11-29T11:00:00Z"}]
    assert updates["total"] == 1 and updates["next"] is None
    log = fioctl.device("GET", agent.name, f"updates/{rotation_id}/").json()
    assert [event["eventType"]["id"] for event in log] == [
        "CertRotationStarted", "Generate new certificate", "Lock device configuration on server",
        "Update local configuration with new key",
        "Update device specific configuration on server with new key", "Finalize aktualizr configuration",
        "CertRotationCompleted"]
    assert all(event["event"]["success"] is True for event in log)


def test_a_rotation_without_own_configuration(agent, fioctl):
    old = agent.identity
    agent.rotate()
    assert agent.ask("GET", "/config", identity=old).status in (200, 204)  # the new key was not seen yet
    assert agent.check_in() in (200, 204)
    assert agent.ask("GET", "/config", identity=old).status == 403


EST_URL = "https://est.example:8443/.well-known/est"


def told_to_rotate(agent):
    """The lines of the file, cut as the handler on the device cuts them."""
    assert agent.check_in() == 200
    assert agent.stored["fio-rotate-certs"]["OnChanged"] == [HANDLER]
    value = agent.read()["fio-rotate-certs"]
    assert value.endswith("\n")
    return dict(line.split("=", 1) for line in value.splitlines())


def test_an_operator_tells_a_device_to_rotate(lab, agent, fioctl):
    order = {"est_url": EST_URL, "reason": "yearly"}
    answer = lab.operator("POST", f"/v1/devices/{agent.name}/rotate", order)
    assert answer.status == 200, answer
    assert told_to_rotate(agent) == {"ESTSERVER": EST_URL, "PKEYIDS": "01,07", "CERTIDS": "03,09",
                                     "ROTATIONID": answer.json()["rotation_id"]}
    [version] = fioctl.device("GET", agent.name).json()["config"]
    assert (version["reason"], version["created-by"]) == ("yearly", "admin")
    agent.rotate(2)
    refusal = lab.operator("POST", f"/v1/devices/{agent.name}/rotate", order)
    assert (refusal.status, refusal.reason) == (409, "locked")
    assert lab.operator("POST", "/v1/devices/nobody/rotate", order).status == 404
    for url in ("http://est.example", "https://", "https:///est", "https://a/b=c", "https://a/ b", 7, None):
        answer = lab.operator("POST", f"/v1/devices/{agent.name}/rotate", {"est_url": url})
        assert (answer.status, answer.reason) == (400, "bad-json"), url


def test_the_command_line_tells_groups_and_devices_to_rotate(lab, agent):
    group = make_group(lab)
    join(lab, group, agent.name)
    lab.cli("group", "rotate", group, "--est-url", EST_URL, "--reason", "yearly")
    assert told_to_rotate(agent)["ESTSERVER"] == EST_URL
    other = Fioconfig(lab)
    lab.cli("device", "rotate", other.name, "--est-url", EST_URL + "/own")
    assert told_to_rotate(other)["ESTSERVER"] == EST_URL + "/own"
    assert lab.cli("group", "rotate", "nothing", "--est-url", EST_URL, is_checked=False).returncode == 1
    assert lab.cli("device", "rotate", other.name, is_checked=False).returncode == 2


# Where it dies, and whether it wrote down that the step was done.
CRASHES = [(step, saved) for step in range(1, 6) for saved in (False, True)]


@pytest.mark.parametrize("step, saved", CRASHES)
def test_a_crash_at_each_step(agent, fioctl, step, saved):
    rotation_id = prepare(agent, fioctl)
    old = agent.identity
    if step < 5 or not saved:
        agent.rotate(step, saved, rotation_id)
        if step < 5:
            # The old key goes on with the old configuration.
            agent.modified = None
            assert agent.check_in() == 200
            assert agent.read()["secret"] == "x"
        agent.rotation.pop("sent_with", None)
        agent.resume()
    else:
        agent.rotate(rotation_id=rotation_id)
    assert_done(agent, fioctl, old)


def test_the_stage_is_for_the_new_key_alone(agent, fioctl):
    prepare(agent, fioctl)
    old = agent.identity
    agent.rotate(4)
    new_pem = agent.rotation["pem"]
    staged = Fioconfig.parse(agent.ask("GET", "/config-device").body)
    assert unseal(agent.pem, staged["secret"]["Value"]) == "x"
    agent.modified = None
    assert agent.check_in() == 200 and agent.read()["secret"] == "x"
    assert fioctl.device("GET", agent.name).json()["total"] == 1
    # The first sight of the new key, on any path, makes it count.
    assert agent.ask("POST", "/events", [], identity=agent.rotation["identity"]).status == 200
    newest = fioctl.device("GET", agent.name).json()["config"][0]
    secret = next(each for each in newest["files"] if each["name"] == "secret")
    assert unseal(new_pem, secret["value"]) == "x"
    assert agent.ask("GET", "/config-device", identity=old).status == 403


def test_the_key_that_operators_encrypt_for_stays_the_current_one(lab, agent, fioctl):
    prepare(agent, fioctl)
    agent.rotate(4)
    shown = agent.device.show(agent.identity).json()
    assert shown["pubkey"].split() == agent.pem.split()
    assert shown["next_pubkey"].split() == agent.rotation["pem"].split()
    states = {key["state"] for key in lab.operator("GET", f"/v1/devices/{agent.name}").json()["slots"][0]["keys"]}
    assert states == {"current", "announced"}


def subject_of(identity):
    return x509.load_der_x509_certificate(identity.der).subject.public_bytes()


def test_a_subject_survives_the_rotation_byte_by_byte(lab, fioctl):
    device = lab.device()
    device.subject += "/businessCategory=production"
    agent = Fioconfig(lab, device)
    before = subject_of(agent.identity)
    agent.rotate()
    assert subject_of(agent.identity) == before
    assert x509.NameOID.BUSINESS_CATEGORY in [part.oid for part in x509.load_der_x509_certificate(
        agent.identity.der).subject]


def test_a_whole_group_rotates_at_once(lab, fioctl):
    group = make_group(lab)
    agents = [Fioconfig(lab) for _ in range(8)]
    for agent in agents:
        join(lab, group, agent.name)
        fioctl.set(agent.name, file("secret", seal(agent.pem, "x"), False))
    rotation_id = lab.operator("POST", f"/v1/groups/{group}/rotate", {"est_url": EST_URL}).json()["rotation_id"]
    failures = []

    def take_part(agent):
        try:
            assert told_to_rotate(agent)["ROTATIONID"] == rotation_id
            old = agent.identity
            agent.rotate(rotation_id=rotation_id)
            assert agent.check_in() == 200 and agent.read()["secret"] == "x"
            assert agent.ask("GET", "/config", identity=old).status == 403
        except Exception as failure:  # noqa: BLE001
            failures.append(failure)

    threads = [threading.Thread(target=take_part, args=(agent,)) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_two_announcements_have_a_stage_each(agent, fioctl):
    """A manual renew-cert begins anew: what was kept for the key before it must not be left behind."""
    prepare(agent, fioctl)
    agent.rotate(4)
    first = dict(agent.rotation)
    old = agent.identity
    agent.rotate(4)
    assert agent.lab.query("SELECT count(*) FROM certvendor.device_stage WHERE "
                           f"device = '{agent.name}'") == [["1"]]
    assert agent.ask("GET", "/config", identity=first["identity"]).status == 403
    agent.run_steps()
    assert_done(agent, fioctl, old)


def test_a_crash_between_upload_and_activation_with_other_uploads(agent, fioctl):
    """What the device uploads in the clear meanwhile is in the old configuration and in the new one."""
    prepare(agent, fioctl)
    old = agent.identity
    agent.rotate(4)
    assert agent.upload(file("fio-remote-actions", "reboot")).status == 201
    agent.modified = None
    assert agent.check_in() == 200 and agent.read()["fio-remote-actions"] == "reboot"
    agent.run_steps()
    assert_done(agent, fioctl, old)
    assert agent.read()["fio-remote-actions"] == "reboot"


def test_the_first_answer_to_the_new_key_is_whole(agent, fioctl):
    """Its clock runs ahead when it writes down what it had; a change that came meanwhile is not lost."""
    prepare(agent, fioctl)
    agent.rotate(3)
    fioctl.factory("PATCH", body={"files": [file(f"new-{agent.name}", "1")]})
    agent.run_steps(4)
    agent.finalise(clock=lambda: time.time() + 1)
    wait_until(lambda: time.time() > agent.modified, "its time is past")
    agent.rotation = None
    assert agent.check_in() == 200
    assert agent.read()[f"new-{agent.name}"] == "1"
    fioctl.factory("DELETE", f"config/new-{agent.name}/")


def test_concurrent_first_uses_promote_once(agent, fioctl):
    prepare(agent, fioctl)
    agent.rotate(4)
    fresh, answers = agent.rotation["identity"], []
    threads = [threading.Thread(target=lambda: answers.append(
        agent.ask("GET", "/config", identity=fresh).status)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 6
    assert fioctl.device("GET", agent.name).json()["total"] == 2


def test_an_upload_announces_where_nothing_is_announced(lab, agent, fioctl):
    """A rotation that was resumed after an operator had withdrawn its announcement."""
    prepare(agent, fioctl)
    old = agent.identity
    agent.rotate(3)
    assert lab.operator("POST", f"/v1/devices/{agent.name}/cancel").json() == {"outcome": "done"}
    assert agent.ask("GET", "/config", identity=agent.rotation["identity"]).status == 403
    agent.run_steps()
    assert_done(agent, fioctl, old)


def test_an_operator_who_withdraws_ends_the_stage(lab, agent, fioctl):
    prepare(agent, fioctl)
    agent.rotate(4)
    assert lab.operator("POST", f"/v1/devices/{agent.name}/cancel").json() == {"outcome": "done"}
    assert lab.query(f"SELECT count(*) FROM certvendor.device_stage WHERE device = '{agent.name}'") == [["0"]]


def test_uploads_for_other_keys_are_refused(lab, agent, fioctl):
    prepare(agent, fioctl)
    other = Fioconfig(lab)
    agent.rotate(4)
    third = agent.device.new_key()
    secret = [file("secret", "c2VjcmV0", False)]
    for pem, files, status in (
            (third.public_pem, secret, 409),  # another one is announced
            (agent.pem, secret, 409),  # the new key could not read it
            ("", secret, 409),
            (third.public_pem, [file("plain", "2")], 201),
            ("", [file("plain", "3")], 201),
            (agent.rotation["pem"], secret, 201)):
        answer = agent.ask("PATCH", "/config", {"reason": "", "files": files, "public-key": pem})
        assert answer.status == status, (files, answer)
    assert agent.device.show(agent.identity).json()["next_pubkey"].split() == agent.rotation["pem"].split()
    # Without an announcement the key is judged as one.
    body = {"reason": "", "files": secret, "public-key": agent.pem}
    assert other.ask("PATCH", "/config", body).status == 409
    assert other.device.show(other.identity).json()["next_pubkey"] is None


def test_a_key_that_is_not_current_uploads_nothing(agent, fioctl):
    prepare(agent, fioctl)
    agent.rotate(1)
    body = {"reason": "", "files": [file("a", "1")], "public-key": ""}
    assert agent.ask("PATCH", "/config", body, identity=agent.rotation["identity"]).status == 403
    assert agent.ask("PATCH", "/config", body).status == 201


# ---- the lock ----------------------------------------------------------------------------------


def test_the_lock_is_of_the_device_alone(lab, agent, fioctl):
    prepare(agent, fioctl)
    group = make_group(lab)
    agent.rotate(4)
    for answer in (fioctl.set(agent.name, file("a", "1")),
                   fioctl.device("POST", agent.name, body={"files": [file("a", "1")]}),
                   fioctl.device("DELETE", agent.name, "config/plain/")):
        assert answer.status == 409 and answer.json()["code"] == "locked", answer
    assert fioctl.group("PATCH", group, body={"files": [file("a", "1")]}).status == 200
    join(lab, group, agent.name)
    assert fioctl.factory("PATCH", body={"files": [file(f"f-{group}", "1")]}).status == 200
    assert fioctl.factory("DELETE", f"config/f-{group}/").status == 200
    assert fioctl.device("GET", agent.name).json()["total"] == 1


def test_force_is_for_admins_and_is_reported_at_activation(lab, agent, fioctl):
    prepare(agent, fioctl)
    old = agent.identity
    agent.rotate(4)
    operator = Fioctl(lab, viewer(lab, "operator"))
    assert operator.set(agent.name, file("forced", "1"), force=1).status == 403
    cut = Fioctl(lab, viewer(lab, "admin", scopes=["devices:read-update"]))
    assert cut.set(agent.name, file("forced", "1"), force=1).status == 403
    assert operator.set(agent.name, file("forced", "1")).status == 409
    assert fioctl.set(agent.name, file("forced", "1"), force=0).status == 409
    assert fioctl.set(agent.name, file("forced", "1"), force=1).status == 200
    assert agent.device.show(old).json()["next_pubkey"].split() == agent.rotation["pem"].split()
    agent.modified = None
    assert agent.check_in() == 200 and agent.read()["forced"] == "1"
    agent.run_steps()
    assert_done(agent, fioctl, old)
    assert "forced" not in agent.stored
    actions = [row["action"] for row in lab.operator("GET", f"/v1/audit?device={agent.name}").json()["items"]]
    assert actions.count("configuration-forced") == 1
    assert actions.count("configuration-replaced") == 1


def test_the_lock_ends_after_a_while_and_the_announcement_does_not(lab, agent, fioctl):
    prepare(agent, fioctl)
    old = agent.identity
    agent.rotate(4)
    lab.query("UPDATE certvendor.slot SET locked_since = now() - interval '8 days' WHERE "
              f"device = '{agent.name}'")
    assert fioctl.set(agent.name, file("late", "1")).status == 200
    agent.run_steps()
    assert_done(agent, fioctl, old)
    actions = [row["action"] for row in lab.operator("GET", f"/v1/audit?device={agent.name}").json()["items"]]
    assert actions.count("configuration-replaced") == 1


def test_without_a_change_by_an_operator_nothing_is_reported(lab, agent, fioctl):
    prepare(agent, fioctl)
    agent.rotate()
    assert agent.check_in() == 200
    audit = lab.operator("GET", f"/v1/audit?device={agent.name}").json()["items"]
    assert "configuration-replaced" not in [row["action"] for row in audit]
    # Names of files, and no contents.
    staged = next(row for row in audit if row["action"] == "configuration-staged")
    assert staged["after"] == {"files": ["secret", "plain", "fio-rotate-certs"], "count": 3}


# ---- events ------------------------------------------------------------------------------------


def event(correlation="certs-1", **more):
    return {"id": str(uuid.uuid4()), "deviceTime": "2026-11-29T11:00:00Z", "eventType": {"id": "Step", "version": 0},
            "event": {"correlationId": correlation, "success": False, "targetName": "", "version": "0"}, **more}


def test_events_are_taken_tolerantly(agent, fioctl):
    good = event()
    longest = event()
    longest["event"]["details"] = "\u00e4" * 3000
    bad_time = event(deviceTime="today")
    body = [good, good, 7, None, {}, event(id=7), event("a/b"), event(""), event(event=None), event(deviceTime=None),
            {**event(), "more": {"ecu": 1}}, longest, bad_time]
    answer = agent.ask("POST", "/events", body)
    assert (answer.status, answer.body) == (200, b"")
    # A repetition, as after a lost answer.
    assert agent.ask("POST", "/events", body).status == 200
    log = fioctl.device("GET", agent.name, "updates/certs-1/").json()
    assert len(log) == 5
    assert log[0] == {"deviceTime": "2026-11-29T11:00:00Z", "eventType": {"id": "Step"}, "event": {
        "correlationId": "certs-1", "targetName": "", "version": "0", "success": False}}
    assert log[3]["event"]["details"] == "\u00e4" * 2048
    assert log[4]["deviceTime"].startswith(str(datetime.datetime.utcnow().year))
    for nothing in ("certs-2", "a%20b"):
        assert fioctl.device("GET", agent.name, f"updates/{nothing}/").status == 404


@pytest.mark.parametrize("body, status", [(b"[]", 200), (b"", 400), (b"x", 400), (b"{}", 400), (b"[", 400)])
def test_only_arrays_are_events(agent, body, status):
    assert agent.ask("POST", "/events", body).status == status


def test_the_same_events_in_another_order_at_once(agent, lab):
    """Each list waits for the other: none is to be refused, and no connection of the database to be held."""
    events = [{"id": str(number), "event": {"correlationId": "c"}} for number in range(900)]
    bodies = [json.dumps(each).encode() for each in (events, events[::-1])]
    answers = []

    def send(body):
        answers.append(lab.send("device", "POST", "/events", agent.identity, body).status)

    agent.check_in()
    threads = [threading.Thread(target=send, args=(bodies[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 8
    rows = lab.query(f"SELECT count(*) FROM certvendor.device_event WHERE device = '{agent.name}'")
    assert rows == [["900"]]


def test_a_device_keeps_its_newest_events(agent, fioctl):
    for number in range(6):
        assert agent.ask("POST", "/events", [event(f"c-{number}") for _ in range(250)]).status == 200
    updates = fioctl.device("GET", agent.name, "updates/").json()["updates"]
    assert [update["correlation-id"] for update in updates] == ["c-5", "c-4", "c-3", "c-2"]
    assert agent.lab.query("SELECT count(*) FROM certvendor.device_event WHERE "
                           f"device = '{agent.name}'") == [["1000"]]


def test_updates_come_in_pages(agent, fioctl):
    for first in (0, 20):
        events = [event(f"c-{number:02}") for number in range(first, min(first + 20, 25))]
        assert agent.ask("POST", "/events", events).status == 200
    ids = [f"c-{number:02}" for number in range(24, -1, -1)]

    def page(**query):
        more = "".join(f"&{name}={value}" for name, value in query.items())
        return fioctl.ask("GET", f"/ota/devices/{agent.name}/updates/?factory={FACTORY}{more}")

    def shown(answer):
        return [update["correlation-id"] for update in answer.json()["updates"]]

    assert shown(page()) == ids and page().json()["next"] is None
    seen, answer = [], page(limit=10)
    for _ in range(3):
        seen.append(shown(answer))
        assert answer.json()["total"] == 25
        following = answer.json()["next"]
        if following:
            answer = fioctl.ask("GET", "/" + following.removeprefix("https://").split("/", 1)[1])
    assert seen == [ids[:10], ids[10:20], ids[20:]] and following is None
    beyond = page(limit=10, page=4)
    assert (shown(beyond), beyond.json()["total"], beyond.json()["next"]) == ([], 25, None)
    for bad in ({"limit": 11}, {"limit": "x"}, {"page": 0}, {"page": "x"}):
        assert page(**bad).status == 400, bad


def test_the_word_of_a_device_activates_nothing(agent, fioctl):
    prepare(agent, fioctl)
    agent.rotate(4)
    agent.complete()
    assert agent.check_in() in (200, 304)
    assert agent.device.show(agent.identity).json()["next_pubkey"] is not None


def test_the_old_key_reports_in_vain_after_activation(agent, fioctl):
    prepare(agent, fioctl)
    old = agent.identity
    agent.rotate(4)
    assert agent.ask("POST", "/events", [], identity=agent.rotation["identity"]).status == 200
    answer = agent.event("CertRotationCompleted", identity=old)
    assert answer.status == 403
    assert answer.headers.get_content_type() == "text/plain"


# ---- what a device says about itself -----------------------------------------------------------


def report(agent, headers, path="/device"):
    agent.ask("GET", path, headers=headers)


def reported(agent):
    rows = agent.lab.query("SELECT coalesce(target_name, '-'), coalesce(ostree_hash, '-'), coalesce(tags, '-'), "
                           f"coalesce(docker_apps, '-') FROM certvendor.device_report WHERE device = '{agent.name}'")
    return rows[0] if rows else None


def test_headers_of_aktualizr(agent):
    report(agent, [("x-ats-target", "lmp-290"), ("x-ats-ostreehash", "abcd"), ("x-ats-tags", "main,devel")])
    wait_until(lambda: reported(agent) == ["lmp-290", "abcd", "main,devel", "-"], "it is written")
    # Absent: as it was. Empty: none. On any path.
    report(agent, [("x-ats-target", ""), ("x-ats-dockerapps", "shell,web")], "/repo/1.root.json")
    wait_until(lambda: reported(agent) == ["", "abcd", "main,devel", "shell,web"], "it is written")
    [[before]] = agent.lab.query(f"SELECT updated_at FROM certvendor.device_report WHERE device = '{agent.name}'")
    other = Fioconfig(agent.lab)
    report(agent, [("x-ats-tags", "main,devel"), ("x-ats-target", "x" * 1024)])
    report(other, [("x-ats-tags", "other")])
    wait_until(lambda: reported(other) is not None, "it is written")
    [[after]] = agent.lab.query(f"SELECT updated_at FROM certvendor.device_report WHERE device = '{agent.name}'")
    assert before == after


def test_a_refused_certificate_reports_nothing(agent):
    agent.rotate(1)
    answer = agent.ask("GET", "/device", headers=[("x-ats-tags", "mine")], identity=agent.rotation["identity"])
    assert answer.status == 403
    report(agent, [("x-ats-target", "t")])
    wait_until(lambda: reported(agent) == ["t", "-", "-", "-"], "it is written")


def test_a_device_shows_its_group(lab, agent):
    group = make_group(lab)
    assert agent.device.show(agent.identity).json()["group_name"] == ""
    join(lab, group, agent.name)
    shown = agent.device.show(agent.identity).json()
    assert shown["group_name"] == group
    assert set(shown) == {"uuid", "factory", "pubkey", "next_pubkey", "group_name", "is_prod", "last_seen"}
