"""The PKI of a factory, set up and changed by FoundriesFactory's operator clients of every generation."""
import base64
import concurrent.futures
import datetime
import hashlib
import itertools
import json
import os
import subprocess
import threading
import time
import uuid

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certvendor_lab import FACTORY, SECRETS, clean_environment, run, wait_until
from foundries_pki_lab import (
    DAY, Refused, Workstation, ca_key, dns_names, now, pem, read_csr, shown_certificate, usage, utf8_name)

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def own(make_module_lab):
    return make_module_lab().start()


@pytest.fixture(scope="module")
def second(make_module_lab, own):
    """Another instance of the same service."""
    return make_module_lab(beside=own).start()


@pytest.fixture
def station(own):
    """The workstation of a new factory, without a PKI."""
    factory = f"factory-{next(NUMBERS)}"
    assert own.operator("POST", "/v1/factories", {"name": factory}).status == 201
    return Workstation(own, factory)


@pytest.fixture
def ready(station):
    return station.create()


def refused(status, call, *arguments, **fields):
    with pytest.raises(Refused) as caught:
        call(*arguments, **fields)
    assert caught.value.status == status, caught.value
    return caught.value.message


# ---- What there is ------------------------------------------------------------------------------


def test_a_factory_without_pki_answers_206_with_nulls(station):
    answer = station.ask("GET")
    assert answer.status == 206
    assert answer.json() == {"tls-crt": None, "ca-crt": None, "root-crt": None}
    station.request(first_time_init=True, ca_csr=True, tls_csr=True)
    assert station.ask("GET").status == 206


def test_a_factory_that_init_made_shows_its_files(own):
    station = Workstation(own, FACTORY)
    certs = station.certs()
    pki = own.folder / "pki"
    assert certs["root-crt"] == (pki / "root.pem").read_text()
    assert certs["ca-crt"] == (pki / "device-ca.pem").read_text()
    assert certs["tls-crt"] in (pki / "device.pem").read_text() and certs["tls-crt"].count("BEGIN") == 1
    assert certs["est-tls-crt"] is None and certs["disabled-ca-serials"] == []
    # What a client reads it may send again.
    assert station.patch(root_crt=certs["root-crt"], ca_crt=certs["ca-crt"], tls_crt=certs["tls-crt"]) == {}


def test_the_default_online_ca_is_for_everybody(own):
    answer = own.send("operator", "GET", "/ota/default-online-ca.pem")
    assert answer.status == 200 and answer.body == (own.folder / "pki/device-ca.pem").read_bytes()


# ---- The current client -------------------------------------------------------------------------


def test_keys_ca_create(station):
    csrs = station.request(first_time_init=True, ca_csr=True, tls_csr=True)
    assert set(csrs) == {"ca-csr", "tls-csr"}
    ca, tls = read_csr(csrs["ca-csr"]), read_csr(csrs["tls-csr"])
    assert ca.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value == station.factory
    assert dns_names(tls) == [f"{station.factory}.localhost", f"{station.factory}.ostree.localhost"]
    station.create()
    answer = station.ask("GET")
    assert answer.status == 200
    certs = answer.json()
    assert certs["root-crt"] == pem(station.root) and certs["tls-crt"] == pem(station.tls)
    assert certs["ca-crt"] == station.bundle and "\n\n" in certs["ca-crt"]
    user = station.user()
    assert certs["change-meta"]["created-by"] == certs["change-meta"]["updated-by"] == user
    assert certs["change-meta"]["created-at"].endswith("Z")
    kinds = {row["kind"]: row for row in station.lab.operator(
        "GET", f"/v1/authorities?factory={station.factory}").json()["items"]}
    assert set(kinds) == {"root", "online", "offline"} and kinds["offline"]["owner"] == user


def test_create_can_be_repeated_until_there_is_a_root(station):
    first = station.request(first_time_init=True, ca_csr=True, tls_csr=True)
    again = station.request(first_time_init=True, ca_csr=True, tls_csr=True)
    assert first["tls-csr"] != again["tls-csr"]
    station.make_root()
    late = station.sign_tls(read_csr(first["tls-csr"]))
    assert "last request" in refused(400, station.patch, root_crt=pem(station.root), tls_crt=pem(late))
    # All or nothing: the root was good, and is not there.
    assert station.ask("GET").status == 206
    station.create()
    assert "set up already" in refused(409, station.request, first_time_init=True, ca_csr=True, tls_csr=True)


def test_an_imported_root_is_the_root_until_it_is_revoked(station):
    root = make_ca(utf8_name(ou=station.factory, cn="x"), kind="root")
    answer = import_ca(station, root, "root")
    assert answer.status == 201 and station.certs()["root-crt"] == pem(root)
    assert "set up already" in refused(409, station.create)
    [row] = station.lab.operator("GET", f"/v1/authorities?factory={station.factory}").json()["items"]
    path = f"/v1/authorities/{row['name']}/revoke?factory={station.factory}"
    assert station.lab.operator("POST", path, {}).status == 200
    assert station.create().certs()["root-crt"] == pem(station.root)


def test_many_factories_are_set_up_at_once(make_lab):
    """Each of them makes the look of the others at all factories out of date."""
    patient = {"database": {"statement_timeout": 60000}}
    own = make_lab(settings=patient).start()
    second = make_lab(beside=own, settings=patient).start()
    stations = []
    for number in range(16):
        factory = f"factory-{next(NUMBERS)}"
        assert own.operator("POST", "/v1/factories", {"name": factory}).status == 201
        stations.append(Workstation((own, second)[number % 2], factory, own.token))
    wait_until(lambda: second.operator("GET", f"/v1/status?factory={factory}").status == 200, "the other one knows")
    prepared = [station.prepare() for station in stations]
    waiting = ("SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
               "WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted")
    with concurrent.futures.ThreadPoolExecutor(len(stations)) as pool:
        with own.holding("SELECT pg_advisory_xact_lock(7164935610586)"):  # that of authorities_lock.sql
            sent = [pool.submit(station.patch, **fields) for station, fields in zip(stations, prepared)]
            wait_until(lambda: int(own.query(waiting)[0][0]) == len(stations), "all wait")
        for each in sent:
            each.result()
    assert [station.certs()["root-crt"] for station in stations] == [each["root_crt"] for each in prepared]


