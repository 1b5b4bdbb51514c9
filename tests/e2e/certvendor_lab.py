"""A private certvendor with PostgreSQL, nginx and HAProxy, and the clients that the tests need.

Everything uses the real programs: certvendor, postgres, nginx, haproxy and openssl.
"""
import base64
import contextlib
import hashlib
import http.client
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import uuid

import operator_description

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CERTVENDOR_BINARY", ROOT / "build/release/certvendor")).resolve()
POSTGRES_SCRIPT = ROOT / "tests/support/postgres.sh"
NGINX_TEMPLATE = ROOT / "deploy/nginx/certvendor.conf.in"
HAPROXY_TEMPLATE = ROOT / "deploy/haproxy/certvendor.cfg.in"
VAR = ROOT / "var/e2e"
FACTORY = "demo"
EST = "/.well-known/est"
LISTENERS = ("device", "gateway", "operator", "public", "monitoring")

# Sanitizers make everything slower; nothing here measures speed.
PATIENCE = 60

# Every password, token and passphrase of the suite: none of them may be in a log.
SECRETS = set()


# ---- Processes ---------------------------------------------------------------------------------


def clean_environment(**more):
    """What the caller has set for other servers must not reach ours."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CERTVENDOR_", "PG")) and not name.lower().endswith("_proxy")
    }
    return {**environment, "LC_ALL": "C.UTF-8", **more}


def run(*command, is_checked=True, timeout=PATIENCE, stdin="", **more):
    result = subprocess.run(
        [str(word) for word in command], input=stdin, capture_output=True, text=True,
        timeout=timeout, env=clean_environment(**more), check=False)
    if is_checked and result.returncode != 0:
        raise AssertionError(f"{command[0]} {command[1]} ended with {result.returncode}:\n"
                             f"{result.stdout}{result.stderr}")
    return result


def end_process(process, how=signal.SIGTERM):
    """The exit code; a process that does not end is a failure, not a hang."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"process {process.args[0]} did not end after {how.name}") from None


def wait_until(is_true, what, timeout=PATIENCE, pause=0.05):
    deadline = time.monotonic() + timeout
    while not is_true():
        assert time.monotonic() < deadline, f"waited {timeout} s in vain: {what}"
        time.sleep(pause)


# Below those that the system gives to whoever connects, so that no client has one when a server wants it.
PORTS = itertools.cycle(range(10000, 32768))
next(itertools.islice(PORTS, random.randrange(20000), None))


def free_port():
    for port in PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def port_answers(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def tail(path, lines=20):
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError as error:
        return f"({error})"


# ---- PostgreSQL --------------------------------------------------------------------------------


class Postgres:
    """A cluster of its own. As root it belongs to the user postgres, who may not enter every folder."""

    def __init__(self, name):
        self.folder = VAR / name
        self.is_temporary = False
        if len(str(self.folder)) > 80 or not self._is_reachable():
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix="certvendor-e2e-", dir="/tmp"))
            self.is_temporary = True
        self.log = self.folder / "data/server.log"

    @staticmethod
    def _is_reachable():
        if os.getuid() != 0:
            return True
        return subprocess.run(["runuser", "-u", "postgres", "--", "test", "-x", str(VAR)], cwd="/",
                              check=False).returncode == 0

    def start(self):
        # Not through pipes: the server would hold them open.
        with open(VAR / "postgres.out", "a", encoding="utf-8") as output:
            subprocess.run([POSTGRES_SCRIPT, "start", self.folder], check=True, stdout=output,
                           stderr=output, stdin=subprocess.DEVNULL, env=clean_environment(),
                           timeout=2 * PATIENCE)

    def kill(self):
        """Every process at once, as a power cut does."""
        master = int((self.folder / "data/postmaster.pid").read_text().split()[0])
        os.kill(master, signal.SIGQUIT)
        wait_until(lambda: not (self.folder / "data/postmaster.pid").exists(), "PostgreSQL ended")

    @contextlib.contextmanager
    def frozen(self):
        """Every process stands still, and every connection stays."""
        master = (self.folder / "data/postmaster.pid").read_text().split()[0]
        with open(f"/proc/{master}/task/{master}/children", encoding="utf-8") as children:
            processes = [int(process) for process in [master, *children.read().split()]]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def stop(self):
        subprocess.run([POSTGRES_SCRIPT, "stop", self.folder], check=True, env=clean_environment(),
                       timeout=2 * PATIENCE)

    def remove(self):
        """At once: nobody needs what a good stop would still write. The log stays."""
        if (self.folder / "data/postmaster.pid").exists():
            self.kill()
        if self.log.exists():
            shutil.copyfile(self.log, VAR / f"{self.folder.name}.postgres.log")
        shutil.rmtree(self.folder / "data" if not self.is_temporary else self.folder)

    def url(self, database):
        return f"postgresql:///{database}?host={self.folder}&port=5432&user=certvendor"

    def query(self, statement, database="certvendor"):
        """The rows, each a list of texts."""
        result = run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", "5432", "-U",
                     "certvendor", "-d", database, "-c", statement)
        return [line.split("|") for line in result.stdout.splitlines()]

    def create_database(self, name):
        self.query(f'CREATE DATABASE "{name}"', "postgres")


