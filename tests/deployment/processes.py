"""The services of docker-compose.yml as processes on loopback, where parts of them are killed.

A process gets the command, the environment (and nothing of the caller's) and the health check of its container. Names
of services become 127.0.0.1, ports free ones, paths of the image those of the project. Everything that only an engine
can show is tested in tests/containers.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from pyzn_local.ports import free_port, is_taken
from pyzn_local.postgres import Postgres, binary
from pyzn_local.services import Service, launch, wait
from tests.deployment.compose import ROOT, example_environment, load

PORTS = ("5432", "4000", "3000", "5200", "9050", "9060")
LISTENS = {"postgres": "5432", "code": "4000", "webserver": "3000", "api": "5200", "bigquery": "9050"}


class Processes:
    """The services of the demo, their state below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        environment = example_environment() | {"COMPOSE_PROFILES": "postgres,demo"}
        file = load(environment)
        profiles = {None, "postgres", "demo"}
        self._credentials = file["secrets"]["google_credentials"]["file"]
        self._all: dict[str, Any] = file["services"]
        self._services = {
            name: service for name, service in self._all.items() if profiles & set(service.get("profiles", [None]))
        }
        self.running: dict[str, Service] = {}
        self._ports = {port: str(free_port()) for port in PORTS}
        self._postgres = Postgres(folder / "postgres", int(self._ports["5432"]))
        self._dagster_home = folder / "dagster"
        (self._dagster_home / "storage").mkdir(parents=True)
        shutil.copy(ROOT / "dagster.yaml", self._dagster_home)

    def up(self) -> None:
        """Start every service as soon as those that it depends on are healthy or done."""
        needs = {
            name: set(service.get("depends_on", {})) & set(self._services) for name, service in self._services.items()
        }
        for name in TopologicalSorter(needs).static_order():
            wait([self.running[other] for other in needs[name] if other in self.running])
            if self._services[name]["restart"] == "on-failure":
                done = self.run(name, *self._services[name]["command"])
                assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
            else:
                self.start(name)
        wait(list(self.running.values()))

    def start(self, name: str) -> None:
        """Start a service."""
        command = [self._here(word) for word in self._services[name]["command"]]
        if name == "postgres":
            self._postgres.create()
            process = self._postgres.start(*[word for word in command[1:] if word != "-c"])
            service = Service(name, process, self._postgres.is_ready, self._postgres.home / "log")
            wait([service])
        else:
            log = self.folder / f"{name}.log"
            service = launch(name, command, self.environment(name), log, lambda: self._is_healthy(name), self.folder)
        self.running[name] = service

    def run(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the environment of a service, to its end."""
        return subprocess.run(
            [self._here(word) for word in command],
            env=self.environment(service), cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def kill(self, name: str) -> None:
        """SIGKILL to every process of the service, as when its container is killed."""
        process = self.running.pop(name).process
        with suppress(ProcessLookupError):  # it has ended already
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End everything. Only Postgres, which leaves shared memory, is stopped properly."""
        for name in [name for name in self.running if name != "postgres"]:
            self.kill(name)
        if postgres := self.running.pop("postgres", None):
            postgres.process.send_signal(signal.SIGINT)
            postgres.process.wait()

    def url(self, port: int) -> str:
        """Return the address of the service with that port."""
        return f"http://127.0.0.1:{self._ports[str(port)]}"

    def environment(self, service: str) -> dict[str, str]:
        """Return the environment of a service's processes: the image's, and the file's."""
        environment = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(Path(binary("psql")).parent), os.defpath]),
            "HOME": str(self.folder),
            "DAGSTER_HOME": str(self._dagster_home),
            "PYTHONUNBUFFERED": "1",
            "PGPORT": self._ports["5432"],
        } | {
            name: "127.0.0.1" if value in LISTENS else self._here(value)
            for name, value in self._all[service].get("environment", {}).items()
        }
        if "PGPASSWORD" in environment:
            environment["PGPASSWORD"] = self._postgres.password  # chosen by the embedded server
        return environment

    def _is_healthy(self, name: str) -> bool:
        if name in LISTENS and not is_taken(int(self._ports[LISTENS[name]])):
            return False  # a failing health check would cost seconds of the processor
        return self.run(name, *self._services[name]["healthcheck"]["test"][1:]).returncode == 0

    def _here(self, text: str) -> str:
        """Return a command's word or a variable's value for processes on this machine."""
        text = re.sub(rf"\b({'|'.join(LISTENS)})(?=:\d)", "127.0.0.1", text)
        text = re.sub(rf"\b({'|'.join(PORTS)})\b", lambda match: self._ports[match[1]], text)
        text = text.replace("0.0.0.0", "127.0.0.1").replace("/app/", f"{ROOT}/")  # noqa: S104 - the word, not a binding
        text = text.replace("/deploy/", f"{ROOT}/deploy/postgres/").replace(
            "/run/secrets/google_credentials", self._credentials
        )
        return text.replace("/data", str(self.folder / "bigquery"))
