"""`pyzn check`'s lines: for a deployment that is right, and for each of many that are broken in one place."""

import re
import socket
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from pyzn_local.bigquery.server import Server
from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres
from pyzn_pipeline.monitoring import deployment
from pyzn_pipeline.monitoring.deployment import check_all
from pyzn_pipeline.settings import DeploymentSettings
from pyzn_pipeline.wanted_days import wanted
from tests.conftest import Database
from tests.days import raw_rows, some

RIGHT = ["database", "owner", "schema", "API's role", "clock", "disk", "days", "source", "cost"]


@pytest.fixture
def settings(bigquery: Server, database: Database, tmp_path: Path) -> DeploymentSettings:
    """A deployment with nothing wrong but that no Dagster runs."""
    bigquery.load(raw_rows(datetime.now(UTC).date() - timedelta(days=1), some(requests=1)))
    return DeploymentSettings(
        database_url=SecretStr(database.owner_url),
        api_database_url=SecretStr(database.api_url),
        bigquery_project="pyzn-test",
        bigquery_endpoint=bigquery.endpoint,
        bigquery_storage_endpoint=bigquery.storage_endpoint,
        dagster_url=f"http://127.0.0.1:{free_port()}",
        DAGSTER_HOME=tmp_path,
    )


def outcome(settings: DeploymentSettings, **changes: object) -> dict[str, tuple[bool | None, str]]:
    """Each check's outcome, by its name."""
    return {line.name: (line.ok, line.found) for line in check_all(settings.model_copy(update=changes))}


def assert_wrong(found: dict[str, tuple[bool | None, str]], **messages: str) -> None:
    """Assert that only these checks fail, and that of Dagster, which runs in no test: in one line without a secret."""
    wrong = {name: shown for name, (ok, shown) in found.items() if ok is False and name != "Dagster"}
    assert wrong.keys() == messages.keys()
    for name, message in messages.items():
        assert re.search(message, wrong[name]), wrong[name]
        assert not re.search("\n|-password|hunter2", wrong[name])


def test_what_is_right_is_shown_with_its_figures(settings: DeploymentSettings) -> None:
    found = outcome(settings)
    assert [name for name, (ok, _) in found.items() if ok] == RIGHT
    assert found["API's role"][1] == "role pyzn_api can only read"
    scan, recount, breakdowns = found["cost"][1].split("; ")
    assert recount == "a recount 0.0001, or 0.00 by COUNT(*) if the metadata differs from the ledger"
    assert scan.endswith("bills 0.0 GiB, 0.00 US dollars")
    assert breakdowns.startswith("PYZN_BREAKDOWNS can add, in GiB, wheel 0.0, libc 0.0, cpu 0.0")


def test_that_recounts_cannot_read_the_metadata_is_shown_with_what_they_cost_then(
    settings: DeploymentSettings, bigquery: Server
) -> None:
    bigquery.inject({"deny_metadata": True})
    right, shown = outcome(settings)["cost"]
    assert right
    assert "; a recount 0.00, by COUNT(*), because of cost of the partitions' metadata of " in shown
    assert "Access Denied" in shown


def test_days_that_wait_for_their_run_are_no_fault(settings: DeploymentSettings, store: Engine) -> None:
    with store.begin() as connection:
        wanted.ask(connection, dict.fromkeys([date(2026, 7, 14), date(2026, 7, 15)], datetime.now(UTC)), "backfill a")
    assert outcome(settings)["days"] == (True, "2 days wait or are being read: 2026-07-14 to 2026-07-15")


