"""Every kind of certificate that we make, against what RFC 5280 asks of it: one row a point."""
import re
import ssl
import uuid

import pytest

from certvendor_lab import run
from est_client import Est, device_name, dns_names, element, elements, extension_request, make_key, oid

est = pytest.mark.est

ROOTS, ISSUING, LEAVES = {"root"}, {"issuing"}, {"server", "gateway", "device"}
CAS, ALL = ROOTS | ISSUING, ROOTS | ISSUING | LEAVES
SKI, USAGE, SAN, BASIC, CRL_POINTS, AKI, PURPOSE, AIA = (
    "2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.31", "2.5.29.35", "2.5.29.37", "1.3.6.1.5.5.7.1.1")


class Parsed:
    """A certificate taken apart by hand, so that its encoding shows."""

    def __init__(self, kind, data, issuer=None):
        self.kind, self.der, self.issuer = kind, data, issuer or self
        (_, tbs), (_, self.outer_algorithm), (_, self.signature) = elements(element(data)[1])
        fields = elements(tbs)
        (self.version_tag, version), (_, self.serial), (_, self.inner_algorithm), (_, self.issuer_name) = fields[:4]
        (_, validity), (_, self.subject), (_, self.spki) = fields[4:7]
        self.version = elements(version)[0][1]
        self.dates = elements(validity)
        self.rest = fields[7:]
        self.extensions = []
        for _, content in elements(elements(self.rest[-1][1])[0][1]):
            parts = elements(content)
            self.extensions.append((parts[0][1], [part for part in parts[1:-1]], parts[-1][1]))

    def find(self, kind):
        """(is critical, value), or None."""
        found = [(bool(flag), value) for each, flag, value in self.extensions if each == oid(kind)[2:]]
        return found[0] if found else None

    def names(self):
        """(type, tag, text) of each attribute of the subject."""
        found = []
        for _, rdn in elements(self.subject):
            for _, pair in elements(rdn):
                (_, kind), (tag, text) = elements(pair)
                found.append((kind, tag, text))
        return found

    def usage(self):
        """Unused bits and content of the key usage."""
        bits = elements(self.find(USAGE)[1])[0][1]
        return bits[0], bits[1:]

    @property
    def key_algorithm(self):
        return elements(elements(self.spki)[0][1])


def parameters_fit(algorithm):
    """ECDSA and Ed25519: absent; RSA: NULL (RFC 4055, 5758, 8410)."""
    parts = elements(algorithm)
    is_rsa = parts[0][1].startswith(oid("1.2.840.113549.1.1")[2:])
    return parts[1:] == ([(5, b"")] if is_rsa else [])


def key_parameters_fit(c):
    kind, *rest = c.key_algorithm
    if kind[1] == oid("1.2.840.113549.1.1.1")[2:]:
        return rest == [(5, b"")]
    if kind[1] == oid("1.2.840.10045.2.1")[2:]:
        return [tag for tag, _ in rest] == [6]
    return rest == []


def dates_fit(c):
    for tag, text in c.dates:
        form, year = (rb"\d{12}Z", 2000 + int(text[:2])) if tag == 0x17 else (rb"\d{14}Z", int(text[:4]))
        if not re.fullmatch(form, text) or (tag == 0x17) != (year <= 2049):
            return False
    begin, end = ((b"20" if tag == 0x17 else b"") + text for tag, text in c.dates)
    return begin < end


def key_usage_is_minimal(c):
    """DER: no trailing zero bits, and not empty."""
    unused, bits = c.usage()
    return bits != b"" and bits[-1] >> unused & 1 == 1 and bits[-1] & ((1 << unused) - 1) == 0


def may_sign(c):
    return c.usage()[1][0] & 0x06 != 0


def purposes(c):
    return [content for _, content in elements(elements(c.find(PURPOSE)[1])[0][1])]


def general_names(c):
    return elements(elements(c.find(SAN)[1])[0][1]) if c.find(SAN) else []


def urls(c, kind):
    return re.findall(rb"[a-z]+://[^\x00-\x20\x80-\xff]+", c.find(kind)[1]) if c.find(kind) else []


PURPOSES = {"server": ["1.3.6.1.5.5.7.3.1"], "gateway": ["1.3.6.1.5.5.7.3.2"], "device": ["1.3.6.1.5.5.7.3.2"]}

