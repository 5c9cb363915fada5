"""Files are counted apart from downloads, over the day on which PyPI changed what a download is."""

from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from pyzn_cli import pyzn
from pyzn_local.bigquery.server import Server
from pyzn_pipeline.rankings.rankings import rank
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.reading.judgement import WorseReading
from pyzn_pipeline.reading.proof import verify
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.store import ledger
from tests.days import Download, raw_rows
from tests.pipeline.conftest import TABLE
from tests.store.publishing import publish, ranked, rows

BREAK = date(2026, 8, 24)
FILES = [Download("a", "1.0"), Download("a", "2.0", filename="a-2.0.tar.gz"), Download("b", filename="B-1.0.ZIP")]
SIDECARS = [Download("a", "1.0", filename="a-1.0-py3-none-any.whl.metadata")] * 4 + [Download("b", filename="b.egg")]
COUNTED = "SELECT downloads, files FROM pyzn.days ORDER BY day"


def on(day: date) -> list[Download]:
    """The rows of a day: after the break, files alone."""
    return FILES if day > BREAK else [*FILES, *SIDECARS]


def test_downloads_step_at_the_break_and_files_do_not(bigquery: Server, clients: Clients, store: Engine) -> None:
    days = [BREAK - timedelta(days=1), BREAK, BREAK + timedelta(days=1)]
    source = BigQuery(clients, TABLE, 2**40)
    for day in days:
        bigquery.load(raw_rows(day, on(day)))
        assert ingest_day(day, source, store, "run-1").publication.status == "provisional"
    assert rows(store, COUNTED) == [(8, 3), (8, 3), (3, 3)]
    by_version = (
        "SELECT project, version, downloads, files FROM pyzn.downloads_by_version WHERE day = '{}' ORDER BY 1, 2"
    )
    assert rows(store, by_version.format(days[0])) == [("a", "1.0", 5, 1), ("a", "2.0", 1, 1), ("b", "1.0", 2, 1)]
    assert rows(store, by_version.format(days[2])) == [("a", "1.0", 1, 1), ("a", "2.0", 1, 1), ("b", "1.0", 1, 1)]
    totals = "SELECT day, files, files_week_before FROM pyzn.daily_totals ORDER BY day"
    assert rows(store, totals) == [(day, 3, None) for day in days]
    held = ledger.days(store, days[0], days[-1])
    proofs = verify(held, {day: row["downloads"] for day, row in zip(days, held, strict=True)}, store, source)
    assert [proof.differences for proof in proofs] == [[], [], []]


def test_a_day_that_is_read_without_file_names_has_no_count_of_files_until_it_is_read_with_them(
    bigquery: Server, clients: Clients, store: Engine, command: CliRunner
) -> None:
    bigquery.load(raw_rows(BREAK, on(BREAK)))
    without, with_names = BigQuery(clients, TABLE, 2**40, "never"), BigQuery(clients, TABLE, 2**40)
    ingest_day(BREAK, without, store, "run-1")
    assert rows(store, COUNTED) == [(8, None)]
    shown = command.invoke(pyzn, ["days", str(BREAK), str(BREAK)]).stdout
    assert "no count of files: read without file names (PYZN_READ_FILENAMES)" in shown
    assert rows(store, "SELECT DISTINCT files FROM pyzn.downloads_by_version") == [(None,)]
    assert rows(store, "SELECT DISTINCT files FROM pyzn.downloads_by_project") == [(None,)]
    assert rows(store, "SELECT checksum = pyzn.day_checksum(day) FROM pyzn.days") == [(True,)]
    (proof,) = verify(ledger.days(store, BREAK, BREAK), {BREAK: 8}, store, with_names)
    assert proof.differences == []

    assert ingest_day(BREAK, with_names, store, "run-2").publication.revision == 2
    assert rows(store, COUNTED) == [(8, 3)]
    with pytest.raises(WorseReading, match=r"it has no count of files, .* \(PYZN_READ_FILENAMES\); not published"):
        ingest_day(BREAK, without, store, "run-3")
    (proof,) = verify(ledger.days(store, BREAK, BREAK), {BREAK: 8}, store, without)
    assert proof.differences == ["not proven: the source gives no files of it now (PYZN_READ_FILENAMES)"]


@pytest.mark.parametrize(
    ("day", "status"),
    [
        (date(2023, 5, 18), "provisional"),  # sidecars doubled the downloads, and files are as many
        (BREAK + timedelta(days=7), "provisional"),  # half the downloads are gone
        (date(2026, 7, 14), "suspect"),  # nothing was defined anew
    ],
)
def test_a_day_is_doubted_only_by_weeks_that_counted_alike(store: Engine, day: date, status: str) -> None:
    usual, sidecars = [Download("a")] * 1000, [Download("a", filename="a.whl.metadata")] * 1000
    grows, files = day.year == 2023, day.year == 2023
    for weeks in (3, 2, 1):
        publish(store, day - timedelta(weeks=weeks), usual if grows else usual + sidecars, files=files)
    assert publish(store, day, usual + sidecars if grows else usual, files=files).publication.status == status


def test_a_ranking_across_the_break_is_by_files_and_one_with_a_day_without_them_by_downloads(store: Engine) -> None:
    last = BREAK + timedelta(days=3)
    for ago in range(14):
        day = last - timedelta(days=ago)
        publish(store, day, [*on(day), *[Download("b")] * 2], files=ago != 10)
    assert rank(store, last).counts == {"day": "files", "week": "files", "month": "downloads"}
    assert [row[:3] for row in ranked(store, "week", last)] == [(1, "b", 21), (2, "a", 14)]
    assert [row[:3] for row in ranked(store, "month", last)] == [(1, "a", 72), (2, "b", 53)]
    assert rows(store, "SELECT counts ->> 'month' FROM pyzn.rankings") == [("downloads",)]


def test_places_are_not_compared_with_days_that_counted_otherwise(store: Engine) -> None:
    days = [date(2026, 8, 23), BREAK, date(2026, 8, 25)]
    for day in days:
        publish(store, day, on(day), files=day != BREAK)
    for day in days[:2]:
        publish(store, day - timedelta(days=7), on(day))
    assert rank(store, days[1]).movers.empty  # by downloads, which mean something else since
    rank(store, days[2])
    assert [row[2:] for row in ranked(store, "day", days[2])] == [(2, None), (1, None)]  # the day before has no files
    publish(store, BREAK, on(BREAK))
    rank(store, days[2])
    assert [row[2:] for row in ranked(store, "day", days[2])] == [(2, 0), (1, 0)]
