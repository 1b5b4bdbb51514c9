#!/usr/bin/python3
"""Writes the seeds of the fuzz targets to tests/fuzz/corpus: small, valid things of every kind.

What is there is replaced under the same name and otherwise kept: past findings stay. Keys are new
each time, but for the one whose signatures the targets can make (mutate_der.c).
"""
import base64
import datetime
import ipaddress
import json
import pathlib
import re
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FOLDER = pathlib.Path(__file__).parent
ROOT = FOLDER.parents[1]
SIGNING_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


def write(target, name, data):
    path = FOLDER / "corpus" / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def write_dictionary(target, words):
    def quote(word):
        return re.sub(r'[^ -~]|["\\]', lambda found: "".join(f"\\x{byte:02x}" for byte in found[0].encode()), word)

    lines = [f'"{quote(word)}"\n' for word in words if word]
    (FOLDER / f"{target}.dict").write_text("".join(dict.fromkeys(lines)))


# ---- X.509 -------------------------------------------------------------------------------------


def name(common_name, unit="demo"):
    parts = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)] if unit else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def usage(**more):
    bits = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
                          "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(**{**bits, **more})


def digest_of(key):
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def certificate(key, signer=SIGNING_KEY, subject=None, issuer=None, extensions=(), end=2099):
    builder = x509.CertificateBuilder(
        name("Fuzz CA", None) if issuer is None else issuer, subject or name("device-1"), key.public_key(), 0x1234,
        datetime.datetime(2020, 1, 1), datetime.datetime(end, 12, 31))
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(signer, digest_of(signer)).public_bytes(DER)


def leaf_extensions(key):
    return [(x509.BasicConstraints(False, None), True), (usage(digital_signature=True), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)]


def names():
    return x509.SubjectAlternativeName([
        x509.DNSName("a.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.UniformResourceIdentifier("urn:x"), x509.RFC822Name("a@b.example"), x509.DirectoryName(name("x"))])


def write_certificates(keys):
    ed = keys["ed25519"]
    ca = [(x509.BasicConstraints(True, 0), True), (usage(key_cert_sign=True, crl_sign=True), True)]
    kinds = {f"leaf-{kind}": certificate(key, extensions=leaf_extensions(key)) for kind, key in keys.items()}
    kinds |= {
        "signed-p256": certificate(keys["p256"], keys["p256"], extensions=leaf_extensions(keys["p256"])),
        "signed-rsa": certificate(keys["p256"], keys["rsa2048"], extensions=leaf_extensions(keys["p256"])),
        "ca": certificate(ed, extensions=ca),
        "bare": certificate(ed),
        "utc-time": certificate(ed, end=2049),
        "names": certificate(ed, extensions=[(names(), False)]),
        "identifiers": certificate(ed, extensions=[
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(ed.public_key()), False)]),
        "constraints": certificate(ed, extensions=[
            *ca, (x509.NameConstraints([x509.DNSName("example")], None), True)]),
        "policies": certificate(ed, extensions=[
            (x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), None)]), False),
            (x509.CRLDistributionPoints([x509.DistributionPoint(
                [x509.UniformResourceIdentifier("http://x/")], None, None, None)]), False),
            (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]),
        "any-purpose": certificate(ed, extensions=[
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), True)]),
    }
    kinds["no-utf8"] = kinds["bare"].replace(b"demo", b"d\xc9mo")
    for kind, der in kinds.items():
        write("certificate", kind, der)
    return kinds


def crl(entries=(), extensions=(), key=SIGNING_KEY):
    """entries: serial number and reason or None."""
    builder = x509.CertificateRevocationListBuilder(
        name("Fuzz CA", None), datetime.datetime(2026, 1, 1), datetime.datetime(2026, 1, 1, 0, 15))
    for serial, reason in entries:
        entry = x509.RevokedCertificateBuilder(serial, datetime.datetime(2026, 1, 1))
        builder = builder.add_revoked_certificate(
            (entry.add_extension(x509.CRLReason(reason), False) if reason else entry).build())
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(key, digest_of(key)).public_bytes(DER)


