"""/api/v4/days and /api/v4/status: what is published of each day, and what is late or not read yet."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from pyzn_api.cache import Snapshot
from pyzn_api.database import DatabaseAwayError
from pyzn_api.ledger import Ledger
from pyzn_api.models import Day, Days, MissingDay, ServiceStatus
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.parameters import End, Format, Start, StrictRoute
from pyzn_api.state import state
from pyzn_api.tables import csv_body, json_body, range_of, respond_with_table
from pyzn_api.windows import Window

LISTED = timedelta(days=366)  # the last of the days are listed one by one

router = APIRouter(prefix="/api/v4", tags=["v4"], route_class=StrictRoute)


@router.get(
    "/days", summary="The ledger: what is published of each day", responses=errors(400, 401, 503) | table_of(Days)
)
async def days(request: Request, start: Start = None, end: End = None, table: Format = None) -> Response:
    """Every day of the range, oldest first, at most 366; one that is not published is `missing`."""
    today = state(request).today

    async def render(snapshot: Snapshot, as_csv: bool) -> bytes:
        rows = list(_rows(snapshot.ledger, snapshot.window))
        return csv_body(Day, rows) if as_csv else json_body(Days(**range_of(snapshot) | {"days": rows}))

    def window(ledger: Ledger) -> Window:
        return ledger.requested(start, end, "day", today)

    return await respond_with_table(request, table, ("days", start, end), window, render, days=True)


def _rows(ledger: Ledger, window: Window) -> Iterator[Day | MissingDay]:
    """Return a row per day of the window, published or not, oldest first."""
    published = {row.day: row for row in ledger.within(window)}
    for day in window.days():
        events = [each.id for each in ledger.events_in(Window(day, day))]
        if row := published.get(day):
            known = {name: value for name, value in row._asdict().items() if value is not None}
            known |= {"published_at": row.published_at.replace(microsecond=0), "breakdowns": sorted(row.breakdowns)}
            yield Day(**known, events=events)
        else:
            yield MissingDay(day=day, status="missing", events=events)


@router.get(
    "/status",
    summary="Whether it is ready, and how late",
    responses=errors(401, 503) | {200: {"model": ServiceStatus}},
)
async def status(request: Request) -> Response:
    """Never cached, never stale: 503 while the database does not answer."""
    parts = state(request)
    ledger, fresh = await parts.reader.read()
    if not fresh:
        raise DatabaseAwayError("the ledger could not be read")
    found = json_body(_status(ledger, parts.now(), await parts.reader.wanted()))
    return Response(found, headers={"Cache-Control": "no-store"}, media_type="application/json")


def _status(ledger: Ledger, now: datetime, wanted: dict[str, Any]) -> ServiceStatus:
    """Return counts of the days from the first published one to the last late one, and lists of their last year."""
    late, expected, latest = 0, ledger.expected(now), ledger.latest
    missing, suspect = [], []
    if latest is not None:
        late = max((expected - latest).days, 0)
        ever = Window(ledger.days[0].day, max(expected, latest))
        missing, suspect = (ledger.uncertain(ever)[name] for name in ("missing", "suspect"))
    listed = max(expected, latest or expected) - LISTED
    return ServiceStatus(
        ready=latest is not None,
        synthetic=ledger.synthetic,
        latest_day=latest,
        days_late=None if latest is None else late,
        days_missing=len(missing),
        days_suspect=len(suspect),
        missing=[day for day in missing if day > listed],
        suspect=[day for day in suspect if day > listed],
        **wanted,
        breakdowns=sorted(ledger.days[-1].breakdowns) if ledger.days else [],
    )
