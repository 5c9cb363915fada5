"""Which days a route answers about. All days are UTC, all windows inclusive.

A day is published on the day after it at the earliest, so every window ends yesterday.
"""

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


class Window(NamedTuple):
    """The days from `start` to `end`, both included."""

    start: date
    end: date


EVER = Window(date.min, date.max)


def last_days(today: date, count: int) -> Window:
    """The `count` days before `today`."""
    return Window(today - timedelta(days=count), today - timedelta(days=1))


def since_month_of_90_days_ago(today: date) -> Window:
    """From the first day of the month that today - 90 days falls in: three to four months."""
    return Window((today - timedelta(days=90)).replace(day=1), today - timedelta(days=1))


def last_months(today: date, count: int) -> Window:
    """From the same day `count` months before `today`, or that month's last day if it is shorter."""
    year, month = divmod(today.year * 12 + today.month - 1 - count, 12)
    day = min(today.day, monthrange(year, month + 1)[1])
    return Window(date(year, month + 1, day), today - timedelta(days=1))
