"""Rows that Postgres or JSON cannot carry: replaced, counted and told; the day is published, every sum holds."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from click.testing import CliRunner
from dagster import DagsterInstance
from sqlalchemy import Engine, text

from pyzn_cli import pyzn
from pyzn_local.bigquery.server import Server
from pyzn_local.postgres import Postgres
from pyzn_pipeline.breakdowns import BREAKDOWNS, WITHOUT_MIRRORS
from pyzn_pipeline.names import INVALID
from pyzn_pipeline.source.scan import MARK
from tests import ledger
from tests.api.conftest import Clock, serving, settings
from tests.conftest import Database, own_database
from tests.days import Download, raw_rows
from tests.pipeline.conftest import code_location, materialized, run
from tests.store.publishing import totals

DAY = date(2026, 7, 14)
NUL = "\x00"
LONG = "".join(chr(0x4E00 + n * 7919 % 20000) for n in range(3000))  # 9,000 bytes that do not compress

INNOCENT = [Download("requests", "2.31.0", "US"), Download("requests", "2.31.0", "DE", ci=True)]
CARRIED = [  # odd, and carried as they are
    Download("requests", version, "US")
    for version in ("", '"', "\\", "\\u0000", "\x01", "\x7f", "\r\n", "\u2028", "\ufffe", "\U0010ffff", "👍", "{}", "é")
]
POISON = [
    Download("requests", f"2.31.0{NUL}", "US"),
    Download("requests", "2.31.0\ufffd", "US", ci=True),  # the same key, once the other is replaced
    Download("requests", f"{NUL}{NUL}", f"U{NUL}", pip=False),
    Download("requests", "2.32.0", NUL),
    Download(f"Evil_.{NUL}--Project"),
    Download("evil-\ufffd-project", "2.0"),
    Download(NUL),
    Download(LONG),
    Download(LONG + "another end"),
    Download("a" * 100_000),
]
REPLACED = 9  # of POISON; the version that spells the mark itself is none
ROWS = INNOCENT + CARRIED + POISON


@pytest.fixture(scope="module")
def published(postgres: Postgres, emulator: Server) -> Iterator[tuple[str, dict[str, object]]]:
    """The name of a database with the day, published through Dagster, and its materialization's metadata."""
    emulator.reset()
    emulator.load(raw_rows(DAY, ROWS))
    with own_database(postgres) as database, DagsterInstance.ephemeral() as instance:
        result = run(code_location(emulator, database), instance, DAY)
        assert result.success
        name = database.owner_url.rpartition("/")[2]
        yield name, materialized(result)["project_days", str(DAY)]


@pytest.fixture(scope="module")
def template(published: tuple[str, dict[str, object]]) -> str:
    return published[0]


def test_the_day_is_published_and_says_how_many_rows_were_replaced(
    published: tuple[str, dict[str, object]], store: Engine
) -> None:
    _, metadata = published
    row = ledger.days(store, DAY, DAY).iloc[0]
    assert (row["downloads"], row["source_downloads"], row["replaced_rows"]) == (len(ROWS), len(ROWS), REPLACED)
    assert (metadata["downloads"], metadata["rows with replaced text"]) == (len(ROWS), REPLACED)
    assert totals(store) == {INVALID: 6, "requests": len(ROWS) - 6}  # what no project can be called is one project


def test_every_view_of_the_day_adds_up_and_keys_that_become_equal_are_one(store: Engine) -> None:
    with store.connect() as connection:
        for breakdown in BREAKDOWNS:
            query = text(f"SELECT sum(downloads) FROM pyzn.{breakdown.view} WHERE day = :day")
            rows = len(ROWS) - (breakdown.counted == WITHOUT_MIRRORS)  # one of them has no installer
            assert connection.execute(query, {"day": DAY}).scalar_one() == rows
        query = text(
            "SELECT version, downloads, pip_downloads, ci_downloads FROM pyzn.downloads_by_version"
            " WHERE project = 'requests'"
        )
        versions = {row[0]: tuple(row[1:]) for row in connection.execute(query)}
        query = text("SELECT country, downloads FROM pyzn.downloads_by_country WHERE project = 'requests'")
        countries = {row.country: row.downloads for row in connection.execute(query)}
    assert versions == {
        "2.31.0": (2, 2, 1),
        "2.31.0" + MARK: (2, 2, 1),
        MARK * 2: (1, 0, 0),
        "2.32.0": (1, 1, 0),
    } | {str(download.version): (1, 1, 0) for download in CARRIED}
    assert countries == {"US": 3 + len(CARRIED), "DE": 1, "U" + MARK: 1, MARK: 1}


def test_the_day_is_proven_and_the_ledger_names_the_replaced_rows(command: CliRunner, bigquery: Server) -> None:
    bigquery.load(raw_rows(DAY, ROWS))
    for options in ((), ("--full",)):
        result = command.invoke(pyzn, ["verify", *options, str(DAY), str(DAY)])
        assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "1 of 1 days proven"), result.output
    shown = command.invoke(pyzn, ["days", str(DAY), str(DAY)]).output
    assert f"{REPLACED} rows with replaced text" in shown


def test_every_route_answers_with_the_whole_day(database: Database) -> None:
    requests = len(INNOCENT) + len(CARRIED) + 4
    span = f"start={DAY}&end={DAY}"
    with serving(
        settings(database.api_url), Clock(datetime.combine(DAY + timedelta(days=2), datetime.min.time(), UTC))
    ) as client:

        def get(path: str) -> httpx.Response:
            answer = client.get(path)
            assert answer.status_code == 200, (path, answer.text)
            return answer

        v2 = get("/api/v2/projects/requests").json()
        assert v2["total_downloads"] == sum(sum(day.values()) for day in v2["downloads"].values()) == requests
        for table in ("versions", "countries"):
            rows = get(f"/api/v4/projects/requests/{table}?{span}").json()["downloads"]
            assert sum(row["downloads"] for row in rows) == requests
            get(f"/api/v4/projects/requests/{table}?{span}&format=csv")
        bulk = get("/api/v4/projects?name=requests&name=evil-x").json()
        assert bulk["projects"][0]["total_downloads"] == requests
        assert get("/api/v4/status").json()["days_late"] == 0
