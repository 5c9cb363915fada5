"""The days that a route answers about. All days are UTC, all windows inclusive.

Windows that the date alone decides end with yesterday. Those that depend on the latest published or ranked day are
methods of the ledger: `recent`, `ranked`, and `requested` by clients of v4.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple

Granularity = Literal["day", "week", "month"]
Clock = Callable[[], datetime]

# Days. A year of days is a chart; ten years of them are a bulk download, which the tables serve better.
LONGEST: dict[Granularity, int] = {"day": 366, "week": 5 * 366, "month": 12 * 366}
DEFAULT_DAYS = 30


def utc_now() -> datetime:
    """Return the current time; the clock of production."""
    return datetime.now(UTC)


class Window(NamedTuple):
    """The days from `start` to `end`, both included."""

    start: date
    end: date

    def days(self) -> Iterator[date]:
        """Return each of them, oldest first."""
        return (self.start + timedelta(days=n) for n in range((self.end - self.start).days + 1))


EVER = Window(date.min, date.max)


def last_days(today: date, count: int) -> Window:
    """Return the `count` days before `today`."""
    return Window(today - timedelta(days=count), today - timedelta(days=1))


def since_month_of_90_days_ago(today: date) -> Window:
    """Return the days from the first of the month that today - 90 days falls in: three to four months."""
    return Window((today - timedelta(days=90)).replace(day=1), today - timedelta(days=1))


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
