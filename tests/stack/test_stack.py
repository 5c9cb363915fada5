"""The whole of PyZn as processes: started by one command, used by its three users, stopped without loss."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.utils import make_new_run_id

from pyzn_local.ports import free_port
from pyzn_pipeline.breakdowns import BREAKDOWNS
from tests.days import Download, raw_rows
from tests.stack.conftest import Pyzn, kill_supervisor, processes, pyzn_at, wait_for_the_end
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

TODAY = datetime.now(UTC).date()
SAMPLE = [TODAY - timedelta(days=ago) for ago in range(35, 0, -1)]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pyzn]:
    """A running stack with the sample, started as `make up` does, in the foreground."""
    command = pyzn_at(tmp_path_factory.mktemp("stack") / "home")
    with command.up():
        yield command
        command("down")


def test_the_front_end_finds_every_day_of_the_sample(up: Pyzn) -> None:
    assert list(up.get("/api/v2/projects/requests")["downloads"]) == [str(day) for day in SAMPLE]


def test_the_ui_shows_both_assets_materialized_for_every_day(up: Pyzn) -> None:
    query = "{ assetNodes { assetKey { path } partitionStats { numMaterialized numFailed } } }"
    answer = requests.post(f"{up.settings['PYZN_DAGSTER_URL']}/graphql", json={"query": query}, timeout=60).json()
    stats = {node["assetKey"]["path"][0]: node["partitionStats"] for node in answer["data"]["assetNodes"]}
    whole = {"numMaterialized": len(SAMPLE), "numFailed": 0}
    assert all(stats[name] == whole for name in ("project_days", *(breakdown.view for breakdown in BREAKDOWNS)))


def test_the_tables_are_open_to_sql(up: Pyzn) -> None:
    [row] = up.rows("SELECT count(*), bool_and(checksum = pyzn.day_checksum(day)), sum(downloads) FROM pyzn.days")
    assert row[:2] == (len(SAMPLE), True)
    assert up.rows("SELECT sum(total_downloads) FROM pyzn.projects") == [row[2:]]


def test_the_examples_of_the_readme_answer_about_the_sample(up: Pyzn) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    asked = re.search(r"curl 'http://127.0.0.1:5200(/\S+)'.*?```json\n(.*?)```", readme, re.DOTALL)
    queries = re.search(r"The tables are there for SQL:\n\n```sql\n(.*?)```", readme, re.DOTALL)
    assert asked is not None
    assert queries is not None
    answer, shown = up.get(asked[1]), json.loads(asked[2])
    assert list(answer) == list(shown)
    assert [list(row) for row in answer["downloads"]] == [list(shown["downloads"][0])] * len(answer["downloads"]) != []
    with psycopg.connect(up.settings["PYZN_API_DATABASE_URL"]) as connection:
        for query in queries[1].removesuffix("\n").removesuffix(";").split(";"):
            assert connection.execute(query.encode()).fetchall(), query


def test_psql_reads_the_tables_and_shows_nobody_a_password(up: Pyzn) -> None:
    asked = up("psql", "--tuples-only", "--no-align", "--command", "SELECT count(*) FROM pyzn.days")
    assert asked.stdout == f"{len(SAMPLE)}\n", asked.stderr
    assert "read-only transaction" in up("psql", "--command", "DELETE FROM pyzn.days").stderr
    with subprocess.Popen(
        [sys.executable, "-m", "pyzn_cli", "psql"], env=up.environment, stdin=subprocess.PIPE
    ) as psql:
        assert psql.stdin is not None
        process = psutil.Process(psql.pid)
        wait_until(lambda: "PGPASSWORD" in process.environ())  # it has become psql
        assert process.environ()["PGPASSWORD"] not in " ".join(process.cmdline())
        psql.stdin.close()


@pytest.mark.parametrize(
    ("first", "code", "message"), [(str(TODAY), 1, "is not over yet in UTC"), ("14.7.2026", 2, "is not a day")]
)
def test_a_backfill_of_days_that_cannot_be_read_is_refused(up: Pyzn, first: str, code: int, message: str) -> None:
    finished = up("backfill", first, str(TODAY))
    assert finished.returncode == code
    assert message in finished.stderr


def test_rows_seeded_late_give_the_next_revision_and_an_empty_day_is_named(up: Pyzn, tmp_path: Path) -> None:
    late, empty = SAMPLE[0], SAMPLE[0] - timedelta(days=1)
    pq.write_table(raw_rows(late, [Download("only-late-rows", times=7)]), tmp_path / "late.parquet")
    seeded = up("seed", str(tmp_path / "late.parquet"))
    assert seeded.stdout == "loaded 7 rows from 1 files\n", seeded.stderr

    finished = up("backfill", str(empty), str(late))

    assert finished.returncode == 1
    assert finished.stdout == "1 of 2 days done, 1 failed\n"
    assert f"day {empty}: the source has no rows for it; not published" in finished.stderr
    assert up.rows(f"SELECT revision FROM pyzn.days WHERE day = '{late}'") == [(2,)]
    assert up.get("/api/v2/projects/Only.Late_rows")["downloads"] == {str(late): {"1.0": 7}}


def test_seeding_a_wrong_schema_names_the_column(up: Pyzn, tmp_path: Path) -> None:
    wrong = pa.table({"timestamp": pa.array([datetime(2026, 7, 14, tzinfo=UTC)]), "flavour": ["x"]})
    pq.write_table(wrong, tmp_path / "wrong.parquet")
    finished = up("seed", str(tmp_path / "wrong.parquet"))
    assert finished.returncode == 1
    assert re.search(r"wrong\.parquet: .*flavour", finished.stderr)
    assert "Traceback" not in finished.stderr


def test_pyzn_check_names_a_sensor_that_fails(up: Pyzn) -> None:
    with psycopg.connect(up.settings["PYZN_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("ALTER TABLE pyzn.requests RENAME TO hidden")
        try:
            deadline = time.monotonic() + 150
            checked = ""
            while "keep_days_true failed when it was last evaluated" not in checked and time.monotonic() < deadline:
                time.sleep(5)
                checked = up("check").stdout
        finally:
            connection.execute("ALTER TABLE pyzn.hidden RENAME TO requests")
    assert re.search("WRONG +Dagster +keep_days_true failed when it was last evaluated .*/automation", checked), checked


def test_a_run_unknown_to_its_code_server_is_dead_and_one_without_an_answer_is_not(
    up: Pyzn, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = up.settings
    monkeypatch.setenv("PYZN_DAGSTER_DATABASE_URL", environment["PYZN_DAGSTER_DATABASE_URL"])
    with DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:

        def health(port: int) -> CheckRunHealthResult:
            where = {GRPC_INFO_TAG: json.dumps({"host": "127.0.0.1", "port": port})}
            lost = DagsterRun(job_name="lost", run_id=make_new_run_id(), status=DagsterRunStatus.STARTED, tags=where)
            return instance.run_launcher.check_run_worker_health(instance.add_run(lost))

        assert health(int(environment["PYZN_CODE_PORT"])).status is WorkerStatus.NOT_FOUND
        with pytest.raises(DagsterUserCodeUnreachableError):
            health(free_port())


def test_a_stack_whose_supervisor_was_killed_starts_again_with_everything(up: Pyzn) -> None:
    before = up("days", "--json").stdout
    assert [json.loads(line)["day"] for line in before.splitlines()][-1] == str(SAMPLE[-1])
    children = kill_supervisor(up)

    restarted = up("up", "--detach")

    assert restarted.returncode == 0, restarted.stderr
    assert "killed stack left behind" in (up.home / "logs" / "up.log").read_text()
    wait_for_the_end(children)
    assert up("days", "--json").stdout == before
    first, *_ = re.findall(r"http\S+", restarted.stdout)
    assert "Most downloaded" in requests.get(first, timeout=60).text


def test_down_ends_every_process(up: Pyzn) -> None:
    started = processes(up)
    assert up("down").stdout == f"stopped the stack in {up.home}\n"
    wait_for_the_end(started)
    assert up("env").returncode == 1
