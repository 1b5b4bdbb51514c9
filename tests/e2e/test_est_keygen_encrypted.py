"""EST serverkeygen with encryption beyond TLS: for the key of the client certificate, or not at all."""
import datetime
import hashlib
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from certvendor_lab import Authority, Identity, certificates_in, run
from est_client import (Est, attribute, der, device_name, element, elements, integer, make_key, oid, outcome, request,
                        save, seq, spki_of)
from test_est_keygen import (ASYMMETRIC_DECRYPT_KEY, CAPABILITIES, CERTIFICATE, DECRYPT_KEY, ask, fresh, pair_of,
                             parts_of, require_no_copy, secret_of, waiting)

est = pytest.mark.est
ENVELOPED_DATA, SIGNED_DATA = oid("1.2.840.113549.1.7.3"), oid("1.2.840.113549.1.7.2")
KEY_PACKAGE = oid("2.16.840.1.101.2.1.2.78.5")
AES_128, AES_192, AES_256 = (f"2.16.840.1.101.3.4.1.{number}" for number in (2, 22, 42))
TRIPLE_DES = "1.2.840.113549.3.7"
USES = {"transport": {"key_encipherment": True}, "agreement": {"key_agreement": True}, "signing": {}}


class Maker:
    """A manufacturer, whose certificates devices have from birth."""

    def __init__(self, lab):
        self.authority = Authority(lab.keys, f"/CN=Encrypted {uuid.uuid4()}")
        assert lab.operator("POST", "/v1/authorities", {
            "name": f"maker-{uuid.uuid4()}", "kind": "bootstrap",
            "certificate": self.authority.identity.pem}).status == 201
        self.lab = lab
        self.certificate = x509.load_pem_x509_certificate(self.authority.identity.pem.encode())
        self.key = serialization.load_pem_private_key(self.authority.identity.key.read_bytes(), None)

    def sign(self, device, key, use=None, ski=None):
        """use None: without keyUsage, which restricts nothing."""
        now = datetime.datetime.utcnow()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, device)]))
            .issuer_name(self.certificate.subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=99))
            .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), False))
        if use is not None:
            names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
                     "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
            usage = dict.fromkeys(names, False) | {"digital_signature": True} | USES[use]
            builder = builder.add_extension(x509.KeyUsage(**usage), True)
        if ski is not None:
            builder = builder.add_extension(x509.SubjectKeyIdentifier(ski), False)
        signed = builder.sign(self.key, hashes.SHA256())
        return save(self.lab.keys, key, signed.public_bytes(serialization.Encoding.DER))


@pytest.fixture(scope="module")
def maker(est_lab):
    return Maker(est_lab)


@pytest.fixture(scope="module")
def door(est_lab):
    return Est(est_lab, "keygen")


def key_hash(key):
    """RFC 5280 section 4.2.1.2, method 1."""
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest


def named(identifier, kind=ASYMMETRIC_DECRYPT_KEY):
    return attribute(kind, der(4, identifier))


def capabilities(*ciphers):
    return attribute(CAPABILITIES, seq(*(seq(oid(cipher)) for cipher in ciphers)))


def wish(identifier, *ciphers):
    return [named(identifier), capabilities(*(ciphers or [AES_256]))]


def content_info(signed_data):
    """As the page of the protocol writes it."""
    length = len(signed_data)
    head = bytes.fromhex(f"3082{length + 15:04x}06092a864886f70d010702a082{length:04x}")
    assert head + signed_data == seq(SIGNED_DATA, der(0xA0, signed_data))
    return head + signed_data


