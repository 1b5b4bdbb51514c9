"""The image itself: what is in it, and what its program does as process 1 of a read-only container."""
import os
import re
import subprocess
import time

import pytest

from certvendor_lab import Device, wait_until
from container import Container, Image, Volume, make_folder
from vendor_site import Site

EXIT_CONFIG = 78
UID = 10001
OWNER = "postgresql://postgres:owner-password@db/certvendor"


@pytest.fixture(scope="module")
def folder():
    return make_folder("image")


@pytest.fixture(scope="module")
def database(network, folder):
    """A PostgreSQL of its own, with what the service relies on."""
    (folder / "password").write_text("owner-password")
    (folder / "password").chmod(0o444)
    (folder / "none.sql").write_text("SELECT 1;\n")
    server = Container(
        network, "db", Image("postgres"), folder, is_confined=False, tmpfs=["/tmp", "/run/postgresql"],
        environment={"POSTGRES_DB": "certvendor", "POSTGRES_PASSWORD_FILE": "/password"},
        mounts=[(folder / "password", "/password", True),
                (folder / "none.sql", "/docker-entrypoint-initdb.d/none.sql", True),
                (Volume(folder / "database"), "/var/lib/postgresql/data", False)]).start()
    wait_until(lambda: server.execute("pg_isready", "-h", "localhost", "-d", "certvendor").returncode == 0,
               "PostgreSQL answers")
    yield server
    server.remove()


@pytest.fixture
def make(network, folder, database):
    """Containers of the image with the folder of the keys as a volume."""
    made = []

    def make_one(*words, environment=None, keys_are_read_only=False, **more):
        made.append(Container(
            network, f"vendor{len(made)}", Image("certvendor"), folder, words=list(words) or None,
            environment={"CERTVENDOR_DATABASE_URL": OWNER, **(environment or {})},
            mounts=[(Volume(folder / "state"), "/var/lib/certvendor", keys_are_read_only)], **more))
        made[-1].log.unlink(missing_ok=True)
        return made[-1].start()

    yield make_one
    for container in made:
        container.remove()


def run_to_end(make, *words, **more):
    container = make(*words, **more)
    return container.wait(60), container.output()


@pytest.fixture
def keys(make):
    """What init made, once."""
    assert run_to_end(make, "migrate")[0] == 0
    code, output = run_to_end(make, "init", "--factory", "demo", "--announce", "explicit", "--token-file",
                              "/var/lib/certvendor/admin.token")
    assert code == 0 or "already initialised" in output, output
    return make


# ---- What is in it -----------------------------------------------------------------------------


def test_it_is_described():
    config = Image("certvendor").config
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == (f"{UID}:{UID}", ["certvendor"], ["serve"])
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "certvendor", "healthcheck"]
    assert set(config["ExposedPorts"]) == {"8080/tcp", "8443/tcp", "8444/tcp", "8445/tcp"}
    labels = {name.removeprefix("org.opencontainers.image.") for name in config["Labels"]}
    assert {"title", "description", "version", "revision", "licenses", "base.name"} <= labels


def test_its_label_is_its_version(make):
    version = Image("certvendor").config["Labels"]["org.opencontainers.image.version"]
    assert run_to_end(make, "version") == (0, f"certvendor {version}\n")


def test_nothing_in_it_builds_or_is_secret():
    root = Image("certvendor").root
    for name in ("gcc", "cc", "ld", "make", "git", "curl", "openssl", "psql", "gdb"):
        assert not list(root.glob(f"usr/**/bin/{name}")), name
    assert not list(root.glob("usr/include/**/*.h"))
    assert not (root / "src").exists()
    for pattern in ("**/*.key", "**/*passphrase*", "**/*.token"):
        assert not list(root.glob(f"etc/{pattern}")) + list(root.glob(f"var/{pattern}")), pattern


def test_its_user_owns_only_the_folder_of_its_state():
    root = Image("certvendor").root
    owned = [path for path in root.rglob("*") if path.lstat().st_uid == UID]
    assert owned == [root / "var/lib/certvendor"]
    assert owned[0].stat().st_mode & 0o777 == 0o700
    assert (root / "usr/bin/certvendor").stat().st_uid == 0


