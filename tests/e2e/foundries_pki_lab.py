"""The workstation of a FoundriesFactory operator: it holds the root key, signs what the server asks for, and
speaks to the server exactly as that client does."""
import base64
import datetime
import http.client
import json
import socket
import ssl
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certvendor_lab import EST, PATIENCE, SECRETS, Answer, Identity, certificates_in

DAY = datetime.timedelta(days=1)
PRINTABLE = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")
GO_ORDER = (NameOID.COUNTRY_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME,
            NameOID.LOCALITY_NAME, NameOID.STATE_OR_PROVINCE_NAME, NameOID.STREET_ADDRESS, NameOID.POSTAL_CODE,
            NameOID.COMMON_NAME, NameOID.SERIAL_NUMBER)


def now():
    return datetime.datetime.utcnow()


def ca_key(curve=None):
    return ec.generate_private_key(curve or ec.SECP256R1())


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM).decode()


def utf8_name(**attributes):
    oids = {"cn": NameOID.COMMON_NAME, "ou": NameOID.ORGANIZATIONAL_UNIT_NAME}
    return x509.Name([x509.NameAttribute(oids[name], value) for name, value in attributes.items()])


def go_name(name):
    """What the client makes of a subject: a fixed order of attributes, one RDN each, PrintableString where that
    can say it."""
    attributes = []
    for oid in GO_ORDER:
        for attribute in name.get_attributes_for_oid(oid):
            kind = _ASN1Type.PrintableString if set(attribute.value) <= PRINTABLE else _ASN1Type.UTF8String
            attributes.append(x509.NameAttribute(oid, attribute.value, kind))
    return x509.Name(attributes)


def usage(**bits):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
             "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: bits.get(name, False) for name in names})


def read_csr(text):
    """As Go reads PEM: one block, at most one line end behind it."""
    assert text.startswith("-----BEGIN CERTIFICATE REQUEST-----\n")
    assert text.endswith("-----END CERTIFICATE REQUEST-----\n") and text.count("-----BEGIN") == 1
    csr = x509.load_pem_x509_csr(text.encode())
    assert csr.is_signature_valid
    return csr


def dns_names(thing):
    return thing.extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


class Refused(Exception):
    """The client prints the message and ends with 1."""

    def __init__(self, answer):
        super().__init__(f"{answer.status} {answer.body!r}")
        self.status = answer.status
        assert answer.headers.get_content_type() == "application/json", answer
        self.message = answer.json()["message"]


class RefusedDevice(Exception):
    def __init__(self, answer):
        super().__init__(f"{answer.status} {answer.body!r}")
        self.status = answer.status


