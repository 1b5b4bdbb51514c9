"""A receiver of events: it answers as it is told, and keeps what it was sent."""
import base64
import hashlib
import hmac
import http.server
import json
import socket
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from certvendor_lab import SECRETS, wait_until


class Received:
    def __init__(self, path, headers, body):
        self.path = path
        self.headers = headers
        self.body = body
        self.at = time.monotonic()

    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json()["message"]

    @property
    def payload(self):
        return json.loads(base64.b64decode(self.message["data"], validate=True))


class Receiver:
    """plan: what the next requests get, each a status, "hang", "close", a call or (status, headers); then 204."""

    def __init__(self, plan=(), identity=None):
        self.plan = list(plan)
        self.received = []
        self.lock = threading.Lock()
        self.must_end = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    receiver.received.append(Received(self.path, self.headers, body))
                    step = receiver.plan.pop(0) if receiver.plan else 204
                self.answer(step() if callable(step) else step)

            do_GET = do_POST

            def answer(self, step):
                if step == "hang":
                    receiver.must_end.wait(60)
                if step in ("hang", "close"):
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, headers = step if isinstance(step, tuple) else (step, {})
                if status == 102:
                    self.wfile.write(b"HTTP/1.1 102 Processing\r\n\r\n")
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", "2")
                self.end_headers()
                if status != 204:
                    self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if identity is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*identity)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.scheme = "https"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path="/push"):
        return f"{self.scheme}://localhost:{self.server.server_port}{path}"

    def wait(self, count=1):
        """The first so many requests."""
        wait_until(lambda: len(self.received) >= count, f"{count} messages came")
        return self.received[:count]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.must_end.set()
        self.server.shutdown()
        self.server.server_close()


def decode_part(text):
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified_claims(received, keys):
    """The claims of the token of a push message, once its signature is right. keys: kid to certificate."""
    scheme, token = received.headers["Authorization"].split(" ")
    assert scheme == "Bearer"
    SECRETS.add(token)
    header, claims, signature = token.split(".")
    head = json.loads(decode_part(header))
    assert head["alg"] == "RS256" and head["typ"] == "JWT"
    certificate = x509.load_pem_x509_certificate(keys[head["kid"]].encode())
    certificate.public_key().verify(
        decode_part(signature), f"{header}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return json.loads(decode_part(claims)) | {"kid": head["kid"]}


def signature_is_good(received, secret, tolerance=300):
    """As docs/protocol/webhooks.md says."""
    values = dict(each.split("=", 1) for each in received.headers["Certvendor-Signature"].split(","))
    text = values["t"].encode() + b"." + received.body
    expected = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, values["v1"]) and abs(time.time() - int(values["t"])) < tolerance
