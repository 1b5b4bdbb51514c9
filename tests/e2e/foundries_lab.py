"""fioconfig, the agent on a device, by what it puts on the wire and by how it reads what comes back: it sends the bytes
of Go's HTTP client, takes Date for the time of its configuration, and changes its key in the steps of the real one,
each of which can be its last before a crash."""
import base64
import calendar
import hashlib
import json
import re
import time
import uuid

from certvendor_lab import EST, Raw, issued
from fioctl import file

DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (GMT|UTC)")


def read_date(text):
    """As Go's time.RFC1123 reads it: whole seconds since 1970."""
    assert DATE.fullmatch(text), text
    return calendar.timegm(time.strptime(text[:-4], "%a, %d %b %Y %H:%M:%S"))


def write_date(seconds, zone="UTC"):
    return time.strftime("%a, %d %b %Y %H:%M:%S ", time.gmtime(seconds)) + zone


def key_name(pem):
    return hashlib.sha256("".join(pem.split()).encode()).hexdigest()[:16]


def seal(pem, text):
    """Stands for encryption: only who has the key of this name reads it."""
    return base64.b64encode(f"{key_name(pem)}:{text}".encode()).decode()


class CannotDecrypt(Exception):
    pass


def unseal(pem, value):
    name, _, text = base64.b64decode(value, validate=True).decode().partition(":")
    if name != key_name(pem):
        raise CannotDecrypt(value)
    return text


