"""A backfill's days: which can be asked for, and how they are named to people."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from pyzn_pipeline.backfills.dagster_client import DagsterError
from pyzn_pipeline.backfills.launch import run
from pyzn_pipeline.days import DaysRefused, days_between, ranges

FIRST = date(2016, 1, 22)


def test_both_ends_of_a_range_are_included() -> None:
    assert days_between(date(2026, 7, 6), date(2026, 7, 8), FIRST) == [date(2026, 7, n) for n in (6, 7, 8)]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert days_between(yesterday, yesterday, FIRST) == [yesterday]


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (date(2026, 7, 8), date(2026, 7, 6), "2026-07-08 to 2026-07-06 is reversed"),
        (FIRST - timedelta(days=1), date(2026, 7, 6), "day 2016-01-21 is before the first day, 2016-01-22"),
        (date(2026, 7, 6), date(9999, 1, 1), "day 9999-01-01 is not over yet in UTC: the latest .* is 20"),
    ],
)
def test_days_that_cannot_be_read_are_refused_by_name(start: date, end: date, message: str) -> None:
    with pytest.raises(DaysRefused, match=message):
        days_between(start, end, FIRST)


def test_many_days_are_named_by_their_ranges() -> None:
    days = [date(2026, 7, n) for n in (1, 6, 7, 8, 31)]
    assert ranges(days) == "2026-07-01, 2026-07-06 to 2026-07-08, 2026-07-31"


def test_a_dagster_that_is_away_is_one_line_with_its_address(store: Engine) -> None:
    with pytest.raises(DagsterError, match=r"^Dagster at http://127.0.0.1:9 did not answer .*PYZN_DAGSTER_URL.*$"):
        next(run("http://127.0.0.1:9", store, [FIRST]))
