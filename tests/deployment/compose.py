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
from collections.abc import Collection, Iterable
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from pyzn_local.ports import free_port, is_taken
from pyzn_local.postgres import Postgres, binary
from pyzn_local.services import Service, launch, wait

ROOT = Path(__file__).parents[2]
PORTS = ("5432", "4000", "3000", "5200", "9050", "9060")
LISTENS = {"postgres": "5432", "code": "4000", "webserver": "3000", "api": "5200", "bigquery": "9050"}
GRACE = {"postgres": 120}  # seconds before Docker kills; as stop_grace_period has it, 10 for what says nothing


def example() -> str:
    """.env.example as someone fills it in who wants the demo: commented lines taken, passwords given a value."""
    lines = re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    chosen = {name: value for name, value in lines if value} | {
        name: f"{name.lower()}-of-the-test" for name, value in lines if name.endswith("PASSWORD") and not value
    }
    return "".join(f"{name}={value}\n" for name, value in chosen.items())


def variables(text: str) -> dict[str, str]:
    """What a `.env` sets, as Compose reads it: in single quotes, a value is what is between them."""
    lines = re.findall(r"^([A-Z_]+)=(?:'(.*)'|(.*))$", text, re.MULTILINE)
    for name, _, bare in lines:
        assert "$" not in bare, f"{name}: Compose would take $ for a variable"
    return {name: quoted or bare for name, quoted, bare in lines}


def example_environment() -> dict[str, str]:
    """What `example` sets."""
    return variables(example())


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
        if isinstance(value, str):
            while (inner := re.sub(r"\$\{(\w+)(?::([-?])([^${}]*))?\}", substitute, value)) != value:
                value = inner
        return value

    file = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return {key: interpolate(value) for key, value in file.items() if not key.startswith("x-")}


