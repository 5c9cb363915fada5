"""Which days a route answers about. All days are UTC, all windows inclusive.

The windows that the date alone decides are here, and end with yesterday. Those that end with the latest
published or ranked day are methods of the ledger (`Ledger.recent`, `Ledger.ranked`); ranges.py has those that
clients choose.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

Granularity = Literal["day", "week", "month"]
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


class Window(NamedTuple):
    """The days from `start` to `end`, both included."""

    start: date
    end: date

    def days(self) -> Iterator[date]:
        """Each of them, oldest first."""
        return (self.start + timedelta(days=n) for n in range((self.end - self.start).days + 1))


EVER = Window(date.min, date.max)


@lru_cache(maxsize=8)
def last_days(today: date, count: int) -> Window:
    """The `count` days before `today`."""
    return Window(today - timedelta(days=count), today - timedelta(days=1))


@lru_cache(maxsize=8)
def since_month_of_90_days_ago(today: date) -> Window:
    """From the first day of the month that today - 90 days falls in: three to four months."""
    return Window((today - timedelta(days=90)).replace(day=1), today - timedelta(days=1))


@lru_cache(maxsize=8)
def last_months(today: date, count: int) -> Window:
    """From the same day `count` months before `today`, or that month's last day if it is shorter."""
    year, month = divmod(today.year * 12 + today.month - 1 - count, 12)
    day = min(today.day, monthrange(year, month + 1)[1])
    return Window(date(year, month + 1, day), today - timedelta(days=1))
