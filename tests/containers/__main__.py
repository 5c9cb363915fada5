"""`make test-containers`: docker-compose.yml and docs/operations.md in a real container engine.

Builds the images and starts the demo from a copy of the repository, as a project of its own, and runs every block of
docs/operations.md in order (start, check, backfill, upgrade, rotate, back up, restore in a fresh project, move to
another Postgres). Then it kills each container, scales the API, keeps backups, exports, stops, starts and compares.
Prints a line a step; exits with 1 at the first thing that is not so, or where no engine is. The images stay.
"""

import json
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import click
import httpx

from pyzn_local.ports import free_port, is_taken
from tests.containers.page import run_page
from tests.containers.project import CONTENT, Project, make_project, until
from tests.deployment.compose import ROOT

NAME = "pyzn-test"


def check_containers(project: Project) -> None:
    """Check the image, its labels, users, networks and the guard of the UI; test_compose.py checks the file."""
    images = {service: project.inspect(service)[0] for service in (*project.running(), "migrate", "databases")}
    users = {"proxy": ""} | dict.fromkeys(("postgres", "databases", "backup"), "postgres")
    for service, container in images.items():
        assert container["HostConfig"]["Memory"] > 0, service  # an engine without cgroups leaves the limits out
        assert container["Config"]["User"] == users.get(service, "pyzn"), service
    ours = {images[service]["Image"] for service in ("migrate", "code", "webserver", "daemon", "api")}
    assert len(ours) == 1, ours
    image = json.loads(project.docker("inspect", ours.pop()))[0]
    labels = image["Config"]["Labels"]
    assert image["RepoTags"] == [f"pyzn:{labels['org.opencontainers.image.version']}"], image["RepoTags"]
    assert labels["org.opencontainers.image.title"] == "PyZn"
    click.echo(f"          image {image['RepoTags'][0]}: {image['Size'] / 1e6:,.0f} MB")

    for other, port in (("webserver", 3000), ("code", 4000), ("bigquery", 9050)):
        (network,) = images[other]["NetworkSettings"]["Networks"].values()
        for host_name in (other, network["IPAddress"], network["Gateway"]):
            assert not reaches(project, "api", host_name, port), f"the API reaches {other} at {host_name}:{port}"
    assert reaches(project, "api", "postgres", 5432)
    assert reaches(project, "code", "webserver", 3000)

    ui = f"http://{project.docker('compose', 'port', 'webserver', '3000')}"
    same(httpx.get(f"{ui}/graphql", params={"query": "mutation { setNuxSeen }"}).status_code, 405)
    same(httpx.get(ui, headers={"Host": "pages.example"}).status_code, 403)
    same(httpx.get(ui).status_code, 200)


def reaches(project: Project, service: str, host: str, port: int) -> bool:
    """Return whether a process in the service's container can connect there."""
    script = f"import socket; socket.create_connection(({host!r}, {port}), timeout=3)"
    try:
        project.exec(service, "python", "-c", script)
    except AssertionError:
        return False
    return True


def check_proxy(project: Project) -> None:
    """Check TLS, the API behind it, no metrics, and the client's address in the API's log."""
    port = int(project.docker("compose", "port", "proxy", "443").rpartition(":")[2])
    authority = project.exec("proxy", "cat", "/data/caddy/pki/authorities/local/root.crt")
    trusting = ssl.create_default_context(cadata=authority)

    def status(path: str) -> int:
        connection = HTTPSConnection("localhost", port, timeout=10, context=trusting)  # which sends the path as it is
        connection.request("GET", path, headers={"Connection": "close", "X-Forwarded-For": "203.0.113.9"})
        return connection.getresponse().status

    until(lambda: same(status("/health-check"), 200), 60)
    for path in ("/metrics", "/metrics/", "//metrics", "/%6detrics", "/METRICS", "/x/../metrics"):
        same(status(path), 404)
    same(status("/api/v4/days?through=the-proxy"), 200)

    # Straight at the loopback port, as a proxy of one's own on this machine would.
    httpx.get(f"{project.api()}/api/v4/days", headers={"X-Forwarded-For": "198.51.100.7"}, timeout=10)
    log = project.docker("compose", "logs", "--no-log-prefix", "api")
    assert '"client": "198.51.100.7"' in log
    assert '"client": "203.0.113.9"' not in log, "the API took the address from a client on the internet"


