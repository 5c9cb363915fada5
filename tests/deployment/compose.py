"""docker-compose.yml without a container engine: its services as processes on loopback.

What a container gets from the file is what a process gets here: the command, the environment (and
nothing of the caller's), the health check, the order. Names of services become 127.0.0.1, ports
become free ones, paths of the image become the project's. What stays unproven is the engine's own part:
that the image builds, and that file systems, users and networks are as the file says.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from pyzn_local.ports import free_port, is_taken
from pyzn_local.postgres import Postgres, binary
from pyzn_local.services import Service, launch, wait

ROOT = Path(__file__).parents[2]
PORTS = ("5432", "4000", "3000", "5200", "9050", "9060")
LISTENS = {"code": "4000", "webserver": "3000", "api": "5200", "bigquery": "9050"}


def example_environment() -> dict[str, str]:
    """.env.example as someone fills it in who wants the demo: commented lines taken, empty ones given a value."""
    lines = re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    return {name: value for name, value in lines if value} | {
        name: f"{name.lower()}-of-the-test" for name, value in lines if name.endswith("PASSWORD") and not value
    }


def load(environment: dict[str, str]) -> dict[str, Any]:
    """The compose file with its variables in place, as `docker compose config` shows it."""

    def substitute(match: re.Match[str]) -> str:
        name, operator, argument = match.groups()
        value = environment.get(name, "")
        if not value and operator == "?":
            raise KeyError(f"{name}: {argument}")
        return value or (argument if operator == "-" else "")

    def interpolate(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: interpolate(item) for key, item in value.items()}
        if isinstance(value, list):
            return [interpolate(item) for item in value]
        return re.sub(r"\$\{(\w+)(?::([-?])([^}]*))?\}", substitute, value) if isinstance(value, str) else value

    file = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return {key: interpolate(value) for key, value in file.items() if not key.startswith("x-")}


class Deployment:
    """The services of the compose file, their state below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = load(example_environment())
        self.running: dict[str, Service] = {}
        self._ports = {port: str(free_port()) for port in PORTS}
        self.dagster_home = folder / "dagster"
        (self.dagster_home / "storage").mkdir(parents=True)
        shutil.copy(ROOT / "dagster.yaml", self.dagster_home)
        self.workdir = folder / "app"
        self.workdir.mkdir()

    @property
    def services(self) -> dict[str, Any]:
        """The services by name, each as the file describes it."""
        services: dict[str, Any] = self.file["services"]
        return services

    def order(self) -> list[str]:
        """The services' names, each after those it depends on."""
        return list(
            TopologicalSorter({name: service.get("depends_on", {}) for name, service in self.services.items()})
            .static_order()
        )  # fmt: skip

    def url(self, port: int) -> str:
        """Where the service with that port answers."""
        return f"http://127.0.0.1:{self._ports[str(port)]}"

    def environment(self, service: str) -> dict[str, str]:
        """What a process of that service finds in its environment: the image's, and the file's."""
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(Path(binary("psql")).parent), os.defpath]),
            "HOME": str(self.folder),
            "DAGSTER_HOME": str(self.dagster_home),
            "PYTHONUNBUFFERED": "1",
            "PGPORT": self._ports["5432"],
        } | {
            name: "127.0.0.1" if value in self.services else self._here(value)
            for name, value in self.services[service].get("environment", {}).items()
        }

    def start(self, name: str) -> None:
        """Start a service; what it depends on must be as it asks for."""
        if name == "postgres":
            self.running[name] = self._start_postgres()
        else:
            self.running[name] = launch(
                name,
                [self._here(word) for word in self.services[name]["command"]],
                self.environment(name),
                self.folder / f"{name}.log",
                lambda: self._listens(name) and self.is_healthy(name),
                folder=self.workdir,
            )

    def _listens(self, name: str) -> bool:
        """Whether it is worth asking: a health check that fails costs seconds of the processor the service needs."""
        return name not in LISTENS or is_taken(int(self._ports[LISTENS[name]]))

    def is_healthy(self, name: str) -> bool:
        """What the service's own health check says."""
        check = self.services[name]["healthcheck"]["test"]
        return self.run(name, *[self._here(word) for word in check[1:]]).returncode == 0

    def start_all(self, without: str | None = None) -> None:
        """Start everything in order, each service once those it depends on are healthy or done."""
        unhealthy: dict[str, Service] = {}
        for name in self.order():
            if name == without:
                continue
            needed = [unhealthy.pop(other) for other in self.services[name].get("depends_on", {}) if other in unhealthy]
            if "migrate" in [service.name for service in needed]:
                migrate = self.running.pop("migrate")
                assert migrate.process.wait(60) == 0, migrate.log.read_text()
            wait([service for service in needed if service.name != "migrate"], timeout=60)
            self.start(name)
            unhealthy[name] = self.running[name]
        wait(list(unhealthy.values()), timeout=60)

    def run(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """`docker compose exec SERVICE COMMAND`, to its end."""
        process = self.launch(service, *command)
        output, errors = process.communicate(timeout=170)
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def launch(self, service: str, *command: str) -> subprocess.Popen[str]:
        """The same, still running."""
        return subprocess.Popen(
            command,
            env=self.environment(service),
            cwd=self.workdir,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self, name: str) -> None:
        """SIGKILL to every process of the service, as when its container is killed."""
        process = self.running.pop(name).process
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End everything. Its state goes with it, so only Postgres, which leaves shared memory, is asked to stop."""
        for name in [name for name in self.running if name != "postgres"]:
            self.kill(name)
        if postgres := self.running.pop("postgres", None):
            postgres.process.send_signal(signal.SIGINT)
            postgres.process.wait(20)

    def _start_postgres(self) -> Service:
        """The embedded server with the service's settings; a new one is made as the image's entry point does it."""
        server = Postgres(self.folder / "postgres", int(self._ports["5432"]))
        new = not server.data.exists()
        server.create()
        settings = [word for word in self.services["postgres"]["command"][1:] if word != "-c"]
        process = server.start(*settings)
        service = Service("postgres", process, server.is_ready, server.home / "log")
        wait([service])
        if new:
            password = {"PGPASSWORD": server.password, "PGHOST": "127.0.0.1"}
            subprocess.run(
                ["sh", str(ROOT / "deploy" / "create_databases.sh")],
                env=self.environment("postgres") | password,
                check=True,
            )
        service.ready = lambda: self.is_healthy("postgres")
        return service

    def _here(self, text: str) -> str:
        """A command's word or a variable's value, for processes on this machine."""
        text = re.sub(rf"\b({'|'.join(self.services)})(?=:\d)", "127.0.0.1", text)
        text = re.sub(rf"\b({'|'.join(PORTS)})\b", lambda match: self._ports[match[1]], text)
        text = text.replace("0.0.0.0", "127.0.0.1").replace("/app/", f"{ROOT}/")  # noqa: S104 - the word, not a binding
        text = text.replace("/run/secrets/google_credentials", self.file["secrets"]["google_credentials"]["file"])
        return text.replace("/data", str(self.folder / "bigquery"))
