"""One factory from its keys to a rotation: what one part of it makes, every other part must take."""
import tomllib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certvendor_lab import EST, wait_until
from event_receiver import Receiver
from fioconfig import TRIGGER, Fioconfig, Pair, encrypt
from fioctl import HANDLER, Fioctl
from foundries_pki_lab import Workstation, pem
from registration_lab import Registrant

FACTORY = "lighthouse"


@pytest.fixture(scope="module")
def site(make_module_lab):
    lab = make_module_lab(settings={"foundries": {
        "gateway_host": "gateway.lighthouse.example", "ostree_host": "ostree.lighthouse.example",
        "est_host": "est.lighthouse.example"}}).start()
    assert lab.operator("POST", "/v1/factories", {"name": FACTORY}).status == 201
    station = Workstation(lab, FACTORY).create()
    station.authorize_est()
    return lab, station


def kinds(receiver):
    return [each.message["attributes"]["event-type"] for each in receiver.received]


def start(lab, registrant):
    """fioconfig on a device that has registered. It is told where the names of its servers are."""
    pair = Pair(serialization.load_pem_private_key(registrant.key.path.read_bytes(), None),
                x509.load_pem_x509_certificate(registrant.files["client.pem"].encode()))
    agent = Fioconfig(lab.ports["device"], lab.root, lab.keys, pair)
    root = lab.keys / f"{registrant.uuid}.root.pem"
    root.write_text(registrant.files["root.crt"])
    agent.root = root
    agent.server = "gateway.lighthouse.example"
    return agent


def test_from_the_keys_of_a_factory_to_a_rotation(site):
    lab, station = site
    operator = Fioctl(lab, factory=FACTORY)
    with Receiver() as receiver:
        operator.done("POST", f"/ota/factories/{FACTORY}/event-queues/",
                      {"label": "inventory", "type": "push", "push-url": receiver.url()})

        # It registers under the online CA that the factory's operator has signed.
        registrant = Registrant(lab, factory=FACTORY, is_production=True)
        registrant.register(name="lamp-1")
        assert registrant.files["root.crt"].strip() == pem(station.root).strip()
        toml = tomllib.loads(registrant.files["sota.toml"])
        assert toml["tls"]["server"] == f"https://gateway.lighthouse.example:{lab.ports['device']}"
        assert toml["pacman"]["ostree_server"] == f"https://ostree.lighthouse.example:{lab.ports['device']}/ostree"

        # The gateway shows the certificate that its root has signed, and believes what the device tells.
        agent = start(lab, registrant)
        agent.reset_client()
        agent.ask("GET", "/config", more=[("x-ats-target", "lmp-42"), ("x-ats-ostreehash", "ab12"),
                                          ("x-ats-tags", "main,next"), ("x-ats-dockerapps", "shell,web")])
        wait_until(lambda: operator.show("lamp-1")["target-name"] != "", "it is written")
        device = operator.show("lamp-1")
        assert (device["uuid"], device["is-prod"]) == (registrant.uuid, True)
        assert (device["target-name"], device["ostree-hash"]) == ("lmp-42", "ab12")
        assert device["tag"] == "main,next" and device["docker-apps"] == ["shell", "web"]
        listed = operator.get(f"/ota/devices/?factory={FACTORY}&match_tag=next")["devices"]
        assert [each["uuid"] for each in listed] == [registrant.uuid]
        assert operator.get(f"/ota/devices/?factory={FACTORY}&match_tag=ne")["devices"] == []
        status, _, body = agent.ask("GET", "/device")
        assert status == 200 and b'"is_prod":true' in body

        # Configuration goes to the device by its name, encrypted for the key that the server tells.
        key = serialization.load_pem_public_key(device["public-key"].encode())
        url = f"/ota/devices/lamp-1/config/?factory={FACTORY}"
        operator.done("PATCH", url, {"reason": "first", "files": [
            {"name": "secret", "value": encrypt(key, "light"), "unencrypted": False},
            {"name": TRIGGER, "unencrypted": True, "on-changed": [HANDLER],
             "value": f"ESTSERVER=https://est.lighthouse.example:{lab.ports['device']}{EST}\nPKEYIDS=01,07\n"
                      "CERTIDS=03,09\nROTATIONID=certs-1669058841\n"}]})
        agent.run()
        assert agent.disk.completed == "certs-1669058841"
        agent.run()
        assert agent.read_file("secret") == "light"

        # What the operator sees of it.
        after = operator.show("lamp-1")
        assert after["public-key"] == agent.disk.pair.public_pem != device["public-key"]
        updates = operator.get(f"/ota/devices/lamp-1/updates/?factory={FACTORY}")
        assert [each["correlation-id"] for each in updates["updates"]] == ["certs-1669058841"]
        steps = operator.get(f"/ota/devices/lamp-1/updates/certs-1669058841/?factory={FACTORY}")
        assert [step["eventType"]["id"] for step in steps][:2] == ["CertRotationStarted", "Generate new certificate"]
        wait_until(lambda: "DEVICE_PUBKEY_CHANGE" in kinds(receiver), "the queue was told")
        assert kinds(receiver).count("DEVICE_PUBKEY_CHANGE") == 1
        assert kinds(receiver)[0] == "DEVICE_FIRST_SEEN" and "DEVICE_CONFIG_APPLIED" in kinds(receiver)

        # Deleted, it is refused, on the list of denied devices, and back after that is cleared.
        operator.done("DELETE", f"/ota/devices/lamp-1/?factory={FACTORY}")
        assert agent.ask("GET", "/config")[0] == 403
        denied = operator.get(f"/ota/factories/{FACTORY}/denied-devices/?limit=500&page=1")["devices"]
        assert [each["uuid"] for each in denied] == [registrant.uuid]
        operator.done("DELETE", f"/ota/factories/{FACTORY}/denied-devices/{registrant.uuid}/")
        assert agent.ask("GET", "/config")[0] in (200, 304)