def test_create_without_online_ca(station):
    station.create(has_online=False)
    assert station.certs()["ca-crt"] == pem(station.local)


def test_keys_without_a_root_are_refused(station):
    assert "first-time-init" in refused(409, station.request, tls_csr=True)
    assert "no key" in refused(400, station.request)


def test_a_subject_that_the_client_wrote_anew_is_the_issuer_to_the_byte(ready):
    csr_subject = x509.load_pem_x509_csr(ready.request(ca_csr=True)["ca-csr"].encode()).subject
    # Other string types than in the request, so other bytes.
    assert ready.online.subject.public_bytes() != csr_subject.public_bytes()
    device, _ = ready.enrol()
    assert device.issuer.public_bytes() == ready.online.subject.public_bytes()


# ---- Older clients ------------------------------------------------------------------------------

SCRIPTS = ("create_ca", "create_device_ca", "sign_tls_csr", "sign_ca_csr")


def test_the_second_generation_has_an_own_path_for_est(ready):
    answer = ready.call("POST", ready.path + "est/")
    csr = read_csr(answer["tls-csr"])
    assert list(answer) == ["tls-csr"] and len(dns_names(csr)) == 1
    assert ready.certs()["est-tls-crt"] is None
    certificate = ready.sign_tls(csr)
    assert ready.call("PUT", ready.path + "est/", {"tls-crt": pem(certificate)}) == {}
    assert ready.certs()["est-tls-crt"] == pem(certificate)
    assert ready.certs()["tls-crt"] == pem(ready.tls)


@pytest.mark.parametrize("body", [b"{}", None])
def test_the_first_generation_gets_scripts_too(station, body):
    answer = station.call("POST", raw=body)
    assert set(answer) == {"ca-csr", "tls-csr", *SCRIPTS}
    read_csr(answer["ca-csr"])
    for name in SCRIPTS:
        assert answer[name].startswith("#!/bin/bash\n") and "@" not in answer[name].replace("[@]", "")
        assert f"factory='{station.factory}'" in answer[name] or not name.startswith("create")
    # It echoes everything that it got.
    station.tls = station.sign_tls(read_csr(answer["tls-csr"])) if station.key else None
    station.make_root()
    tls, online = (sign(read_csr(answer[name])) for sign, name in (
        (station.sign_tls, "tls-csr"), (station.sign_ca, "ca-csr")))
    station.patch(root_crt=pem(station.root), tls_crt=pem(tls), ca_crt=pem(online),
                  **{name.replace("-", "_"): text for name, text in answer.items()})
    assert "set up already" in refused(409, station.call, "POST", raw=body)


def save_scripts(station, folder):
    answer = station.call("POST", raw=b"{}")
    for name in SCRIPTS:
        (folder / name).write_text(answer[name])
        (folder / name).chmod(0o700)
    for name in ("ca-csr", "tls-csr"):
        (folder / name).write_text(answer[name])


