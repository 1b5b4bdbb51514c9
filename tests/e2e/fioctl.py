"""fioctl, the operator's client of FoundriesFactory: what it sends, and how strictly it reads what comes back."""
import json

from certvendor_lab import FACTORY

HANDLER = "/usr/share/fioconfig/handlers/renew-client-cert"
SUCCESS = (200, 201, 202, 204)


def file(name, value, unencrypted=True, handlers=None):
    """A file as operators and devices write it; on-changed is left out where it is empty."""
    made = {"name": name, "value": value, "unencrypted": unencrypted}
    return {**made, "on-changed": handlers} if handlers else made


class Fioctl:
    """Slash at the end of each path, factory in the path or in the query."""

    def __init__(self, lab, token=None, factory=FACTORY):
        self.lab = lab
        self.token = token or lab.token
        self.of_factory = factory

    def ask(self, method, path, body=None, **query):
        if query:
            path += "?" + "&".join(f"{name.replace('_', '-')}={value}" for name, value in query.items())
        elif "?" not in path and not path.startswith("/ota/factories/"):
            path += f"?factory={self.of_factory}"
        headers = {"OSF-TOKEN": self.token, "User-Agent": "fioctl-v0.46", "Accept-Encoding": "gzip"}
        data = None
        if body is not None or method == "DELETE":
            data = b"" if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
            headers["Content-Type"] = "application/json"
        answer = self.lab.send("operator", method, path, body=data, headers=headers)
        if answer.status not in SUCCESS:
            # It prints message and errors of a JSON object, and of anything else nothing.
            assert answer.headers.get_content_type() == "application/json", answer
            assert isinstance(answer.json()["message"], str), answer
        return answer

    def get(self, path):
        answer = self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.json()

    def done(self, method, path, body=None):
        answer = self.ask(method, path, body)
        assert answer.status in SUCCESS, answer
        return answer

    def refused(self, method, path, status, body=None):
        answer = self.ask(method, path, body)
        assert answer.status == status, answer
        return answer.json()

    def show(self, name, is_uuid=False):
        """A device, by its name or its id."""
        return self.get(f"/ota/devices/{name}/?factory={self.of_factory}{'&by-uuid=1' * is_uuid}")

    # -- what is below a device, a group and the factory; their configuration where nothing else is said

    def device(self, method, name, rest="config/", body=None, **query):
        return self.ask(method, f"/ota/devices/{name}/{rest}", body, factory=self.of_factory, by_uuid=1, **query)

    def group(self, method, name, rest="config/", body=None, **query):
        return self.ask(method, f"/ota/factories/{self.of_factory}/device-groups/{name}/{rest}", body, **query)

    def factory(self, method, rest="config/", body=None):
        return self.ask(method, f"/ota/factories/{self.of_factory}/{rest}", body)

    def set(self, name, *files, reason="", **query):
        return self.device("PATCH", name, body={"reason": reason, "files": list(files)}, **query)

    def rotation_file(self, rotation_id="certs-1669058841"):
        return file("fio-rotate-certs", "ESTSERVER=https://est.example:8443/.well-known/est\nPKEYIDS=01,07\n"
                    f"CERTIDS=03,09\nROTATIONID={rotation_id}\n", handlers=[HANDLER])
