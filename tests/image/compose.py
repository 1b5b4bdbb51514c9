"""Starts the services of a compose file in containers, by what the file says and nothing else.

It knows the keys that our file uses. Any other is an error, so that nothing in the file is ignored silently.
"""
import pathlib
import re
import time

import yaml

from container import Container, Image, Volume

# How often an engine would ask is not tested, only what it asks.
PATIENCE = 60
PAUSE = 0.2

SERVICE_KEYS = {
    "image", "build", "profiles", "entrypoint", "command", "user", "environment", "secrets", "volumes", "tmpfs",
    "ports", "depends_on", "healthcheck", "read_only", "cap_drop", "security_opt", "stop_grace_period", "restart",
}
HEALTHCHECK_KEYS = {"test", "interval", "timeout", "retries"}
CONDITIONS = {"service_healthy", "service_completed_successfully"}


class ComposeError(AssertionError):
    pass


def demand(is_true, problem):
    if not is_true:
        raise ComposeError(problem)


class Project:
    """secrets: the folder that stands in for the one the file names. images: folder of each image."""

    def __init__(self, path, folder, network, images, secrets):
        self.base = pathlib.Path(path).parent
        self.folder = folder
        self.network = network
        self.images = images
        self.secrets = secrets
        self.running = {}
        self.finished = set()
        self.file = yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8"))
        unknown = {key for key in self.file if not key.startswith("x-")} - {"services", "volumes", "secrets"}
        demand(not unknown, f"unknown keys {unknown}")
        for name, service in self.file["services"].items():
            self._check(name, service)
            network.attach(name)

    @staticmethod
    def _check(name, service):
        demand(set(service) <= SERVICE_KEYS, f"{name}: unknown keys {set(service) - SERVICE_KEYS}")
        demand(service.get("read_only") is True, f"{name}: not read-only")
        demand(set(service.get("healthcheck", {})) <= HEALTHCHECK_KEYS, f"{name}: unknown keys in healthcheck")
        demand(service.get("cap_drop", ["ALL"]) == ["ALL"], f"{name}: some capabilities stay")
        for other, how in service.get("depends_on", {}).items():
            demand(set(how) == {"condition"} and how["condition"] in CONDITIONS, f"{name}: {other}: {how}")
        for value in service.get("environment", {}).values():
            demand(isinstance(value, str) and "$" not in value, f"{name}: {value!r} is no plain text")

    # -- what a service says

    def _mounts(self, service):
        found = []
        for secret in service.get("secrets", []):
            demand(secret in self.file["secrets"], f"no secret {secret}")
            path = pathlib.Path(self.file["secrets"][secret]["file"])
            source = self.secrets / path.name
            demand(source.is_file(), f"the secret {secret} has no file {source}")
            found.append((source, f"/run/secrets/{secret}", True))
        for text in service.get("volumes", []):
            source, target, *mode = text.split(":")
            demand(mode in ([], ["ro"]), text)
            if source.startswith("."):
                path = (self.base / source).resolve()
                demand(path.exists(), f"{text}: there is no {path}")
                found.append((path, target, bool(mode)))
            else:
                demand(source in self.file["volumes"], f"no volume {source}")
                found.append((Volume(self.folder / f"volume-{source}"), target, bool(mode)))
        return found

    def _container(self, name, words):
        service = self.file["services"][name]
        demand(service["image"] in self.images, f"{name}: nothing stands in for {service['image']}")
        return Container(
            self.network, name, Image(self.images[service["image"]]), self.folder,
            entrypoint=service.get("entrypoint"), words=words or service.get("command"),
            environment=service.get("environment"), mounts=self._mounts(service),
            tmpfs=service.get("tmpfs", ()), user=service.get("user"),
            is_confined="no-new-privileges:true" in service.get("security_opt", []))

    # -- what "docker compose" does

    def up(self, *names):
        """Starts these services, or all that need no profile, each after what it depends on."""
        for name in names or [name for name, service in self.file["services"].items()
                              if "profiles" not in service]:
            if name not in self.running and name not in self.finished:
                self._wait_for_dependencies(name)
                self.running[name] = self._container(name, None).start()

    def run(self, name, *words):
        """Starts one container of a service to its end, and returns its exit code."""
        self._wait_for_dependencies(name)
        container = self._container(name, list(words)).start()
        try:
            return container.wait(PATIENCE)
        finally:
            container.remove()

    def _wait_for_dependencies(self, name):
        for other, how in self.file["services"][name].get("depends_on", {}).items():
            self.up(other)
            if how["condition"] == "service_healthy":
                self.wait_healthy(other)
            elif other not in self.finished:
                code = self.running.pop(other).wait(PATIENCE)
                demand(code == 0, f"{other} ended with {code}:\n{self.log(other)}")
                self.finished.add(other)

    def wait_healthy(self, name):
        container = self.running[name]
        service = self.file["services"][name]
        test = service["healthcheck"]["test"] if "healthcheck" in service else \
            container.image.config["Healthcheck"]["Test"]
        deadline = time.monotonic() + PATIENCE
        while True:
            code = container.process.poll()
            demand(code is None, f"{name} ended with {code}:\n{self.log(name)}")
            answer = container.test_health(test)
            if answer.returncode == 0:
                return
            demand(time.monotonic() < deadline, f"{name} is not healthy: {answer.stderr}\n{self.log(name)}")
            time.sleep(PAUSE)

    def stop(self, name):
        """The exit code; a service that takes longer than it may is a failure."""
        service = self.file["services"][name]
        container = self.running.pop(name)
        container.stop()
        return container.wait(int(re.fullmatch(r"(\d+)s", service.get("stop_grace_period", "10s"))[1]))

    def remove(self):
        for container in self.running.values():
            container.remove()
        self.running.clear()

    # -- what the tests ask

    def log(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def published(self, port):
        """Address and port inside, of a port that the file opens to the outside."""
        for name, service in self.file["services"].items():
            for text in service.get("ports", []):
                *_, outside, inside = text.split(":")
                if int(outside) == port:
                    return self.network.addresses[name], int(inside)
        raise ComposeError(f"no service opens port {port}")
