"""Lists of UTC days: ranges as people write them, and consecutive days grouped into ranges."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from pyzn_pipeline.errors import PyznError


class DaysRefused(PyznError):
    """A range of days that cannot be read. The message says why, and which range can be."""


def spans(days: Sequence[date]) -> list[tuple[date, date]]:
    """`days` grouped into ranges of consecutive days: the first and last day of each, in order."""
    known, one = set(days), timedelta(days=1)
    firsts = sorted(day for day in known if day - one not in known)
    lasts = sorted(day for day in known if day + one not in known)
    return list(zip(firsts, lasts, strict=True))


def ranges(days: Sequence[date]) -> str:
    """Ascending `days` as text: '2026-07-01, 2026-07-06 to 2026-07-19'."""
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in spans(days))


def days_between(start: date, end: date, first_day: date) -> list[date]:
    """The UTC days from `start` to `end`, both included.

    Raises DaysRefused for a reversed range, a day before `first_day`, or one that is not over yet.
    """
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    if start > end:
        raise DaysRefused(f"range {start} to {end} is reversed: the first day comes first")
    if start < first_day:
        raise DaysRefused(
            f"day {start} is before the first day, {first_day}: start there, or set PYZN_FIRST_DAY to an earlier day"
        )
    if end > yesterday:
        raise DaysRefused(f"day {end} is not over yet in UTC: the latest day that can be read is {yesterday}")
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]