def run_script(folder, name, *words, cwd=None, **environment):
    result = subprocess.run([f"./{name}" if cwd is None else folder / name, *words], cwd=cwd or folder,
                            env=clean_environment(**environment), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def extension(certificate, kind):
    found = certificate.extensions.get_extension_for_class(kind)
    return found.value, found.critical


def use_scripts(station, folder, **environment):
    """What the client of the first generation does with them; returns root, server and local CA."""
    save_scripts(station, folder)
    run_script(folder, "create_ca", **environment)
    (folder / "tls-crt").write_text(run_script(folder, "sign_tls_csr", "tls-csr", **environment))
    (folder / "online-crt").write_text(run_script(folder, "sign_ca_csr", "ca-csr", **environment))
    run_script(folder, "create_device_ca", "local-ca.key", "local-ca.pem", **environment)
    for name in ("tls-crt", "online-crt", "local-ca.pem"):
        assert (folder / name).read_text().startswith("-----BEGIN CERTIFICATE-----\n")
        run("openssl", "verify", "-CAfile", folder / "factory_ca.pem", folder / name)
    texts = {name: (folder / name).read_text() for name in ("factory_ca.pem", "tls-crt", "local-ca.pem")}
    station.patch(root_crt=texts["factory_ca.pem"], tls_crt=texts["tls-crt"],
                  ca_crt=(folder / "online-crt").read_text() + "\n" + texts["local-ca.pem"])
    return [x509.load_pem_x509_certificate(text.encode()) for text in texts.values()]


def test_the_scripts_make_what_they_promise(station, tmp_path):
    root, tls, local = use_scripts(station, tmp_path)
    assert [(a.rfc4514_attribute_name, a.value) for a in root.subject] == [
        ("CN", "Factory-CA"), ("OU", station.factory)]
    assert extension(root, x509.BasicConstraints) == (x509.BasicConstraints(True, None), True)
    assert extension(root, x509.KeyUsage) == (usage(key_cert_sign=True, crl_sign=True), True)
    assert extension(root, x509.ExtendedKeyUsage) == (x509.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), True)
    assert extension(root, x509.SubjectKeyIdentifier)[0].digest
    assert (root.not_valid_after - root.not_valid_before).days == 7300
    assert dns_names(tls) == [f"{station.factory}.localhost", f"{station.factory}.ostree.localhost"]
    assert extension(tls, x509.KeyUsage) == (usage(digital_signature=True), True)
    assert extension(tls, x509.ExtendedKeyUsage)[1] and (tls.not_valid_after - tls.not_valid_before).days == 3650
    assert extension(local, x509.BasicConstraints) == (x509.BasicConstraints(True, 0), True)
    assert extension(local, x509.KeyUsage) == (usage(key_cert_sign=True), True)
    assert local.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == f"fio-{station.user()}"
    for name in ("factory_ca.key", "local-ca.key"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    # A root is not made twice, and another folder does not matter.
    failed = subprocess.run(["./create_ca"], cwd=tmp_path, capture_output=True, check=False)
    assert failed.returncode != 0 and b"already" in failed.stderr
    (tmp_path / "est-csr").write_text(station.call("POST", station.path + "est/")["tls-csr"])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    est = run_script(tmp_path, "sign_tls_csr", tmp_path / "est-csr", cwd=elsewhere)
    station.patch(est_tls_crt=est)
    # What is no request is not signed, and nothing is written that would be uploaded.
    (tmp_path / "bad").write_text((tmp_path / "ca-csr").read_text().replace("M", "N", 3))
    for name in ("sign_ca_csr", "sign_tls_csr"):
        failed = subprocess.run([f"./{name}", "bad"], cwd=tmp_path, capture_output=True, check=False)
        assert failed.returncode != 0 and failed.stdout == b""


def test_the_scripts_use_a_key_in_a_token(station, tmp_path):
    module = "/usr/lib/softhsm/libsofthsm2.so"
    assert os.path.exists(module)
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\n")
    environment = {"SOFTHSM2_CONF": str(tmp_path / "softhsm2.conf")}
    run("softhsm2-util", "--init-token", "--free", "--label", "device-gateway-root", "--pin", "1234",
        "--so-pin", "4321", **environment)
    root, _, _ = use_scripts(station, tmp_path, HSM_MODULE=module, HSM_PIN="1234", **environment)
    assert not (tmp_path / "factory_ca.key").exists()
    assert root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "Factory-CA"
    assert station.certs()["root-crt"] == (tmp_path / "factory_ca.pem").read_text()


# ---- What an upload must be ---------------------------------------------------------------------


def test_repeating_an_upload_changes_nothing(ready):
    before = ready.certs()
    fields = {"root_crt": pem(ready.root), "ca_crt": ready.bundle, "tls_crt": pem(ready.tls)}
    for _ in range(2):
        ready.patch(**fields)
    ready.patch()
    ready.patch(root_crt=None, ca_crt=None, tls_crt=None, est_tls_crt=None, ca_revoke_crl=None)
    ready.patch(disabled_ca_serials=["1"], ca_csr="x", create_ca="y", new_field={"a": [1]})
    assert ready.certs() == before
    assert "string" in refused(400, ready.patch, root_crt=7)


def test_a_root_is_for_ever(ready):
    other = Workstation(ready.lab, ready.factory)
    other.make_root()
    assert "another root" in refused(409, ready.patch, root_crt=pem(other.root))
    ready.patch(root_crt="leading text\r\n" + pem(ready.root).replace("\n", "\r\n") + "\r\n\r\n")
    assert ready.certs()["root-crt"] == pem(ready.root)


def upload_root(station, root):
    return refused(400, station.patch, root_crt=root if isinstance(root, str) else pem(root))


def test_roots_that_are_refused(station):
    assert "OU" in upload_root(station, station.make_root(ou="elsewhere"))
    root = station.make_root()
    assert "one certificate" in upload_root(station, pem(root) + pem(station.make_root()))
    assert "no PEM" in upload_root(station, "nothing")
    assert "does not decode" in upload_root(station, pem(root).replace("M", "!", 1))
    assert "private key" in upload_root(station, pem(root) + station.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode())
    leaf = station.certify(utf8_name(ou=station.factory, cn="x"), station.key.public_key(), [])
    assert "not a CA" in upload_root(station, leaf)
    late = station.certify(utf8_name(ou=station.factory, cn="x"), station.key.public_key(),
                           [(x509.BasicConstraints(True, None), True)], begin=now() + DAY)
    assert "future" in upload_root(station, late)
    ended = station.certify(utf8_name(ou=station.factory, cn="x"), station.key.public_key(),
                            [(x509.BasicConstraints(True, None), True)], begin=now() - 9 * DAY, end=now() - DAY)
    assert "expired" in upload_root(station, ended)
    assert "root-crt must come first" in refused(409, station.patch, ca_crt=pem(root))
    station.patch(root_crt=pem(root))
    assert station.certs()["root-crt"] == pem(root) and station.certs()["tls-crt"] is not None


@pytest.mark.parametrize("curve", [ec.SECP384R1, ec.SECP521R1])
def test_roots_of_other_curves_and_of_a_higher_ca(station, curve):
    higher = Workstation(station.lab, "higher")
    station.make_root(curve(), issuer=(higher.make_root(), higher.key))
    station.patch(root_crt=pem(station.root))
    local, _ = station.make_local_ca(begin=now() + datetime.timedelta(minutes=3))
    station.patch(ca_crt=pem(local))
    assert station.certs()["ca-crt"] == pem(local)


def upload_ca(station, ca):
    return refused(400, station.patch, ca_crt=station.bundle + "\n" + pem(ca))


def test_device_cas_that_are_refused(ready):
    assert "no user nobody" in upload_ca(ready, ready.make_local_ca("nobody")[0])
    assert "called fio-" in upload_ca(
        ready, ready.make_local_ca(subject=utf8_name(cn="a CA", ou=ready.factory))[0])
    assert "OU" in upload_ca(ready, ready.make_local_ca(subject=utf8_name(cn="fio-admin", ou="elsewhere"))[0])
    assert "OU" in upload_ca(ready, ready.make_local_ca(subject=utf8_name(cn="fio-admin"))[0])
    assert "not signed by the root" in upload_ca(ready, ready.make_local_ca(signer=ca_key())[0])
    assert "not a CA" in upload_ca(ready, ready.make_local_ca(
        extensions=[(usage(digital_signature=True), True), (x509.BasicConstraints(True, 0), True)])[0])
    assert "not a CA" in upload_ca(ready, ready.make_local_ca(
        extensions=[(usage(key_cert_sign=True), True), (x509.BasicConstraints(False, None), True)])[0])
    ca_extensions = [(usage(key_cert_sign=True), True), (x509.BasicConstraints(True, 0), True)]
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\0")
    assert "critical extension" in upload_ca(
        ready, ready.make_local_ca(extensions=[*ca_extensions, (unknown, True)])[0])
    assert "future" in upload_ca(ready, ready.make_local_ca(begin=now() + DAY)[0])
    assert "expired" in upload_ca(ready, ready.make_local_ca(begin=now() - 9 * DAY, end=now() - DAY)[0])
    assert "root is no device CA" in upload_ca(ready, ready.root)
    neighbour = Workstation(ready.lab, f"{ready.factory}-b")
    assert ready.lab.operator("POST", "/v1/factories", {"name": neighbour.factory}).status == 201
    assert "another factory" in upload_ca(ready, ready.make_local_ca(key=neighbour.create().local_key)[0])
    # Nor is one that another instance listed there this moment.
    key = ca_key()
    der = make_ca(utf8_name(cn="x"), key.public_key()).public_bytes(serialization.Encoding.DER)
    ready.lab.query("INSERT INTO certvendor.authority (id, factory, kind, name, fingerprint, certificate) VALUES "
                    f"('{uuid.uuid4()}', '{neighbour.factory}', 'offline', 'sudden', "
                    f"'\\x{hashlib.sha256(der).hexdigest()}', '\\x{der.hex()}')")
    assert "another factory" in upload_ca(ready, ready.make_local_ca(key=key)[0])
    # The key of the online CA under another certificate.
    assert "held by the server" in upload_ca(ready, ready.certify(
        ready.online.subject, ready.online.public_key(),
        [(usage(key_cert_sign=True), True), (x509.BasicConstraints(True, 0), True)]))
    assert ready.certs()["ca-crt"] == ready.bundle


def test_no_upload_lists_the_key_of_a_ca_as_something_else(ready):
    """Nor one that is revoked: it would vouch for nobody."""
    key, gone = ca_key(), ca_key()
    subject = utf8_name(ou=ready.factory, cn="x")
    assert import_ca(ready, make_ca(subject, key.public_key()), "bootstrap").status == 201
    answer = import_ca(ready, make_ca(subject, gone.public_key()))
    assert answer.status == 201
    path = f"/v1/authorities/{answer.json()['name']}/revoke?factory={ready.factory}"
    assert ready.lab.operator("POST", path, {}).status == 200
    assert "listed as bootstrap" in upload_ca(ready, ready.make_local_ca(key=key)[0])
    assert "revoked" in upload_ca(ready, ready.make_local_ca(key=gone)[0])
    ready.patch(ca_crt=ready.bundle + "\n" + pem(ready.make_local_ca()[0]))


def test_every_ca_stays_listed(ready):
    more, _ = ready.make_local_ca()
    message = refused(400, ready.patch, ca_crt=pem(ready.online) + "\n" + pem(more))
    assert "is missing" in message
    text = "# ours\r\n" + pem(more).replace("\n", "\r\n") + "\r\n\n\n" + ready.bundle.rstrip("\n")
    ready.patch(ca_crt=text)
    assert ready.certs()["ca-crt"] == text


def test_cas_of_another_root_need_not_be_listed(station):
    """Such as were imported before there was a root: whoever makes that does not know of them."""
    ours, theirs = (make_ca(utf8_name(ou=station.factory, cn=name)) for name in ("a", "b"))
    assert import_ca(station, ours).status == 201
    station.create()
    assert import_ca(station, theirs).status == 201
    more, _ = station.make_local_ca()
    station.patch(ca_crt=station.bundle + pem(more))
    shown = station.certs()["ca-crt"]
    assert all(pem(each) in shown for each in (station.online, station.local, more, ours, theirs))
    # A client that sends back all that it reads leaves them what they are.
    assert station.patch(ca_crt=shown) == {}
    station.patch(ca_crt=station.bundle + pem(more))
    assert pem(ours) in station.certs()["ca-crt"]
    # One that this root issued is demanded, whichever way it came.
    late, _ = station.make_local_ca()
    assert import_ca(station, late).status == 201
    assert "is missing" in refused(400, station.patch, ca_crt=station.bundle + pem(more))


def test_a_ca_of_another_factory_is_refused(ready):
    other = Workstation(ready.lab, f"factory-{next(NUMBERS)}")
    assert ready.lab.operator("POST", "/v1/factories", {"name": other.factory}).status == 201
    other.key, other.root = ready.key, ready.root
    assert "OU" in upload_root(other, ready.root)


def neighbour_of(station):
    """Another factory, without a PKI, with an admin of its own."""
    factory = f"factory-{next(NUMBERS)}"
    assert station.lab.operator("POST", "/v1/factories", {"name": factory}).status == 201
    answer = station.lab.operator("POST", "/v1/operator-tokens", {
        "name": f"admin-{factory}", "role": "admin", "factories": [factory]})
    assert answer.status == 201
    SECRETS.add(answer.json()["token"])
    return Workstation(station.lab, factory, answer.json()["token"])


def make_ca(subject, public_key=None, kind="offline"):
    """A CA certificate that anybody could make: it does not prove its key, but for a root."""
    key = ca_key()
    builder = (
        x509.CertificateBuilder().subject_name(subject)
        .issuer_name(subject if kind == "root" else utf8_name(cn="anybody"))
        .public_key(public_key or (key if kind == "root" else ca_key()).public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now() - DAY).not_valid_after(now() + 99 * DAY)
        .add_extension(usage(key_cert_sign=True), True).add_extension(x509.BasicConstraints(True, 0), True))
    return builder.sign(key, hashes.SHA256())


def import_ca(station, ca, kind="offline"):
    """As the admin of that factory."""
    order = {"name": f"ca-{next(NUMBERS)}", "kind": kind, "certificate": pem(ca)}
    return station.lab.operator("POST", f"/v1/authorities?factory={station.factory}", order, token=station.token)


def announce(station, identity, key):
    text = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    return station.device("PATCH", "/device", identity, json.dumps({"next_pubkey": text}).encode()).status


@pytest.mark.parametrize("kind", ["offline", "bootstrap"])
def test_a_ca_with_the_key_of_a_device_shuts_out_nobody_elsewhere(ready, kind):
    neighbour = neighbour_of(ready)
    unseen, known = ready.local_device(), ready.local_device()
    key = x509.load_pem_x509_certificate(unseen.pem.encode()).public_key()
    following = ca_key().public_key()
    for each in (key, following):
        assert import_ca(neighbour, make_ca(utf8_name(cn="x"), each), kind).status == 201
    assert see(ready, unseen) == 200 and see(ready, known) == 200
    assert announce(ready, known, following) in (200, 201, 202, 204)
    # Among the CAs of its own factory it is not a device's.
    own = ca_key().public_key()
    assert import_ca(ready, make_ca(utf8_name(cn="x"), own), kind).status == 201
    assert announce(ready, known, own) == 400
    # Neither is a key that this service signs with, in whatever factory.
    other = neighbour_of(ready).create()
    assert announce(ready, known, other.online.public_key()) == 400
    assert announce(ready, known, other.local.public_key()) in (200, 201, 202, 204)


@pytest.mark.parametrize("kind", ["root", "offline", "bootstrap"])
def test_no_ca_is_called_after_another_factory(ready, kind):
    neighbour = neighbour_of(ready)
    answer = import_ca(neighbour, make_ca(utf8_name(ou=ready.factory, cn="x"), kind=kind), kind)
    assert answer.status == 400 and "name of another factory" in answer.json()["detail"]
    for unit in (neighbour.factory, ready.factory + "-unknown"):
        assert import_ca(neighbour, make_ca(utf8_name(ou=unit, cn="x"), kind=kind), kind).status == 201


def test_an_online_ca_has_a_name_that_no_factory_else_lists(ready):
    """Even when the other one came first, before there was this factory."""
    neighbour = neighbour_of(ready)
    for ending, is_free in (("", False), (" 2", True)):
        station = Workstation(ready.lab, f"factory-{next(NUMBERS)}")
        squatter = make_ca(utf8_name(ou=station.factory, cn=station.factory + ending))
        assert import_ca(neighbour, squatter).status == 201
        assert ready.lab.operator("POST", "/v1/factories", {"name": station.factory}).status == 201
        if is_free:
            station.create()
        else:
            assert "listed already in another factory" in refused(400, station.create)
        assert station.ask("GET").status == (200 if is_free else 206)


def upload_tls(station, certificate):
    return refused(400, station.patch, tls_crt=pem(certificate))


def test_server_certificates_that_are_refused(ready):
    csr = read_csr(ready.request(tls_csr=True)["tls-csr"])
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in dns_names(csr)])
    server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    assert "lacks the DNS name" in upload_tls(ready, ready.sign_tls(csr, names=dns_names(csr)[:1]))
    assert "not a server" in upload_tls(ready, ready.sign_tls(csr, extensions=[
        (usage(digital_signature=True), True), (names, False),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), True)]))
    assert "not a server" in upload_tls(ready, ready.sign_tls(csr, extensions=[
        (usage(key_cert_sign=True), True), (names, False), (server, True)]))
    assert "not a server" in upload_tls(ready, ready.sign_tls(csr, extensions=[
        (usage(digital_signature=True, key_cert_sign=True), True), (names, False), (server, True),
        (x509.BasicConstraints(True, None), True)]))
    assert "not signed by the root" in upload_tls(ready, ready.sign_tls(csr, signer=ca_key()))
    assert "future" in upload_tls(ready, ready.sign_tls(csr, begin=now() + DAY))
    assert "expired" in upload_tls(ready, ready.sign_tls(csr, begin=now() - 9 * DAY, end=now() - DAY))
    assert "last request" in upload_tls(ready, ready.certify(
        csr.subject, ca_key().public_key(), [(names, False), (server, True)]))
    # Not what is asked for there: one name more is fine, the other certificate's place is not.
    fine = ready.sign_tls(csr, names=dns_names(csr) + ["more.example.org"])
    assert "last request" in refused(400, ready.patch, est_tls_crt=pem(fine))
    assert ready.certs()["tls-crt"] == pem(ready.tls)
    ready.patch(tls_crt=pem(fine))
    assert ready.certs()["tls-crt"] == pem(fine)
    assert "last request" in upload_tls(ready, ready.tls)


