"""A real RabbitMQ that takes MQTT clients by their certificates and asks certvendor about their names."""
import pathlib
import shutil
import socket
import subprocess

import pytest

from certvendor_lab import clean_environment, end_process, free_port, tail, tls_context, wait_until

PROGRAM = next(pathlib.Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"), None)

pytestmark = pytest.mark.skipif(PROGRAM is None or shutil.which("epmd") is None, reason="needs rabbitmq-server")

SETTINGS = """
listeners.tcp = none
log.console = true
log.console.level = info
auth_backends.1 = http
ssl_cert_login_from = common_name
mqtt.listeners.tcp = none
mqtt.listeners.ssl.1 = 127.0.0.1:{PORT}
mqtt.ssl_cert_login = true
mqtt.allow_anonymous = false
ssl_options.cacertfile = {DEVICE_CA}
ssl_options.certfile = {SERVER_CERT}
ssl_options.keyfile = {SERVER_KEY}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
ssl_options.depth = 3
auth_http.http_method = {METHOD}
auth_http.user_path = {CHECK}/user
auth_http.vhost_path = {CHECK}/vhost
auth_http.resource_path = {CHECK}/resource
auth_http.topic_path = {CHECK}/topic
"""
# What rabbitmq.conf has no words for.
ADVANCED = """
[{rabbitmq_auth_backend_http, [{ssl_options, [
    {cacertfile, "{ROOT_CA}"}, {certfile, "{GATEWAY_CERT}"}, {keyfile, "{GATEWAY_KEY}"}, {verify, verify_peer}]}]}].
"""
PLUGINS = "[rabbitmq_auth_backend_http,rabbitmq_auth_mechanism_ssl,rabbitmq_mqtt].\n"

# Return codes of CONNACK (MQTT 3.1.1 section 3.2.2.3).
ACCEPTED, BAD_CREDENTIALS, NOT_AUTHORISED = 0, 4, 5


def replace(template, values):
    for name, value in values.items():
        template = template.replace("{%s}" % name, str(value))
    return template


class Broker:
    def __init__(self, lab, folder, method):
        self.port = free_port()
        self.epmd_port = free_port()
        self.lab = lab
        self.log = folder / "log"
        folder.mkdir(parents=True)
        bundle = folder / "devices.pem"
        bundle.write_text((lab.folder / "pki/device-ca.pem").read_text() + lab.root.read_text())
        values = {
            "PORT": self.port, "METHOD": method, "DEVICE_CA": bundle, "ROOT_CA": lab.root,
            "SERVER_CERT": lab.folder / "pki/device.pem", "SERVER_KEY": lab.folder / "pki/device.key",
            "GATEWAY_CERT": lab.gateway.certificate, "GATEWAY_KEY": lab.gateway.key,
            "CHECK": f"https://localhost:{lab.ports['gateway']}/v1/broker/rabbitmq",
        }
        (folder / "rabbitmq.conf").write_text(replace(SETTINGS, values))
        (folder / "advanced.config").write_text(replace(ADVANCED, values))
        (folder / "enabled_plugins").write_text(PLUGINS)
        self.environment = clean_environment(
            HOME=str(folder), RABBITMQ_CONFIG_FILE=str(folder / "rabbitmq.conf"), RABBITMQ_CONF_ENV_FILE="/dev/null",
            RABBITMQ_ADVANCED_CONFIG_FILE=str(folder / "advanced.config"), RABBITMQ_MNESIA_BASE=str(folder / "db"),
            RABBITMQ_ENABLED_PLUGINS_FILE=str(folder / "enabled_plugins"), RABBITMQ_LOG_BASE=str(folder / "logs"),
            RABBITMQ_NODENAME="test@localhost", RABBITMQ_DIST_PORT=str(free_port()), ERL_EPMD_ADDRESS="127.0.0.1",
            ERL_EPMD_PORT=str(self.epmd_port), RABBITMQ_LOGS="-", LC_ALL="C.UTF-8")
        self.processes = []

    def start(self):
        self._launch(shutil.which("epmd"))
        self._launch(PROGRAM)
        wait_until(self._is_ready, "RabbitMQ is ready", timeout=60)
        return self

    def _launch(self, program):
        with open(self.log, "ab") as log:
            self.processes.append(subprocess.Popen([program], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                   env=self.environment))

    def _is_ready(self):
        assert self.processes[-1].poll() is None, f"RabbitMQ ended:\n{tail(self.log)}"
        return b"Server startup complete" in self.log.read_bytes()

    def close(self):
        for process in reversed(self.processes):
            end_process(process)

    def connect(self, identity, **words):
        return Session(self.port, self.lab.root, identity, **words)


def field(text):
    return len(text).to_bytes(2, "big") + text.encode()


class Session:
    """A client of MQTT 3.1.1, as far as the tests need one."""

    def __init__(self, port, ca, identity, username=None, password=None):
        plain = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket = tls_context(ca, identity).wrap_socket(plain, server_hostname="127.0.0.1")
        flags = 0x02 | (0x80 if username else 0) | (0x40 if password else 0)
        payload = field("c 1") + (field(username) if username else b"") + (field(password) if password else b"")
        self._send(0x10, field("MQTT") + bytes([4, flags, 0, 60]) + payload)
        self.outcome = self._receive()[1][1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _send(self, kind, body):
        assert len(body) < 128
        self.socket.sendall(bytes([kind, len(body)]) + body)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("closed by the broker")
            data += more
        return data

    def _receive(self):
        kind, size = self._exactly(2)
        return kind, self._exactly(size)

    def echo(self, topic, text):
        """Subscribes, publishes, and returns what came."""
        self._send(0x82, bytes([0, 1]) + field(topic) + bytes([0]))
        assert self._receive()[0] == 0x90
        self._send(0x30, field(topic) + text.encode())
        kind, body = self._receive()
        assert kind == 0x30
        return body[2 + len(topic):].decode()


@pytest.fixture(scope="module", params=("post",))
def broker(lab, request):
    broker = Broker(lab, lab.folder / f"rabbitmq-{request.param}", request.param)
    try:
        yield broker.start()
    finally:
        broker.close()


def refusals(lab):
    """Only refusals are in the log."""
    return [event.get("verdict") for event in lab.events("request") if event.get("route") == "/v1/broker/rabbitmq/user"]


def test_rabbitmq_lets_a_device_in_by_its_name(lab, broker):
    device = lab.enrolled_device()
    with broker.connect(device.identity) as session:
        assert session.outcome == ACCEPTED
        assert session.echo(f"a/{device.name}/b c", "hello") == "hello"
    before = len(refusals(lab))
    assert lab.operator("POST", f"/v1/devices/{device.name}/hold", {}).status == 200
    with broker.connect(device.identity) as session:
        assert session.outcome in (BAD_CREDENTIALS, NOT_AUTHORISED)
    wait_until(lambda: refusals(lab)[before:] == ["device-refused"], "it was certvendor that refused")
    assert lab.operator("POST", f"/v1/devices/{device.name}/release", {}).status == 200
    with broker.connect(device.identity) as session:
        assert session.outcome == ACCEPTED


def test_rabbitmq_lets_nobody_in_by_a_password(lab, broker):
    """With a user name and a password in CONNECT they go before the certificate."""
    device, other = lab.enrolled_device(), lab.enrolled_device()
    before = len(refusals(lab))
    with broker.connect(device.identity, username=other.name, password="x") as session:
        assert session.outcome in (BAD_CREDENTIALS, NOT_AUTHORISED)
    wait_until(lambda: refusals(lab)[before:] == ["no-certificate"], "it was certvendor that refused")
