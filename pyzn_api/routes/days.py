"""/api/v4/days: what is published of each day, why it is as it is, and the events that touch it."""

from collections.abc import Iterator

from fastapi import APIRouter, Request, Response

from pyzn_api.cache import Snapshot
from pyzn_api.ledger import Ledger
from pyzn_api.models import Day, Days
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.parameters import End, Format, Start, StrictRoute
from pyzn_api.state import state
from pyzn_api.tables import csv_body, json_body, range_of, respond_with_table
from pyzn_api.windows import Window

router = APIRouter(prefix="/api/v4", tags=["v4"], route_class=StrictRoute)


@router.get(
    "/days", summary="The ledger: what is published of each day", responses=errors(400, 401, 503) | table_of(Days)
)
async def days(request: Request, start: Start = None, end: End = None, table: Format = None) -> Response:
    """Every day of the range, oldest first, at most 366; one that is not published is `missing`."""
    today = state(request).today

    async def render(snapshot: Snapshot, as_csv: bool) -> bytes:
        rows = list(_rows(snapshot.ledger, snapshot.window))
        return csv_body(Day, rows) if as_csv else json_body(range_of(snapshot) | {"days": rows})

    def window(ledger: Ledger) -> Window:
        return ledger.requested(start, end, "day", today)

    return await respond_with_table(request, table, ("days", start, end), window, render, days=True)


def _rows(ledger: Ledger, window: Window) -> Iterator[dict[str, object]]:
    """Return a row per day of the window, published or not, oldest first."""
    published = {row.day: row for row in ledger.within(window)}
    for day in window.days():
        events = [each.id for each in ledger.events_in(Window(day, day))]
        if row := published.get(day):
            known = {name: value for name, value in row._asdict().items() if value is not None}
            known |= {"published_at": row.published_at.replace(microsecond=0), "breakdowns": sorted(row.breakdowns)}
            yield known | {"events": events}
        else:
            yield {"day": day, "status": "missing", "events": events}