def test_roles_and_foreign_factories(ready, own):
    for role, status in (("viewer", 403), ("operator", 403), ("admin", 201)):
        answer = own.operator("POST", "/v1/operator-tokens", {
            "name": f"{role}-{ready.factory}", "role": role, "factories": [ready.factory]})
        someone = Workstation(own, ready.factory, answer.json()["token"])
        assert someone.certs()["root-crt"] == pem(ready.root)
        assert someone.ask("POST", body={"tls-csr": True}).status == status
        assert someone.ask("POST", ready.path + "est/").status == status
        assert someone.ask("PATCH", body={}).status == (200 if status == 201 else status)
        assert someone.ask("PUT", ready.path + "est/", body={}).status == (200 if status == 201 else status)
        assert someone.ask("GET", f"/ota/factories/{FACTORY}/certs/").status == 404
        # A local CA is called after the user of this factory who makes it.
        if role == "admin":
            someone.key, someone.root = ready.key, ready.root
            local, _ = someone.make_local_ca()
            someone.patch(ca_crt=ready.certs()["ca-crt"] + "\n" + pem(local))


# ---- Disabling and revoking CAs -----------------------------------------------------------------

HOLD, RENEW, REVOKE = (x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl,
                       x509.ReasonFlags.privilege_withdrawn)