class Opened:
    """An answer, taken apart as a client would."""

    def __init__(self, lab, answer, identity):
        assert answer.status == 200, answer
        sealed, issued = parts_of(answer)
        assert (sealed.get_content_type(), sealed.get_param("smime-type")) == (CERTIFICATE, "server-generated-key")
        assert sealed["Content-Transfer-Encoding"] == "base64"
        assert issued.get_param("smime-type") == "certs-only"
        self.certificate, = certificates_in(issued.get_payload(decode=True))
        self.envelope = sealed.get_payload(decode=True)
        stem = lab.keys / uuid.uuid4().hex
        stem.with_suffix(".cms").write_bytes(self.envelope)
        run("openssl", "cms", "-decrypt", "-inform", "DER", "-in", stem.with_suffix(".cms"), "-recip",
            identity.certificate, "-inkey", identity.key, "-out", stem.with_suffix(".signed"))
        self.signed_data = stem.with_suffix(".signed").read_bytes()
        assert element(self.signed_data)[2] == len(self.signed_data)
        stem.with_suffix(".signed").write_bytes(content_info(self.signed_data))
        # The certificate of an authority, which need not say that it signs messages.
        run("openssl", "cms", "-verify", "-inform", "DER", "-in", stem.with_suffix(".signed"), "-CAfile",
            lab.folder / "pki/root.pem", "-purpose", "any", "-signer", stem.with_suffix(".signer"), "-out",
            stem.with_suffix(".package"))
        self.package = stem.with_suffix(".package").read_bytes()
        self.signer = x509.load_pem_x509_certificate(stem.with_suffix(".signer").read_bytes())
        tag, only, end = element(self.package)
        assert (tag, end) == (0x30, len(self.package))
        assert element(only)[2] == len(only), "one key"
        self.key = serialization.load_der_private_key(only, None)

    def recipient(self):
        """Tag and content of the one RecipientInfo."""
        kind, wrapped = elements(element(self.envelope)[1])
        assert der(*kind) == ENVELOPED_DATA
        version, recipients, *_ = elements(element(wrapped[1])[1])
        only, = elements(recipients[1])
        return version[1], only

    def cipher(self):
        """Content type and cipher of what is encrypted."""
        encrypted = elements(elements(element(element(self.envelope)[1][len(ENVELOPED_DATA):])[1])[0][1])[-1][1]
        kind, algorithm, _ = elements(encrypted)
        return der(*kind), der(*elements(algorithm[1])[0])


CLIENTS = [("RSA-2048", "transport"), ("RSA-3072", None), ("P-256", "agreement"), ("P-384", None),
           ("P-521", "agreement")]


@est("16.8")
@pytest.mark.parametrize("kind,use", CLIENTS)
def test_the_key_comes_encrypted(est_lab, door, maker, kind, use):
    device, key = fresh(), make_key(kind)
    birth = maker.sign(device, key, use)
    answer = ask(door, request(make_key(), device_name(device), *wish(key_hash(key))), identity=birth)
    opened = Opened(est_lab, answer, birth)
    certificate = x509.load_der_x509_certificate(opened.certificate)
    assert spki_of(opened.key) == certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    # Who made the certificate made the key.
    assert opened.signer.subject == certificate.issuer
    assert opened.cipher() == (SIGNED_DATA, oid(AES_256))
    secret = secret_of(opened.key)
    assert secret not in answer.body and secret not in opened.envelope
    assert est_lab.send("device", "GET", "/device", save(est_lab.keys, opened.key, opened.certificate)).status == 200


@est("16.8")
@pytest.mark.parametrize("label", ["keygen-rsa", "keygen-line"])
def test_other_types_and_lines(est_lab, maker, label):
    device, key = fresh(), make_key()
    birth = maker.sign(device, key)
    answer = ask(Est(est_lab, label), request(make_key(), device_name(device), *wish(key_hash(key))), identity=birth)
    opened = Opened(est_lab, answer, birth)
    certificate = x509.load_der_x509_certificate(opened.certificate)
    assert spki_of(opened.key) == certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@est("16.8")
def test_what_the_messages_are_made_of(est_lab, door, maker):
    device, key = fresh(), make_key()
    birth = maker.sign(device, key)
    opened = Opened(est_lab, ask(
        door, request(make_key(), device_name(device), *wish(key_hash(key))), identity=birth), birth)
    version, digests, content, certificates, signers = elements(element(opened.signed_data)[1])
    assert version == (2, b"\x03") and len(elements(digests[1])) == 1
    assert certificates == (0xA0, opened.signer.public_bytes(serialization.Encoding.DER))
    assert element(content[1])[1] == KEY_PACKAGE[2:]
    signer, = elements(signers[1])
    number, name, digest, attributes, *_ = elements(signer[1])
    assert number == (2, b"\x01") and attributes[0] == 0xA0
    assert der(*name) == seq(opened.signer.issuer.public_bytes(), integer(opened.signer.serial_number))
    function = {oid(f"2.16.840.1.101.3.4.2.{n}"): f for n, f in ((1, "sha256"), (2, "sha384"), (3, "sha512"))}[
        digest[1]]
    assert attributes[1] == (
        attribute("1.2.840.113549.1.9.3", KEY_PACKAGE) +
        attribute("1.2.840.113549.1.9.4", der(4, hashlib.new(function, opened.package).digest())))
    # Without subjectKeyIdentifier the recipient is known by issuer and serial; ephemeral ECDH with SHA-256.
    _, (tag, recipient) = opened.recipient()
    assert tag == 0xA1 and oid("1.3.132.1.11.1") in recipient and maker.certificate.subject.public_bytes() in recipient


