"""Devices of FoundriesFactory that register, as they are on the wire: lmp-device-register, fioup, a detached registrar.
What these programs refuse is an AssertionError here."""
import json
import ssl
import uuid

from certvendor_lab import FACTORY, SECRETS, Key, run

PATH = "/ota/devices/"


def boost_json(value, depth=0):
    """As Boost writes a property tree: scalars are strings, '/' is escaped, four blanks a level."""
    if not isinstance(value, dict):
        return json.dumps(str(value)).replace("/", "\\/")
    if not value:
        return '""'
    inner = " " * 4 * (depth + 1)
    members = [f"{inner}{json.dumps(name)}: {boost_json(member, depth + 1)}" for name, member in value.items()]
    return "{\n" + ",\n".join(members) + "\n" + " " * 4 * depth + "}"


class DeviceKey(Key):
    """A P-256 key and the CSR that lmp-device-register makes: CN, OU, businessCategory as UTF8String; two extensions."""

    def __init__(self, lab, name, factory=FACTORY, is_production=False, is_fioup=False):
        stem = lab.keys / uuid.uuid4().hex
        self.path, self.request_path = stem.with_suffix(".key"), stem.with_suffix(".csr")
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.path)
        rdns = [f"CN={name}", f"OU={factory}"] if not is_fioup else [f"OU={factory}", f"CN={name}"]
        self.subject = "/" + "/".join(rdns + ["businessCategory=production"] * is_production)
        self.mask = "default" if is_fioup else "utf8only"
        self.extensions = [] if is_fioup else ["-addext", "keyUsage=critical,digitalSignature",
                                               "-addext", "extendedKeyUsage=critical,clientAuth"]
        self.write_request()

    def write_request(self):
        """Another one for the same key: its signature differs."""
        config = self.path.with_suffix(".cnf")
        config.write_text(f"[req]\nstring_mask = {self.mask}\ndistinguished_name = dn\n[dn]\n")
        run("openssl", "req", "-new", "-key", self.path, "-config", config, "-subj", self.subject, *self.extensions,
            "-outform", "DER", "-out", self.request_path)
        return self

    @property
    def pem(self):
        return run("openssl", "req", "-inform", "DER", "-in", self.request_path).stdout


# What lmp-device-register sends besides; values of overrides are pieces of TOML.
OVERRIDES = {"pacman": {"tags": '"main"', "type": '"ostree+compose_apps"'}}


class Registrant:
    """A device that registers, and what it has on its disk afterwards."""

    def __init__(self, lab, name=None, **more):
        self.lab = lab
        self.uuid = name or str(uuid.uuid4())
        self.more = more
        self.key = DeviceKey(lab, self.uuid, **more)
        self.files = {}

    def new_key(self):
        self.key = DeviceKey(self.lab, self.uuid, **self.more)
        return self

    def body(self, **changes):
        body = {"use-ostree-server": "true", "sota-config-dir": "/var/sota", "hardware-id": "intel-corei7-64",
                "name": self.uuid, "uuid": self.uuid, "csr": self.key.pem, "overrides": OVERRIDES}
        body.update(changes)
        return {name: value for name, value in body.items() if value is not None}

    def post(self, token=None, is_go=False, headers=None, path=PATH, **changes):
        body = self.body(**changes)
        text = json.dumps(body) if is_go else boost_json(body) + "\n"
        pairs = {"Accept": "*/*", "Content-type": "application/json", "OSF-TOKEN": token or self.lab.token}
        return self.lab.send("operator", "POST", path, body=text.encode(), headers=headers or pairs)

    def register(self, **more):
        answer = self.post(**more)
        self.take(answer)
        return self

    def take(self, answer):
        """201 and nothing else; each member becomes a file."""
        assert answer.status == 201, answer
        self.files = answer.json()
        assert sorted(self.files) == ["client.pem", "root.crt", "sota.toml"]
        assert all(isinstance(text, str) and text for text in self.files.values())

    @property
    def identity(self):
        return self.key.with_certificate(ssl.PEM_cert_to_DER_cert(self.files["client.pem"]))

    def check_in(self, identity=None, path="/device"):
        return self.lab.send("device", "GET", path, identity or self.identity)


def make_token(lab, role="operator", name=None, **more):
    order = {"name": name or f"t{uuid.uuid4().hex[:8]}", "role": role, "factories": [FACTORY], **more}
    answer = lab.operator("POST", "/v1/operator-tokens", order)
    assert answer.status == 201, answer
    SECRETS.add(answer.json()["token"])
    return answer.json()["token"]


def put_certificate(lab, pem, token=None, **more):
    """As factory-registration-ref does."""
    body = json.dumps({"client.pem": pem, **more}).encode()
    return lab.send("operator", "PUT", PATH, body=body, headers={
        "OSF-TOKEN": token or lab.token, "Content-Type": "application/json", "User-Agent": "python-requests/2.31"})


def import_authority(lab, authority, name=None):
    name = name or f"a{uuid.uuid4().hex[:8]}"
    order = {"name": name, "kind": "offline", "certificate": authority.identity.pem}
    answer = lab.operator("POST", "/v1/authorities", order)
    assert answer.status == 201, answer
    return name


def text_of(der_or_pem):
    """What openssl says of a certificate."""
    return run("openssl", "x509", "-noout", "-text", stdin=der_or_pem).stdout


def asn1(der):
    return run("openssl", "asn1parse", "-inform", "DER", "-in", der).stdout


def subject_of(pem):
    """The raw bytes of the subject."""
    from certvendor_lab import _element
    der = ssl.PEM_cert_to_DER_cert(pem)
    at = _element(der, _element(der, 0)[0])[0]
    at = _element(der, at)[1] if der[at] == 0xA0 else at  # version
    for _ in range(2):  # serial, signature
        at = _element(der, at)[1]
    at = _element(der, at)[1]  # issuer
    at = _element(der, at)[1]  # validity
    return der[at:_element(der, at)[1]]


def subject_of_request(der):
    from certvendor_lab import _element
    at = _element(der, _element(der, 0)[0])[0]
    at = _element(der, at)[1]  # version
    return der[at:_element(der, at)[1]]
