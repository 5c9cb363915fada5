"""/api/v4/days: what is published of each day."""

from datetime import date

from fastapi import APIRouter, Request, Response

from pyzn_api import models_v4
from pyzn_api.caching import Recipe
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.openapi import errors, table_of
from pyzn_api.ranges import resolve
from pyzn_api.routes.parameters import End, Format, Start
from pyzn_api.snapshot import Snapshot
from pyzn_api.state import state
from pyzn_api.tables import csv_body, form, json_body, wants_csv
from pyzn_api.windows import Window

router = APIRouter(prefix="/api/v4", tags=["v4"])


@router.get(
    "/days",
    summary="The ledger: what is published of each day",
    responses=errors(400, 401, 503) | table_of(models_v4.Days),
)
async def days(request: Request, start: Start = None, end: End = None, table: Format = None) -> Response:
    """Every day of the range, oldest first, at most 366; one that is not published is `missing`."""
    as_csv, parts = wants_csv(request, table), state(request)

    def basis(ledger: Ledger) -> Basis:
        return Basis(resolve(start, end, "day", ledger, parts.today), days=True)

    async def render(snapshot: Snapshot) -> bytes:
        window = snapshot.window
        rows = _rows(snapshot.ledger, window)
        if as_csv:
            return csv_body(tuple(models_v4.Day.model_fields), rows)
        return json_body({"start": str(window.start), "end": str(window.end), "days": rows})

    recipe = Recipe(("days", start, end, as_csv), basis, render, form(as_csv=as_csv))
    return await parts.answers.respond(request, recipe)


def _rows(ledger: Ledger, window: Window) -> list[dict[str, object]]:
    """A row per day of the window, published or not, oldest first."""
    rows: dict[date, dict[str, object]] = {
        day: {"day": str(day), "status": "missing"} for day in ledger.missing(window)
    }
    for row in ledger.within(window):
        rows[row.day] = {
            "day": str(row.day),
            "status": row.status,
            "revision": row.revision,
            "downloads": row.downloads,
            "projects": row.projects,
            "published_at": f"{row.published_at:%Y-%m-%dT%H:%M:%SZ}",
        }
    return [rows[day] for day in sorted(rows)]