# Section, what it asks, of which kinds, the check.
POINTS = [
    ("4.1.1.2", "one algorithm inside and outside", ALL, lambda c: c.inner_algorithm == c.outer_algorithm),
    ("4.1.1.2", "its parameters as its own document says", ALL, lambda c: parameters_fit(c.outer_algorithm)),
    ("4.1.1.3", "a signature of whole octets", ALL, lambda c: c.signature[0] == 0),
    ("4.1.2.1", "version 3", ALL, lambda c: (c.version_tag, c.version) == (0xA0, b"\2")),
    ("4.1.2.2", "serial: positive, at most 20 octets, minimal", ALL, lambda c: (
        len(c.serial) <= 20 and c.serial[0] < 0x80 and c.serial.strip(b"\0") != b""
        and not (c.serial[0] == 0 and c.serial[1] < 0x80))),
    ("4.1.2.2", "and not to be guessed", ALL, lambda c: len(c.serial) >= 16),
    ("4.1.2.4", "issuer: not empty, the bytes of its subject", ALL, lambda c: (
        c.issuer_name != b"" and c.issuer_name == c.issuer.subject)),
    ("4.1.2.5", "times in their form, in order", ALL, dates_fit),
    ("4.1.2.6", "a CA has a subject", CAS, lambda c: c.subject != b""),
    ("4.1.2.6", "texts are UTF8String or PrintableString within bounds", ALL, lambda c: c.names() != [] and all(
        tag in (0x0C, 0x13) and 1 <= len(text.decode()) <= 64 for _, tag, text in c.names())),
    ("4.1.2.7", "parameters of the key as its own document says", ALL, key_parameters_fit),
    ("4.1.2.8", "no unique identifiers", ALL, lambda c: [tag for tag, _ in c.rest] == [0xA3]),
    ("4.2", "no extension twice", ALL, lambda c: len({each for each, _, _ in c.extensions}) == len(c.extensions)),
    ("4.2", "critical is TRUE or left out", ALL, lambda c: all(
        flag in ([], [(1, b"\xff")]) for _, flag, _ in c.extensions)),
    ("4.2", "nothing critical that clients may not know", ALL, lambda c: {
        each for each, flag, _ in c.extensions if flag} <= {oid(each)[2:] for each in (BASIC, USAGE, PURPOSE)}),
    ("4.2.1.1", "authority key identifier, not critical", ALL - ROOTS, lambda c: c.find(AKI)[0] is False),
    ("4.2.1.1", "it is the identifier of the issuer's key, and nothing else", ALL - ROOTS, lambda c: elements(
        elements(c.find(AKI)[1])[0][1]) == [(0x80, elements(c.issuer.find(SKI)[1])[0][1])]),
    ("4.2.1.2", "subject key identifier, not critical", ALL, lambda c: c.find(SKI)[0] is False),
    ("4.2.1.3", "key usage, critical", ALL, lambda c: c.find(USAGE)[0] is True),
    ("4.2.1.3", "with at least one bit, minimal", ALL, key_usage_is_minimal),
    ("4.2.1.3", "a CA signs certificates and lists", CAS, lambda c: c.usage()[1][0] & 0x06 == 0x06),
    ("4.2.1.3", "others do not", LEAVES, lambda c: not may_sign(c)),
    ("4.2.1.6", "an alternative name is not empty, and not critical beside a subject", ALL, lambda c: (
        c.find(SAN) is None or (c.find(SAN)[0] is False and all(text for _, text in general_names(c))))),
    ("4.2.1.6", "a server has one", {"server"}, lambda c: general_names(c) != []),
    ("4.2.1.6", "names of hosts in their syntax, addresses in theirs", ALL, lambda c: all(
        re.fullmatch(rb"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", text) if tag == 0x82 else
        len(text) in (4, 16) if tag == 0x87 else False for tag, text in general_names(c))),
    ("4.2.1.9", "basic constraints, critical: a CA", CAS, lambda c: (
        c.find(BASIC)[0] is True and elements(elements(c.find(BASIC)[1])[0][1])[0] == (1, b"\xff"))),
    ("4.2.1.9", "the issuing CA ends the path", ISSUING, lambda c: elements(
        elements(c.find(BASIC)[1])[0][1])[1:] == [(2, b"\0")]),
    ("4.2.1.9", "no CA, and so no length of a path; FALSE is left out", LEAVES, lambda c: (
        c.find(BASIC) == (True, b"\x30\0"))),
    ("4.2.1.12", "purposes: what it is for, and not any", LEAVES, lambda c: purposes(c) == [
        oid(each)[2:] for each in PURPOSES[c.kind]]),
    ("4.2.1.13", "distribution points: http, not critical", ALL, lambda c: c.find(CRL_POINTS) is None or (
        c.find(CRL_POINTS)[0] is False and all(url.startswith(b"http://") for url in urls(c, CRL_POINTS)))),
    ("4.2.2.1", "access to information: http, not critical", ALL, lambda c: c.find(AIA) is None or (
        c.find(AIA)[0] is False and all(url.startswith(b"http://") for url in urls(c, AIA)))),
]


