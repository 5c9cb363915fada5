"""Runs of consecutive days among many."""

from collections.abc import Sequence
from datetime import date, timedelta


def spans(days: Sequence[date]) -> list[tuple[date, date]]:
    """The runs of consecutive days among `days`, each as its first and last day, in order."""
    known, one = set(days), timedelta(days=1)
    firsts = sorted(day for day in known if day - one not in known)
    lasts = sorted(day for day in known if day + one not in known)
    return list(zip(firsts, lasts, strict=True))


def ranges(days: Sequence[date]) -> str:
    """Ascending `days` for people: '2026-07-01, 2026-07-06 to 2026-07-19'."""
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in spans(days))
