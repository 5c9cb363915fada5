"""Rows that Postgres or JSON cannot carry: replaced, counted and reported; the day is published, every sum holds."""

from datetime import date

import pytest
from click.testing import CliRunner

from pyzn_cli import pyzn
from pyzn_pipeline.breakdowns import BREAKDOWNS, WITHOUT_MIRRORS
from pyzn_pipeline.names import INVALID
from pyzn_pipeline.source.scan import MARK
from tests.days import Download
from tests.pipeline.conftest import Pipeline, api_after, materialized
from tests.store.publishing import held, rows, totals

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
    Download("requests", f"{NUL}{NUL}", f"U{NUL}", installer=None),
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
OF_REQUESTS = len(ROWS) - 6


@pytest.fixture
def published(pipeline: Pipeline) -> dict[str, object]:
    """The metadata of the day, published through Dagster."""
    pipeline.load(ROWS, DAY)
    result = pipeline.run(DAY)
    assert result.success
    return materialized(result)["project_days", str(DAY)]


def test_the_day_is_published_and_proven_with_the_number_of_rows_that_were_replaced(
    published: dict[str, object], pipeline: Pipeline, command: CliRunner
) -> None:
    row = held(pipeline.store, DAY)
    assert (row["downloads"], row["source_downloads"], row["replaced_rows"]) == (len(ROWS), len(ROWS), REPLACED)
    assert (published["downloads"], published["rows with replaced text"]) == (len(ROWS), REPLACED)
    assert totals(pipeline.store) == {INVALID: 6, "requests": OF_REQUESTS}  # names of no project are one project
    for options in ((), ("--full",)):
        result = command.invoke(pyzn, ["verify", *options, str(DAY), str(DAY)])
        assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "1 of 1 days proven"), result.output
    shown = command.invoke(pyzn, ["days", str(DAY), str(DAY)]).output
    assert f"{REPLACED} rows with replaced text" in shown


@pytest.mark.usefixtures("published")
def test_every_view_and_every_route_has_the_whole_day_and_keys_that_become_equal_are_one(pipeline: Pipeline) -> None:
    for breakdown in BREAKDOWNS:
        downloads = len(ROWS) - (breakdown.counted == WITHOUT_MIRRORS)  # one of them has no installer
        assert rows(pipeline.store, f"SELECT sum(downloads) FROM pyzn.{breakdown.view}") == [(downloads,)]
    query = "SELECT {} FROM pyzn.{} WHERE project = 'requests'"
    by_version = query.format("version, downloads, pip_downloads, ci_downloads", "downloads_by_version")
    assert {version: tuple(counts) for version, *counts in rows(pipeline.store, by_version)} == {
        "2.31.0": (2, 2, 1),
        "2.31.0" + MARK: (2, 2, 1),
        MARK * 2: (1, 0, 0),
        "2.32.0": (1, 1, 0),
    } | {str(download.version): (1, 1, 0) for download in CARRIED}
    by_country = query.format("country, downloads", "downloads_by_country")
    assert dict(rows(pipeline.store, by_country)) == {"US": 3 + len(CARRIED), "DE": 1, "U" + MARK: 1, MARK: 1}

    with api_after(DAY, pipeline.database) as client:
        v2 = client.get("/api/v2/projects/requests").json()
        assert v2["total_downloads"] == sum(sum(day.values()) for day in v2["downloads"].values()) == OF_REQUESTS
        for table in ("versions", "countries"):
            route = f"/api/v4/projects/requests/{table}?start={DAY}&end={DAY}"
            assert sum(row["downloads"] for row in client.get(route).json()["downloads"]) == OF_REQUESTS
            assert client.get(f"{route}&format=csv").status_code == 200
        bulk = client.get("/api/v4/projects?name=requests&name=evil-x").json()
        assert bulk["projects"][0]["total_downloads"] == OF_REQUESTS
        assert client.get("/api/v4/status").json()["days_late"] == 0