class Workstation:
    def __init__(self, lab, factory, token=None):
        self.lab = lab
        self.factory = factory
        self.token = token or lab.token
        self.path = f"/ota/factories/{factory}/certs/"
        self.key = None
        self.root = None

    # -- the protocol

    def ask(self, method, path=None, body=None, raw=None):
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        headers = [("OSF-TOKEN", self.token), ("User-Agent", "fioctl-test")]
        if data is not None:
            headers.append(("Content-Type", "application/json"))
        return self.lab.send("operator", method, path or self.path, body=data, headers=headers)

    def call(self, method, path=None, body=None, raw=None):
        answer = self.ask(method, path, body, raw)
        if answer.status not in (200, 201, 202, 204):
            raise Refused(answer)
        return answer.json()

    def certs(self):
        return self.call("GET")

    def request(self, **wanted):
        names = ("first-time-init", "ca-csr", "est-tls-csr", "tls-csr")
        return self.call("POST", body={name: wanted.get(name.replace("-", "_"), False) for name in names})

    def patch(self, **fields):
        """The client always sends a change-meta of empty texts, and every field that it has."""
        body = {"tls-crt": "", "ca-crt": "", "root-crt": "",
                "change-meta": {"created-at": "", "created-by": "", "updated-at": "", "updated-by": ""}}
        body.update({name.replace("_", "-"): value for name, value in fields.items()})
        return self.call("PATCH", body=body)

    def user(self):
        return self.call("GET", f"/ota/factories/{self.factory}/users/self/")["polis-id"]

    # -- what it signs

    def make_root(self, curve=None, ou=None, issuer=None):
        """issuer: a higher CA, with its key."""
        self.key = ca_key(curve)
        subject = utf8_name(cn="Factory-CA", ou=ou or self.factory)
        builder = (
            x509.CertificateBuilder().subject_name(subject)
            .issuer_name(issuer[0].subject if issuer else subject)
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now()).not_valid_after(now() + 20 * 365 * DAY)
            .add_extension(x509.BasicConstraints(True, None), True)
            .add_extension(usage(key_cert_sign=True, crl_sign=True), True)
            .add_extension(x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False))
        self.root = builder.sign(issuer[1] if issuer else self.key, hashes.SHA256())
        return self.root

    def certify(self, subject, public_key, extensions, begin=None, end=None, serial=None, signer=None):
        """extensions: (extension, is it critical)."""
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self.root.subject)
            .public_key(public_key).serial_number(serial or x509.random_serial_number())
            .not_valid_before(begin or now()).not_valid_after(end or now() + 3650 * DAY))
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, is_critical)
        return builder.sign(signer or self.key, hashes.SHA256())

    def sign_ca(self, csr, **more):
        return self.certify(go_name(csr.subject), csr.public_key(), [
            (usage(key_cert_sign=True), True), (x509.BasicConstraints(True, 0), True)], **more)

    def sign_tls(self, csr, names=None, extensions=None, **more):
        return self.certify(go_name(csr.subject), csr.public_key(), extensions or [
            (usage(digital_signature=True), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), True),
            (x509.SubjectAlternativeName([x509.DNSName(name) for name in names or dns_names(csr)]), False)],
            **more)

    def make_local_ca(self, user=None, key=None, **more):
        key = key or ca_key()
        subject = more.pop("subject", None) or utf8_name(cn=f"fio-{user or self.user()}", ou=self.factory)
        extensions = more.pop("extensions", None) or [
            (usage(key_cert_sign=True), True), (x509.BasicConstraints(True, 0), True)]
        return self.certify(subject, key.public_key(), extensions, **more), key

    def make_crl(self, entries, begin=None, signer=None, issuer=None, life=datetime.timedelta(minutes=15)):
        """entries: (certificate or serial number, reason or None)."""
        begin = begin or now()
        builder = (
            x509.CertificateRevocationListBuilder().issuer_name(issuer or self.root.subject)
            .last_update(begin).next_update(begin + life)
            .add_extension(x509.CRLNumber(1), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        for what, reason in entries:
            entry = (x509.RevokedCertificateBuilder()
                     .serial_number(what if isinstance(what, int) else what.serial_number)
                     .revocation_date(begin))
            if reason is not None:
                entry = entry.add_extension(x509.CRLReason(reason), False)
            builder = builder.add_revoked_certificate(entry.build())
        return pem(builder.sign(signer or self.key, hashes.SHA256()))

    # -- whole commands

    def prepare(self, has_online=True):
        """keys ca create, up to what is sent in the end"""
        csrs = self.request(first_time_init=True, ca_csr=has_online, tls_csr=True)
        self.make_root()
        self.tls = self.sign_tls(read_csr(csrs["tls-csr"]))
        self.online = self.sign_ca(read_csr(csrs["ca-csr"])) if has_online else None
        self.local, self.local_key = self.make_local_ca()
        self.bundle = (pem(self.online) + "\n" if has_online else "") + pem(self.local)
        return {"root_crt": pem(self.root), "tls_crt": pem(self.tls), "ca_crt": self.bundle}

    def create(self, has_online=True):
        """keys ca create"""
        self.patch(**self.prepare(has_online))
        return self

    def new_online(self):
        """keys ca add-device-ca --online-ca"""
        csrs = self.request(ca_csr=True)
        assert list(csrs) == ["ca-csr"]
        self.online = self.sign_ca(read_csr(csrs["ca-csr"]))
        self.patch(ca_crt=self.certs()["ca-crt"] + "\n" + pem(self.online))
        return self.online

    def rotate_tls(self):
        """keys ca rotate-tls"""
        self.tls = self.sign_tls(read_csr(self.request(tls_csr=True)["tls-csr"]))
        self.patch(tls_crt=pem(self.tls))
        return self.tls

    def authorize_est(self):
        """keys est authorize"""
        self.est = self.sign_tls(read_csr(self.request(est_tls_csr=True)["est-tls-csr"]))
        self.patch(est_tls_crt=pem(self.est))
        return self.est

    # -- devices

    def save_root(self):
        path = self.lab.keys / f"{uuid.uuid4().hex}.root.pem"
        path.write_text(pem(self.root))
        return path

    def local_device(self, ca=None, key=None, name=None):
        """An identity that the local CA has issued."""
        ca, key = ca or self.local, key or self.local_key
        name = name or str(uuid.uuid4())
        own = ca_key()
        certificate = (
            x509.CertificateBuilder().subject_name(utf8_name(ou=self.factory, cn=name)).issuer_name(ca.subject)
            .public_key(own.public_key()).serial_number(uuid.uuid4().int)
            .not_valid_before(now() - DAY).not_valid_after(now() + 7300 * DAY)
            .add_extension(usage(digital_signature=True, key_agreement=True), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), True)
            .sign(key, hashes.SHA256()))
        return write_identity(self.lab, certificate, own)


    def enrol(self, identity=None, lab=None, name=None):
        """Certificate and identity of a new device, by a token of an operator; or those of a renewal."""
        key, subject = ca_key(), utf8_name(ou=self.factory, cn=str(uuid.uuid4()))
        headers = {"Content-Type": "application/pkcs10"}
        if identity is None:
            headers["Authorization"] = "Bearer " + self.enrolment_token()
        else:
            subject = x509.load_pem_x509_certificate(identity.pem.encode()).subject
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        answer = self.device("POST", f"{EST}/simple{'re' if identity else ''}enroll", identity,
                             base64.b64encode(request.public_bytes(serialization.Encoding.DER)), headers, lab,
                             name)
        if answer.status != 200:
            raise RefusedDevice(answer)
        certificate = x509.load_der_x509_certificate(certificates_in(base64.b64decode(answer.body))[0])
        return certificate, write_identity(self.lab, certificate, key)

    def enrolment_token(self):
        answer = self.lab.operator("POST", f"/v1/enrolment-tokens?factory={self.factory}", {})
        assert answer.status == 201, answer
        SECRETS.add(answer.json()["token"])
        return answer.json()["token"]

    def device(self, method, path, identity=None, body=None, headers=(), lab=None, name=None):
        """A request to the device listener, under the name of the gateway and with the root as only trust."""
        return ask_device_listener(lab or self.lab, name or f"{self.factory}.localhost", self.save_root(), method,
                                   path, identity, body, headers)

    def cacerts(self, name=None):
        """The certificates of the EST answer without a label."""
        answer = self.device("GET", f"{EST}/cacerts", name=name)
        assert answer.status == 200, answer
        return [x509.load_der_x509_certificate(der)
                for der in certificates_in(base64.b64decode(answer.body))]


def write_identity(lab, certificate, key):
    stem = lab.keys / uuid.uuid4().hex
    stem.with_suffix(".pem").write_text(pem(certificate))
    stem.with_suffix(".key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return Identity(stem.with_suffix(".pem"), stem.with_suffix(".key"))


class NamedClient(http.client.HTTPSConnection):
    """Reaches a server on this machine under the name that it has for the world."""

    def __init__(self, port, name, root, identity=None):
        context = ssl.create_default_context(cafile=str(root))
        if identity is not None:
            context.load_cert_chain(identity.certificate, identity.key)
        super().__init__("127.0.0.1", port, timeout=PATIENCE, context=context)
        self.name = name

    def connect(self):
        plain = socket.create_connection((self.host, self.port), timeout=self.timeout)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.name)

    @property
    def server_certificate(self):
        return x509.load_der_x509_certificate(self.sock.getpeercert(binary_form=True))

    def send_request(self, method, path, body=None, headers=()):
        self.request(method, path, body, dict(headers))
        response = self.getresponse()
        return Answer(response.status, response.headers, response.read())


def ask_device_listener(lab, name, root, method, path, identity=None, body=None, headers=()):
    client = NamedClient(lab.ports["device"], name, root, identity)
    try:
        return client.send_request(method, path, body, headers)
    finally:
        client.close()


def shown_certificate(lab, name):
    """Whatever the device listener shows to a client that names this server; None: that names none."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", lab.ports["device"]), timeout=PATIENCE) as plain:
        with context.wrap_socket(plain, server_hostname=name) as tls:
            return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))
