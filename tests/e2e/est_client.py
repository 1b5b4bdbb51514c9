"""Certificate requests built byte by byte, and an EST client that sends whatever it is given."""
import base64
import pathlib
import ssl
import uuid

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from certvendor_lab import EST, FACTORY, Identity, basic, issued

# ---- DER ---------------------------------------------------------------------------------------


def der(tag, *parts):
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def seq(*parts):
    return der(0x30, *parts)


def oid(text):
    first, second, *rest = (int(number) for number in text.split("."))
    content = b""
    for number in [40 * first + second, *rest]:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.insert(0, number & 0x7F | 0x80)
        content += bytes(groups)
    return der(0x06, content)


def integer(number):
    return der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def element(data, at=0):
    """Tag, content and end of the element at this place."""
    length, start = data[at + 1], at + 2
    if length >= 0x80:
        count = length & 0x7F
        length = int.from_bytes(data[start:start + count], "big")
        start += count
    return data[at], data[start:start + length], start + length


def elements(content):
    """(tag, content) of each element."""
    found, at = [], 0
    while at < len(content):
        tag, inner, at = element(content, at)
        found.append((tag, inner))
    return found


UTF8, PRINTABLE, IA5, T61 = 0x0C, 0x13, 0x16, 0x14
CN, OU = "2.5.4.3", "2.5.4.11"


def name(*attributes):
    """attributes: (OID, text or bytes, tag), each an RDN of its own; a list of them is one RDN."""
    rdns = b""
    for rdn in attributes:
        values = b""
        for kind, text, *tag in rdn if isinstance(rdn, list) else [rdn]:
            data = text if isinstance(text, bytes) else text.encode()
            values += seq(oid(kind), der(tag[0] if tag else UTF8, data))
        rdns += der(0x31, values)
    return seq(rdns)


def device_name(device, unit=FACTORY):
    return name((OU, unit), (CN, device))


def extension(kind, value, is_critical=False):
    return seq(oid(kind), *([b"\x01\x01\xff"] if is_critical else []), der(0x04, value))


EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"
IDENTITY_LINKING = "1.2.840.113549.1.9.16.2.58"


def attribute(kind, *values):
    return seq(oid(kind), der(0x31, *values))


def extension_request(*extensions, kind=EXTENSION_REQUEST):
    return attribute(kind, seq(*extensions))


def dns_names(*names):
    return extension("2.5.29.17", seq(*(der(0x82, text.encode()) for text in names)))


# ---- Keys and requests -------------------------------------------------------------------------

ALGORITHMS = {
    "sha256": ("1.2.840.10045.4.3.2", "1.2.840.113549.1.1.11", hashes.SHA256),
    "sha384": ("1.2.840.10045.4.3.3", "1.2.840.113549.1.1.12", hashes.SHA384),
    "sha512": ("1.2.840.10045.4.3.4", "1.2.840.113549.1.1.13", hashes.SHA512),
    "sha224": ("1.2.840.10045.4.3.1", "1.2.840.113549.1.1.14", hashes.SHA224),
    "sha1": ("1.2.840.10045.4.1", "1.2.840.113549.1.1.5", hashes.SHA1),
    "md5": (None, "1.2.840.113549.1.1.4", hashes.MD5),
}
CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1, "P-224": ec.SECP224R1,
          "P-192": ec.SECP192R1, "secp256k1": ec.SECP256K1, "brainpoolP256r1": ec.BrainpoolP256R1}


def make_key(kind="P-256"):
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("RSA-"):
        return rsa.generate_private_key(65537, int(kind[4:]))
    return ec.generate_private_key(CURVES[kind]())


def spki_of(key):
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def sign(key, data, digest="sha256"):
    """AlgorithmIdentifier and signature."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return seq(oid("1.3.101.112")), key.sign(data)
    ecdsa, rsa_oid, make = ALGORITHMS[digest]
    if isinstance(key, rsa.RSAPrivateKey):
        return seq(oid(rsa_oid), b"\x05\x00"), key.sign(data, padding.PKCS1v15(), make())
    return seq(oid(ecdsa)), key.sign(data, ec.ECDSA(make()))


def request(key, subject, *attributes, version=0, digest="sha256", spki=None):
    info = seq(integer(version), subject, spki or spki_of(key), der(0xA0, *attributes))
    algorithm, signature = sign(key, info, digest)
    return seq(info, algorithm, der(0x03, b"\0", signature))


# ---- Sending -----------------------------------------------------------------------------------


class Est:
    """A door of a server: a label, or none."""

    def __init__(self, lab, label=""):
        self.lab = lab
        self.path = f"{EST}/{label}" if label else EST
        self.label = label

    def get(self, operation, **more):
        return self.lab.send("device", "GET", f"{self.path}/{operation}", **more)

    def send(self, operation, body, identity=None, token=None, headers=(), media="application/pkcs10",
             **more):
        pairs = [] if media is None else [("Content-Type", media)]
        pairs += list(headers.items() if isinstance(headers, dict) else headers)
        if token is not None:
            pairs.append(("Authorization", basic(token)))
        return self.lab.send("device", "POST", f"{self.path}/{operation}", identity, body, pairs, **more)

    def post(self, operation, csr, identity=None, **more):
        return self.send(operation, base64.b64encode(csr), identity, **more)

    def reenrol(self, csr, identity, **more):
        return self.post("simplereenroll", csr, identity, **more)

    def enrol(self, csr, device=None, **more):
        """With a token made for this id, unless one is given."""
        if device is not None:
            more.setdefault("token", self.lab.enrolment_token(device=device))
        return self.post("simpleenroll", csr, **more)

    def judge(self, csr, device, **more):
        """Status and reason of an enrolment."""
        return outcome(self.enrol(csr, device, **more))

    def enrolled(self, key=None, subject=None, device=None, attributes=()):
        """A new device: its name, key, identity."""
        device = device or str(uuid.uuid4())
        key = key or make_key()
        answer = self.enrol(request(key, subject or device_name(device), *attributes), device)
        assert answer.status == 200, answer
        return Enrolled(self, device, key, save(self.lab.keys, key, issued(answer)))


class Enrolled:
    def __init__(self, est, device, key, identity):
        self.est, self.device, self.key, self.identity = est, device, key, identity
        self.subject = device_name(device)

    def renew(self, key=None, subject=None, *attributes, est=None, **more):
        csr = request(key or make_key(), subject or self.subject, *attributes)
        return (est or self.est).reenrol(csr, self.identity, **more)


def outcome(answer):
    """200, or status and reason."""
    return answer.status if answer.status in (200, 202, 204, 401) else (answer.status, answer.reason)


def save(folder, key, certificate):
    """Files for a key and its certificate."""
    stem = pathlib.Path(folder) / uuid.uuid4().hex
    stem.with_suffix(".key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    stem.with_suffix(".pem").write_text(ssl.DER_cert_to_PEM_cert(certificate))
    return Identity(stem.with_suffix(".pem"), stem.with_suffix(".key"))
