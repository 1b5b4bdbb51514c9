"""A device that runs fioconfig, as the server sees it: what it sends, what it accepts, what it keeps on its disk, and
what it does after it was killed at any point. Written from its behaviour on the wire; not a line of it is its own.

A rotation has six steps. What the device knows is on its disk, and nothing else survives a kill; a step that was done
but not noted is done again.
"""
import base64
import email.utils
import http.client
import json
import socket
import ssl
import time
import urllib.parse
import uuid

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID

from certvendor_lab import PATIENCE, certificates_in
from fioctl import HANDLER

TRIGGER = "fio-rotate-certs"
KEY_USAGE = bytes.fromhex("03020780")
CLIENT_AUTH = bytes.fromhex("300a06082b06010505070302")
SECONDS_BETWEEN_TRIES = (0, 0.05, 0.1, 0.2, 0.5)  # the real ones add up to 51 s


class Killed(Exception):
    """The power failed here."""


class RotationFailed(Exception):
    """A step ended with an error that the client takes for final."""


class NeverKilled:
    def reach(self, point):
        pass


class KilledAt:
    """Ends the process at the given visits, counted from 1 over all restarts."""

    def __init__(self, *visits):
        self.visits = set(visits)
        self.count = 0
        self.points = []

    def reach(self, point):
        self.count += 1
        self.points.append(point)
        if self.count in self.visits:
            raise Killed(point)


# ---- What files are encrypted with -----------------------------------------------------------------


def _derive(private, public):
    return HKDF(hashes.SHA256(), 32, None, b"device file").derive(private.exchange(ec.ECDH(), public))


def encrypt(public, text):
    once = ec.generate_private_key(ec.SECP256R1())
    point = once.public_key().public_bytes(serialization.Encoding.X962,
                                           serialization.PublicFormat.UncompressedPoint)
    sealed = AESGCM(_derive(once, public)).encrypt(bytes(12), text.encode(), None)
    return base64.b64encode(point + sealed).decode()


def decrypt(private, value):
    """None when the value was made for another key."""
    data = base64.b64decode(value, validate=True)
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data[:65])
    try:
        return AESGCM(_derive(private, public)).decrypt(bytes(12), data[65:], None).decode()
    except InvalidTag:
        return None


# ---- Keys ------------------------------------------------------------------------------------------


class Pair:
    """A private key and, later, its certificate."""

    def __init__(self, private=None, certificate=None):
        self.private = private or ec.generate_private_key(ec.SECP256R1())
        self.certificate = certificate

    @property
    def public_pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def private_pem(self):
        return self.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()).decode()

    @property
    def der(self):
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def request(self, subject):
        """As Go writes it: the subject of the certificate, two critical extensions, nothing else."""
        builder = (x509.CertificateSigningRequestBuilder().subject_name(subject)
                   .add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)
                   .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True))
        request = builder.sign(self.private, hashes.SHA256())
        assert request.subject.public_bytes() == subject.public_bytes()
        return request.public_bytes(serialization.Encoding.DER)

    def write(self, folder):
        """The file that a TLS client reads."""
        path = folder / f"{uuid.uuid4().hex}.pem"
        path.write_text(self.private_pem + self.certificate.public_bytes(serialization.Encoding.PEM).decode())
        path.chmod(0o600)
        return path


class Disk:
    """All that survives."""

    def __init__(self, pair):
        self.pair = pair  # what sota.toml points at
        self.config = None  # config.encrypted: name -> file
        self.config_time = None  # its modification time, as text of a header
        self.state = None  # cert-rotation.state
        self.completed = None  # the rotation id in cert-rotation.state.completed
        self.target = None  # current-target: (name, version)


class NamedConnection(http.client.HTTPSConnection):
    """Where names are not looked up: this machine, under the name that a client would use."""

    def connect(self):
        raw = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._context.wrap_socket(raw, server_hostname=self.host)