class Standby(Postgres):
    """A synchronous streaming standby of another cluster: commits wait for it from now on."""

    def __init__(self, primary):
        super().__init__(f"{primary.folder.name}-standby")
        self.primary = primary

    def start(self):
        self.folder.mkdir(mode=0o700, exist_ok=True)
        as_owner = []
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
            as_owner = ["runuser", "-u", "postgres", "--"]
        source = f"host={self.primary.folder} port=5432 user=certvendor application_name=standby"
        subprocess.run([*as_owner, "pg_basebackup", "--pgdata", self.folder / "data", "--write-recovery-conf",
                        "--checkpoint=fast", "--dbname", source], check=True, cwd="/",
                       env=clean_environment(), timeout=2 * PATIENCE)
        super().start()
        self.primary.query("ALTER SYSTEM SET synchronous_standby_names = 'standby'", "postgres")
        self.primary.query("SELECT pg_reload_conf()", "postgres")
        wait_until(lambda: self.primary.query(
            "SELECT sync_state FROM pg_stat_replication", "postgres") == [["sync"]], "it is synchronous")

    def promote(self):
        assert self.query("SELECT pg_promote()", "postgres") == [["t"]]


class CommitStopper:
    """Between certvendor and PostgreSQL. Stops one COMMIT of a device's change when it is told to: before
    PostgreSQL gets it, or when PostgreSQL has done it and certvendor does not know yet."""

    def __init__(self, postgres):
        self.upstream = str(postgres.folder / ".s.PGSQL.5432")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.lock = threading.Lock()
        self.stage = None
        self.mark = b"change_finish"  # the statement whose transaction is meant
        self.reached = threading.Event()
        self.stopped = None
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def url(self, database):
        port = self.listener.getsockname()[1]
        return (f"postgresql:///{database}?host=127.0.0.1&port={port}&user=certvendor&sslmode=disable"
                "&gssencmode=disable")

    def stop_next(self, stage):
        """stage: before or after."""
        self.reached.clear()
        self.stage = stage

    def wait(self):
        assert self.reached.wait(PATIENCE), "nothing was committed"

    def cut(self):
        """Ends the stopped connection on both sides."""
        self.stopped.close()

    def close(self):
        """The thread ends first: it would go on with the number of this socket, which the next may get."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()

    def take_stage(self, connection):
        with self.lock:
            stage, self.stage = self.stage, None
            if stage is not None:
                self.stopped = connection
            return stage

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            StoppableConnection(self, client)


class StoppableConnection:
    def __init__(self, stopper, client):
        self.stopper = stopper
        self.client = client
        self.server = socket.socket(socket.AF_UNIX)
        self.stage = None
        try:
            self.server.connect(stopper.upstream)
        except OSError:
            self.close()
            return
        for target in (self._forward, self._answer):
            threading.Thread(target=self._until_the_end, args=(target,), daemon=True).start()

    def close(self):
        for side in (self.client, self.server):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            side.close()

    def _until_the_end(self, target):
        try:
            target()
        except OSError:
            pass
        self.close()

    def _messages(self):
        """What certvendor sends, message by message; only the first has no type."""
        buffer, head = b"", 0
        while data := self.client.recv(65536):
            buffer += data
            while len(buffer) >= head + 4:
                end = head + int.from_bytes(buffer[head:head + 4], "big")
                if len(buffer) < end:
                    break
                yield buffer[:end]
                buffer, head = buffer[end:], 1

    def _forward(self):
        is_change = False
        for message in self._messages():
            statement = message[5:].split(b"\0")[1] if message[:1] == b"B" else b""
            if statement in (b"begin", b"begin_snapshot"):
                is_change = False
            elif statement == self.stopper.mark:
                is_change = True
            elif statement == b"commit" and is_change:
                self.stage = self.stopper.take_stage(self)
            if self.stage == "before":
                self.stopper.reached.set()
            else:
                self.server.sendall(message)

    def _answer(self):
        kept = b""
        while data := self.server.recv(65536):
            if self.stage is None:
                self.client.sendall(data)
                continue
            kept += data
            if b"COMMIT\0" in kept:
                self.stopper.reached.set()


# ---- HTTP --------------------------------------------------------------------------------------


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def __repr__(self):
        return f"<{self.status} {dict(self.headers)} {self.body[:300]!r}>"

    @property
    def reason(self):
        """The stable word of a refusal, in whatever form this door sends it."""
        if self.headers.get_content_type() in ("application/json", "application/problem+json"):
            return self.json()["code"]
        return self.body.decode().split(" ", 1)[0].rstrip(":\n")

    def json(self):
        return json.loads(self.body)


def tls_context(ca, identity=None):
    context = ssl.create_default_context(cafile=str(ca))
    if identity is not None:
        context.load_cert_chain(identity.certificate, identity.key)
    return context


class Client:
    """One connection, kept open. Without a CA file: plain HTTP."""

    def __init__(self, port, ca=None, identity=None, source=None, timeout=PATIENCE):
        address = None if source is None else (source, 0)
        if ca is None:
            self.connection = http.client.HTTPConnection(
                "127.0.0.1", port, timeout=timeout, source_address=address)
        else:
            self.connection = http.client.HTTPSConnection(
                "127.0.0.1", port, timeout=timeout, source_address=address,
                context=tls_context(ca, identity))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, method, path, body=None, headers=()):
        """headers: pairs, so that a name can occur twice."""
        pairs = list(headers.items() if isinstance(headers, dict) else headers)
        self.connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in pairs:
            self.connection.putheader(name, value)
        if body is not None:
            self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders(body)
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())


# ---- Raw connections, for requests that no HTTP library would send -----------------------------


class Raw:
    def __init__(self, port, ca=None, identity=None, timeout=PATIENCE):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        if ca is not None:
            self.socket = tls_context(ca, identity).wrap_socket(
                self.socket, server_hostname="127.0.0.1")
        self.buffer = b""
        self.header_bytes = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def _fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed by the server")
        self.buffer += data

    def answer(self, has_body=True):
        """The next answer; reads not a byte more than belongs to it."""
        while b"\r\n\r\n" not in self.buffer:
            self._fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        self.header_bytes = len(head) + 4
        status_line, _, fields = head.partition(b"\r\n")
        headers = http.client.parse_headers(_Lines(fields + b"\r\n\r\n"))
        length = int(headers.get("Content-Length", "0")) if has_body else 0
        while len(self.buffer) < length:
            self._fill()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Answer(int(status_line.split()[1]), headers, body)

    def everything(self):
        """What comes until the server closes the connection; a server that does not is a failure."""
        try:
            while True:
                self._fill()
        except ConnectionError:
            return self.buffer

    def is_closed_by_server(self, timeout=PATIENCE):
        """True when nothing but the end comes."""
        self.socket.settimeout(timeout)
        try:
            return self.buffer == b"" and self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True


class _Lines:
    def __init__(self, data):
        self.lines = data.splitlines(keepends=True)

    def readline(self, _limit=-1):
        return self.lines.pop(0) if self.lines else b""


# ---- Keys and certificates ---------------------------------------------------------------------


class Identity:
    """A certificate file and its key file."""

    def __init__(self, certificate, key):
        self.certificate = pathlib.Path(certificate)
        self.key = None if key is None else pathlib.Path(key)

    @property
    def pem(self):
        return self.certificate.read_text()

    @property
    def der(self):
        begin = "-----BEGIN CERTIFICATE-----"
        end = "-----END CERTIFICATE-----"
        text = self.pem
        return ssl.PEM_cert_to_DER_cert(text[text.index(begin):text.index(end) + len(end)] + "\n")

    @property
    def sha256(self):
        return hashlib.sha256(self.der).hexdigest()


class Key:
    """A new EC key and a certificate request for it."""

    def __init__(self, folder, subject, curve="P-256"):
        stem = folder / uuid.uuid4().hex
        self.path = stem.with_suffix(".key")
        self.request_path = stem.with_suffix(".csr")
        self.subject = subject
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{curve}",
            "-nodes", "-subj", subject, "-keyout", self.path, "-outform", "DER", "-out",
            self.request_path)

    @property
    def request(self):
        return self.request_path.read_bytes()

    @property
    def public_pem(self):
        return run("openssl", "pkey", "-in", self.path, "-pubout").stdout

    def request_for(self, subject):
        """Another request for the same key."""
        path = self.path.with_suffix(f".{uuid.uuid4().hex}.csr")
        run("openssl", "req", "-new", "-key", self.path, "-subj", subject, "-outform", "DER", "-out",
            path)
        return path.read_bytes()

    def with_certificate(self, der):
        path = self.path.with_suffix(f".{hashlib.sha256(der).hexdigest()[:8]}.pem")
        path.write_text(ssl.DER_cert_to_PEM_cert(der))
        return Identity(path, self.path)


def pem_request(key):
    return run("openssl", "req", "-inform", "DER", "-in", key.request_path).stdout


class Authority:
    """A CA that certvendor does not have the key of."""

    def __init__(self, folder, subject="/CN=Other CA"):
        self.folder = folder / f"ca-{uuid.uuid4().hex[:8]}"
        self.folder.mkdir()
        self.subject = subject
        self.identity = Identity(self.folder / "ca.pem", self.folder / "ca.key")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", subject, "-days", "3650", "-keyout", self.identity.key, "-out",
            self.identity.certificate, "-addext", "keyUsage=critical,digitalSignature,keyCertSign,cRLSign")
        (self.folder / "index.txt").write_text("")
        (self.folder / "ca.conf").write_text(f"""