def der_of(path):
    return ssl.PEM_cert_to_DER_cert(path.read_text())


@pytest.fixture(scope="module")
def made(est_lab):
    """Certificates of each kind, with their issuers: (file, certificate)."""
    pki = est_lab.folder / "pki"
    root = Parsed("root", der_of(pki / "root.pem"))
    issuing = Parsed("issuing", der_of(pki / "device-ca.pem"), root)
    service = Parsed("issuing", der_of(pki / "service-ca.pem"), root)
    found = [(None, root), (None, issuing), (None, service)]
    for name in ("device", "operator", "gateway"):
        if (pki / f"{name}.pem").exists():
            first = re.search("-----BEGIN.*?-----END CERTIFICATE-----\n?", (pki / f"{name}.pem").read_text(), re.S)[0]
            found.append((pki / f"{name}.pem", Parsed("server", ssl.PEM_cert_to_DER_cert(first), service)))
    found.append((est_lab.gateway.certificate, Parsed("gateway", est_lab.gateway.der, service)))
    for label, kind in (("", "P-256"), ("", "RSA-2048"), ("", "Ed25519"), ("p384", "P-384"), ("rsa", "P-256"),
                        ("ed", "P-521"), ("life", "P-256"), ("names", "P-256")):
        device = str(uuid.uuid4())
        attributes = [extension_request(dns_names("a.example.org"))] if label == "names" else []
        holder = Est(est_lab, label).enrolled(make_key(kind), device_name(device), device, attributes)
        authority = issuing if label in ("", "life", "names") else Parsed(
            "issuing", der_of(pki / f"device-ca-{label}.pem"), root)
        found.append((holder.identity.certificate, Parsed("device", holder.identity.der, authority)))
    return found


@est("11.12")
@pytest.mark.parametrize("section,what,kinds,check", POINTS, ids=[f"{row[0]} {row[1]}" for row in POINTS])
def test_point(made, section, what, kinds, check):
    judged = [certificate for _, certificate in made if certificate.kind in kinds]
    assert {certificate.kind for certificate in judged} == kinds
    for certificate in judged:
        assert check(certificate), f"RFC 5280 section {section}: {what}\n{certificate.kind} {certificate.der.hex()}"


@est("11.12")
def test_strict_verification(est_lab, made):
    """By a program of others, with every check that it has."""
    pki = est_lab.folder / "pki"
    bundle = est_lab.keys / "between.pem"
    bundle.write_text("".join(path.read_text() for path in sorted(pki.glob("*-ca*.pem"))))
    for path, certificate in made:
        if path is not None:
            purpose = "sslserver" if certificate.kind == "server" else "sslclient"
            run("openssl", "verify", "-x509_strict", "-check_ss_sig", "-policy_check", "-purpose", purpose, "-CAfile",
                est_lab.root, "-untrusted", bundle, path)


@est("11.12")
def test_the_points_tell_good_from_bad(made):
    """Each finds something in a certificate that was not made by us, or by which it was broken."""
    device = next(certificate for _, certificate in made if certificate.kind == "device")
    broken = bytearray(device.der)
    broken[device.der.index(oid(USAGE)) + len(oid(USAGE)) + 2] = 1  # critical, but TRUE is 0xff
    failing = {what for _, what, kinds, check in POINTS if "device" in kinds
               and not check(Parsed("device", bytes(broken), device.issuer))}
    assert failing == {"critical is TRUE or left out"}
    as_server = Parsed("server", device.der, device.issuer)
    failing = {what for _, what, kinds, check in POINTS if "server" in kinds and not check(as_server)}
    assert failing == {"purposes: what it is for, and not any", "a server has one"}