def write_crls(keys):
    reasons = x509.ReasonFlags
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(SIGNING_KEY.public_key())
    kinds = {
        "empty": crl(),
        "hold": crl([(1, reasons.certificate_hold)], [(x509.CRLNumber(1), False), (identifier, False)]),
        "several": crl([(2 ** 159 - 1, reasons.privilege_withdrawn), (128, reasons.remove_from_crl), (3, None)]),
        "critical": crl([(1, None)], [(x509.CRLNumber(1), True)]),
        "partial": crl([], [(x509.IssuingDistributionPoint(None, None, False, True, None, False, False), True)]),
        "foreign": crl([(1, None)], key=keys["p256"]),
    }
    for kind, der in kinds.items():
        write("crl", kind, der)


def request(key, extensions=(), subject=None):
    builder = x509.CertificateSigningRequestBuilder(subject or name("device-1"))
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(key, digest_of(key)).public_bytes(DER)


def element(tag, *parts):
    content = b"".join(parts)
    assert len(content) < 0x10000
    length = [len(content)] if len(content) < 0x80 else [0x82, len(content) >> 8, len(content) & 0xFF]
    return bytes([tag, *length]) + content


def encryption_request():
    """Wants the key of serverkeygen encrypted with AES; no library at hand writes such attributes."""
    def attribute(number, value):
        return element(0x30, element(6, bytes.fromhex("2a864886f70d0109" + number)), element(0x31, value))

    ciphers = (element(0x30, element(6, bytes.fromhex("6086480165030401") + bytes([last]))) for last in (42, 2))
    key = SIGNING_KEY.public_key().public_bytes(DER, SPKI)
    info = element(0x30, element(2, b"\0"), name("device-1").public_bytes(), key, element(
        0xA0, attribute("0f", element(0x30, *ciphers)), attribute("100236", element(4, b"k" * 20))))
    return element(0x30, info, element(0x30, element(6, bytes.fromhex("2b6570"))),
                   element(3, b"\0", SIGNING_KEY.sign(info)))


def write_requests(keys):
    ed = keys["ed25519"]
    kinds = {kind: request(key) for kind, key in keys.items()}
    kinds |= {
        "extensions": request(ed, leaf_extensions(ed)),
        "names": request(ed, [(names(), False)]),
        "ca": request(ed, [(x509.BasicConstraints(True, 0), True), (usage(key_cert_sign=True), True)]),
        "unknown": request(ed, [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]),
        "challenge": x509.CertificateSigningRequestBuilder(name("device-1")).add_attribute(
            x509.oid.AttributeOID.CHALLENGE_PASSWORD, b"not a secret").sign(ed, None).public_bytes(DER),
        "encryption": encryption_request(),
    }
    for kind, der in kinds.items():
        write("csr", kind, der)
    return kinds


def write_keys(keys):
    for kind, key in keys.items():
        write("key", kind, key.public_key().public_bytes(DER, SPKI))
    point = keys["p256"].public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    algorithm = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
    bits = b"\x03" + bytes([len(point) + 1]) + b"\x00" + point
    write("key", "compressed", b"\x30" + bytes([len(algorithm + bits)]) + algorithm + bits)


# ---- Text around it ----------------------------------------------------------------------------


