"""A server with many EST labels and authorities, and the table of what was tested."""
import datetime
import pathlib
import re
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from certvendor_lab import FACTORY, ROOT, VAR, Lab
from est_client import make_key

PROFILE = ROOT / "docs/protocol/est.md"
TABLE = VAR / "est-rows.md"
OIDS = "2.5.4.5, 1.2.3.4.5"
KEYGEN = "cacerts, csrattrs, simpleenroll, simplereenroll, serverkeygen"

LABELS = {
    "": {"authority": "demo-device-ca-1"},
    "second": {"authority": "second"},
    "p384": {"authority": "p384"},
    "ed": {"authority": "ed"},
    "rsa": {"authority": "rsa"},
    "short": {"authority": "short"},
    "ending": {"authority": "ending"},
    "gone": {"authority": "gone"},
    "constrained": {"authority": "constrained", "san": "dns:*"},
    "linked": {"linking": "required"},
    "linkable": {"linking": "optional"},
    "exact": {"key_usage": "refuse"},
    "lenient": {"extended_key_usage": "trim"},
    "keys": {"keys": "p384, rsa", "rsa_min_bits": "3072"},
    "newkey": {"new_key": "yes"},
    "names": {"san": "dns:*.example.org, ip:10.*, uri:urn:dev:*, email:*@example.org"},
    "attributes": {"attributes": OIDS, "require_attributes": "yes"},
    "template": {"csrattrs": "template", "keys": "p256", "factory": FACTORY},
    "san-template": {"csrattrs": "template", "san": "dns:*.example.org"},
    "rsa-template": {"csrattrs": "template", "keys": "rsa", "rsa_min_bits": "3072"},
    "linked-template": {"csrattrs": "template", "linking": "required"},
    "linkable-template": {"csrattrs": "template", "linking": "optional"},
    "attributes-template": {"csrattrs": "template", "attributes": OIDS, "require_attributes": "yes"},
    "both": {"csrattrs": "both", "keys": "p256", "linking": "optional"},
    "approved": {"approval": "manual"},
    "life": {"lifetime_days": "100", "jitter_percent": "10", "crl_url": "http://crl.example.org/a.crl",
             "ocsp_url": "http://ocsp.example.org", "issuer_url": "http://ca.example.org/a.cer"},
    "by-device": {"enrol": "device"},
    "by-maker": {"enrol": "bootstrap"},
    "by-token": {"enrol": "token"},
    "by-both": {"enrol": "bootstrap+token"},
    "bearer": {"challenge": "bearer+basic"},
    "reading": {"operations": "cacerts"},
    "keygen": {"operations": KEYGEN, "keys": "p384"},
    "keygen-rsa": {"operations": KEYGEN, "generated_key": "rsa2048"},
    "keygen-line": {"operations": KEYGEN, "generated_key": "ed25519", "line_length": "0"},
    "keygen-approved": {"operations": KEYGEN, "approval": "manual"},
    "parting": {"factory": "parting", "authority": ""},
    "parting-2": {"factory": "parting", "authority": "parting-2"},
    "plain": {"go_clients": "standard", "line_length": "76"},
}


def settings():
    sections = {"est" + (f".{label}" if label else ""): {"factory": FACTORY, **values}
                for label, values in LABELS.items()}
    sections["est"] = LABELS[""]
    sections["approval"] = {"retry_after": "7", "limit_per_device": "3", "limit_per_identity": "8"}
    sections["issue"] = {"blocked_keys": "blocked.keys"}
    return sections


def load_key(path, passphrase):
    return serialization.load_pem_private_key(path.read_bytes(), passphrase.read_text().strip().encode())


def add_authority(lab, name, key=None, factory=FACTORY, days=3000, begin=-1, extensions=(), subject=None):
    """An online authority under the root, as an operator would add it by hand."""
    pki = lab.folder / "pki"
    root = x509.load_pem_x509_certificate((pki / "root.pem").read_bytes())
    root_key = load_key(pki / "offline/root.key", pki / "offline/root.passphrase")
    key = key or make_key()
    now = datetime.datetime.utcnow()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject or f"{name} CA")]))
        .issuer_name(root.subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=begin))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(True, 0), True)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
        .add_extension(x509.SubjectKeyIdentifier(uuid.uuid4().bytes), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
            root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value), False))
    for extension in extensions:
        builder = builder.add_extension(extension, True)
    certificate = builder.sign(
        root_key, None if isinstance(root_key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    stem = pki / f"device-ca-{name}"
    passphrase = (pki / "signer.passphrase").read_text().strip().encode()
    stem.with_suffix(".pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    stem.with_suffix(".key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase)))
    stem.with_suffix(".key").chmod(0o600)
    lab.query(
        "INSERT INTO certvendor.authority (id, factory, kind, name, fingerprint, certificate) VALUES "
        f"('{uuid.uuid4()}', '{factory}', 'online', '{name}', "
        f"'\\x{certificate.fingerprint(hashes.SHA256()).hex()}', "
        f"'\\x{certificate.public_bytes(serialization.Encoding.DER).hex()}')")
    return certificate


