"""/days: the ledger as a calendar: what every day is, and why."""

import json
from calendar import Calendar
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request, Response

from pyzn_api.cache import Snapshot
from pyzn_api.ledger import Basis, Day, Ledger
from pyzn_api.state import state
from pyzn_api.windows import Window
from pyzn_site.rendering import respond

PATH = "/days"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

router = APIRouter(include_in_schema=False)

FINAL = "counted again a week later, and found the same"


class Noted(NamedTuple):
    """A day with what there is to say of it."""

    day: date
    status: str  # of the ledger; or missing, early (before the first published day), due (not to be published yet)
    why: str
    row: Day | None  # of the ledger


class Run(NamedTuple):
    """Days one after another of which the same is said."""

    first: date
    last: date
    status: str
    why: str


@router.get(PATH)
async def days(request: Request, year: Annotated[int | None, Query(ge=1990, le=9998)] = None) -> Response:
    """A year of the ledger; the latest one unless said otherwise."""
    parts = state(request)
    ledger, _ = await parts.reader.read()
    shown = year or ledger.recent(1, parts.today).end.year
    window, expected = Window(date(shown, 1, 1), date(shown, 12, 31)), ledger.expected(parts.now())
    first = ledger.days[0].day if ledger.days else None
    latest = ledger.latest
    # What changes without a publication, so it is asked for each time, and is a part of the key.
    *notes, _ = (await parts.database.rows("pyzn_site:day_notes", window._asdict()))[0]

    def basis(_: Ledger) -> Basis:
        return Basis(window, days=True)

    async def make(snapshot: Snapshot) -> Mapping[str, object]:
        published = {row.day: row for row in snapshot.ledger.days}
        wanted, told = (json.loads(each) for each in notes)
        reasons = {date.fromisoformat(day): _wanted(*more) for day, *more in wanted}
        remarks = {date.fromisoformat(day): more for day, *more in told}
        noted = [
            _noted(day, published.get(day), reasons.get(day), remarks.get(day, (None, None, False)), first, expected)
            for day in window.days()
        ]
        by_day = {each.day: each for each in noted}
        return {
            "year": shown,
            "first": first,
            "latest": latest,
            "late": max((expected - latest).days, 0) if latest else 0,
            "weekdays": WEEKDAYS,
            "months": [
                (date(shown, month, 1), [
                    [by_day[day] if day.month == month else None for day in week]
                    for week in Calendar().monthdatescalendar(shown, month)
                ])
                for month in range(1, 13)
            ],
            "counts": {
                status: sum(each.status == status for each in noted)
                for status in ("final", "provisional", "suspect", "missing")
            },
            "runs": _runs(noted),
        }  # fmt: skip

    key = (shown, first, latest, expected, *notes)
    return await respond(request, "days.html", key, basis, make)


def _wanted(state: str, attempts: int, next_attempt: str | None) -> str:
    """Why a day that was asked for is not read yet. What a run said of its failure is for operators: `pyzn days`."""
    match state:
        case "waiting":
            return "it is being read, or waits for its turn"
        case "failed":
            return f"reading it failed {attempts} times; it is tried again at {next_attempt} UTC"
        case "given up":
            return f"reading it failed {attempts} times; it is not tried again unless somebody asks"
        case _:
            return "it was asked for, and taken back"


def _noted(
    day: date, row: Day | None, wanted: str | None, remarks: Sequence[object], first: date | None, expected: date
) -> Noted:
    suspect_because, accepted_because, retired = remarks
    if row is None:
        if retired:
            return Noted(day, "missing", "no longer kept by day; its downloads are in the all-time totals", None)
        if wanted:
            return Noted(day, "missing", wanted, None)
        if day > expected:
            return Noted(day, "due", "not due yet", None)
        if first is None or day < first:
            return Noted(day, "early", "before the first published day", None)
        return Noted(day, "missing", "nobody has asked for it", None)
    why = {
        "final": FINAL,
        "provisional": "PyPI may still add downloads: it is counted again within a week",
        "suspect": str(suspect_because or "it differs much from the weeks before"),
    }[row.status]
    if accepted_because and row.status != "suspect":
        why += f"; it was suspect, and accepted: {accepted_because}"
    if wanted:
        why += f"; asked for once more: {wanted}"
    return Noted(day, row.status, why, row)


def _runs(noted: Sequence[Noted]) -> list[Run]:
    """What is not final or has more to say, newest first; days that are not due and those before the first left out."""
    told = [each for each in noted if each.status not in {"early", "due"} and each.why != FINAL]

    def run(numbered: tuple[int, Noted]) -> tuple[date, str, str]:
        place, each = numbered
        return each.day - timedelta(days=place), each.status, each.why

    groups = (list(group) for _, group in groupby(enumerate(told), run))
    return [Run(group[0][1].day, group[-1][1].day, group[0][1].status, group[0][1].why) for group in groups][::-1]
