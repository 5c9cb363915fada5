"""The days that a route answers about. All days are UTC, all windows inclusive.

Windows that the date alone decides end with yesterday. Those that end with the latest published or ranked
day are methods of the ledger (`Ledger.recent`, `Ledger.ranked`); clients of v4 choose theirs (`requested`).
"""

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from pyzn_api.errors import BadParameterError

Granularity = Literal["day", "week", "month"]
Clock = Callable[[], datetime]

# Days. A year of days is a chart; ten years of them are a bulk download, which the tables serve better.
LONGEST: dict[Granularity, int] = {"day": 366, "week": 5 * 366, "month": 12 * 366}
DEFAULT_DAYS = 30


def utc_now() -> datetime:
    """Return the time; the clock of production."""
    return datetime.now(UTC)


class Window(NamedTuple):
    """The days from `start` to `end`, both included."""

    start: date
    end: date

    def days(self) -> Iterator[date]:
        """Return each of them, oldest first."""
        return (self.start + timedelta(days=n) for n in range((self.end - self.start).days + 1))


EVER = Window(date.min, date.max)


@lru_cache(maxsize=8)
def last_days(today: date, count: int) -> Window:
    """Return the `count` days before `today`."""
    return Window(today - timedelta(days=count), today - timedelta(days=1))


@lru_cache(maxsize=8)
def since_month_of_90_days_ago(today: date) -> Window:
    """Return the days from the first of the month that today - 90 days falls in: three to four months."""
    return Window((today - timedelta(days=90)).replace(day=1), today - timedelta(days=1))


@lru_cache(maxsize=8)
def last_months(today: date, count: int) -> Window:
    """Return the days from the same day `count` months before `today`, or that month's last day if it is shorter."""
    year, month = divmod(today.year * 12 + today.month - 1 - count, 12)
    day = min(today.day, monthrange(year, month + 1)[1])
    return Window(date(year, month + 1, day), today - timedelta(days=1))


def parse_day(text: object) -> date:
    """Return the day that `text` writes as YYYY-MM-DD. Raises ValueError with what is accepted."""
    expected = "a day as YYYY-MM-DD"
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError(expected)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(expected) from error


def requested(start: date | None, end: date | None, granularity: Granularity, latest: date, today: date) -> Window:
    """Return the requested window; without `end` up to the `latest` published day, without `start` of 30 days.

    Raises BadParameterError for a range that is backwards, too long or in the future.
    """
    last = end or latest
    if last > max(today, latest):  # latest is after today, if the clock of this server is behind
        raise BadParameterError("end", last, f"{today} (today, UTC) at the latest")
    first = start or max(last, date.min + timedelta(days=DEFAULT_DAYS)) - timedelta(days=DEFAULT_DAYS - 1)
    if first > last:
        raise BadParameterError("start", first, f"{last} (the end) at the latest")
    longest = LONGEST[granularity]
    if (last - first).days >= longest:
        raise BadParameterError(
            "start", first, f"{last - timedelta(days=longest - 1)} at the earliest: by {granularity}, "
            f"a range ending {last} has at most {longest} days"
        )  # fmt: skip
    return Window(first, last)