class Fioconfig:
    """The agent on one device. What it has to itself is in memory: `key` and `identity` are on its disk."""

    def __init__(self, lab, device=None, agent="fioconfig-client/3"):
        self.lab = lab
        self.device = device or lab.device()
        self.agent = agent
        if self.device.identity is None:
            self.key = self.device.new_key()
            self.device.enrol(self.key)
            self.identity = self.device.identity
        self.pem = self.key.public_pem
        self.stored = None  # config.encrypted
        self.modified = None  # its time
        self.rotation = None  # cert-rotation.state
        self.events = []

    @property
    def name(self):
        return self.device.name

    # -- the wire

    def ask(self, method, path, body=None, headers=(), identity=None):
        """One connection for each request, as the real one has it."""
        data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.lab.ports['device']}",
                 f"User-Agent: {self.agent}", "Connection: close"]
        if data is not None:
            lines.append(f"Content-Length: {len(data)}")
        lines += ["Content-Type: application/json", "Accept-Encoding: gzip"]
        lines += [f"{name}: {value}" for name, value in headers]
        with Raw(self.lab.ports["device"], self.lab.root, identity or self.identity) as raw:
            raw.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (data or b""))
            return raw.answer(has_body=True)

    # -- check-in

    def check_in(self):
        """The status. 200: the configuration is stored under the time that the answer bears."""
        headers = [] if self.modified is None else [("If-Modified-Since", write_date(self.modified))]
        answer = self.ask("GET", "/config", headers=headers)
        if answer.status == 200:
            assert len(answer.headers.get_all("Date")) == 1, answer.headers.items()
            self.stored = self.parse(answer.body)
            self.modified = read_date(answer.headers["Date"])
        else:
            assert answer.body == b"", answer
        return answer.status

    @staticmethod
    def parse(body):
        """Names and types as the client declares them."""
        files = json.loads(body)
        assert isinstance(files, dict)
        for content in files.values():
            assert set(content) == {"Value", "OnChanged", "Unencrypted"}, content
            assert isinstance(content["Value"], str) and isinstance(content["Unencrypted"], bool)
            assert content["OnChanged"] is None or all(isinstance(each, str) for each in content["OnChanged"])
        return files

    def read(self, files=None):
        """The files in the clear, by name. CannotDecrypt: one is for another key."""
        return {name: content["Value"] if content["Unencrypted"] else unseal(self.pem, content["Value"])
                for name, content in (self.stored if files is None else files).items()}

    def upload(self, *files, reason="own files"):
        """Its own unencrypted files, at its start."""
        return self.ask("PATCH", "/config", {"reason": reason, "files": list(files), "public-key": ""})

    # -- changing the key

    def event(self, step, success=True, identity=None, details=None):
        event = {"correlationId": self.rotation["id"], "success": success, "targetName": "intel-corei7-64-lmp-290",
                 "version": "290"}
        if details:
            event["details"] = details
        body = [{"id": str(uuid.uuid4()), "deviceTime": "2026-11-29T12:00:00+01:00", "event": event,
                 "eventType": {"id": step, "version": 0}}]
        self.events.append(body[0]["id"])
        return self.ask("POST", "/events", body, identity=identity)

    def start_rotation(self, rotation_id=None):
        """`fioconfig renew-cert`: from scratch, with a new key."""
        self.rotation = {"id": rotation_id or f"certs-{int(time.time())}", "done": 0}
        self.event("CertRotationStarted")

    def resume(self):
        """What it does after a restart, before anything else."""
        if self.rotation is None:
            return
        self.event("CertRotationStarted")
        self.run_steps()

    def rotate(self, until=5, saves_last=True, rotation_id=None):
        """Steps 1 to `until`. Not saved: it crashed between the answer and writing it down."""
        self.start_rotation(rotation_id)
        self.run_steps(until, saves_last)
        return self

    def run_steps(self, until=5, saves_last=True):
        steps = (self.enrol_again, self.lock, self.reencrypt, self.update_configuration, self.finalise)
        names = ("Generate new certificate", "Lock device configuration on server",
                 "Update local configuration with new key",
                 "Update device specific configuration on server with new key",
                 "Finalize aktualizr configuration")
        for number in range(self.rotation["done"], until):
            steps[number]()
            if number + 1 == until and not saves_last:
                return
            self.event(names[number], identity=self.rotation.get("sent_with", self.identity))
            self.rotation["done"] = number + 1
        if until == 5:
            self.complete()

    def enrol_again(self):
        key = self.device.new_key()
        headers = {"User-Agent": "Go-http-client/1.1", "Content-Type": "application/pkcs10"}
        answer = self.lab.send("device", "POST", f"{EST}/simplereenroll", self.identity,
                               base64.b64encode(key.request), headers)
        assert answer.status == 201, answer
        self.rotation["key"], self.rotation["identity"] = key, key.with_certificate(issued(answer))
        self.rotation["pem"] = key.public_pem

    def lock(self):
        answer = self.ask("PATCH", "/device", {"next_pubkey": self.rotation["pem"]})
        assert (answer.status, answer.body) == (200, b""), answer

    def reencrypt(self):
        """Of what it has itself."""
        self.rotation["stored"] = None if self.stored is None else {
            name: {**content, "Value": content["Value"] if content["Unencrypted"] else seal(
                self.rotation["pem"], unseal(self.pem, content["Value"]))}
            for name, content in self.stored.items()}

    def update_configuration(self):
        answer = self.ask("GET", "/config-device")
        if answer.status == 204:
            assert answer.body == b""
            return
        assert answer.status == 200, answer
        files = self.parse(answer.body)
        try:
            plain = self.read(files)
        except CannotDecrypt:
            # Then its upload was stored, and it crashed before it wrote that down.
            for content in files.values():
                if not content["Unencrypted"]:
                    unseal(self.rotation["pem"], content["Value"])
            return
        answer = self.upload_for_next_key(files, plain)
        assert answer.status == 201, answer

    def upload_for_next_key(self, files, plain):
        body = {"reason": "Update device specific config for new cert", "files": [
            file(name, plain[name] if content["Unencrypted"] else seal(self.rotation["pem"], plain[name]),
                 content["Unencrypted"], content["OnChanged"]) for name, content in files.items()] or None,
            "public-key": self.rotation["pem"]}
        return self.ask("PATCH", "/config", body)

    def finalise(self, clock=time.time):
        """From here on the disk has the new key; this process still uses the old one."""
        self.rotation["sent_with"] = self.identity
        self.key, self.identity, self.pem = (
            self.rotation["key"], self.rotation["identity"], self.rotation["pem"])
        if self.rotation.get("stored") is not None:
            self.stored, self.modified = self.rotation["stored"], int(clock())

    def complete(self):
        self.event("CertRotationCompleted", identity=self.rotation.get("sent_with"))
        self.rotation = None