@est("16.8")
@pytest.mark.parametrize("kind,tag", [("RSA-2048", 0x30), ("P-256", 0xA1)])
def test_the_identifier_of_the_certificate_counts_too(est_lab, door, maker, kind, tag):
    """Some authorities make it another way; the hash of the key still names it."""
    device, key, identifier = fresh(), make_key(kind), b"\x01another kind"
    birth = maker.sign(device, key, ski=identifier)
    for name in (identifier, key_hash(key)):
        answer = ask(door, request(make_key(), device_name(device), *wish(name)), identity=birth)
        _, (found, recipient) = Opened(est_lab, answer, birth).recipient()
        assert found == tag and identifier in recipient


@est("16.8")
@pytest.mark.parametrize("ciphers,best", [
    ([AES_128], AES_128), ([AES_128, AES_256], AES_256), ([AES_256, AES_128], AES_256),
    ([TRIPLE_DES, AES_192, AES_128], AES_128)])
def test_the_strongest_cipher_that_both_have(est_lab, door, maker, ciphers, best):
    device, key = fresh(), make_key()
    birth = maker.sign(device, key)
    answer = ask(door, request(make_key(), device_name(device), *wish(key_hash(key), *ciphers)), identity=birth)
    assert Opened(est_lab, answer, birth).cipher() == (SIGNED_DATA, oid(best))


def refusals(key):
    """Attributes, and what the answer says of them."""
    name = key_hash(key)
    good, ciphers, symmetric = named(name), capabilities(AES_256), named(b"key-1", DECRYPT_KEY)
    return {
        "unknown key": ([named(b"k" * 20), ciphers], "does not name the key"),
        "a beginning": ([named(name[:-1]), ciphers], "does not name the key"),
        "empty": ([named(b""), ciphers], "one OCTET STRING"),
        "identifier alone": ([good], "SMIMECapabilities"),
        "capabilities alone": ([ciphers], "AsymmetricDecryptKeyIdentifier"),
        "no cipher": ([good, capabilities(TRIPLE_DES, AES_192)], "neither AES-256-CBC nor AES-128-CBC"),
        "no capability": ([good, attribute(CAPABILITIES, seq())], "neither AES-256-CBC nor AES-128-CBC"),
        "no list": ([good, attribute(CAPABILITIES, seq(oid(AES_256)))], "SMIMECapabilities"),
        "symmetric": ([symmetric, ciphers], "symmetric"),
        "symmetric alone": ([symmetric], "symmetric"),
        "both": ([good, symmetric, ciphers], "symmetric"),
        "twice": ([good, good, ciphers], "not there once"),
        "two values": ([attribute(ASYMMETRIC_DECRYPT_KEY, der(4, name), der(4, name)), ciphers], "not there once"),
        "two lists": ([good, ciphers, ciphers], "not there once"),
    }


@est("16.4")
@pytest.mark.parametrize("case", refusals(make_key()))
def test_no_key_is_made_where_encryption_is_not_possible(est_lab, door, maker, case):
    device, key = fresh(), make_key()
    birth = maker.sign(device, key)
    attributes, sentence = refusals(key)[case]
    answer = ask(door, request(make_key(), device_name(device), *attributes), identity=birth)
    assert outcome(answer) == (400, "bad-csr") and sentence in answer.body.decode()
    assert est_lab.query(f"SELECT FROM certvendor.device WHERE id = '{device}'") == []
    good = ask(door, request(make_key(), device_name(device), *wish(key_hash(key))), identity=birth)
    assert good.status == 200