def test_it_is_as_small_as_documented():
    megabytes = int(subprocess.run(["du", "-sm", Image("certvendor").root], check=True, capture_output=True,
                                   text=True).stdout.split()[0])
    assert megabytes < 150


# ---- What it does ------------------------------------------------------------------------------


def test_help_and_nonsense(make):
    assert run_to_end(make, "help")[0] == 0
    assert run_to_end(make, "nonsense")[0] == 2


def test_a_bad_configuration(make):
    code, output = run_to_end(make, "check-config", environment={"CERTVENDOR_SERVER_WORKERS": "many"})
    assert code == EXIT_CONFIG
    assert "CERTVENDOR_SERVER_WORKERS" in output


def test_init_cannot_write_where_no_volume_is(make, keys):
    code, output = run_to_end(make, "init", "--factory", "second", "--token-name", "second", "--directory", "/opt/pki")
    assert code != 0 and "/opt/pki" in output


def test_it_runs_as_process_1_of_an_unprivileged_user(keys):
    vendor = keys(keys_are_read_only=True)
    wait_until(lambda: vendor.execute("certvendor", "healthcheck").returncode == 0, "healthy")
    status = dict(line.split(":\t", 1) for line in open(f"/proc/{vendor.pid}/status", encoding="ascii")
                  if ":\t" in line)
    assert status["NSpid"].split()[-1] == "1"
    assert set(status["Uid"].split() + status["Gid"].split()) == {str(UID)}
    assert int(status["CapEff"], 16) == 0 and status["NoNewPrivs"].strip() == "1"
    assert vendor.execute("touch", "/usr/bin/certvendor").returncode != 0
    assert vendor.execute("touch", "/var/lib/certvendor/x").returncode != 0


def test_health_is_that_of_this_container(keys, database):
    vendor = keys()
    test = vendor.image.config["Healthcheck"]["Test"]
    wait_until(lambda: vendor.test_health(test).returncode == 0, "healthy")
    other = vendor.execute("env", "CERTVENDOR_MONITORING_LISTEN=127.0.0.1:9", "certvendor", "healthcheck")
    assert other.returncode == 1 and other.stderr


def test_health_before_there_are_keys(make, folder):
    """The process ends at once and says why, and nothing answers in its place."""
    code, output = run_to_end(make, environment={"CERTVENDOR_SIGNER_DIRECTORY": "/var/lib/certvendor/none"})
    assert code == EXIT_CONFIG and "/var/lib/certvendor/none" in output


def test_a_signal_ends_it_within_the_drain_time(keys):
    vendor = keys(environment={"CERTVENDOR_SERVER_DRAIN_TIMEOUT": "5"})
    wait_until(lambda: vendor.execute("certvendor", "healthcheck").returncode == 0, "healthy")
    begin = time.monotonic()
    vendor.stop()
    assert vendor.wait(60) == 0
    assert time.monotonic() - begin < 15
    assert '"stopped"' in vendor.output().splitlines()[-1]


def test_a_rotation_through_it(keys, network, folder):
    vendor = keys(keys_are_read_only=True)
    wait_until(lambda: vendor.execute("certvendor", "healthcheck").returncode == 0, "healthy")
    address = network.addresses[vendor.order["name"]]
    site = Site(folder, {"device": (address, 8443), "operator": (address, 8444)},
                folder / "state/pki/root.pem", (folder / "state/admin.token").read_text().strip())
    device = Device(site, "container-device")
    device.enrol()
    assert device.show().status == 200
    replaced = device.rotate()
    assert device.show().status == 200
    assert device.show(replaced).status == 403
    assert site.token not in vendor.output()
    assert re.search(r'"event":"ready"', vendor.output())


def test_keys_belong_to_its_user_alone(keys, folder):
    made = list((folder / "state").rglob("*"))
    assert folder / "state/pki/device-ca.key" in made
    for path in made:
        assert path.stat().st_uid == UID, path
        if path.suffix in (".key", ".token", ".passphrase"):
            assert path.stat().st_mode & 0o077 == 0, path
    assert os.stat(folder / "state").st_mode & 0o777 == 0o700