def states(station):
    rows = station.lab.operator("GET", f"/v1/authorities?factory={station.factory}").json()["items"]
    return {row["kind"]: row["state"] for row in rows}


def see(station, identity):
    return station.device("GET", "/device", identity).status


def test_disable_renew_revoke_and_list_again(ready):
    known = ready.local_device()
    assert see(ready, known) == 200
    hold = ready.make_crl([(ready.local, HOLD)])
    for _ in range(2):
        ready.patch(ca_revoke_crl=hold)
        certs = ready.certs()
        assert certs["disabled-ca-serials"] == [str(ready.local.serial_number)]
        assert certs["ca-crt"] == ready.bundle
        # Known devices go on and may renew; nobody new comes in.
        assert see(ready, known) == 200 and see(ready, ready.local_device()) == 403
    renewed, _ = ready.enrol(known)
    assert renewed.issuer == ready.online.subject
    # Listing it does not lift the hold.
    ready.patch(ca_crt=ready.bundle)
    assert states(ready)["offline"] == "disabled"
    ready.patch(ca_revoke_crl=ready.make_crl([(ready.local, RENEW)]))
    assert ready.certs()["disabled-ca-serials"] == []
    late = ready.local_device()
    assert see(ready, late) == 200
    revoke = ready.make_crl([(ready.local, REVOKE)])
    for crl in (revoke, revoke, hold, ready.make_crl([(ready.local, RENEW)])):
        ready.patch(ca_revoke_crl=crl)
        certs = ready.certs()
        assert certs["ca-crt"] == pem(ready.online) + "\n" and certs["disabled-ca-serials"] == []
        assert see(ready, known) == 403 and see(ready, late) == 403
        assert states(ready) == {"root": "trusted", "online": "trusted", "offline": "revoked"}
    # Whoever wants it back lists it again.
    ready.patch(ca_crt=certs["ca-crt"] + "\n" + pem(ready.local))
    assert see(ready, late) == 200 and states(ready)["offline"] == "trusted"


