"""A certvendor in a container, as devices and operators see it from outside."""
import http.client
import json
import socket
import ssl

from certvendor_lab import Answer

PATIENCE = 60


class _Connection(http.client.HTTPSConnection):
    """To an address, with the name that the certificate must have."""

    def __init__(self, address, port, name, context):
        super().__init__(name, port, timeout=PATIENCE, context=context)
        self.address = address
        self.tls = context

    def connect(self):
        plain = socket.create_connection((self.address, self.port), timeout=PATIENCE)
        self.sock = self.tls.wrap_socket(plain, server_hostname=self.host)


class Site:
    """addresses: of each listener, a pair (address, port). What Device of the other tests needs."""

    def __init__(self, folder, addresses, root, token, name="localhost"):
        self.keys = folder / "keys"
        self.keys.mkdir()
        self.addresses = addresses
        self.root = root
        self.token = token
        self.name = name

    def send(self, listener, method, path, identity=None, body=None, headers=(), root=None, name=None):
        context = ssl.create_default_context(cafile=str(root or self.root))
        if identity is not None:
            context.load_cert_chain(identity.certificate, identity.key)
        connection = _Connection(*self.addresses[listener], name or self.name, context)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def enrolment_token(self, **order):
        answer = self.send("operator", "POST", "/v1/enrolment-tokens", body=json.dumps(order).encode(),
                           headers={"Authorization": f"Bearer {self.token}"})
        assert answer.status == 201, answer
        return answer.json()["token"]
