"""A project of docker-compose.yml in a container engine: a copy of the repository, its settings, its containers."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import httpx

from pyzn_local.ports import free_port
from tests.deployment.compose import ROOT, example
from tests.waiting import wait_until

ROUTES = [
    "/api/v2/projects/requests",
    "/api/projects/requests",
    "/api/v4/projects/requests/countries",
    "/api/v4/days",
    "/api/v4/top",
    "/badge/requests",
]
CONTENT = "SELECT day, revision, status, checksum FROM pyzn.days ORDER BY day"


@dataclass(frozen=True)
class Project:
    """One project of the engine: in `folder` are the repository's files and a `.env`, over which `settings` win."""

    folder: Path
    name: str
    settings: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return the environment of scripts."""
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"} or "DOCKER" in name}
        return {**kept, "COMPOSE_PROJECT_NAME": self.name, **self.settings}

    def docker(self, *words: str, may_fail: bool = False) -> str:
        """Run a docker command, which must succeed unless it `may_fail`, and return its output."""
        done = self._run(["docker", *words])
        assert may_fail or done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def inspect(self, service: str) -> list[dict[str, Any]]:
        """Return the engine's description of a service's containers."""
        found = self.docker("compose", "ps", "--all", "--quiet", service).split()
        described: list[dict[str, Any]] = json.loads(self.docker("inspect", *found)) if found else []
        return described

    def exec(self, service: str, *words: str) -> str:
        """Run a command in the service's container and return its output."""
        return self.docker("compose", "exec", "-T", service, *words)

    def api(self) -> str:
        """Return the API's address."""
        return f"http://{self.docker('compose', 'port', 'api', '5200')}"

    def running(self) -> dict[str, str]:
        """Return the running services and the ids of their containers."""
        lines = self.docker("compose", "ps", "--format", "{{.Service}} {{.ID}}").splitlines()
        return dict(line.split() for line in lines)

    def script(self, text: str) -> str:
        """Run a shell script, which must succeed, and return its output."""
        began = time.monotonic()
        done = self._run(["sh", "-ec", text])
        first = text.strip().splitlines()
        click.echo(f"{time.monotonic() - began:6.1f} s  {first[0][:90]}{' …' if len(first) > 1 else ''}")
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, **settings: str) -> None:
        """Write settings, and start what there is, or start it anew if they concern it."""
        self.configure(**settings)
        self.script("make start-containers")

    def sql(self, query: str) -> str:
        """Run a query in the database pyzn, as the page does, and return the output."""
        psql = "docker compose run --rm -T backup bash /deploy/postgres.sh psql --no-psqlrc --tuples-only --command"
        return self.script(f'{psql} "{query}"')

    def answers(self) -> list[tuple[int, bytes, str]]:
        """Return status, body and ETag of the API's answers to ROUTES, once the rankings are there."""
        with httpx.Client(base_url=self.api(), timeout=10) as client:
            wait_until(lambda: client.get("/api/v4/top").json().get("projects"), 120)
            got = [client.get(route) for route in ROUTES]
        return [(answer.status_code, answer.content, answer.headers["ETag"]) for answer in got]

    def configure(self, **settings: str) -> None:
        """Write settings into `.env`, each in place of what is there."""
        file = self.folder / ".env"
        kept = [line for line in file.read_text().splitlines() if line.partition("=")[0] not in settings]
        file.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in settings.items()), ""]))

    @contextmanager
    def elsewhere(self) -> Iterator["Project"]:
        """Yield a new machine with the same folder, on which nothing was started; it is removed at the end."""
        ports = {name: str(free_port()) for name in ("PYZN_API_PORT", "PYZN_UI_PORT")}
        settings = {"COMPOSE_PROFILES": "postgres,demo", "PYZN_PUBLIC_NETWORK": "172.30.54.0/24"}
        new = Project(self.folder, f"{self.name}-restored", ports | settings)
        try:
            yield new
        finally:
            new.remove()

    def other_postgres(self) -> str:
        """Start another server with the owner, password `moved`, and both databases empty. Returns its HOST:PORT."""
        name = f"{self.name}-other"
        network = ("--network", f"{self.name}_pipeline")
        self.docker("run", "--detach", "--name", name, *network, "--env", "POSTGRES_PASSWORD=x", "postgres:18")
        self.docker("network", "connect", f"{self.name}_public", name)  # as the world outside: `reading` has no way out
        make = "CREATE ROLE pyzn LOGIN CREATEROLE PASSWORD 'moved'"
        psql = ("exec", name, "psql", "--host", "127.0.0.1", "--username", "postgres", "-c", make)
        until(lambda: self.docker(*psql), 60)
        for database in ("pyzn", "dagster"):
            self.docker("exec", name, "createdb", "--username", "postgres", "--owner", "pyzn", database)
        return f"{name}:5432"

    def remove(self) -> None:
        """Remove everything of the project, except its images."""
        self.docker("rm", "--force", "--volumes", f"{self.name}-other", may_fail=True)
        self.docker("compose", "--profile", "*", "down", "--volumes", "--remove-orphans")


def until(attempt: Callable[[], object], seconds: float) -> None:
    """Try again until it does not fail. Raises its last error after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            attempt()
        except (AssertionError, httpx.TransportError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


def make_project(folder: Path, **settings: str) -> Path:
    """Copy the repository's files to a new folder, with a `.env` filled in from the example and these settings."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / ".env").write_text(example() + "".join(f"{name}={value}\n" for name, value in settings.items()))
    return folder
