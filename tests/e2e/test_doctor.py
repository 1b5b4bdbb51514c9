"""certvendor doctor and status: what a person sees who asks how it is."""
import json
import os
import re
import socket

import pytest

from certvendor_lab import BINARY, FACTORY, run, wait_until
from test_reload import place, server_pair


def examine(lab, **environment):
    """Exit code, and the findings: (word, what, text)."""
    result = lab.program("doctor", is_checked=False, **environment)
    *lines, total = result.stdout.splitlines()
    found = [re.fullmatch(r"(ok|warn|fail) +([^:]+): (.+)", line).groups() for line in lines]
    counts = [sum(word == each[0] for each in found) for word in ("ok", "warn", "fail")]
    assert total == "{} ok, {} warn, {} fail".format(*counts)
    assert (result.returncode == 0) == (counts[2] == 0)
    for line in lines:
        assert lab.postgres.url("") not in line
    return result.returncode, found


def texts(found, word, what):
    return [each[2] for each in found if each[:2] == (word, what)]


@pytest.fixture
def own(make_lab):
    lab = make_lab()
    lab.config.chmod(0o600)
    return lab


def test_a_healthy_server(own):
    own.start()
    code, found = examine(own)
    assert code == 0
    for what in ("configuration", "secret file", "device certificate", "gateway certificate",
                 "operator certificate", "service", "device port", "monitoring port", "database",
                 "database settings", "database clock", "schema", f"authority {FACTORY}-device-ca-1",
                 "service CA", "audit chain"):
        assert texts(found, "ok", what), what
    # The root key is where init left it.
    assert "offline" in texts(found, "warn", "root key")[0]


def test_before_it_runs(own):
    code, found = examine(own)
    assert code == 0
    assert texts(found, "warn", "service")
    assert "is free" in texts(found, "ok", "device port")[0]
    with socket.create_server(("127.0.0.1", own.ports["device"])):
        code, found = examine(own)
    assert code == 1
    assert "in use" in texts(found, "fail", "device port")[0]
    assert "is free" in texts(found, "ok", "operator port")[0]


def test_rows_of_the_audit_that_nobody_chains_hide_behind_no_other(own):
    row = ("INSERT INTO certvendor.audit (id, at, actor, action) "
           "VALUES (gen_random_uuid(), now() + interval '{} minutes', 'a', 'b')")
    # That of init waits for more than a minute, too, where this machine is slow.
    own.query("ALTER TABLE certvendor.audit DISABLE TRIGGER audit_append_only; DELETE FROM certvendor.audit; "
              "ALTER TABLE certvendor.audit ENABLE TRIGGER audit_append_only")
    own.query(row.format(120))
    assert "1 rows stand outside" in texts(examine(own)[1], "warn", "audit chain")[0]
    own.query(row.format(-2))
    assert "1 rows wait for more than a minute" in texts(examine(own)[1], "warn", "audit chain")[0]


def test_a_server_without_its_database_runs(own_postgres, make_lab):
    """The one thing that is wrong is the database: the ports are in use by the server itself."""
    lab = make_lab(own_postgres).start()
    lab.config.chmod(0o600)
    own_postgres.stop()
    wait_until(lambda: lab.monitor("/readyz").status == 503, "it is not ready")
    code, found = examine(lab)
    assert code == 1 and {each[1] for each in found if each[0] == "fail"} == {"database"}, found
    assert "answered 503" in texts(found, "warn", "service")[0]
    for listener in ("device", "gateway", "operator", "public", "monitoring"):
        assert "certvendor runs" in texts(found, "ok", f"{listener} port")[0]
    assert lab.operator("GET", "/v1/status").status == 503
    lab.stop()
    with socket.create_server(("127.0.0.1", lab.ports["monitoring"])):
        _, found = examine(lab)
    assert "in use" in texts(found, "fail", "monitoring port")[0]