def test_a_crl_without_reason_revokes(ready):
    ready.patch(ca_revoke_crl=ready.make_crl([(ready.local, None)]))
    assert states(ready)["offline"] == "revoked"


def test_a_disabled_online_ca_signs_nothing(ready):
    _, identity = ready.enrol()
    assert see(ready, identity) == 200
    ready.patch(ca_revoke_crl=ready.make_crl([(ready.online, HOLD)]))
    assert see(ready, identity) == 200
    with pytest.raises(Exception, match="503"):
        ready.enrol(identity)
    ready.patch(ca_revoke_crl=ready.make_crl([(ready.online, RENEW)]))
    ready.enrol(identity)


def test_crl_and_cas_in_one_request(ready):
    more, _ = ready.make_local_ca()
    crl = ready.make_crl([(ready.local, REVOKE)])
    assert "same request" in refused(400, ready.patch, ca_revoke_crl=crl, ca_crt=ready.bundle + pem(more))
    assert states(ready)["offline"] == "trusted"
    ready.patch(ca_revoke_crl=crl, ca_crt=pem(ready.online) + pem(more))
    assert ready.certs()["ca-crt"] == pem(ready.online) + pem(more)
    assert [row["state"] for row in ready.lab.operator(
        "GET", f"/v1/authorities?factory={ready.factory}&kind=offline").json()["items"]
            if row["sha256"] == run("openssl", "x509", "-noout", "-fingerprint", "-sha256", stdin=pem(ready.local))
            .stdout.strip().split("=")[1].replace(":", "").lower()] == ["revoked"]


def upload_crl(station, *arguments, **more):
    return refused(400, station.patch, ca_revoke_crl=station.make_crl(*arguments, **more))


def test_crls_that_are_refused(ready):
    entry = [(ready.local, REVOKE)]
    assert "not signed by the key of the root" in upload_crl(ready, entry, signer=ca_key())
    assert "another issuer" in upload_crl(ready, entry, issuer=ready.local.subject)
    assert "out of date" in upload_crl(ready, entry, begin=now() - DAY)
    assert "future" in upload_crl(ready, entry, begin=now() + DAY)
    message = upload_crl(ready, [(ready.local, REVOKE), (12345678901234567890123456789, HOLD)])
    assert "12345678901234567890123456789" in message
    assert "serial number 0" not in message
    assert "X509 CRL" in refused(400, ready.patch, ca_revoke_crl=pem(ready.root))
    assert "X509 CRL" in refused(400, ready.patch, ca_revoke_crl=ready.make_crl(entry) * 2)
    assert upload_crl(ready, [(ready.root, REVOKE)]).endswith(f"{ready.root.serial_number}.")
    assert states(ready)["offline"] == "trusted"
    # The workstation's clock may be some minutes away.
    ready.patch(ca_revoke_crl=ready.make_crl([(ready.local, HOLD)], begin=now() + datetime.timedelta(minutes=4)))
    ready.patch(ca_revoke_crl=ready.make_crl([(ready.local, RENEW)], begin=now() - datetime.timedelta(minutes=18)))
    assert states(ready)["offline"] == "trusted"


def test_serial_numbers_of_21_octets(ready, tmp_path):
    serial = 2 ** 160 - 1
    (tmp_path / "root.pem").write_text(pem(ready.root))
    (tmp_path / "root.key").write_bytes(ready.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
        tmp_path / "ca.key", "-subj", f"/OU={ready.factory}/CN=fio-{ready.user()}", "-out", tmp_path / "ca.csr")
    (tmp_path / "ca.conf").write_text("basicConstraints=critical,CA:TRUE\n")
    ca = run("openssl", "x509", "-req", "-in", tmp_path / "ca.csr", "-CA", tmp_path / "root.pem", "-CAkey",
             tmp_path / "root.key", "-set_serial", hex(serial), "-extfile", tmp_path / "ca.conf").stdout
    ready.patch(ca_crt=ready.bundle + ca)
    # A list by another program, with more to say than the client's.
    (tmp_path / "index.txt").write_text(
        f"R\t361231235959Z\t261101000000Z,certificateHold\t{serial:X}\tunknown\t/CN=x\n")
    (tmp_path / "crl.conf").write_text(f"[ca]\ndefault_ca = own\n[own]\ndatabase = {tmp_path}/index.txt\n"
                                       "default_md = sha256\ncrl_extensions = more\n[more]\n"
                                       "authorityKeyIdentifier = keyid:always\n")
    crl = run("openssl", "ca", "-gencrl", "-config", tmp_path / "crl.conf", "-crlhours", "1", "-cert",
              tmp_path / "root.pem", "-keyfile", tmp_path / "root.key").stdout
    ready.patch(ca_revoke_crl=crl)
    assert ready.certs()["disabled-ca-serials"] == [str(serial)] and len(str(serial)) == 49


# ---- What devices see ---------------------------------------------------------------------------