class Deployment:
    """The services of the compose file, their state below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configure(example_environment())
        self.running: dict[str, Service] = {}
        self._started_as: dict[str, Any] = {}
        self._ports = {port: str(free_port()) for port in PORTS}
        self._postgres = Postgres(folder / "postgres", int(self._ports["5432"]))
        self.dagster_home = folder / "dagster"
        (self.dagster_home / "storage").mkdir(parents=True)
        shutil.copy(ROOT / "dagster.yaml", self.dagster_home)
        self.workdir = folder / "app"
        self.workdir.mkdir()

    def configure(self, environment: dict[str, str]) -> None:
        """Read the file with these variables; what runs goes on as it is until `up`."""
        self.file = load(environment)
        self._profiles = set(environment.get("COMPOSE_PROFILES", "").split(","))

    @property
    def services(self) -> dict[str, Any]:
        """The services that the profiles turn on by name, each as the file describes it."""
        return {
            name: service
            for name, service in self.file["services"].items()
            if not service.get("profiles") or self._profiles & set(service["profiles"])
        }

    def needs(self, name: str) -> list[str]:
        """The services that it depends on, without those that are turned off."""
        return [other for other in self.file["services"][name].get("depends_on", {}) if other in self.services]

    def order(self) -> list[str]:
        """The services' names, each after those it depends on."""
        return list(TopologicalSorter({name: self.needs(name) for name in self.services}).static_order())

    def url(self, port: int) -> str:
        """Where the service with that port answers."""
        return f"http://127.0.0.1:{self._ports[str(port)]}"

    def environment(self, service: str) -> dict[str, str]:
        """What a process of that service finds in its environment: the image's, and the file's."""
        environment = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(Path(binary("psql")).parent), os.defpath]),
            "HOME": str(self.folder),
            "DAGSTER_HOME": str(self.dagster_home),
            "PYTHONUNBUFFERED": "1",
            "PGPORT": self._ports["5432"],
        } | {
            name: "127.0.0.1" if value in LISTENS else self._here(value)
            for name, value in self.file["services"][service].get("environment", {}).items()
        }
        if "PGPASSWORD" in environment:
            environment["PGPASSWORD"] = self._postgres.password  # it chose its own
        return environment

    def start(self, name: str) -> None:
        """Start a service; what it depends on must be as it asks for."""
        self._started_as[name] = self.services[name]
        if name == "postgres":
            self.running[name] = self._start_postgres()
        else:
            self.running[name] = launch(
                name,
                self.command(name),
                self.environment(name),
                self.folder / f"{name}.log",
                lambda: self._listens(name) and self.is_healthy(name),
                folder=self.folder_of(name),
            )

    def _listens(self, name: str) -> bool:
        """Whether it is worth asking: a health check that fails costs seconds of the processor the service needs."""
        return name not in LISTENS or is_taken(int(self._ports[LISTENS[name]]))

    def is_healthy(self, name: str) -> bool:
        """What the service's own health check says."""
        check = self.file["services"][name]["healthcheck"]["test"]
        return self.run(name, *[self._here(word) for word in check[1:]]).returncode == 0

    def up(self, without: str | None = None, only: Iterable[str] | None = None) -> None:
        """`docker compose up --wait`, for all services or `only` some.

        What runs otherwise than the file now says is stopped, what does not run is started in order, each service once
        those it depends on are healthy or done.
        """
        wanted = set(self.services if only is None else only)
        self.end([name for name in self.running if name in wanted and self._started_as[name] != self.services[name]])
        starting: dict[str, Service] = {}
        for name in self.order():
            if name == without or name in self.running or name not in wanted:
                continue
            wait([starting.pop(other) for other in self.needs(name) if other in starting], timeout=60)
            if self.services[name]["restart"] == "on-failure":
                self.finish(name)
            else:
                self.start(name)
                starting[name] = self.running[name]
        wait(list(starting.values()), timeout=60)

    def finish(self, name: str) -> None:
        """Run a service that does its work and ends."""
        done = self.run(name, *self.command(name))
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

    def command(self, name: str, *instead: str) -> list[str]:
        """What a container of that service runs, with `instead` of its own command if there is any."""
        service = self.file["services"][name]
        return [self._here(word) for word in [*service.get("entrypoint", []), *(instead or service["command"])]]

    def end(self, names: Collection[str]) -> None:
        """Stop those services that run, the youngest first, as `docker compose stop` does."""
        for name in [name for name in reversed(self.running) if name in names]:
            process = self.running.pop(name).process
            process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
            try:
                process.wait(GRACE.get(name, 10))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def folder_of(self, name: str) -> Path:
        """Where its processes begin: the image's folder, or the volume that the file names."""
        if "working_dir" not in self.file["services"][name]:
            return self.workdir
        (self.folder / name).mkdir(exist_ok=True)
        return self.folder / name

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
            cwd=self.folder_of(service),
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
        self.end(["postgres"])

    def _start_postgres(self) -> Service:
        """The embedded server with the service's settings."""
        server = self._postgres
        server.create()
        settings = [word for word in self.services["postgres"]["command"][1:] if word != "-c"]
        process = server.start(*settings)
        service = Service("postgres", process, server.is_ready, server.home / "log")
        wait([service])
        service.ready = lambda: self.is_healthy("postgres")
        return service

    def _here(self, text: str) -> str:
        """A command's word or a variable's value, for processes on this machine."""
        text = re.sub(rf"\b({'|'.join(LISTENS)})(?=:\d)", "127.0.0.1", text)
        text = re.sub(rf"\b({'|'.join(PORTS)})\b", lambda match: self._ports[match[1]], text)
        text = text.replace("0.0.0.0", "127.0.0.1").replace("/app/", f"{ROOT}/")  # noqa: S104 - the word, not a binding
        text = text.replace("/deploy/", f"{ROOT}/deploy/")
        text = text.replace("/run/secrets/google_credentials", self.file["secrets"]["google_credentials"]["file"])
        return text.replace("/data", str(self.folder / "bigquery"))
