"""docker-compose.yml: valid by its specification, and every service of it working as processes."""

import json
import os
import re
import subprocess
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.utils import make_new_run_id
from jsonschema import validators

from pyzn_local.ports import free_port
from pyzn_local.services import wait
from tests.deployment.compose import ROOT, Deployment, example_environment, load, variables

SERVICES: dict[str, Any] = load(example_environment())["services"]
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
DAYS = [YESTERDAY - timedelta(days=n) for n in (2, 1, 0)]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The demo, as .env.example describes it, in the file's order, healthy by its own checks; no daemon yet."""
    started = Deployment(tmp_path_factory.mktemp("deployment"))
    try:
        started.up(without="daemon")
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def backfill(deployment: Deployment) -> Iterator[subprocess.Popen[str]]:
    """A backfill of DAYS, requested. The daemon looks for one when it starts, and then every half a minute only."""
    with deployment.launch("pyzn", "pyzn", "backfill", *(str(day) for day in (DAYS[0], DAYS[-1]))) as process:
        yield process


@pytest.fixture(scope="module")
def daemon(deployment: Deployment) -> None:
    deployment.start("daemon")
    wait([deployment.running["daemon"]])


def test_the_file_is_valid_by_the_compose_specification() -> None:
    schema = json.loads(
        files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text(encoding="utf-8")
    )
    errors = validators.validator_for(schema)(schema).iter_errors(load(example_environment()))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_no_secret_is_in_the_file_and_none_has_a_default() -> None:
    environment = example_environment()
    for name in [name for name in environment if name.endswith("PASSWORD")]:
        with pytest.raises(KeyError, match=name):
            load(environment | {name: ""})
        assert f"${{{name}:-" not in (ROOT / "docker-compose.yml").read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_confined_and_comes_back_by_itself(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert "size=" in service["tmpfs"][0]
    ends = name in {"databases", "migrate", "pyzn"}
    assert service["restart"] == ("no" if name == "pyzn" else "on-failure" if ends else "unless-stopped")
    assert ("healthcheck" in service) == (not ends)
    assert name == "proxy" or all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_public_reaches_the_api_and_the_api_reaches_postgres_and_nothing_else() -> None:
    networks = {name: set(service["networks"]) for name, service in SERVICES.items()}
    assert {name for name, of in networks.items() if "public" in of} == {"api", "proxy"}
    assert {name for name, of in networks.items() if of & networks["api"]} == {"api", "proxy", "postgres"}


def test_a_password_is_given_to_no_service_that_does_not_use_it() -> None:
    given = {
        variable: {name for name, service in SERVICES.items() if variable in str(service.get("environment"))}
        for variable in ("postgres_password", "pyzn_database_password", "pyzn_api_database_password")
    }
    owners = {"databases", "migrate", "code", "webserver", "daemon", "pyzn", "backup"}
    assert given == {
        "postgres_password": {"postgres", "databases"},
        "pyzn_database_password": owners,
        "pyzn_api_database_password": {"migrate", "api", "pyzn"},
    }


def test_each_image_is_built_once_and_tagged_with_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    built = {name: service["image"] for name, service in SERVICES.items() if "build" in service}
    assert built == {"migrate": f"pyzn:{version}", "bigquery": f"pyzn-demo:{version}"}
    assert {service["image"] for service in SERVICES.values()} == {*built.values(), "postgres:18", "caddy:2"}


def test_without_the_profile_postgres_the_file_is_for_a_server_elsewhere(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    url = "postgresql://pyzn:secret@elsewhere:6543/pyzn?sslmode=require"
    deployment.configure(example_environment() | {"COMPOSE_PROFILES": "backup", "PYZN_DATABASE_URL": url})
    assert {"postgres", "databases"} & set(deployment.order()) == set()
    assert deployment.environment("code")["PYZN_DATABASE_URL"] == url
    assert all(
        needs.get("required") is False
        for service in SERVICES.values()
        for name, needs in service.get("depends_on", {}).items()
        if name in {"postgres", "databases"} and service.get("profiles") != ["postgres"]
    )


def test_an_admin_password_hash_keeps_its_dollars() -> None:
    line = re.search("^# (PYZN_ADMIN_PASSWORD_HASH=.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert line is not None
    (quoted,) = variables(line[1]).values()
    assert quoted.count("$") == 2
    assert SERVICES["api"]["environment"]["PYZN_ADMIN_PASSWORD_HASH"] == quoted


@pytest.mark.parametrize(
    ("kept", "names"), [("2", ["pyzn-2026-07-02.dump"]), ("9", ["pyzn-2026-07-01.dump", "pyzn-2026-07-02.dump"])]
)
def test_the_backup_keeps_the_newest_dumps(deployment: Deployment, kept: str, names: list[str]) -> None:
    folder = deployment.folder_of("backup")
    for old in ("pyzn-2026-07-01.dump", "pyzn-2026-07-02.dump"):
        (folder / old).touch()
        os.utime(folder / old, (0, 0))
    deployment.configure(example_environment() | {"PYZN_BACKUPS_KEPT": kept})
    assert not deployment.is_healthy("backup")
    with deployment.launch("backup", *deployment.command("backup")) as backup:
        while not deployment.is_healthy("backup"):
            time.sleep(0.1)
        assert backup.stdout is not None
        newest = backup.stdout.readline().partition(":")[0]
        backup.kill()
    assert sorted(path.name for path in folder.iterdir()) == [*names, newest]
    assert deployment.run("backup", "pg_restore", "--list", newest).returncode == 0
    (folder / newest).unlink()


@pytest.mark.usefixtures("backfill")
def test_every_health_check_fails_without_its_service(deployment: Deployment, tmp_path: Path) -> None:
    assert not deployment.is_healthy("daemon")  # it is not started yet
    elsewhere = Deployment(tmp_path)
    assert [name for name in deployment.running if elsewhere.is_healthy(name)] == []


@pytest.mark.usefixtures("backfill")
def test_migrating_again_at_the_next_deployment_changes_nothing(deployment: Deployment) -> None:
    again = deployment.run("migrate", *deployment.services["migrate"]["command"])
    assert again.returncode == 0, again.stderr


@pytest.mark.usefixtures("daemon")
def test_a_backfill_through_the_deployment_reaches_the_api(
    deployment: Deployment, backfill: subprocess.Popen[str]
) -> None:
    said, errors = backfill.communicate(timeout=120)
    assert said == f"{len(DAYS)} of {len(DAYS)} days done, 0 failed\n", errors
    answer = requests.get(f"{deployment.url(5200)}/api/v2/projects/requests", timeout=10).json()
    assert list(answer["downloads"]) == [str(day) for day in DAYS]


@pytest.mark.usefixtures("daemon")
def test_pyzn_check_finds_nothing_wrong(deployment: Deployment) -> None:
    found = deployment.run("pyzn", "pyzn", "check")
    assert [line for line in found.stdout.splitlines() if not line.startswith("ok ")] == []
    assert found.returncode == 0


@pytest.mark.usefixtures("daemon")
def test_pyzn_check_tells_of_a_sensor_that_fails(deployment: Deployment) -> None:
    owner = deployment.environment("code")["PYZN_DATABASE_URL"]
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("ALTER TABLE pyzn.requests RENAME TO hidden")
        try:
            deadline = time.monotonic() + 90
            said = ""
            while "keep_days_true failed when it was last evaluated" not in said and time.monotonic() < deadline:
                time.sleep(5)
                said = deployment.run("pyzn", "pyzn", "check").stdout
        finally:
            connection.execute("ALTER TABLE pyzn.hidden RENAME TO requests")
    assert re.search("WRONG +Dagster +keep_days_true failed when it was last evaluated .*/automation", said), said


def test_the_services_write_no_file_outside_their_volumes(deployment: Deployment) -> None:
    # The image is read-only but for /tmp: a file made elsewhere would be an error there.
    written = [path for path in deployment.dagster_home.rglob("*") if path.is_file()]
    assert [path.name for path in written if "storage" not in path.parts] == ["dagster.yaml"]
    assert list(deployment.workdir.iterdir()) == []


def test_a_run_that_its_code_server_does_not_know_is_dead_and_one_without_an_answer_is_not(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = deployment.environment("daemon")
    monkeypatch.setenv("PYZN_DAGSTER_DATABASE_URL", environment["PYZN_DAGSTER_DATABASE_URL"])
    with DagsterInstance.from_config(str(deployment.dagster_home)) as instance:

        def health(port: int) -> CheckRunHealthResult:
            where = {GRPC_INFO_TAG: json.dumps({"host": "127.0.0.1", "port": port})}
            lost = DagsterRun(job_name="lost", run_id=make_new_run_id(), status=DagsterRunStatus.STARTED, tags=where)
            return instance.run_launcher.check_run_worker_health(instance.add_run(lost))

        assert health(int(environment["PYZN_CODE_PORT"])).status is WorkerStatus.NOT_FOUND
        with pytest.raises(DagsterUserCodeUnreachableError):
            health(free_port())