def shows(lab, name, certificate):
    return shown_certificate(lab, name) == certificate


def test_each_name_has_its_certificate_at_once_at_every_instance(ready, own, second):
    configured = shown_certificate(own, None)
    gateway, ostree, est = (f"{ready.factory}.{rest}localhost" for rest in ("", "ostree.", "est."))
    assert shows(own, gateway, ready.tls) and shows(own, gateway.upper(), ready.tls)
    assert shows(own, ostree, ready.tls) and shows(own, est, configured)
    assert shows(own, "localhost", configured) and shows(own, f"x.{gateway}", configured)
    tls, authorized = ready.rotate_tls(), ready.authorize_est()
    begin = time.monotonic()
    assert shows(own, gateway, tls) and shows(own, est, authorized)
    wait_until(lambda: shows(second, gateway, tls) and shows(second, est, authorized), "the other one knows")
    assert time.monotonic() - begin < 5
    assert shows(second, None, configured)
    assert dns_names(authorized) == [est]
    end = int(tls.not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp())
    assert own.metric("certvendor_factory_tls_not_after_timestamp_seconds"
                      f'{{factory="{ready.factory}",names="{gateway},{ostree}"}}') == end


def test_a_client_that_names_the_server_gets_its_factory(ready, own):
    """Without a label, a certificate or a token, nothing else says which factory is meant."""
    assert set(ready.cacerts()) == {ready.root, ready.online}
    ready.authorize_est()
    assert set(ready.cacerts(f"{ready.factory}.est.localhost")) == {ready.root, ready.online}
    own_root = x509.load_pem_x509_certificate(own.root.read_bytes())
    answer = own.send("device", "GET", "/.well-known/est/cacerts")
    assert own_root.public_bytes(serialization.Encoding.DER) in base64.b64decode(answer.body)


def test_no_ca_is_named_in_the_request_for_a_certificate(ready, own):
    """Go clients send none when the list has names and theirs is not among them."""
    for version in ("-tls1_2", "-tls1_3"):
        told = run("openssl", "s_client", "-connect", f"127.0.0.1:{own.ports['device']}", "-servername",
                   f"{ready.factory}.localhost", version, is_checked=False).stdout
        assert "No client certificate CA names sent" in told and "Requested Signature Algorithms" in told


# ---- A new online CA ----------------------------------------------------------------------------


def test_a_new_online_ca_signs_and_the_old_one_stays_trusted(ready, own, second):
    _, old = ready.enrol()
    assert see(ready, old) == 200
    first, fresh = ready.online, ready.new_online()
    assert set(ready.cacerts()) == {ready.root, first, fresh}
    certificate, _ = ready.enrol()
    assert certificate.issuer == fresh.subject and first.public_key() != fresh.public_key()
    fresh.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes,
                              ec.ECDSA(certificate.signature_hash_algorithm))
    renewed, identity = ready.enrol(old)
    fresh.public_key().verify(renewed.signature, renewed.tbs_certificate_bytes,
                              ec.ECDSA(renewed.signature_hash_algorithm))
    wait_until(lambda: ready.device("GET", "/device", old, lab=second).status == 200, "known at the other one")
    assert {row["kind"]: row["state"] for row in own.operator(
        "GET", f"/v1/authorities?factory={ready.factory}").json()["items"]} == {
            "root": "trusted", "online": "trusted", "offline": "trusted"}
    # When the new one may not sign, the old one does not come back.
    ready.patch(ca_revoke_crl=ready.make_crl([(fresh, HOLD)]))
    with pytest.raises(Exception, match="503"):
        ready.enrol(old)
    assert own.query("SELECT state, count(*) FROM certvendor.factory_key WHERE purpose = 'online' AND factory = "
                     f"'{ready.factory}' GROUP BY 1 ORDER BY 1") == [["active", "1"], ["retired", "1"]]


def test_names_and_the_switch_are_configured(make_lab):
    lab = make_lab(settings={"foundries": {
        "switch_after": 3600, "gateway_host": "{factory}.gw.example.org", "ostree_host": "{factory}.gw.example.org",
        "est_host": "Est.Example.org"}}).start()
    assert lab.operator("POST", "/v1/factories", {"name": "Acme"}).status == 201
    station = Workstation(lab, "Acme").create()
    name = "acme.gw.example.org"
    assert dns_names(station.tls) == [name] and dns_names(station.authorize_est()) == ["est.example.org"]
    assert shows(lab, name, station.tls) and shows(lab, "est.example.org", station.est)
    first, fresh = station.online, station.new_online()
    assert set(station.cacerts(name)) == {station.root, first, fresh}

    def signer():
        certificate, _ = station.enrol(name=name)
        for ca in (first, fresh):
            try:
                ca.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes,
                                       ec.ECDSA(certificate.signature_hash_algorithm))
                return ca
            except InvalidSignature:
                pass
        return None

    def ends():
        rows = lab.operator("GET", "/v1/authorities?factory=Acme&kind=online").json()["items"]
        return [row["signs_until"] is not None for row in sorted(rows, key=lambda row: row["created_at"])]

    assert signer() == first and ends() == [True, False]
    lab.query("UPDATE certvendor.authority SET signs_from = signs_from - interval '1 hour', "
              "signs_until = signs_until - interval '1 hour'")
    wait_until(lambda: signer() == fresh, "the hour is over")


def test_a_server_name_is_of_one_factory(own):
    """Names of factories have a case, those of servers have none."""
    name = f"Case-{next(NUMBERS)}"
    for each in (name, name.lower(), name + "x"):
        assert own.operator("POST", "/v1/factories", {"name": each}).status == 201
    first, second, other = (Workstation(own, each) for each in (name, name.lower(), name + "x"))
    first.request(first_time_init=True, ca_csr=True, tls_csr=True)
    answer = second.ask("POST", body={"first-time-init": True, "ca-csr": True, "est-tls-csr": False, "tls-csr": True})
    assert (answer.status, answer.json()["code"]) == (409, "exists"), answer
    assert own.query(f"SELECT count(*) FROM certvendor.factory_key WHERE factory = '{name.lower()}'") == [["0"]]
    # What has no name may be made, whoever has it goes on, and so does everybody else.
    second.request(first_time_init=True, ca_csr=True)
    first.create()
    assert refused(409, second.create)
    other.create()