[ca]
default_ca = own
[own]
database = {self.folder}/index.txt
new_certs_dir = {self.folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
x509_extensions = device
[any]
organizationalUnitName = optional
commonName = supplied
[device]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,digitalSignature,keyCertSign,cRLSign
subjectKeyIdentifier = hash
""")

    def date_itself(self, start, end):
        """Another certificate of the same authority, with these dates."""
        request = self.folder / "ca.csr"
        run("openssl", "req", "-new", "-key", self.identity.key, "-subj", self.subject, "-out", request)
        run("openssl", "ca", "-batch", "-notext", "-selfsign", "-config", self.folder / "ca.conf", "-keyfile",
            self.identity.key, "-in", request, "-out", self.identity.certificate, "-extensions", "authority",
            "-startdate", start, "-enddate", end)

    def renew(self):
        self.date_itself("20200101000000Z", "20991231235959Z")

    def sign(self, key, start="20200101000000Z", end="20991231235959Z"):
        out = self.folder / f"{uuid.uuid4().hex}.pem"
        request = out.with_suffix(".csr.pem")
        run("openssl", "req", "-inform", "DER", "-in", key.request_path, "-out", request)
        run("openssl", "ca", "-batch", "-notext", "-preserveDN", "-config", self.folder / "ca.conf",
            "-cert", self.identity.certificate, "-keyfile", self.identity.key, "-in", request, "-out",
            out, "-startdate", start, "-enddate", end)
        return Identity(out, key.path)


def self_signed(key):
    out = key.path.with_suffix(".self.pem")
    run("openssl", "req", "-x509", "-key", key.path, "-subj", key.subject, "-days", "30", "-out", out)
    return Identity(out, key.path)


def _element(der, at):
    """Start and end of the content of the DER element at this place."""
    length, start = der[at + 1], at + 2
    if length >= 0x80:
        count = length & 0x7F
        length = int.from_bytes(der[start:start + count], "big")
        start += count
    return start, start + length


def certificates_in(certs_only):
    """The certificates in a certs-only CMS message (RFC 5652 section 5), in their order."""
    at = _element(certs_only, 0)[0]  # ContentInfo
    at = _element(certs_only, at)[1]  # behind contentType
    at = _element(certs_only, at)[0]  # [0] EXPLICIT
    at = _element(certs_only, at)[0]  # SignedData
    for _ in range(3):  # version, digestAlgorithms, encapContentInfo
        at = _element(certs_only, at)[1]
    assert certs_only[at] == 0xA0, "the message holds no certificates"
    at, end = _element(certs_only, at)
    found = []
    while at < end:
        behind = _element(certs_only, at)[1]
        found.append(certs_only[at:behind])
        at = behind
    return found


def fill(template, values):
    """A ready configuration with the words between @ signs filled in."""
    text = template.read_text()
    for word, value in values.items():
        text = text.replace(f"@{word}@", str(value))
    return text


# ---- certvendor --------------------------------------------------------------------------------


class Lab:
    """One certvendor with its own database and folder; nginx and HAProxy where they are asked for."""

    def __init__(self, name, postgres, announce="explicit", settings=None):
        self.folder = VAR / name
        self.folder.mkdir(mode=0o755)
        self.keys = self.folder / "keys"
        self.keys.mkdir(mode=0o700)
        self.postgres = postgres
        self.database = name
        self.announce = announce
        self.settings = settings or {}
        self.environment = {}
        self.ports = {listener: free_port() for listener in LISTENERS}
        self.config = self.folder / "certvendor.conf"
        self.token_file = self.folder / "admin.token"
        self.root = self.folder / "pki/root.pem"
        self.log = self.folder / "certvendor.log"
        self.nginx_log = self.folder / "nginx/error.log"
        self.gateway_socket = self.folder / "gateway.sock"
        self.process = None
        self.nginx = None
        self.nginx_port = None
        self.backend_port = None
        self.haproxy = None
        self.haproxy_port = None
        self.gateway = None

    # -- making and ending it

    def prepare(self):
        self.postgres.create_database(self.database)
        self.write_config()
        self.program("migrate")
        self.init()
        return self

    def join(self, other):
        """Another server of the same database, with the same keys."""
        self.database, self.token_file, self.root = other.database, other.token_file, other.root
        self.gateway = other.gateway
        self.settings.setdefault("signer", {})["directory"] = other.folder / "pki"
        self.write_config()
        return self

    def write_config(self):
        sections = {listener: {"listen": f"127.0.0.1:{port}"} for listener, port in self.ports.items()}
        sections["database"] = {"url": self.postgres.url(self.database)}
        sections["signer"] = {"directory": "pki"}
        for section, values in self.settings.items():
            sections.setdefault(section, {}).update(values)
        lines = []
        for section, values in sections.items():
            lines += [f"[{section}]"] + [f"{key} = {value}" for key, value in values.items()]
        self.config.write_text("\n".join(lines) + "\n")

    def program(self, *words, **more):
        return run(BINARY, "--config", self.config, *words, **more)

    def init(self, **more):
        result = self.program("init", "--factory", FACTORY, "--announce", self.announce, "--token-file",
                              self.token_file, **more)
        self.note_secrets()
        return result

    def note_secrets(self):
        for path in [self.token_file, *(self.folder / "pki").rglob("*passphrase*")]:
            if path.is_file():
                SECRETS.add(path.read_text().strip())

    @property
    def token(self):
        return self.token_file.read_text().strip()

    def launch(self):
        """Starts the process and does not wait for it."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "--config", self.config, "serve"], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=clean_environment(**self.environment))

    def start(self):
        self.launch()
        wait_until(self.is_ready, "certvendor is ready", pause=0.01)
        return self

    def is_ready(self):
        code = self.process.poll()
        assert code is None, f"certvendor ended with {code}:\n{tail(self.log)}"
        try:
            return self.monitor("/readyz").status == 200
        except OSError:
            return False

    def stop(self):
        return end_process(self.process)

    def kill(self):
        end_process(self.process, signal.SIGKILL)

    def pause(self):
        """Until SIGCONT. The signal is sent at once, and each thread stops a little later."""
        self.process.send_signal(signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        wait_until(lambda: all((task / "stat").read_text().rpartition(")")[2].split()[0] == "T"
                               for task in tasks.iterdir()), "every thread stands still", pause=0.001)

    def close(self):
        """Ends everything; a server that still runs must end well."""
        for gateway in (self.haproxy, self.nginx):
            if gateway is not None:
                end_process(gateway)
        if self.process is not None and self.process.poll() is None:
            code = self.stop()
            assert code == 0, f"certvendor ended with {code}:\n{tail(self.log)}"

    def have_factory(self, name):
        """Of tests that share a server the first makes it."""
        assert self.operator("POST", "/v1/factories", {"name": name}).status in (201, 409)

    def add_gateway(self, name="gateway", sources=("rfc9440", "pem", "sha256"), options=()):
        key = Key(self.keys, f"/CN={name}")
        request = key.path.with_suffix(".csr.pem")
        run("openssl", "req", "-inform", "DER", "-in", key.request_path, "-out", request)
        out = key.path.with_suffix(".pem")
        words = [word for source in sources for word in ("--source", source)]
        self.cli("gateway", "add", name, "--csr", request, "--out", out, *words, *options)
        return Identity(out, key.path)

    def add_operator(self, name, role, factories=None):
        """Who logs in with a certificate."""
        key = Key(self.keys, f"/CN={name}")
        order = {"name": name, "role": role, "csr": pem_request(key)}
        if factories is not None:
            order["factories"] = factories
        answer = self.operator("POST", "/v1/operator-certificates", order)
        assert answer.status == 201, answer
        path = key.path.with_suffix(".pem")
        path.write_text(answer.json()["certificate"])
        return Identity(path, key.path)

    def start_nginx(self, is_caching=False):
        """A gateway, and the server behind it and behind HAProxy."""
        folder = self.folder / "nginx"
        folder.mkdir(mode=0o755)
        self.nginx_port, self.backend_port = free_port(), free_port()
        text = fill(NGINX_TEMPLATE, {
            "FOLDER": folder,
            "NGINX_LISTEN": f"127.0.0.1:{self.nginx_port}",
            "BACKEND_LISTEN": f"127.0.0.1:{self.backend_port}",
            "CHECK_ADDRESS": f"127.0.0.1:{self.ports['gateway']}",
            "CHECK_NAME": "localhost",
            "SERVER_CERT": self.folder / "pki/device.pem",
            "SERVER_KEY": self.folder / "pki/device.key",
            "ROOT_CA": self.root,
            "GATEWAY_CERT": self.gateway.certificate,
            "GATEWAY_KEY": self.gateway.key,
        })
        if is_caching:
            text = re.sub("#CACHE ", "", text)
        (folder / "nginx.conf").write_text(text)
        self.nginx = self._start_gateway(
            "nginx", folder, self.nginx_port, "-e", self.nginx_log, "-p", folder, "-c",
            folder / "nginx.conf")

    def start_haproxy(self):
        folder = self.folder / "haproxy"
        folder.mkdir(mode=0o700)
        self.haproxy_port = free_port()
        for name, pair in (("server", (self.folder / "pki/device.pem", self.folder / "pki/device.key")),
                           ("gateway", (self.gateway.certificate, self.gateway.key))):
            for path, suffix in zip(pair, ("", ".key")):
                (folder / f"{name}.pem{suffix}").write_text(path.read_text())
        (folder / "haproxy.cfg").write_text(fill(HAPROXY_TEMPLATE, {
            "FOLDER": folder,
            "SCRIPT": HAPROXY_TEMPLATE.with_name("certvendor.lua"),
            "LISTEN": f"127.0.0.1:{self.haproxy_port}",
            "BACKEND": f"127.0.0.1:{self.backend_port}",
            "CHECK_ADDRESS": f"127.0.0.1:{self.ports['gateway']}",
            "CHECK_NAME": "localhost",
            "SERVER_PAIR": folder / "server.pem",
            "ROOT_CA": self.root,
            "GATEWAY_PAIR": folder / "gateway.pem",
        }))
        self.haproxy = self._start_gateway(
            "haproxy", folder, self.haproxy_port, "-db", "-f", folder / "haproxy.cfg")

    @staticmethod
    def _start_gateway(name, folder, port, *words):
        program = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        with open(folder / "output", "wb") as output:
            process = subprocess.Popen(
                [program, *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=clean_environment())

        def answers():
            assert process.poll() is None, f"{name} ended:\n{tail(folder / 'output')}"
            return port_answers(port)

        wait_until(answers, f"{name} listens")
        return process

    def reload(self):
        """True when the configuration was taken."""
        before = self.events("reloaded", "reload-refused")
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(self.events("reloaded", "reload-refused")) > len(before), "reloaded")
        return self.events("reloaded", "reload-refused")[-1]["event"] == "reloaded"

    def events(self, *names):
        """Log lines about these events."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]
        return [line for line in lines if line["event"] in names]

    def query(self, statement):
        return self.postgres.query(statement, self.database)

    @contextlib.contextmanager
    def holding(self, statement):
        """What it locks, until the end."""
        holder = subprocess.Popen(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.postgres.folder, "-p", "5432", "-U", "certvendor", "-d", self.database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment())
        try:
            holder.stdin.write(f"BEGIN; {statement}; SELECT 'locked';\n")
            holder.stdin.flush()
            while (line := holder.stdout.readline()) != "locked\n":
                assert line, "the statement failed"
            yield
        finally:
            holder.communicate("COMMIT;\n")

    # -- its doors

    def client(self, listener, identity=None, source=None):
        if listener in ("public", "monitoring"):
            return Client(self.ports[listener], source=source)
        port = {"nginx": self.nginx_port, "haproxy": self.haproxy_port}.get(listener) or self.ports[listener]
        return Client(port, self.root, identity, source)

    def raw(self, listener, identity=None):
        is_plain = listener in ("public", "monitoring")
        return Raw(self.ports[listener], None if is_plain else self.root, identity)

    def send(self, listener, method, path, identity=None, body=None, headers=(), source=None):
        with self.client(listener, identity, source) as client:
            return client.send(method, path, body, headers)

    def monitor(self, path):
        return self.send("monitoring", "GET", path)

    def through_nginx(self, identity, headers=()):
        return self.send("nginx", "GET", "/hello", identity, headers=headers)

    def check(self, der=None, headers=(), gateway=None, path="/v1/check", method="GET"):
        """What a gateway asks. der: forwarded as RFC 9440 says."""
        pairs = list(headers.items() if isinstance(headers, dict) else headers)
        if der is not None:
            pairs.append(("Client-Cert", rfc9440(der)))
        return self.send("gateway", method, path, gateway or self.gateway, headers=pairs)

    def operator(self, method, path, body=None, token=None, headers=(), source=None, identity=None):
        """With a token, that of the first admin, or with the certificate of an operator."""
        data = None if body is None else json.dumps(body).encode()
        pairs = list(headers.items() if isinstance(headers, dict) else headers)
        if token or identity is None:
            pairs.append(("Authorization", f"Bearer {token or self.token}"))
        answer = self.send("operator", method, path, identity, data, pairs, source)
        operator_description.check(method, path, answer)
        return answer

    def cli(self, *words, **more):
        return run(BINARY, "--server", f"https://127.0.0.1:{self.ports['operator']}", "--ca", self.root,
                   "--token-file", self.token_file, *words, **more)

    def enrolment_token(self, **order):
        answer = self.operator("POST", "/v1/enrolment-tokens", order)
        assert answer.status == 201, answer
        token = answer.json()["token"]
        SECRETS.add(token)
        return token

    def metric(self, line_start):
        """The value of a series, or the sum of all series with this name or these first labels."""
        values = [float(line.rsplit(" ", 1)[1]) for line in self.monitor("/metrics").body.decode().splitlines()
                  if line.startswith(line_start) and (line[len(line_start)] in "{ ," or line_start[-1] in ",}")]
        assert values, f"no metric {line_start}"
        return sum(values)

    def device(self, name=None):
        return Device(self, name or str(uuid.uuid4()))

    def enrolled_device(self):
        device = self.device()
        device.enrol()
        answer = device.show()
        assert answer.status == 200, answer
        return device


def rfc9440(der):
    return f":{base64.b64encode(der).decode()}:"


def basic(password, user=""):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Device:
    """A device with the identity that it uses. What it asks is sent with that, or with another."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.subject = f"/OU={FACTORY}/CN={name}"
        self.identity = None

    def new_key(self, **more):
        return Key(self.lab.keys, self.subject, **more)

    def est(self, operation, request, identity=None, headers=()):
        pairs = [("Content-Type", "application/pkcs10")]
        pairs += list(headers.items() if isinstance(headers, dict) else headers)
        return self.lab.send("device", "POST", f"{EST}/{operation}", identity, base64.b64encode(request),
                             pairs)

    def enrol(self, key=None, token=None):
        key = key or self.new_key()
        token = token or self.lab.enrolment_token(device=self.name)
        answer = self.est("simpleenroll", key.request, headers={"Authorization": basic(token)})
        assert answer.status == 200, answer
        self.identity = key.with_certificate(issued(answer))
        return self.identity

    def reenrol(self, key, identity=None):
        """The identity of a new key. It is not used yet."""
        answer = self.est("simplereenroll", key.request, identity or self.identity)
        assert answer.status == 200, answer
        return key.with_certificate(issued(answer))

    def announce(self, key, identity=None):
        body = json.dumps({"next_pubkey": key.public_pem}).encode()
        return self.lab.send("device", "PATCH", "/device", identity or self.identity, body,
                             {"Content-Type": "application/json"})

    def show(self, identity=None):
        return self.lab.send("device", "GET", "/device", identity or self.identity)

    def check(self, identity=None):
        return self.lab.check((identity or self.identity).der)

    def rotate(self):
        """Returns the identity that was replaced."""
        key = self.new_key()
        fresh = self.reenrol(key)
        assert self.announce(key).status == 200
        assert self.show(fresh).status == 200
        replaced, self.identity = self.identity, fresh
        return replaced


def issued(answer):
    """The one certificate of an enrolment answer."""
    found = certificates_in(base64.b64decode(answer.body))
    assert len(found) == 1, f"{len(found)} certificates in one answer"
    return found[0]