def same(found: object, expected: object) -> None:
    """Assert that they are the same."""
    assert found == expected, f"{found!r}, not {expected!r}"


def kill_each(project: Project) -> None:
    """Kill every process of each container; the engine must start it again, and it must become healthy."""
    for service in sorted(project.running()):
        (before,) = project.inspect(service)
        began = time.monotonic()
        project.docker("compose", "exec", "-T", service, "sh", "-c", "kill -9 -1", may_fail=True)

        def is_back(service: str = service, before: dict[str, Any] = before) -> None:
            (now,) = project.inspect(service)
            same(now["Id"], before["Id"])
            assert now["RestartCount"] > before["RestartCount"], f"{service} was not restarted"
            same(now["State"].get("Health", {}).get("Status"), "healthy")

        until(is_back, 180)
        click.echo(f"{time.monotonic() - began:6.1f} s  {service} killed, restarted and healthy")


def scale(project: Project) -> None:
    """Start several containers of the API, by the setting and by the option."""
    ports = [free_port() for _ in range(20)]
    first = next(port for port in ports if not any(is_taken(port + n) for n in range(4)))
    project.start(PYZN_API_PORT=f"{first}-{first + 3}", PYZN_API_REPLICAS="2")
    same(len(project.inspect("api")), 2)
    project.script("docker compose up --detach --wait --scale api=3")
    addresses = {
        f"http://127.0.0.1:{binding['HostPort']}/api/v4/days"
        for container in project.inspect("api")
        for binding in container["NetworkSettings"]["Ports"]["5200/tcp"]
    }
    same([httpx.get(address, timeout=10).status_code for address in addresses], [200] * 3)
    project.start(PYZN_API_PORT=str(first), PYZN_API_REPLICAS="1")


def keep_backups(project: Project) -> None:
    """Check that a new dump follows an old one within two minutes, and that two are kept."""
    project.start(PYZN_BACKUPS_KEPT="2")
    old = " ".join(f"pyzn-2026-01-0{n}.dump" for n in (1, 2, 3))
    project.exec("backup", "sh", "-c", f"touch {old} && touch -d '2 days ago' pyzn-*.dump")
    before = project.exec("backup", "ls").split()

    def is_new() -> None:
        now = project.exec("backup", "ls").split()
        same(len(now), 2)
        assert now[-1] not in before

    until(is_new, 120)
    project.exec("backup", "pg_restore", "--list", project.exec("backup", "ls").split()[-1])
    assert list((project.folder / "backups").glob("pyzn-*.dump")), "`docker compose cp` brought no dump"


def export(project: Project) -> None:
    """Check that published days are exported, and can be mirrored from there."""
    project.start(PYZN_EXPORT_URL="/exports")
    published = int(project.sql("SELECT count(*) FROM pyzn.days"))

    def days() -> int:
        return len(json.loads(project.exec("code", "cat", "/exports/index.json"))["days"])

    until(lambda: same(days(), published), 180)
    report = project.docker("compose", "run", "--rm", "-T", "pyzn", "mirror", "/exports")
    same(report, f"0 of {published} days published, {published} were there already")


def stop_and_start(project: Project) -> None:
    """Check that nothing is lost by a stop and a start."""
    content, answers = project.sql(CONTENT), project.answers()
    project.script("make stop-containers")
    same(project.running(), {})
    project.start()
    same(project.sql(CONTENT), content)
    same(project.answers(), answers)


def run(folder: Path, with_proxy: bool) -> None:
    """Run all checks in a project below `folder`."""
    profiles = "postgres,demo,backup,proxy" if with_proxy else "postgres,demo,backup"
    ports = {name: str(free_port()) for name in ("PYZN_API_PORT", "PYZN_UI_PORT", "PYZN_HTTP_PORT", "PYZN_HTTPS_PORT")}
    network = "172.30.53.0/24"
    made = make_project(
        folder, **ports, COMPOSE_PROFILES=profiles, PYZN_PUBLIC_NETWORK=network, POSTGRES_SHARED_BUFFERS="128MB"
    )
    project = Project(made, NAME)
    project.remove()  # what a killed test left
    try:
        project.start()
        check_containers(project)
        if with_proxy:
            check_proxy(project)
        kill_each(project)
        scale(project)
        run_page(project)
        keep_backups(project)
        export(project)
        stop_and_start(project)
    finally:
        project.remove()


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
