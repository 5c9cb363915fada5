"""/days: the ledger as a calendar: the status of every day, and its reason."""

import json
from calendar import Calendar
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request, Response

from pyzn_api.cache import Snapshot
from pyzn_api.ledger import Basis, Day
from pyzn_api.state import state
from pyzn_api.windows import Window
from pyzn_site.rendering import query, respond

PATH = "/days"
FINAL = "counted again a week later, and found the same"
_REASONS = {
    "final": FINAL,
    "provisional": "PyPI may still add downloads: it is counted again within a week",
    "suspect": "it differs much from the weeks before",
}

router = APIRouter(include_in_schema=False)


class CalendarDay(NamedTuple):
    """A day of the calendar."""

    day: date
    status: str  # of the ledger; or missing, early (before the first published day), due (not to be published yet)
    why: str
    row: Day | None = None  # of the ledger


@router.get(PATH)
async def days(request: Request, year: Annotated[int | None, Query(ge=1990, le=9998)] = None) -> Response:
    """Return a year of the ledger; the latest one unless given."""
    parts = state(request)
    ledger, _ = await parts.reader.read()
    shown = year or ledger.recent(1, parts.today).end.year
    window, expected = Window(date(shown, 1, 1), date(shown, 12, 31)), ledger.expected(parts.now())
    first, latest = ledger.days[0].day if ledger.days else None, ledger.latest
    # This changes without a publication, so it is read each time, and is a part of the key.
    *notes, _ = (await parts.database.rows("pyzn_site:day_notes", window._asdict()))[0]

    async def make(snapshot: Snapshot) -> Mapping[str, object]:
        published = {row.day: row for row in snapshot.ledger.days}
        wanted = {date.fromisoformat(day): more for day, *more in json.loads(notes[0])}
        retired = set(map(date.fromisoformat, json.loads(notes[1])))
        found = {
            day: _calendar_day(day, published.get(day), wanted.get(day), day in retired, first, expected)
            for day in window.days()
        }
        months = [
            (date(shown, month, 1), [[found[day] if day.month == month else None for day in week] for week in weeks])
            for month in range(1, 13)
            for weeks in [Calendar().monthdatescalendar(shown, month)]
        ]
        return {
            "year": shown,
            "first": first,
            "latest": latest,
            "late": max((expected - latest).days, 0) if latest else 0,
            "months": months,
            "counts": Counter(each.status for each in found.values()),
            "canonical": query(PATH, year=year),
            "runs": _runs(list(found.values())),
            "events": snapshot.ledger.events,
        }

    key = (shown, first, latest, expected, *notes)
    return await respond(request, "days.html", key, lambda _: Basis(window, days=True), make)


def _calendar_day(
    day: date,
    row: Day | None,
    wanted: Sequence[str] | None,
    retired: bool,
    first: date | None,
    expected: date,
) -> CalendarDay:
    if row is None:
        if retired:
            return CalendarDay(day, "missing", "no longer kept by day; its downloads are in the all-time totals")
        if wanted:
            return CalendarDay(day, "missing", _wanted(*wanted))
        if day > expected:
            return CalendarDay(day, "due", "not due yet")
        if first is None or day < first:
            return CalendarDay(day, "early", "before the first published day")
        return CalendarDay(day, "missing", "nobody has asked for it")
    why = (row.status == "suspect" and row.suspect_because) or _REASONS[row.status]
    if row.accepted_because and row.status != "suspect":
        why += f"; it was suspect, and accepted: {row.accepted_because}"
    if wanted:
        why += f"; asked for once more: {_wanted(*wanted)}"
    return CalendarDay(day, row.status, why, row)


def _wanted(state: str, attempts: str, next_attempt: str | None) -> str:
    """Return why a day that was asked for is not read yet. The reason of a failed run is for operators: `pyzn days`."""
    failed = f"reading it failed {attempts} times; it is"
    return {
        "waiting": "it is being read, or waits for its turn",
        "failed": f"{failed} tried again at {next_attempt} UTC",
        "given up": f"{failed} not tried again unless somebody asks",
    }.get(state, "it was asked for, and canceled")


def _runs(found: Sequence[CalendarDay]) -> list[tuple[date, date, str, str]]:
    """Neighbours with the same status and reason: first and last day, status, reason; newest first.

    Without final days that have no remark, those that are not due and those before the first.
    """
    shown = [each for each in found if each.status not in {"early", "due"} and each.why != FINAL]
    groups = groupby(
        enumerate(shown), lambda each: (each[1].day - timedelta(days=each[0]), each[1].status, each[1].why)
    )
    runs = [(status, why, [each.day for _, each in group]) for (_, status, why), group in groups]
    return [(days[0], days[-1], status, why) for status, why, days in reversed(runs)]