def test_configuration_problems(own):
    own.config.write_text(own.config.read_text() + "[issue]\nburst = none\nskwe = 1\n")
    code, found = examine(own)
    assert code == 1
    assert len(texts(found, "fail", "configuration")) == 2
    own.write_config()
    code, found = examine(own, CERTVENDOR_DEVICE_KEY="/nonexistent")
    assert code == 1
    assert "/nonexistent" in texts(found, "fail", "configuration")[0]
    assert texts(found, "ok", "schema")
    missing = run(BINARY, "--config", own.folder / "missing.conf", "doctor", is_checked=False)
    assert missing.returncode == 1 and missing.stdout.startswith("fail  configuration: ")


def test_secrets_that_others_can_read(own):
    key = own.folder / "pki/device.key"
    for mode, word in ((0o604, "fail"), (0o640, "warn"), (0o600, "ok")):
        key.chmod(mode)
        code, found = examine(own)
        assert code == (word == "fail")
        assert [text for text in texts(found, word, "secret file") if str(key) in text]
    # Without a secret in it, everybody may read it.
    own.config.chmod(0o644)
    assert examine(own)[0] == 0
    url = own.postgres.url(own.database)
    passphrase = (own.folder / "pki/signer.passphrase").read_text().strip()
    for settings in ({"database": {"url": f"{url}&password=x"}}, {"database": {"url": f"{url}&sslpassword=x"}},
                     {"signer": {"directory": "pki", "passphrase": passphrase}}):
        own.settings = settings
        own.write_config()
        own.config.chmod(0o644)
        code, found = examine(own)
        assert code == 1 and str(own.config) in texts(found, "fail", "secret file")[0]
        # The service may belong to the group of its configuration.
        own.config.chmod(0o640)
        assert examine(own)[0] == 0
    # Nor with one that comes from elsewhere.
    own.settings = {}
    own.write_config()
    own.config.chmod(0o644)
    assert examine(own, CERTVENDOR_DATABASE_URL=f"{url}&password=x")[0] == 0


def test_pairs(own):
    certificate, key = server_pair(own, days=20)
    place(own, "device", certificate)
    code, found = examine(own)
    assert code == 1
    assert "cannot be used together" in texts(found, "fail", "device certificate")[0]
    # serve, check-config and a reload agree.
    result = own.program("check-config", is_checked=False)
    assert result.returncode == 78 and "cannot be used together" in result.stderr
    place(own, "device", key=key)
    code, found = examine(own)
    assert code == 0
    # Perhaps some seconds of the last day are over.
    assert re.match("expires in (19|20) days", texts(found, "warn", "device certificate")[0])
    own.program("check-config")


def test_the_database(own):
    _, found = examine(own, CERTVENDOR_DATABASE_URL="postgresql:///x?host=/nonexistent")
    assert texts(found, "fail", "database")
    own.query(f'ALTER DATABASE "{own.database}" SET synchronous_commit = off')
    _, found = examine(own)
    own.query(f'ALTER DATABASE "{own.database}" RESET synchronous_commit')
    assert "synchronous_commit" in texts(found, "fail", "database settings")[0]
    assert texts(found, "ok", "schema")
    os.rename(own.folder / "pki/device-ca.key", own.folder / "device-ca.key")
    code, found = examine(own)
    assert code == 1 and "device-ca" in texts(found, "fail", "CA keys")[0]
    os.rename(own.folder / "device-ca.key", own.folder / "pki/device-ca.key")
    os.rename(own.folder / "pki/device-ca.pem", own.folder / "device-ca.pem")
    code, found = examine(own)
    assert code == 0 and "cannot sign here" in texts(found, "warn", f"authority {FACTORY}-device-ca-1")[0]
    os.rename(own.folder / "pki", own.folder / "elsewhere")
    code, found = examine(own)
    assert code == 1 and texts(found, "fail", "CA keys")[0].endswith("failed: No such file or directory"), found
    os.rename(own.folder / "elsewhere", own.folder / "pki")
    own.query("DROP SCHEMA certvendor CASCADE")
    code, found = examine(own)
    assert code == 1 and "certvendor migrate" in texts(found, "fail", "schema")[0]