def ca_certificate(subject, key, issuer, issuer_key, issuer_ski=None, days=3000, begin=-1, ski=None):
    """A CA certificate as PEM. Names are texts or names; issuer_ski None: no authorityKeyIdentifier."""
    subject, issuer = (each if isinstance(each, x509.Name) else
                       x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in (subject, issuer))
    now = datetime.datetime.utcnow()
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=begin)).not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
        .add_extension(ski or x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
    if issuer_ski is not None:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_ski), False)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def ski_of(certificate):
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value


class Rollover:
    """A server whose root is being replaced: what an operator imports for that, as PEM."""

    def __init__(self, postgres):
        self.lab = Lab("rollover", postgres).prepare().start()
        pki = self.lab.folder / "pki"
        self.old = x509.load_pem_x509_certificate((pki / "root.pem").read_bytes())
        self.old_key = load_key(pki / "offline/root.key", pki / "offline/root.passphrase")
        self.key = make_key()
        self.ski = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        self.pem = {
            "new": ca_certificate("New root", self.key, "New root", self.key, self.ski),
            "new-with-old": ca_certificate("New root", self.key, self.old.subject, self.old_key, ski_of(self.old)),
            "old-with-new": ca_certificate(self.old.subject, self.old_key, "New root", self.key, self.ski,
                                           ski=ski_of(self.old)),
        }

    def add(self, name, pem=None):
        return self.lab.operator("POST", "/v1/authorities", {
            "name": name, "kind": "root", "certificate": pem or self.pem[name]})

    def begin(self):
        for name in self.pem:
            assert self.add(name).status == 201
        return self


def make_lab(postgres):
    lab = Lab("est", postgres, settings=settings())
    (lab.folder / "blocked.keys").write_text("# none yet\n")
    lab.prepare()
    lab.query("INSERT INTO certvendor.factory (name) VALUES ('other')")
    add_authority(lab, "other-1", factory="other")
    lab.query("INSERT INTO certvendor.factory (name) VALUES ('parting')")
    add_authority(lab, "parting-1", factory="parting")
    add_authority(lab, "parting-2", factory="parting")
    add_authority(lab, "second")
    add_authority(lab, "p384", make_key("P-384"))
    add_authority(lab, "ed", make_key("Ed25519"))
    add_authority(lab, "rsa", make_key("RSA-2048"))
    add_authority(lab, "short", days=10)
    add_authority(lab, "ending", days=0.5)
    add_authority(lab, "gone", days=-1, begin=-9)
    add_authority(lab, "constrained", extensions=[
        x509.NameConstraints([x509.DNSName("example.org")], None)])
    lab.start()
    lab.gateway = lab.add_gateway()
    return lab


# ---- The profile and what was tested of it -----------------------------------------------------


def profile_rows():
    """Number and sentence of each row."""
    found = re.findall(r"^\| (\d+\.\d+) \| (.*) \|$", PROFILE.read_text(), re.MULTILINE)
    assert len(found) == len(dict(found)), "a number is used twice"
    return dict(found)


def rows_of(item):
    return [row for marker in item.iter_markers("est") for row in marker.args]


def write_table(results):
    """results: (row, test, outcome)."""
    rows = profile_rows()
    lines = ["# EST profile: what this run tested", "", "| row | outcome | tests |", "| --- | --- | --- |"]
    for row in rows:
        tests = sorted({(test, outcome) for number, test, outcome in results if number == row})
        outcomes = {outcome for _, outcome in tests}
        word = "not run" if not outcomes else "failed" if "failed" in outcomes else "/".join(sorted(outcomes))
        lines.append(f"| {row} | {word} | {', '.join(test for test, _ in tests)} |")
    pathlib.Path(TABLE).write_text("\n".join(lines) + "\n")