def test_a_factory_below_the_name_of_another(own):
    """What it would be called at its gateway is the other one's OSTree server."""
    name = f"below-{next(NUMBERS)}"
    for each in (name, name + ".ostree", name + ".gate"):
        assert own.operator("POST", "/v1/factories", {"name": each}).status == 201
    Workstation(own, name).create()
    assert "by the words" in refused(409, Workstation(own, name + ".ostree").create)
    Workstation(own, name + ".gate").create()


@pytest.mark.parametrize("name", ["with_under", "c..d", ".dot", "a-"])
def test_a_factory_that_makes_no_host_name_gets_no_keys(own, name):
    assert own.operator("POST", "/v1/factories", {"name": name}).status == 201
    station = Workstation(own, name)
    assert "set [foundries] gateway_host" in refused(409, station.create)
    assert station.ask("GET").status == 206


def test_keys_outlive_the_processes(ready, own, make_lab):
    third = make_lab(beside=own).start()
    assert shows(third, f"{ready.factory}.localhost", ready.tls)
    certificate, _ = ready.enrol(lab=third)
    assert certificate.issuer == ready.online.subject


def test_an_instance_with_another_passphrase_says_so(ready, own, make_lab):
    other = make_lab(beside=own)
    other.environment = {"CERTVENDOR_SIGNER_PASSPHRASE": "not that of the others"}
    other.settings["signer"]["directory"] = other.folder / "no-keys"
    (other.folder / "no-keys").mkdir(mode=0o700)
    for name in ("device", "gateway", "operator"):
        for kind in ("pem", "key"):
            source = own.folder / f"pki/{name}.{kind}"
            (other.folder / f"no-keys/{name}.{kind}").write_bytes(source.read_bytes())
            (other.folder / f"no-keys/{name}.{kind}").chmod(0o600)
    other.write_config()
    other.start()
    assert other.events("signer-key-refused") and other.events("server-key-refused")
    told = other.program("doctor", is_checked=False, **other.environment).stdout
    assert f"the online key of factory {ready.factory} does not open here" in told
    assert "does not open here" not in own.program("doctor", is_checked=False).stdout
    assert shows(other, f"{ready.factory}.localhost", shown_certificate(other, None))


def test_init_beside_made_keys(ready, own, make_lab):
    other = make_lab(beside=own)
    other.settings["signer"]["directory"] = other.folder / "pki"
    other.write_config()
    factory = f"factory-{next(NUMBERS)}"
    words = ["init", "--factory", factory, "--announce", "explicit", "--token-file", other.folder / "admin.token"]
    again = other.program(*words, is_checked=False)
    assert again.returncode == 1 and "choose --token-name" in again.stderr, "the audit tells operators by name"
    assert not (other.folder / "pki").exists()
    other.program(*words, "--token-name", f"admin-of-{factory}")
    wait_until(lambda: Workstation(own, factory).ask("GET").status == 200, "the other one knows the factory")


# ---- Secrets and crashes ------------------------------------------------------------------------


def test_no_key_is_in_the_database_in_the_clear(ready, own):
    ready.rotate_tls()
    kinds = own.query("SELECT purpose, state, split_part(private_key, E'\\n', 1) FROM certvendor.factory_key "
                      f"WHERE factory = '{ready.factory}' ORDER BY 1, 2")
    sealed = "-----BEGIN ENCRYPTED PRIVATE KEY-----"
    assert kinds == [["online", "active", sealed], ["tls", "active", sealed], ["tls", "retired", ""]]
    for role, column in (("reader", "csr"), ("service", "private_key")):
        own.query(f"SET ROLE certvendor_{role}; SELECT {column} FROM certvendor.factory_key")
    with pytest.raises(AssertionError, match="permission denied"):
        own.query("SET ROLE certvendor_reader; SELECT private_key FROM certvendor.factory_key")
    with pytest.raises(AssertionError, match="factory_key_private_key_check"):
        own.query("UPDATE certvendor.factory_key SET private_key = 'in the clear'")
    told = own.operator("GET", "/v1/audit?limit=500").body + ready.ask("GET").body + own.log.read_bytes()
    assert b"PRIVATE KEY" not in told
    actions = [row["action"] for row in own.operator("GET", "/v1/audit?limit=500").json()["items"]
               if row["factory"] == ready.factory]
    assert actions.count("factory-keys-made") == 2 and actions.count("factory-pki-changed") == 2


@pytest.mark.parametrize("stage", ["before", "after"])
def test_an_answer_that_was_lost_is_asked_for_again(postgres, make_stopper, make_lab, stage):
    """The server dies in its commit, or between that and its answer; the operator repeats the command."""
    stopper = make_stopper(postgres)
    stopper.mark = b"factory_pki_write"
    lab = make_lab()
    lab.settings["database"] = {"url": stopper.url(lab.database)}
    lab.write_config()
    station = Workstation(lab.start(), "lost")
    assert lab.operator("POST", "/v1/factories", {"name": "lost"}).status == 201
    csrs = station.request(first_time_init=True, ca_csr=True, tls_csr=True)
    station.make_root()
    fields = {"root_crt": pem(station.root), "tls_crt": pem(station.sign_tls(read_csr(csrs["tls-csr"]))),
              "ca_crt": pem(station.sign_ca(read_csr(csrs["ca-csr"])))}
    stopper.stop_next(stage)
    client = threading.Thread(target=lambda: pytest.raises(OSError, station.patch, **fields))
    client.start()
    stopper.wait()
    lab.kill()
    client.join()
    stopper.cut()
    lab.start()
    assert station.ask("GET").status == (206 if stage == "before" else 200)
    station.patch(**fields)
    assert station.certs()["tls-crt"] == fields["tls_crt"]
    assert shows(lab, "lost.localhost", x509.load_pem_x509_certificate(fields["tls_crt"].encode()))