@est("16.4")
def test_only_a_certificate_of_this_connection_can_decrypt(est_lab, door, maker):
    device, key = fresh(), make_key()
    birth, other = maker.sign(device, key), maker.sign(fresh(), make_key())
    # Not by a token; neither for the key of the request, which a proxy could put there, nor for one seen elsewhere.
    own = make_key()
    for name in (key_hash(own), key_hash(key)):
        assert outcome(ask(door, request(own, device_name(device), *wish(name)), device)) == (400, "bad-csr")
    assert outcome(ask(door, request(own, device_name(device), *wish(key_hash(own))), identity=birth)) == (
        400, "bad-csr")
    assert outcome(ask(door, request(own, device_name(device), *wish(key_hash(key))), identity=other)) == (
        400, "bad-csr")
    assert est_lab.query(f"SELECT FROM certvendor.device WHERE id = '{device}'") == []
    # What a certificate names itself helps nobody who is not to have the key at all.
    stranger = make_key()
    foreign = Identity(*self_made(est_lab, stranger, device))
    assert outcome(ask(door, request(own, device_name(device), *wish(key_hash(stranger))), identity=foreign)) == (
        403, "bad-client-cert")
    assert ask(door, request(own, device_name(device), *wish(key_hash(key))), identity=birth).status == 200


def self_made(lab, key, device):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, device)])
    now = datetime.datetime.utcnow()
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                   .serial_number(7).not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=9)).sign(key, hashes.SHA256()))
    identity = save(lab.keys, key, certificate.public_bytes(serialization.Encoding.DER))
    return identity.certificate, identity.key


@est("16.4")
@pytest.mark.parametrize("kind,use,sentence", [
    ("RSA-2048", "signing", "keyEncipherment"), ("RSA-2048", "agreement", "keyEncipherment"),
    ("P-256", "signing", "keyAgreement"), ("P-256", "transport", "keyAgreement"), ("Ed25519", None, "type")])
def test_a_key_that_may_only_sign_decrypts_nothing(est_lab, door, maker, kind, use, sentence):
    device, key = fresh(), make_key(kind)
    birth = maker.sign(device, key, use)
    answer = ask(door, request(make_key(), device_name(device), *wish(key_hash(key))), identity=birth)
    assert outcome(answer) == (400, "bad-csr") and sentence in answer.body.decode()
    assert est_lab.query(f"SELECT FROM certvendor.device WHERE id = '{device}'") == []
    # In the clear it may have one.
    pair_of(ask(door, request(make_key(), device_name(device)), identity=birth))


@est("16.8")
def test_our_own_certificates_will_do(est_lab, door):
    """Their keyUsage is digitalSignature alone, which binds a manufacturer's (see the refusals)."""
    holder = Est(est_lab).enrolled()
    answer = ask(door, request(make_key(), holder.subject, *wish(key_hash(holder.key))), identity=holder.identity)
    opened = Opened(est_lab, answer, holder.identity)
    assert spki_of(opened.key) == spki_of(x509.load_der_x509_certificate(opened.certificate))


@est("16.6", "16.8")
def test_after_an_approval_it_comes_encrypted(est_lab, maker):
    door, device, key = Est(est_lab, "keygen-approved"), fresh(), make_key("RSA-2048")
    birth = maker.sign(device, key, "transport")
    bad = request(make_key(), device_name(device), *wish(b"k" * 20))
    assert outcome(ask(door, bad, identity=birth)) == (400, "bad-csr")
    assert waiting(est_lab, device) == []
    csr = request(make_key(), device_name(device), *wish(key_hash(key)))
    assert ask(door, csr, identity=birth).status == 202
    item, = waiting(est_lab, device)
    assert est_lab.operator("POST", f"/v1/approvals/{item['id']}/approve", {}).status == 200
    Opened(est_lab, ask(door, csr, identity=birth), birth)


@est("16.5")
@pytest.mark.parametrize("kind", ["RSA-2048", "P-256"])
def test_no_copy_of_an_encrypted_key_is_kept(est_lab, door, maker, kind):
    device, key = fresh(), make_key(kind)
    birth = maker.sign(device, key)
    opened = Opened(est_lab, ask(
        door, request(make_key(), device_name(device), *wish(key_hash(key))), identity=birth), birth)
    # Also in parts: what a cipher or a digest takes in block by block is cut somewhere.
    secret = secret_of(opened.key)
    require_no_copy(est_lab, device, opened.key, opened.certificate, *(secret[at:at + 8] for at in range(0, 32, 8)))