def test_labels_that_serve_nobody(make_lab):
    lab = make_lab(settings={
        "est": {"authority": f"{FACTORY}-device-ca-1"}, "est.good": {"factory": FACTORY},
        "est.nowhere": {"factory": "nowhere"}, "est.nobody": {"authority": "nobody"},
        "est.foreign": {"factory": "second"}}).start()
    lab.query("INSERT INTO certvendor.factory (name) VALUES ('second')")
    lab.stop()
    lab.start()
    _, found = examine(lab)
    for label, flaw in (("nowhere", "no such factory"), ("nobody", "no such online authority"),
                        ("foreign", "of another factory")):
        assert flaw in texts(found, "warn", f"[est.{label}]")[0]
        wait_until(lambda: [line for line in lab.events("label-serves-nobody") if line["label"] == label
                            and flaw in line["msg"]], "warning")
    for good in ("[est]", "[est.good]"):
        assert not texts(found, "warn", good)
    assert {line["label"] for line in lab.events("label-serves-nobody")} == {"nowhere", "nobody", "foreign"}


def test_an_authority_of_another_factory_than_the_one_of_est(make_lab):
    lab = make_lab(settings={"est": {"factory": "second", "authority": f"{FACTORY}-device-ca-1"}}).start()
    lab.query("INSERT INTO certvendor.factory (name) VALUES ('second')")
    lab.stop()
    lab.start()
    _, found = examine(lab)
    assert "of another factory" in texts(found, "warn", "[est]")[0]
    wait_until(lambda: [line for line in lab.events("label-serves-nobody") if line["label"] == ""
                        and "of another factory" in line["msg"]], "warning")


# ---- Status ------------------------------------------------------------------------------------


def test_status(make_lab):
    lab = make_lab().start()
    first, second, third = (lab.enrolled_device() for _ in range(3))
    lab.cli("device", "hold", third.name)
    for device in (first, second):
        key = device.new_key()
        device.reenrol(key)
        assert device.announce(key).status == 200
    lab.query("UPDATE certvendor.slot SET locked_since = now() - interval '8 days' "
              f"WHERE device = '{first.name}'")
    with lab.client("device", second.identity) as connection:
        assert connection.send("GET", "/device").status == 200
        answer = lab.operator("GET", "/v1/status").json()
    assert answer["version"] and answer["factory"] == FACTORY and answer["database"] == "up"
    assert answer["index"]["certificates"] == 5 and answer["index"]["fresh"] is True
    assert answer["fleet"]["devices"] == {"ok": 2, "held": 1, "deleted": 0, "revoked": 0}
    assert answer["fleet"]["rotations"] == {"pending": 1, "stalled": 1}
    assert [each["device"] for each in answer["fleet"]["stalled"]] == [first.name]
    authorities = {each["name"]: each for each in answer["authorities"]}
    assert authorities[f"{FACTORY}-device-ca-1"]["state"] == "trusted"
    assert 3640 <= authorities[f"{FACTORY}-device-ca-1"]["days_left"] <= 3653
    listeners = {each["name"]: each for each in answer["listeners"]}
    assert set(listeners) == {"device", "gateway", "operator", "public", "monitoring"}
    assert listeners["device"]["address"] == f"127.0.0.1:{lab.ports['device']}"
    assert listeners["device"]["connections"] >= 1 and listeners["device"]["days_left"] > 800
    assert "not_after" not in listeners["public"]

    screen = lab.cli("status").stdout
    assert re.search(r"^fleet\.devices\.held +1$", screen, re.MULTILINE)
    assert re.search(r"^stalled:\nDEVICE ", screen, re.MULTILINE) and first.name in screen
    assert re.search(rf"^{FACTORY}-device-ca-1 +online +trusted ", screen, re.MULTILINE)
    assert re.search(rf"^device +127.0.0.1:{lab.ports['device']} ", screen, re.MULTILINE)
    assert len(screen.splitlines()) < 50
    assert json.loads(lab.cli("--json", "status").stdout)["factory"] == FACTORY