FAILED = (
    "INSERT INTO pyzn.wanted (day, asked_by, asked_at, attempts, failed_at, reason, next_attempt_at)"
    " VALUES ('2026-07-14', '{{backfill a}}', now(), {}, now(), 'BigQuery answered 503', {})"
)
WAITS = (
    "INSERT INTO pyzn.wanted (day, asked_by, asked_at, next_attempt_at)"
    " VALUES ('2026-07-14', '{{backfill a}}', now() - interval '{} hours', now());"
)
BROKEN: dict[str, tuple[str, str, str]] = {
    "not migrated": ("DROP SCHEMA pyzn CASCADE", "schema", "revision none.* run `pyzn migrate`"),
    "a newer schema": (
        "UPDATE pyzn.alembic_version SET version_num = '9999'", "schema", "newer.* install the PyZn that made it",
    ),
    "schema of another": ("ALTER SCHEMA pyzn OWNER TO postgres", "owner", "postgres does: use that one"),
    "table of another": (
        "ALTER TABLE pyzn.days OWNER TO postgres", "owner", "ALTER TABLE pyzn.days OWNER TO pyzn$",
    ),
    "no grant": (
        "REVOKE SELECT ON pyzn.projects FROM pyzn_api", "API's role", "cannot read projects: run `pyzn migrate`",
    ),
    "no way into the schema": (
        "REVOKE USAGE ON SCHEMA pyzn FROM pyzn_api", "API's role", "cannot read the schema pyzn: run `pyzn migrate`",
    ),
    "an API that may write": (
        "GRANT DELETE ON pyzn.days TO pyzn_api", "API's role", "can change days: give the API a separate",
    ),
    "a day given up": (
        FAILED.format(8, "NULL"), "days",
        "1 day given up.*2026-07-14: BigQuery answered 503: fix .*: pyzn backfill 2026-07-14 2026-07-14",
    ),
    "a day that fails": (
        FAILED.format(1, "now()"), "days",
        "1 day could not be read, tried again from .* UTC: 2026-07-14: BigQuery answered 503: nothing to do yet",
    ),
    "a day that nobody reads": (
        WAITS.format(7), "days", "1 days wait, .* nothing was read since .*2026-07-14: is the sensor keep_days_true on",
    ),
    "a backfill that failed": (
        WAITS.format(0) + "INSERT INTO pyzn.requests VALUES ('backfill a', now(), true, 'backfill a failed: as if')",
        "days", "backfill a failed: as if; 1 of its days are still wanted.*: 2026-07-14; see http.*/runs/b/a",
    ),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_wrong_in_the_database_is_one_line_with_the_way_out(
    settings: DeploymentSettings, database: Database, postgres: Postgres, broken: str
) -> None:
    statement, name, message = BROKEN[broken]
    with psycopg.connect(postgres.url(database.owner_url.rpartition("/")[2]), autocommit=True) as superuser:
        superuser.execute(statement.encode())
    assert_wrong(outcome(settings), **{name: message})


@pytest.mark.parametrize(
    ("changes", "name", "message"),
    [
        ({"api_database_url": None}, "API's role", "PYZN_API_DATABASE_URL is not set"),
        ({"bigquery_table": "bigquery-public-data.pypi.none"}, "cost", "check .*PYZN_BIGQUERY_TABLE"),
        ({"maximum_bytes_billed": 1}, "cost", "more than PYZN_MAXIMUM_BYTES_BILLED=1"),
        ({"bigquery_endpoint": None}, "source", "no usable Google credentials"),
    ],
)
def test_what_is_wrong_in_the_settings_is_one_line_with_the_way_out(
    settings: DeploymentSettings, changes: dict[str, object], name: str, message: str
) -> None:
    assert_wrong(outcome(settings, **changes), **{name: message})


@pytest.mark.parametrize(
    ("setting", "name", "message"),
    [
        ("database_url", "database", "authentication failed.*: check its host, user, password and database"),
        ("api_database_url", "API's role", "authentication failed.*: run `pyzn migrate`"),
    ],
)
def test_a_wrong_password_is_one_line_without_it(
    settings: DeploymentSettings, setting: str, name: str, message: str
) -> None:
    url = getattr(settings, setting).get_secret_value().replace("-password", "-hunter2")
    assert_wrong(outcome(settings, **{setting: SecretStr(url)}), **{name: message})


def test_what_rests_on_something_wrong_is_not_looked_at(settings: DeploymentSettings) -> None:
    nowhere = SecretStr("postgresql://pyzn:x@127.0.0.1:9/pyzn")
    found = outcome(settings, database_url=nowhere, dagster_url="http://127.0.0.1:9")
    assert {name for name, (ok, _) in found.items() if ok is None} == {
        "schema", "owner", "API's role", "clock", "disk", "days",
    }  # fmt: skip
    assert found["schema"][1] == "not checked: fix `owner` first"
    assert found["Dagster"] == (
        False,
        "Dagster at http://127.0.0.1:9 did not answer (ConnectionError): start it, "
        "or set PYZN_DAGSTER_URL to its address",
    )


def test_clocks_that_differ_and_a_disk_too_small_for_the_next_month_are_named(
    settings: DeploymentSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "CLOCK_SKEW", timedelta(hours=-1))
    monkeypatch.setattr(deployment, "LEAST_DISK", 2**60)
    assert_wrong(
        outcome(settings),
        clock="^the database's clock and this machine's are 0 s apart: let NTP set both$",
        disk=r"^the database has \d+ MiB, grows by 0 MiB a month; this machine's disk has [\d,]+ MiB left: make room$",
    )


@pytest.fixture
def of_google(settings: DeploymentSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeploymentSettings:
    """The deployment on Google's BigQuery, with somebody's credentials."""
    file = tmp_path / "credentials.json"
    file.write_text('{"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    return settings.model_copy(update={"bigquery_endpoint": None, "bigquery_storage_endpoint": None})


def test_a_missing_route_to_google_is_reported(of_google: DeploymentSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    found = outcome(of_google)
    assert_wrong(found, source="not reachable .*check the network")
    assert found["cost"] == (None, "not checked: fix `source` first")


def test_a_server_that_never_answers_is_reported_in_time(
    of_google: DeploymentSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "WITHIN", 2)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:  # takes every connection, and no more
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        url = SecretStr(f"postgresql://pyzn:x@{address}/pyzn")
        found = outcome(of_google, database_url=url, dagster_url=f"http://{address}")
    assert found["database"][0] is False
    for name in ("source", "Dagster"):
        assert found[name][0] is False
        assert "no answer within 2 s: check the route" in found[name][1]