def armour(label, der):
    text = base64.b64encode(der).decode()
    lines = [text[at:at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def write_texts(certificates, requests, keys):
    der, csr = certificates["bare"], requests["p256"]
    pem = armour("CERTIFICATE", der)
    write("armour", "plain", pem)
    write("armour", "text", "Certificate:\n  Data\n" + pem + "more\n")
    write("armour", "two", pem + pem)
    write("armour", "crlf", pem.replace("\n", "\r\n"))
    write("armour", "touching", pem.rstrip() + pem[3:])
    write("armour", "short", armour("CERTIFICATE", b"\x30\x00"))
    write("est_body", "line", base64.b64encode(csr))
    write("est_body", "wrapped", base64.encodebytes(csr))
    write("est_body", "pem", armour("CERTIFICATE REQUEST", csr))
    write("est_body", "new-pem", armour("NEW CERTIFICATE REQUEST", csr))
    write("est_body", "short", "AA==")
    forwarded = {"rfc9440": (0, f":{base64.b64encode(der).decode()}:"), "rfc9440-short": (0, ":AAEC:"),
                 "rfc9440-pem": (0, urllib.parse.quote(pem)), "pem": (1, urllib.parse.quote(pem)),
                 "pem-short": (1, urllib.parse.quote(armour("CERTIFICATE", b"\x30\x00"))),
                 "pem-blank-line": (1, urllib.parse.quote(pem[:93] + "\r\n" + pem[93:])),
                 "sha256": (2, "0123456789abcdefABCDEF" + "0" * 42)}
    for kind, (source, value) in forwarded.items():
        write("forwarded_certificate", kind, bytes([source]) + value.encode())
    public_pem = keys["p256"].public_key().public_bytes(PEM, SPKI).decode()
    bodies = {
        "empty": {}, "reason": {"reason": "keyCompromise"}, "token": {"device": "d-1", "uses": 3, "expires_in": 60},
        "next-key": {"next_pubkey": public_pem},
        "gateway": {"name": "g", "sources": ["rfc9440", "pem"], "factories": ["demo"], "may_activate": False,
                    "lifetime_days": 30, "csr": armour("CERTIFICATE REQUEST", csr)},
        "authority": {"name": "a", "kind": "offline", "owner": "o", "certificate": pem},
        "deep": [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]],
    }
    for kind, body in bodies.items():
        write("operator_json", kind, json.dumps(body))
    write("operator_json", "webhook", '{"name":"h","url":"https://[::1]:8443/x?y=z","events":["key-changed"]}')
    write("operator_json", "event-queue", '{"label":"q","type":"push","push-url":"http://a.example:80/x"}')
    write("operator_json", "rotation-group", '{"name":"g","est_url":"https://est.example","per_hour":60,'
          '"devices":["a","b"],"expires_before":"2027-03-01T00:00:00Z"}')
    write("operator_json", "rotation", '{"est_url":"https://est.example:8443/.well-known/est","reason":"r"}')
    write("operator_json", "escapes", '{"next_pubkey":"\\u00e9\\ud83d\\ude00\\n"}')
    write("table", "list", b"\x50" + json.dumps({"devices": [
        {"id": "a", "state": "ok", "seen": 1}, {"id": "b\u0007\u009b", "state": None, "more": {"x": True}}]}).encode())
    write("table", "heading", b"\x00" + json.dumps([{"a\u009b2J\u001b": "b"}]).encode())
    write("table", "array", b"\x00" + json.dumps([{"id": "\u00e9" * 9, "n": 1.5}]).encode())
    write("table", "object", b"\x00" + json.dumps({"token": "t", "retryable": True, "a": {"b": [1, "x"]}}).encode())


def write_device_bodies():
    handlers = ["/usr/share/fioconfig/handlers/renew-client-cert"]
    write("device_json", "upload", json.dumps({"reason": "why", "public-key": "PEM", "files": [
        {"name": "z-50-fioctl.toml", "value": "[pacman]\ntags = \"main\"\n", "unencrypted": True},
        {"name": "a", "value": "c2VjcmV0", "unencrypted": False, "on-changed": handlers}]}))
    write("device_json", "nothing", '{"files":null,"public-key":""}')
    write("device_json", "events", json.dumps([{
        "id": "5f0c2c5e", "deviceTime": "2026-11-29T12:00:00.5+01:00", "eventType": {"id": "Step", "version": 0},
        "event": {"correlationId": "certs-1", "success": True, "targetName": "lmp", "version": "290",
                  "details": "\u00e4", "ecu": "e"}}]))
    write("device_json", "toml", 'a = 1\n[t.\'u\'] # of it\nb = "x # \\" =" # no\n"c = d" = [1, {e = "]"}]\n[v]\n')
    write_dictionary("device_json", [
        "reason", "files", "public-key", "name", "value", "unencrypted", "on-changed", "true", "false", "null", "id",
        "deviceTime", "eventType", "event", "correlationId", "success", "targetName", "version", "details", "ecu",
        "z-50-fioctl.toml", "[pacman]\n", "= ", "\"\"\"", "\'\'\'", "[[", "{\"files\":["])


def write_authorizations():
    for kind, text in {
            "basic": "Basic " + base64.b64encode(b"user:secret").decode(),
            "basic-colons": "basic " + base64.b64encode(b":a:b").decode(),
            "bearer": "Bearer cve_" + "A" * 43, "bearer-other": "Bearer some.thing",
            "bearer-encoded": "Bearer " + base64.b64encode(b"cvo_" + b"B" * 43).decode(),
            "digest": 'Digest username="x"'}.items():
        write("credentials", kind, text)


def write_forms():
    for kind, text in {
            "user": "username=unit-1", "password": "username=unit-1&password=p%26q&client_id=c",
            "vhost": "username=unit-1&vhost=%2F&ip=10.0.0.7&tags=",
            "topic": "username=u+1&vhost=%2f&resource=topic&name=amq.topic&permission=write&tags=a+b&"
                     "routing_key=a.%23&variable_map.username=u+1",
            "twice": "username=a&user%6eame=b", "none": "", "empty": "username="}.items():
        write("broker_form", kind, text)
    write_dictionary("broker_form", ["username=", "password=", "&vhost=%2F", "&ip=", "%00", "+", "&&", "=="])


def write_ota(certificates, requests):
    csr = requests["p256"] if "p256" in requests else next(iter(requests.values()))
    pem = lambda label, der: (f"-----BEGIN {label}-----\n" + base64.encodebytes(der).decode()  # noqa: E731
                              + f"-----END {label}-----\n")
    body = {"uuid": "u-1", "name": "n", "hardware-id": "intel", "use-ostree-server": "true", "group": "g",
            "sota-config-dir": "/var/sota", "csr": pem("CERTIFICATE REQUEST", csr),
            "overrides": {"pacman": {"tags": '"main"', "type": ""}, "p11": {"label": "x"}, "a.b": {"c.d": "'e'"}}}
    write("ota_json", "go", json.dumps(body))
    write("ota_json", "boost", json.dumps(body, indent=4).replace("/", "\\/"))
    write("ota_json", "certificate", json.dumps({"client.pem": pem("CERTIFICATE", certificates["leaf-p256"]),
                                                 "name": "n", "group": None}))
    write("ota_json", "change", json.dumps({"name": "n", "owner": "o", "group": ""}))
    write("ota_json", "group", json.dumps({"name": "g", "description": "d"}))
    write_dictionary("ota_json", list(body) + ["client.pem", "owner", "description", "tls", "server", '\\"', "\\\\",
                                               "\\n", "\\u0022", "\\/", "]", "# ", "'", '""'])
    write("form", "grant", "grant_type=urn%3Aietf%3Aparams&device_code=cvd_x&client_id=u-1&scope=demo%3Adevices")
    write("form", "blank", "scope=a+b%20c&x=")
    write("form", "twice", "scope=a&scope=b")
    write_dictionary("form", ["scope=", "&", "%00", "%2B", "+", "%"])


# ---- Tables of the program ---------------------------------------------------------------------


def routes():
    """(method, pattern) of every row, the macros written out."""
    text = (ROOT / "server/http/route_table.c").read_text()
    text = re.sub(r"#define[^\n]*(\\\n[^\n]*)*", "", text)
    text = text.replace('OTA_FACTORY "', '"/ota/factories/{factory}').replace('EST "', '"/.well-known/est')
    text = re.sub(r'OTA_LAYER\("([^"]+)"', r'{"GET", "\1" {"PATCH", "\1" {"POST", "\1" {"DELETE", "\1{file...}/"', text)
    return re.findall(r'\{"([A-Z]+)",\s*"([^"]+)"', text)


def write_targets():
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    rows = routes()
    for number, (method, pattern) in enumerate(rows):
        path = re.sub(r"\{\w+\.\.\.\}", "a/b/c", re.sub(r"\{\w+\}", "demo", pattern))
        write("request_target", f"route-{number:03}", bytes([methods.index(method)]) + path.encode())
        if path.endswith("/"):
            write("request_target", f"route-{number:03}-bare", bytes([methods.index(method)]) + path[:-1].encode())
    write("request_target", "absolute", b"\x00https://host:1/device?x=y")
    write("request_target", "doubled", b"\x02/.well-known/est//simpleenroll")
    write("request_target", "encoded", b"\x00/v1/devices/a%3Ab?factory=d%65mo&state=ok&limit=10")
    write_dictionary("request_target", ["%2F", "%00", "%2e", "//", "/../", "?factory=", "&device=", "https://"] +
                     [part for _, pattern in rows for part in re.findall(r"/[^/{]+", pattern)])


def write_settings():
    text = (ROOT / "deploy/certvendor.conf").read_text()
    plain = "\n".join(line for line in re.sub(r"(?m)^#(\w+ =)", r"\1", text).splitlines()
                      if line and not line.startswith(("#", "passphrase_file")))
    write("config", "every-setting", plain)
    bounds = re.findall(r'NUMBER\("(\w+)", "(\w+)", "\w+", \d+, (\d+),', (ROOT / "server/app/config_table.c").read_text())
    write("config", "bounds", "".join(f"[{section}]\n{key} = {most}\n" for section, key, most in bounds))
    write("config", "empty", b"\n")
    write("config", "comments", "; a\n# b\n[server] ; c\nworkers = 3 ; d\n  queue: 7\n\xef\xbb\xbf")
    write("config", "addresses", "[device]\nlisten = [::1]:1\n[public]\nlisten =\n[operator]\nlisten = :0\n")
    write("config", "blank-in-address", "[device]\nlisten = [ 1 =:]:1\n")
    write("config", "semicolon", "[database]\nurl =;\n")
    write("config", "wrong", "[server]\nworkers = x\nworkers = 2\n[nothing]\nno line\n")
    write_dictionary("config", re.findall(r"(?m)^\[\w+\]|^\w+ =", plain) + [
        "rfc9440", "pem", "sha256", "debug", "error", "_file", "localhost:1", "[::1]:", " ;", "\r\n", "\0"])


def main():
    keys = {"ed25519": SIGNING_KEY, "p256": ec.generate_private_key(ec.SECP256R1()),
            "p384": ec.generate_private_key(ec.SECP384R1()), "p521": ec.generate_private_key(ec.SECP521R1()),
            "k1": ec.generate_private_key(ec.SECP256K1()), "rsa2048": rsa.generate_private_key(65537, 2048),
            "rsa1024": rsa.generate_private_key(65537, 1024)}
    certificates, requests = write_certificates(keys), write_requests(keys)
    write_crls(keys)
    write_keys(keys)
    for kind in ("leaf-p256", "names", "policies", "utc-time"):
        write("der", kind, certificates[kind])
    write("der", "primitives", bytes.fromhex("3024" "0101ff" "020200ff" "0303060040" "0500" "06032a8648"
                                             "170d3230303130313030303030305a" "a000"))
    write_texts(certificates, requests, keys)
    write_authorizations()
    write_forms()
    write_ota(certificates, requests)
    write_targets()
    write_settings()
    write_device_bodies()
    write_dictionary("operator_json", ["reason", "device", "uses", "expires_in", "next_pubkey", "name", "sources",
                                       "factories", "may_activate", "lifetime_days", "csr", "kind", "certificate",
                                       "owner", "keyCompromise", "superseded", "unspecified", "offline", "bootstrap",
                                       "url", "events", "label", "type", "push", "push-url", "https://", "first-seen",
                                       "true", "null", "\\u0000", "-----BEGIN CERTIFICATE-----"])
    write_dictionary("armour", ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "-----BEGIN ", "\r\n", "=="])
    write_dictionary("forwarded_certificate", ["-----BEGIN%20CERTIFICATE-----%0A", "-----END%20CERTIFICATE-----%0A",
                                               "%2B", "%0A", "%0D%0A", ":", "=="])
    write_dictionary("est_body", ["-----BEGIN CERTIFICATE REQUEST-----", "-----END CERTIFICATE REQUEST-----",
                                  "-----BEGIN NEW CERTIFICATE REQUEST-----", "\r\n", "=="])
    write_dictionary("credentials", ["Basic ", "Bearer ", "cve_", "cvo_", "Y3ZlX", "Y3ZvX", "OnNl"])


if __name__ == "__main__":
    main()
