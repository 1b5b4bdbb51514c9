"""deploy/compose.yaml, from its first command to a rotation, as docs/containers.md says."""
import copy
import shutil
import subprocess

import pytest
import yaml

from certvendor_lab import ROOT, Device
from compose import ComposeError, Project
from container import make_folder
from vendor_site import Site

FILE = ROOT / "deploy/compose.yaml"
IMAGES = {
    "certvendor:0.1.0": "certvendor",
    "docker.io/library/postgres:15-bookworm": "postgres",
    "docker.io/library/nginx:stable-bookworm": "nginx",
}
HOST = "gateway.example.org"
KEYS = "volume-keys"


def make_project(network, name, text=None):
    folder = make_folder(name)
    subprocess.run([ROOT / "deploy/compose/make_secrets.sh", HOST, folder / "secrets"], check=True)
    path = FILE
    if text is not None:
        shutil.copytree(ROOT / "deploy", folder / "deploy")
        path = folder / "deploy/compose.yaml"
        path.write_text(text)
    return Project(path, folder, network, IMAGES, folder / "secrets")


@pytest.fixture(scope="module")
def project(network):
    made = make_project(network, "compose")
    yield made
    made.remove()


@pytest.fixture(scope="module")
def site(project):
    """Every step of the document, once."""
    secrets = project.folder / "secrets"
    assert project.run("init") == 0, project.log("init")
    project.up("certvendor")
    project.wait_healthy("certvendor")
    vendor = project.running["certvendor"]
    for name, words in (("gateway.pem", "certvendor gateway add nginx --source pem "
                                        "--csr /run/secrets/gateway_request"),
                        ("root.pem", "cat /var/lib/certvendor/pki/root.pem")):
        answer = vendor.execute(*words.split())
        assert answer.returncode == 0, answer
        (secrets / name).write_text(answer.stdout)
        (secrets / name).chmod(0o444)
    project.up()
    project.wait_healthy("gateway")
    keys = project.folder / KEYS
    return Site(project.folder, {
        "device": project.published(8443), "operator": project.published(8444),
        "public": project.published(8080), "nginx": project.published(9443),
    }, keys / "pki/root.pem", (keys / "admin.token").read_text().strip())


def through_nginx(site, project, identity):
    return site.send("nginx", "GET", "/hello", identity, root=project.folder / "secrets/server.pem", name=HOST)


def test_the_schema():
    subprocess.run(["docker-compose", "--file", FILE, "config", "--quiet"], check=True)


def test_a_rotation_through_every_service(site, project):
    device = Device(site, "compose-device")
    device.enrol()
    assert through_nginx(site, project, device.identity).status == 200
    key = device.new_key()
    fresh = device.reenrol(key)
    assert through_nginx(site, project, fresh).status == 403
    assert device.announce(key).status == 200
    answer = through_nginx(site, project, fresh)
    assert (answer.status, answer.body) == (200, b"hello, compose-device\n")
    assert through_nginx(site, project, device.identity).status == 403
    assert device.show(fresh).status == 200


def test_the_service_may_not_change_the_schema(site, project):
    vendor = project.running["certvendor"]
    url = (project.folder / "secrets/service_url").read_text().strip()
    answer = project.running["database"].execute(
        "psql", "-X", url.replace("@database", "@localhost"), "-c", "DROP TABLE certvendor.certificate")
    assert answer.returncode != 0 and "must be owner" in answer.stderr, answer
    assert vendor.execute("certvendor", "device", "list").returncode == 0


def test_nothing_secret_is_logged(site, project):
    secrets = project.folder / "secrets"
    words = [(secrets / name).read_text().strip() for name in ("owner_password", "service_password")]
    words += [site.token, (project.folder / KEYS / "pki/signer.passphrase").read_text().strip()]
    for name in project.file["services"]:
        assert not [word for word in words if word in project.log(name)], name


def test_it_starts_again(site, project):
    """As after "docker compose down": volumes and secrets stay."""
    device = Device(site, "compose-device-2")
    device.enrol()
    for name in ("gateway", "certvendor", "database"):
        assert project.stop(name) == 0, project.log(name)
    project.finished.clear()
    project.up()
    project.wait_healthy("gateway")
    assert through_nginx(site, project, device.identity).status == 200


# ---- What the runner must notice ---------------------------------------------------------------


@pytest.mark.parametrize("service,key,value", [
    ("certvendor", "privileged", True),
    ("certvendor", "read_only", False),
    ("certvendor", "environment", {"CERTVENDOR_DATABASE_URL": "${URL}"}),
    ("gateway", "depends_on", {"certvendor": {"condition": "service_started"}}),
])
def test_what_it_does_not_know_is_refused(network, service, key, value):
    text = copy.deepcopy(yaml.safe_load(FILE.read_text()))
    text["services"][service][key] = value
    with pytest.raises(ComposeError):
        make_project(network, "compose-refused", yaml.safe_dump(text))


def test_a_wrong_secret_fails(network):
    """The service asks for a file that nobody gave it."""
    text = FILE.read_text().replace("secrets: [owner_url]", "secrets: [service_url]")
    assert text != FILE.read_text()
    broken = make_project(network, "compose-broken", text)
    try:
        with pytest.raises(ComposeError, match="migrate ended with 78"):
            broken.up("certvendor")
    finally:
        broken.remove()
