"""Files are counted apart from downloads, over the day on which PyPI changed its definition of a download."""

from dataclasses import replace
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
from pyzn_pipeline.store import ledger
from tests.days import Download, raw_rows
from tests.store.publishing import publish, ranked, rows

BREAK = date(2026, 8, 24)
ONE, WEEK = timedelta(days=1), timedelta(weeks=1)
FILES = [Download("a", "1.0"), Download("a", "2.0", filename="a-2.0.tar.gz"), Download("b", filename="B-1.0.ZIP")]
SIDECARS = [
    Download("a", "1.0", filename="a-1.0-py3-none-any.whl.metadata", times=4),
    Download("b", filename="b.egg"),
]
COUNTED = "SELECT downloads, files FROM pyzn.days ORDER BY day"


def on(day: date) -> list[Download]:
    """The rows of a day: after the break, files alone."""
    return FILES if day > BREAK else [*FILES, *SIDECARS]


def test_downloads_step_at_the_break_and_files_do_not(bigquery: Server, source: BigQuery, store: Engine) -> None:
    days = [BREAK - ONE, BREAK, BREAK + ONE]
    for day in days:
        bigquery.load(raw_rows(day, on(day)))
        assert ingest_day(day, source, store, "run-1").publication.status == "provisional"
    assert rows(store, COUNTED) == [(8, 3), (8, 3), (3, 3)]
    by_version = (
        "SELECT project, version, downloads, files FROM pyzn.downloads_by_version WHERE day = :day ORDER BY 1, 2"
    )
    assert rows(store, by_version, day=days[0]) == [("a", "1.0", 5, 1), ("a", "2.0", 1, 1), ("b", "1.0", 2, 1)]
    assert rows(store, by_version, day=days[2]) == [("a", "1.0", 1, 1), ("a", "2.0", 1, 1), ("b", "1.0", 1, 1)]
    totals = "SELECT day, files, files_week_before FROM pyzn.daily_totals ORDER BY day"
    assert rows(store, totals) == [(day, 3, None) for day in days]
    held = ledger.days(store, days[0], days[-1])
    proofs = verify(held, source.count({day["day"]: day["downloads"] for day in held}), store, source)
    assert [proof.differences for proof in proofs] == [[], [], []]


def test_a_day_that_is_read_without_file_names_has_no_count_of_files_until_it_is_read_with_them(
    bigquery: Server, source: BigQuery, store: Engine, command: CliRunner
) -> None:
    def differences(source: BigQuery) -> list[str]:
        (proof,) = verify(ledger.days(store, BREAK, BREAK), without.count({BREAK: 8}), store, source)
        return proof.differences

    bigquery.load(raw_rows(BREAK, on(BREAK)))
    without = replace(source, read_filenames="never")
    ingest_day(BREAK, without, store, "run-1")
    assert rows(store, COUNTED) == [(8, None)]
    shown = command.invoke(pyzn, ["days", str(BREAK), str(BREAK)]).stdout
    assert "no count of files: read without file names (PYZN_READ_FILENAMES)" in shown
    for view in ("downloads_by_version", "downloads_by_project"):
        assert rows(store, f"SELECT DISTINCT files FROM pyzn.{view}") == [(None,)]
    assert rows(store, "SELECT checksum = pyzn.day_checksum(day) FROM pyzn.days") == [(True,)]
    assert differences(source) == []

    assert ingest_day(BREAK, source, store, "run-2").publication.revision == 2
    assert rows(store, COUNTED) == [(8, 3)]
    with pytest.raises(WorseReading, match=r"it has no count of files, .* \(PYZN_READ_FILENAMES\); not published"):
        ingest_day(BREAK, without, store, "run-3")
    assert differences(without) == ["not proven: the source gives no files of it now (PYZN_READ_FILENAMES)"]


@pytest.mark.parametrize(
    ("day", "status"),
    [
        (date(2023, 5, 18), "provisional"),  # sidecars doubled the downloads, and files are as many
        (BREAK + WEEK, "provisional"),  # half the downloads are gone
        (date(2026, 7, 14), "suspect"),  # nothing was defined anew
    ],
)
def test_a_day_is_doubted_only_by_weeks_that_counted_alike(store: Engine, day: date, status: str) -> None:
    few = [Download("a", times=1000)]
    many = [*few, Download("a", filename="a.whl.metadata", times=1000)]
    grows = day.year == 2023
    for weeks in (3, 2, 1):
        publish(store, day - weeks * WEEK, few if grows else many, files=grows)
    assert publish(store, day, many if grows else few, files=grows).publication.status == status


def test_a_ranking_across_the_break_is_by_files_and_one_with_a_day_without_them_by_downloads(store: Engine) -> None:
    last = BREAK + 3 * ONE
    for ago in range(14):
        day = last - ago * ONE
        publish(store, day, [*on(day), Download("b", times=2)], files=ago != 10)
    assert rank(store, last).counts == {"day": "files", "week": "files", "month": "downloads"}
    assert [row[:3] for row in ranked(store, "week", last)] == [(1, "b", 21), (2, "a", 14)]
    assert [row[:3] for row in ranked(store, "month", last)] == [(1, "a", 72), (2, "b", 53)]
    assert rows(store, "SELECT counts ->> 'month' FROM pyzn.rankings") == [("downloads",)]


def test_places_are_not_compared_with_days_that_counted_otherwise(store: Engine) -> None:
    before, after = BREAK - ONE, BREAK + ONE
    for day in (before, BREAK, after):
        publish(store, day, on(day), files=day != BREAK)
    for day in (before, BREAK):
        publish(store, day - WEEK, on(day))
    assert rank(store, BREAK).movers.empty  # by downloads, which mean something else since
    rank(store, after)
    assert [row[2:] for row in ranked(store, "day", after)] == [(2, None), (1, None)]  # the day before has no files
    publish(store, BREAK, on(BREAK))
    rank(store, after)
    assert [row[2:] for row in ranked(store, "day", after)] == [(2, 0), (1, 0)]
