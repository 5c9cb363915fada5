"""`make test-containers`: docker-compose.yml and docs/operations.md in a real container engine.

Builds the images and starts the demo from a copy of the repository, as a project of its own, and runs every block of
docs/operations.md in order (start, check, backfill, upgrade, rotate, back up, restore in a fresh project, move to
another Postgres). Then it kills each container, scales the API, keeps backups, exports, stops, starts and compares.
Prints a line a step; exits with 1 at the first thing that is not so, or where no engine is. The images stay.
"""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx

from pyzn_local.ports import free_port
from tests.deployment.compose import ROOT
from tests.deployment.page import CONTENT, Operator, make_project, run_page

PROJECT = "pyzn-test"


class Containers(Operator):
    """One project of the engine."""

    has_engine = True

    def __init__(self, project: Path, name: str, **settings: str) -> None:
        super().__init__(project)
        self.name = name
        self.settings = settings

    def environment(self) -> dict[str, str]:
        # What the shell has wins over `.env`: two projects of one folder differ by it.
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"} or "DOCKER" in name}
        return kept | {"COMPOSE_PROJECT_NAME": self.name} | self.settings

    def docker(self, *words: str) -> str:
        """What a docker command prints; it must succeed."""
        done = subprocess.run(
            ["docker", *words], cwd=self.project, env=self.environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def inspect(self, service: str) -> list[dict[str, Any]]:
        """Its containers, as the engine describes them."""
        found = self.docker("compose", "ps", "--all", "--quiet", service).split()
        described: list[dict[str, Any]] = json.loads(self.docker("inspect", *found)) if found else []
        return described

    def exec(self, service: str, *words: str) -> str:
        """What a command in the service's container prints."""
        return self.docker("compose", "exec", "-T", service, *words)

    def api(self) -> str:
        return f"http://{self.docker('compose', 'port', 'api', '5200')}"

    def running(self) -> dict[str, str]:
        lines = self.docker("compose", "ps", "--format", "{{.Service}} {{.ID}}").splitlines()
        return dict(line.split() for line in lines)

    @contextlib.contextmanager
    def elsewhere(self) -> Iterator[Operator]:
        ports = {name: str(free_port()) for name in ("PYZN_API_PORT", "PYZN_UI_PORT")}
        new = Containers(
            self.project,
            f"{PROJECT}-restored",
            COMPOSE_PROFILES="postgres,demo",
            PYZN_PUBLIC_NETWORK="172.30.54.0/24",
            **ports,
        )
        try:
            yield new
        finally:
            new.remove()

    def other_postgres(self) -> str:
        name = f"{self.name}-other"
        self.docker(
            "run", "--detach", "--name", name, "--network", f"{self.name}_pipeline", "--env", "POSTGRES_PASSWORD=x",
            "postgres:18",
        )  # fmt: skip
        self.docker("network", "connect", f"{self.name}_public", name)  # as the world outside: `reading` has no way out
        make = "CREATE ROLE pyzn LOGIN CREATEROLE PASSWORD 'moved'"
        until(
            lambda: self.docker("exec", name, "psql", "--host", "127.0.0.1", "--username", "postgres", "-c", make), 60
        )
        for database in ("pyzn", "dagster"):
            self.docker("exec", name, "createdb", "--username", "postgres", "--owner", "pyzn", database)
        return f"{name}:5432"

    def remove(self) -> None:
        """Everything of the project, but its images."""
        subprocess.run(
            ["docker", "rm", "--force", "--volumes", f"{self.name}-other"],
            env=self.environment(), capture_output=True, check=False,
        )  # fmt: skip
        self.docker("compose", "--profile", "*", "down", "--volumes", "--remove-orphans")


def until(attempt: Any, seconds: float) -> None:
    """Try again until it does not fail; its last error if it does so for `seconds`."""
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


def look_at_containers(deployment: Containers) -> None:
    """One image, its labels, limits, users and networks."""
    images = {service: deployment.inspect(service)[0] for service in (*deployment.running(), "migrate", "databases")}
    for service, container in images.items():
        host = container["HostConfig"]
        assert host["Memory"] > 0, service
        assert host["PidsLimit"] > 0, service
        assert "size=" in host["Tmpfs"]["/tmp"], service  # noqa: S108 - a mount's name
        assert host["ReadonlyRootfs"], service
        assert container["Config"]["User"] == (
            "" if service == "proxy" else "postgres" if service in {"postgres", "databases", "backup"} else "pyzn"
        ), service
    ours = {images[service]["Image"] for service in ("migrate", "code", "webserver", "daemon", "api")}
    assert len(ours) == 1, ours
    image = json.loads(deployment.docker("inspect", ours.pop()))[0]
    labels = image["Config"]["Labels"]
    assert image["RepoTags"] == [f"pyzn:{labels['org.opencontainers.image.version']}"], image["RepoTags"]
    assert labels["org.opencontainers.image.title"] == "PyZn"
    click.echo(f"          image {image['RepoTags'][0]}: {image['Size'] / 1e6:,.0f} MB")

    for other, port in (("webserver", 3000), ("code", 4000), ("bigquery", 9050)):
        (network,) = images[other]["NetworkSettings"]["Networks"].values()
        for host_name in (other, network["IPAddress"], network["Gateway"]):
            assert not reaches(deployment, "api", host_name, port), f"the API reaches {other} at {host_name}:{port}"
    assert reaches(deployment, "api", "postgres", 5432)
    assert reaches(deployment, "code", "webserver", 3000)

    absent = subprocess.run(
        ["docker", "compose", "run", "--rm", "pyzn", "up"],
        cwd=deployment.project, env=deployment.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "No such command 'up'" in absent.stderr + absent.stdout, absent


def reaches(deployment: Containers, service: str, host: str, port: int) -> bool:
    """Whether a process in the service's container can connect there."""
    script = f"import socket; socket.create_connection(({host!r}, {port}), timeout=3)"
    try:
        deployment.exec(service, "python", "-c", script)
    except AssertionError:
        return False
    return True


def look_at_proxy(deployment: Containers) -> None:
    """TLS, the API behind it, no metrics, and the client's address in the API's log."""
    port = int(deployment.docker("compose", "port", "proxy", "443").rpartition(":")[2])
    authority = deployment.exec("proxy", "cat", "/data/caddy/pki/authorities/local/root.crt")
    trusting = ssl.create_default_context(cadata=authority)

    def status(path: str) -> int:
        # Bytes on the wire: a client would normalise the path.
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
            trusting.wrap_socket(raw, server_hostname="localhost") as connection,
        ):
            connection.sendall(request.encode())
            return int(connection.recv(64).split()[1])

    until(lambda: one(status("/health-check"), 200), 60)
    for path in ("/metrics", "/metrics/", "//metrics", "/%6detrics", "/METRICS", "/x/../metrics"):
        one(status(path), 404)
    one(status("/api/v4/days?through=the-proxy"), 200)

    # Straight at the loopback port, as a proxy of one's own on this machine would.
    httpx.get(f"{deployment.api()}/api/v4/days", headers={"X-Forwarded-For": "198.51.100.7"}, timeout=10)
    log = deployment.docker("compose", "logs", "--no-log-prefix", "api")
    assert '"client": "198.51.100.7"' in log
    assert '"client": "203.0.113.9"' not in log, "a client on the internet told the API its own address"


def one(found: object, expected: object) -> None:
    """They are the same."""
    assert found == expected, f"{found!r}, not {expected!r}"


def kill_each(deployment: Containers) -> None:
    """Kill every process of each container; the engine must start it again, and it must become healthy."""
    for service in sorted(deployment.running()):
        (before,) = deployment.inspect(service)
        began = time.monotonic()
        subprocess.run(
            ["docker", "compose", "exec", "-T", service, "sh", "-c", "kill -9 -1"],
            cwd=deployment.project, env=deployment.environment(), capture_output=True, check=False,
        )  # fmt: skip

        def is_back(service: str = service, before: dict[str, Any] = before) -> None:
            (now,) = deployment.inspect(service)
            one(now["Id"], before["Id"])
            assert now["RestartCount"] > before["RestartCount"], f"{service} was not restarted"
            one(now["State"].get("Health", {}).get("Status"), "healthy")

        until(is_back, 180)
        click.echo(f"{time.monotonic() - began:6.1f} s  {service} killed, restarted and healthy")


def scale(deployment: Containers) -> None:
    """Two processes of the API, by the setting and by the option."""
    ports = [free_port() for _ in range(20)]
    first = next(port for port in ports if not any(taken(port + n) for n in range(4)))
    deployment.configure(PYZN_API_PORT=f"{first}-{first + 3}", PYZN_API_REPLICAS="2")
    deployment.script("make start-containers")
    one(len(deployment.inspect("api")), 2)
    deployment.script("docker compose up --detach --wait --scale api=3")
    addresses = {
        f"http://127.0.0.1:{binding['HostPort']}"
        for container in deployment.inspect("api")
        for binding in container["NetworkSettings"]["Ports"]["5200/tcp"]
    }
    one(len(addresses), 3)
    for address in addresses:
        one(httpx.get(f"{address}/api/v4/days", timeout=10).status_code, 200)
    deployment.configure(PYZN_API_PORT=str(first), PYZN_API_REPLICAS="1")
    deployment.script("make start-containers")


def taken(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def keep_backups(deployment: Containers) -> None:
    """When the newest dump is old, there is a new one within two minutes, and two are kept."""
    deployment.configure(PYZN_BACKUPS_KEPT="2")
    deployment.script("make start-containers")
    deployment.exec("backup", "sh", "-c", "touch pyzn-2026-01-01.dump pyzn-2026-01-02.dump pyzn-2026-01-03.dump")
    deployment.exec("backup", "sh", "-c", "touch -d '2 days ago' pyzn-*.dump")
    before = deployment.exec("backup", "ls").split()

    def is_new() -> None:
        now = deployment.exec("backup", "ls").split()
        one(len(now), 2)
        assert now[-1] not in before

    until(is_new, 120)
    deployment.exec("backup", "pg_restore", "--list", deployment.exec("backup", "ls").split()[-1])
    assert list((deployment.project / "backups").glob("pyzn-*.dump")), "`docker compose cp` brought no dump"


def export(deployment: Containers) -> None:
    """With a folder for them, the published days are exported, and can be mirrored from there."""
    deployment.configure(PYZN_EXPORT_URL="/exports")
    deployment.script("make start-containers")
    published = int(deployment.sql("SELECT count(*) FROM pyzn.days"))

    def is_whole() -> None:
        one(len(json.loads(deployment.exec("code", "cat", "/exports/index.json"))["days"]), published)

    until(is_whole, 180)
    said = deployment.docker("compose", "run", "--rm", "-T", "pyzn", "mirror", "/exports")
    one(said, f"0 of {published} days published, {published} were there already")


def stop_and_start(deployment: Containers) -> None:
    """Nothing is lost."""
    content, answers = deployment.sql(CONTENT), deployment.answers()
    deployment.script("make stop-containers")
    one(deployment.running(), {})
    deployment.script("make start-containers")
    one(deployment.sql(CONTENT), content)
    one(deployment.answers(), answers)


def run(folder: Path, with_proxy: bool) -> None:
    """All of it, in a project below `folder`."""
    profiles = "postgres,demo,backup,proxy" if with_proxy else "postgres,demo,backup"
    ports = {name: str(free_port()) for name in ("PYZN_API_PORT", "PYZN_UI_PORT", "PYZN_HTTP_PORT", "PYZN_HTTPS_PORT")}
    settings = ports | {
        "COMPOSE_PROFILES": profiles,
        "PYZN_PUBLIC_NETWORK": "172.30.53.0/24",
        "POSTGRES_SHARED_BUFFERS": "128MB",
    }
    deployment = Containers(make_project(folder, **settings), PROJECT)
    deployment.remove()  # what a killed test left
    try:
        deployment.script("make start-containers")
        look_at_containers(deployment)
        if with_proxy:
            look_at_proxy(deployment)
        kill_each(deployment)
        scale(deployment)
        run_page(deployment)
        keep_backups(deployment)
        export(deployment)
        stop_and_start(deployment)
    finally:
        deployment.remove()


@click.command()
@click.option("--without-proxy", is_flag=True, help="Where the image caddy:2 cannot be had.")
def main(without_proxy: bool) -> None:
    """Try the deployment in the container engine that `docker` talks to."""
    engine = shutil.which("docker") and subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True, check=False
    )
    if not engine or engine.returncode != 0:
        sys.exit(f"no container engine answers: {engine.stderr.strip() if engine else 'there is no command docker'}")
    click.echo(f"Docker {engine.stdout.strip()}{', without the proxy' if without_proxy else ''}; from {ROOT}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pyzn-containers-") as folder:
        run(Path(folder), not without_proxy)
    click.echo(f"{time.monotonic() - began:6.0f} s  everything was as it should be")


if __name__ == "__main__":
    main()
