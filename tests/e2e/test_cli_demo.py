"""`certvendor demo` and `certvendor bench`: what an operator runs to see that an installation works, and how fast."""
import re
import uuid

import pytest

from certvendor_lab import FACTORY, SECRETS, free_port, run


@pytest.fixture(scope="module")
def implied(make_module_lab):
    """A server whose factory takes a re-enrolment for the announcement, with a socket for gateways."""
    made = make_module_lab(announce="implied", settings={"gateway": {"socket": "gateway.sock"}})
    return made.start()


def fresh_id():
    return f"demo-{uuid.uuid4().hex[:8]}"


def demo(lab, *words, is_checked=True, **more):
    url = more.pop("device_url", f"https://127.0.0.1:{lab.ports['device']}")
    return lab.cli("demo", "--device-url", url, *words, is_checked=is_checked, **more)


def gateway_words(lab, gateway=None):
    identity = gateway or lab.gateway
    return ("--gateway-url", f"https://127.0.0.1:{lab.ports['gateway']}", "--gateway-cert", identity.certificate,
            "--gateway-key", identity.key)


def answers(text):
    return [int(number) for number in re.findall(r"^ +answer: (\d+)", text, re.M)]


def state_of(lab, device):
    answer = lab.operator("GET", f"/v1/devices/{device}")
    return answer.json()["state"] if answer.status == 200 else None


def test_a_whole_rotation(lab):
    device = fresh_id()
    result = demo(lab, "--id", device, *gateway_words(lab))
    assert result.stderr == ""
    # token, enrolled, twice in; renewed, too early, announced, still in; first use, twice out, in; deleted, out.
    assert answers(result.stdout) == [404, 201, 200, 200, 200, 200, 403, 200, 200, 200, 403, 403, 200, 200, 403]
    assert "Every step came out as expected." in result.stdout
    assert state_of(lab, device) == "deleted"
    acts = {row["action"] for row in lab.operator("GET", f"/v1/audit?device={device}").json()["items"]}
    assert {"announced", "activated", "deleted"} <= acts


def test_without_a_gateway(lab):
    device = fresh_id()
    result = demo(lab, "--id", device, "--factory", FACTORY)
    assert answers(result.stdout) == [404, 201, 200, 200, 200, 403, 200, 200, 200, 403, 200, 200, 403]
    assert state_of(lab, device) == "deleted"


def test_an_id_of_its_own(lab):
    [first, second] = [re.search(r"device (demo-[0-9a-f]{12})\n", demo(lab).stdout).group(1) for _ in range(2)]
    assert first != second and state_of(lab, first) == "deleted"


def test_an_implied_announcement(implied):
    device = fresh_id()
    result = demo(implied, "--id", device, "--socket", implied.gateway_socket)
    assert "announce = implied" in result.stdout and "nothing to announce" in result.stdout
    assert answers(result.stdout) == [404, 201, 200, 200, 200, 200, 200, 200, 403, 403, 200, 200, 403]
    assert state_of(implied, device) == "deleted"


def test_a_grace_for_replaced_keys(lab):
    lab.cli("factory", "set", FACTORY, "--retire-after-days", "3")
    try:
        result = demo(lab, *gateway_words(lab))
    finally:
        lab.cli("factory", "set", FACTORY, "--retire-after-days", "0")
    assert "retire_after_days = 3" in result.stdout
    assert answers(result.stdout) == [404, 201, 200, 200, 200, 200, 403, 200, 200, 200, 200, 200, 200, 200, 403]


def test_a_device_that_is_kept(lab):
    device = fresh_id()
    assert f"Device {device} stays" in demo(lab, "--id", device, "--keep").stdout
    assert state_of(lab, device) == "ok"


def test_no_device_is_taken_over(lab):
    device = lab.enrolled_device()
    result = demo(lab, "--id", device.name, is_checked=False)
    assert result.returncode == 1 and "choose another --id" in result.stderr
    assert device.show().status == 200 and state_of(lab, device.name) == "ok"
    gone = fresh_id()
    demo(lab, "--id", gone)
    assert "choose another --id" in demo(lab, "--id", gone, is_checked=False).stderr


def fails(lab, *words, code=1, **more):
    result = demo(lab, *words, is_checked=False, **more)
    assert result.returncode == code, result
    assert "Every step" not in result.stdout
    return result


def test_a_wrong_token(lab):
    path = lab.keys / "wrong.token"
    path.write_text("cvo_" + "0" * 43)
    device = fresh_id()
    assert "401 unauthenticated" in fails(lab, "--id", device, "--token-file", path).stderr
    viewer = lab.operator("POST", "/v1/operator-tokens", {"name": fresh_id(), "role": "viewer"}).json()["token"]
    SECRETS.add(viewer)
    path.write_text(viewer)
    assert "403 missing-role" in fails(lab, "--id", device, "--token-file", path).stderr
    assert state_of(lab, device) is None


def test_an_unknown_factory(lab):
    result = fails(lab, "--factory", "nowhere")
    assert "expected 201 and got 404 not-found" in result.stderr


def test_no_device_listener(lab):
    device = fresh_id()
    result = fails(lab, "--id", device, device_url=f"https://127.0.0.1:{free_port()}")
    assert "no answer from" in result.stderr
    assert state_of(lab, device) is None
    [token] = lab.operator("GET", f"/v1/enrolment-tokens?device={device}").json()["items"]
    assert token["revoked_at"] is not None, "nobody enrols with what was left"


def test_what_fails_halfway_leaves_no_device(lab):
    device = fresh_id()
    result = fails(lab, "--id", device, "--socket", lab.folder / "nobody.sock")
    assert "no answer from" in result.stderr and f"device {device} is deleted" in result.stderr
    assert state_of(lab, device) == "deleted"
    kept = fresh_id()
    fails(lab, "--id", kept, "--socket", lab.folder / "nobody.sock", "--keep")
    assert state_of(lab, kept) == "ok"


def test_who_is_no_gateway(lab):
    device = lab.enrolled_device()
    result = fails(lab, *gateway_words(lab, device.identity))
    assert "expected 200 and got 403 not-a-gateway" in result.stderr


@pytest.mark.parametrize("words,problem", [
    (("--id", "a b"), "--id"),
    (("--socket", "a", "--gateway-url", "https://x", "--gateway-cert", "c"), "not both"),
    (("--gateway-url", "https://x"), "need each other"),
    (("--gateway-cert", "c"), "need each other"),
    (("--json",), "--json"),
    (("something",), "unexpected"),
])
def test_wrong_command_lines(lab, words, problem):
    result = fails(lab, *words, code=2)
    assert problem in result.stderr and result.stdout == ""
    assert lab.cli("demo", is_checked=False).returncode == 2, "--device-url is needed"
