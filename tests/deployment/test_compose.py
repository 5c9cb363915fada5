"""docker-compose.yml: valid by its specification, and every service of it working as processes."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

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
from tests.deployment.compose import ROOT, Deployment, example_environment, load

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
DAYS = [YESTERDAY - timedelta(days=n) for n in (2, 1, 0)]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The demo, as .env.example describes it, in the file's order, healthy by its own checks; no daemon yet."""
    started = Deployment(tmp_path_factory.mktemp("deployment"))
    try:
        started.start_all(without="daemon")
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def backfill(deployment: Deployment) -> Iterator[subprocess.Popen[str]]:
    """A backfill of DAYS, requested. The daemon looks for one when it starts, and then every half a minute only."""
    with deployment.launch("code", "pyzn", "backfill", *(str(day) for day in (DAYS[0], DAYS[-1]))) as process:
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


@pytest.mark.parametrize("name", load(example_environment())["services"])
def test_every_service_is_confined_and_comes_back_by_itself(name: str) -> None:
    service = load(example_environment())["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == ("on-failure" if name == "migrate" else "unless-stopped")
    assert ("healthcheck" in service) == (name != "migrate")
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


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
    found = deployment.run("code", "pyzn", "check")
    assert [line for line in found.stdout.splitlines() if not line.startswith("ok ")] == []
    assert found.returncode == 0


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
