"""UTC days: which can be read, ranges as people write them, and consecutive days grouped into ranges."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from pyzn_pipeline.errors import PyznError

ONE = timedelta(days=1)
PARTITION = "dagster/partition"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""The tags of a run of Dagster that name its days."""


class DaysRefused(PyznError):
    """A day or a range of days that cannot be read. The message has the reason, and which can be."""

    transient = False


def day_of(written: str) -> date:
    """Return the day that is written as YYYY-MM-DD, in this form only. Raises DaysRefused."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        day = None
    if day is None or str(day) != written:  # it also takes 20260714 and 2026-W29-2
        raise DaysRefused(f"{written[:40]!r} is not a day: write it as 2026-07-14")
    return day


def latest_readable() -> date:
    """Return yesterday: the latest UTC day that is over."""
    return datetime.now(UTC).date() - ONE


def ensure_readable(day: date, first_day: date = date.min) -> None:
    """Raise DaysRefused for a day that is before `first_day`, or not over yet."""
    if day < first_day:
        raise DaysRefused(
            f"day {day} is before the first day, {first_day}: start there, or set PYZN_FIRST_DAY to an earlier day"
        )
    if day > latest_readable():
        raise DaysRefused(f"day {day} is not over yet in UTC: the latest day that can be read is {latest_readable()}")


def spans(days: Sequence[date]) -> list[tuple[date, date]]:
    """Return `days` grouped into ranges of consecutive days: the first and last day of each, in order."""
    known = set(days)
    firsts = sorted(day for day in known if day - ONE not in known)
    lasts = sorted(day for day in known if day + ONE not in known)
    return list(zip(firsts, lasts, strict=True))


def ranges(days: Sequence[date]) -> str:
    """Return ascending `days` as text: '2026-07-01, 2026-07-06 to 2026-07-19'."""
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in spans(days))


def days_between(start: date, end: date, first_day: date) -> list[date]:
    """Return the UTC days from `start` to `end`, both included.

    Raises DaysRefused for a reversed range, a day before `first_day`, or one that is not over yet.
    """
    if start > end:
        raise DaysRefused(f"range {start} to {end} is reversed: the first day comes first")
    ensure_readable(start, first_day)
    ensure_readable(end, first_day)
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


class DaySelection(NamedTuple):
    """The readable days among those that somebody names, and why the others are set aside; None if there are none."""

    days: list[date]
    set_aside: str | None = None


def days_of_keys(keys: Iterable[str], first_day: date) -> DaySelection:
    """Return the days that partition keys name, one by one."""
    days, refused = [], []
    for key in keys:
        try:
            day = day_of(key)
            ensure_readable(day, first_day)
        except DaysRefused as error:
            refused.append(str(error))
        else:
            days.append(day)
    return DaySelection(days, "; ".join(refused[:3]) or None)


def days_of_tags(tags: Mapping[str, str], first_day: date = date.min) -> DaySelection:
    """Return the days that a run's tags name: its partition, or a range. They are input and can name anything."""
    if PARTITION in tags:
        return days_of_keys([tags[PARTITION]], first_day)
    start, end = tags.get(RANGE_START), tags.get(RANGE_END)
    if start is None or end is None:
        return DaySelection([], f"it names no partition, nor both ends of a range: {start or end!r:.42}")
    try:
        first, last = day_of(start), day_of(end)
    except DaysRefused as error:
        return DaySelection([], str(error))
    if first > last:
        return DaySelection([], f"range {first} to {last} is reversed: the first day comes first")
    set_aside = days_of_keys([start, end], first_day).set_aside
    first, last = max(first, first_day), min(last, latest_readable())  # the range may be as long as dates go
    return DaySelection([first + timedelta(days=n) for n in range((last - first).days + 1)], set_aside)
