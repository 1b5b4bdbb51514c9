"""An EST client that we did not write: Bouncy Castle, which reads answers by its own rules."""
import base64
import pathlib
import re
import ssl

import pytest
from cryptography.hazmat.primitives import serialization

from certvendor_lab import run
from est_client import Est, device_name, make_key, request, save

JARS = [pathlib.Path("/usr/share/java") / f"{name}.jar" for name in ("bcpkix", "bcprov", "bcutil")]
HAS_JAVA = run("sh", "-c", "command -v java", is_checked=False).returncode == 0
pytestmark = pytest.mark.skipif(not HAS_JAVA or not all(jar.exists() for jar in JARS),
                                reason="needs default-jdk-headless and libbcpkix-java")
DRIVER = pathlib.Path(__file__).parent / "BouncyCastle.java"


@pytest.fixture(scope="module")
def client(est_lab):
    classes = est_lab.folder / "java"
    path = ":".join(str(jar) for jar in JARS)
    run("javac", "-d", classes, "-cp", path, DRIVER, timeout=180)

    def ask(operation, label="", *options, at=est_lab, is_checked=True):
        return run("java", "-cp", f"{classes}:{path}", "BouncyCastle", f"127.0.0.1:{at.ports['device']}", label,
                   at.root, operation, *options, is_checked=is_checked)

    return ask


def csr_file(lab, subject, key):
    path = lab.keys / "java.csr"
    path.write_bytes(request(key, subject))
    return path


def certificates(result):
    return re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", result.stdout, re.DOTALL)


@pytest.mark.est("14.2")
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_ca_certificates(est_lab, client, version):
    found = certificates(client("cacerts", "", "tls", version))
    assert len(found) == 2
    assert ssl.PEM_cert_to_DER_cert(est_lab.root.read_text()) in [ssl.PEM_cert_to_DER_cert(pem) for pem in found]
    assert len(certificates(client("cacerts", "second"))) == 2


@pytest.mark.est("5.5", "14.2")
def test_ca_certificates_while_the_root_changes(client, rollover):
    assert len(certificates(client("cacerts", "", at=rollover.lab))) == 5


@pytest.mark.est("14.2")
def test_attributes(client):
    assert client("csrattrs").stdout == ""
    assert set(client("csrattrs", "both").stdout.split()) >= {"1.2.840.113549.1.9.7", "1.2.840.10045.2.1"}
    assert "1.2.840.113549.1.9.16.2.61" in client("csrattrs", "template").stdout


@pytest.mark.est("14.2")
def test_enrolment_and_renewal(est_lab, client):
    key = make_key()
    subject = device_name("bouncy")
    csr = csr_file(est_lab, subject, key)
    token = est_lab.enrolment_token(device="bouncy")
    assert client("simpleenroll", "", "csr", csr, "password", "wrong", is_checked=False).returncode == 1
    pem, = certificates(client("simpleenroll", "", "csr", csr, "password", token))
    identity = save(est_lab.keys, key, ssl.PEM_cert_to_DER_cert(pem))
    assert est_lab.send("device", "GET", "/device", identity).status == 200

    words = ("cert", identity.certificate, "key", identity.key)
    renewed, = certificates(client("simplereenroll", "", "csr", csr_file(est_lab, subject, make_key()), *words))
    assert renewed != pem
    other = csr_file(est_lab, device_name("castle"), make_key())
    assert client("simplereenroll", "", "csr", other, *words, is_checked=False).returncode == 1
    assert client("simplereenroll", "", "csr", csr, is_checked=False).returncode == 1


@pytest.mark.est("14.2", "12.1")
def test_waiting_for_an_operator(est_lab, client):
    holder = Est(est_lab).enrolled()
    csr = csr_file(est_lab, holder.subject, make_key())
    words = ("csr", csr, "cert", holder.identity.certificate, "key", holder.identity.key)
    assert client("simplereenroll", "approved", *words).stdout.split() == ["retry", "7"]
    item, = [each for each in est_lab.operator("GET", "/v1/approvals").json()["items"]
             if each["device"] == holder.device]
    assert est_lab.operator("POST", f"/v1/approvals/{item['id']}/approve", {}).status == 200
    assert len(certificates(client("simplereenroll", "approved", *words))) == 1


@pytest.mark.est("14.2", "16.2")
@pytest.mark.parametrize("label", ["keygen", "keygen-rsa", "keygen-line"])
def test_a_key_made_by_the_server(est_lab, client, label):
    device = f"bouncy-{label}"
    csr = csr_file(est_lab, device_name(device), make_key())
    result = client("serverkeygen", label, "csr", csr, "password", est_lab.enrolment_token(device=device))
    pem, = certificates(result)
    key = serialization.load_der_private_key(base64.b64decode(re.search(r"^key (\S+)$", result.stdout, re.M)[1]), None)
    identity = save(est_lab.keys, key, ssl.PEM_cert_to_DER_cert(pem))
    assert est_lab.send("device", "GET", "/device", identity).status == 200