class Fioconfig:
    """One device. `fielded` is the generation that insists on 201 and the bare media type."""

    def __init__(self, port, root, folder, pair, faults=None, is_fielded=False):
        self.port = port
        self.root = root
        self.folder = folder
        self.disk = Disk(pair)
        self.faults = faults or NeverKilled()
        self.is_fielded = is_fielded
        self.server = "127.0.0.1"  # of tls.server in sota.toml
        self.retired = []
        self.reset_client()

    # -- the process

    def reset_client(self):
        """What a start of the process does: the client of this pair is used until the next."""
        self.pair = self.disk.pair
        self.context = ssl.create_default_context(cafile=str(self.root))
        path = self.pair.write(self.folder)
        self.context.load_cert_chain(path)
        path.unlink()

    def start(self):
        """Resumes what was not finished, then checks in."""
        self.reset_client()
        if self.disk.state is not None:
            self.rotate()
        self.check_in()

    def run(self):
        """A device that is started again whenever it dies. Returns how often it died."""
        deaths = 0
        while True:
            try:
                self.start()
                return deaths
            except Killed:
                deaths += 1

    # -- requests

    def request_once(self, method, path, body, headers, server=None):
        connection = NamedConnection(server or self.server, self.port, timeout=PATIENCE, context=self.context)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def ask(self, method, path, body=None, more=()):
        """A call of the gateway: repeated after trouble, and after nothing else."""
        headers = [("User-Agent", f"fioconfig-client/{2 if self.is_fielded else 3}"),
                   ("Content-Type", "application/json"), *more, ("Accept-Encoding", "gzip"), ("Connection", "close")]
        data = None if body is None else json.dumps(body).encode()
        self.faults.reach(f"before {method} {path}")
        for seconds in SECONDS_BETWEEN_TRIES:
            time.sleep(seconds)
            try:
                answer = self.request_once(method, path, data, headers)
            except (OSError, http.client.HTTPException):
                continue
            if answer[0] < 500:
                self.faults.reach(f"after {method} {path}")
                return answer
        raise RotationFailed(f"{method} {path}: no answer")

    # -- check-in

    def check_in(self):
        """True when there was something new. What its files trigger runs before they are stored."""
        more = []
        if self.disk.config is not None:
            more = [("If-Modified-Since", self.disk.config_time)]
        status, headers, body = self.ask("GET", "/config", more=more)
        if status in (204, 304):
            return False
        if status != 200:
            raise RotationFailed(f"check-in: {status} {body[:200]!r}")
        files = json.loads(body)
        dates = headers.get_all("Date")
        assert len(dates) == 1, f"one Date: {dates}"
        for name, file in files.items():
            assert set(file) <= {"Value", "OnChanged", "Unencrypted"}, file
            if file.get("OnChanged") == [HANDLER] and name == TRIGGER and self.has_changed(name, file):
                self.renew(file["Value"])
        self.faults.reach("before the configuration is stored")
        self.store(files, dates[0])
        return True

    def store(self, files, date):
        # The modification time of the file: whole seconds, and written as Go writes a time in UTC.
        seconds = email.utils.parsedate_to_datetime(date.replace("UTC", "GMT")).timestamp()
        self.disk.config = files
        self.disk.config_time = time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime(seconds))

    def has_changed(self, name, file):
        before = (self.disk.config or {}).get(name)
        return before is None or before["Value"] != file["Value"]

    def renew(self, text):
        values = dict(line.split("=", 1) for line in text.splitlines() if line)
        if self.disk.completed == values["ROTATIONID"]:
            return
        self.disk.state = {"id": values["ROTATIONID"], "est": values["ESTSERVER"], "step": 0}
        self.rotate()

    def read_file(self, name):
        """The text of a stored file; None when its value was made for a key that the device no longer has."""
        file = self.disk.config[name]
        return file["Value"] if file.get("Unencrypted") else decrypt(self.disk.pair.private, file["Value"])

    # -- rotation

    def rotate(self):
        state = self.disk.state
        self.event("CertRotationStarted", True)
        for number, (name, step) in enumerate(self.steps()):
            if state["step"] > number:
                continue
            try:
                step(state)
            except RotationFailed as failure:
                self.event(name, False, str(failure))
                raise
            self.faults.reach(f"done: {name}")
            self.event(name, True)
            self.faults.reach(f"before it is noted: {name}")
            state["step"] = number + 1
        # The restart of the updater brings the first use of the new key; this process still has the old client.
        self.use_new_key()
        self.event("CertRotationCompleted", True)
        self.faults.reach("before the state is renamed")
        self.disk.completed, self.disk.state = state["id"], None
        self.reset_client()

    def steps(self):
        return [("Generate new certificate", self.generate),
                ("Lock device configuration on server", self.lock),
                ("Update local configuration with new key", self.update_local),
                ("Update device specific configuration on server with new key", self.update_server),
                ("Finalize aktualizr configuration", self.finalise)]

    def generate(self, state):
        fresh = Pair()
        request = base64.b64encode(fresh.request(self.pair.certificate.subject))
        url = urllib.parse.urlsplit(state["est"])
        self.faults.reach("before simplereenroll")
        status, headers, body = self.request_once("POST", f"{url.path}/simplereenroll", request, [
            ("User-Agent", "Go-http-client/1.1"), ("Content-Type", "application/pkcs10"), ("Accept-Encoding", "gzip")],
            url.hostname)
        self.faults.reach("after simplereenroll")
        fresh.certificate = self.read_certificate(status, headers, body)
        state["pair"] = fresh

    def read_certificate(self, status, headers, body):
        media_type = headers["Content-Type"] or ""
        if status not in ((201,) if self.is_fielded else (200, 201)):
            raise RotationFailed(f"EST: {status} {body[:200]!r}")
        if self.is_fielded:
            assert media_type == "application/pkcs7-mime", media_type
        assert media_type.startswith("application/pkcs7-mime"), media_type
        text = body.replace(b"\r", b"").replace(b"\n", b"")
        first = certificates_in(base64.b64decode(text, validate=True))[0]
        certificate = x509.load_der_x509_certificate(first)
        assert certificate.subject.public_bytes() == self.pair.certificate.subject.public_bytes()
        values = {extension.oid.dotted_string: extension.value.public_bytes() for extension in certificate.extensions}
        assert values["2.5.29.15"] == KEY_USAGE, values["2.5.29.15"].hex()
        assert values["2.5.29.37"] == CLIENT_AUTH, values["2.5.29.37"].hex()
        return certificate

    def lock(self, state):
        status, _, body = self.ask("PATCH", "/device", {"next_pubkey": state["pair"].public_pem})
        if status != 200:
            raise RotationFailed(f"lock: {status} {body[:200]!r}")

    def update_local(self, state):
        """In memory only."""

    def update_server(self, state):
        status, _, body = self.ask("GET", "/config-device")
        if status == 204:
            return
        if status != 200:
            raise RotationFailed(f"config-device: {status} {body[:200]!r}")
        files = []
        for name, file in json.loads(body).items():
            value = file["Value"]
            if not file.get("Unencrypted"):
                text = decrypt(self.pair.private, value)
                if text is None:
                    if decrypt(state["pair"].private, value) is None:
                        raise RotationFailed(f"{name} cannot be read with any key")
                    return  # an earlier PATCH was taken and not noted
                value = encrypt(state["pair"].private.public_key(), text)
            entry = {"name": name, "value": value, "unencrypted": bool(file.get("Unencrypted"))}
            if file.get("OnChanged"):
                entry["on-changed"] = file["OnChanged"]
            files.append(entry)
        status, _, body = self.ask("PATCH", "/config", {
            "reason": "rotate certificate", "files": files or None, "public-key": state["pair"].public_pem})
        if not 200 <= status <= 204:
            raise RotationFailed(f"config: {status} {body[:200]!r}")

    def finalise(self, state):
        if self.disk.pair is not state["pair"]:
            self.retired.append(self.disk.pair)
            self.disk.pair = state["pair"]
            self.faults.reach("sota.toml points at the new pair")
        if self.disk.config is not None:
            self.store(self.reencrypted(state), email.utils.formatdate(usegmt=True))

    def reencrypted(self, state):
        """The stored files for the new key; a file that another run made already stays."""
        files = {}
        for name, file in self.disk.config.items():
            text = None
            if not file.get("Unencrypted") and self.retired:
                text = decrypt(self.retired[-1].private, file["Value"])
            files[name] = file if text is None else {
                **file, "Value": encrypt(state["pair"].private.public_key(), text)}
        return files

    def use_new_key(self):
        """The updater asks for its metadata, which is not served here."""
        old, self.pair = self.pair, self.disk.pair
        context = self.context
        self.reset_client()
        try:
            status, _, _ = self.ask("GET", "/repo/1.root.json", more=[("x-ats-target", "lmp-42"), ("x-ats-tags", "main")])
            assert status == 404, status
        finally:
            self.pair, self.context = old, context

    def event(self, name, is_good, details=None):
        """Best effort, whatever the answer is."""
        target, version = self.disk.target or ("", "0")
        event = {"correlationId": self.disk.state["id"], "success": is_good, "targetName": target, "version": version}
        if details is not None:
            event["details"] = details
        try:
            self.ask("POST", "/events", [{
                "id": str(uuid.uuid4()), "deviceTime": time.strftime("%Y-%m-%dT%H:%M:%S+02:00"), "event": event,
                "eventType": {"id": name, "version": 0}}])
        except RotationFailed:
            pass
