"""Ranges of days as clients of v4 ask for them: both ends included, UTC, never cut in silence."""

import re
from datetime import date, timedelta

from pyzn_api.errors import BadParameterError
from pyzn_api.ledger import Ledger
from pyzn_api.windows import Granularity, Window

# Days. A year of days is a chart; ten years of them are a bulk download, which the tables serve better.
LONGEST: dict[Granularity, int] = {"day": 366, "week": 5 * 366, "month": 12 * 366}
DEFAULT_DAYS = 30


def parse_day(text: object) -> date:
    """The day that `text` writes as YYYY-MM-DD. Raises ValueError saying what is accepted."""
    expected = "a day as YYYY-MM-DD"
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError(expected)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(expected) from error


def resolve(start: date | None, end: date | None, granularity: Granularity, ledger: Ledger, today: date) -> Window:
    """The window asked for; without `end` up to the latest published day, without `start` 30 days.

    Raises BadParameterError for a range that is backwards, too long or in the future.
    """
    latest = ledger.recent(1, today).end  # after today, if the clock of this server is behind
    last = end or latest
    if last > max(today, latest):
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
