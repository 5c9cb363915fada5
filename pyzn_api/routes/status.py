"""/api/v4/status: whether anything is published, how late it is, and what is not read yet."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response

from pyzn_api.database import DatabaseAwayError
from pyzn_api.ledger import Ledger
from pyzn_api.models import ServiceStatus
from pyzn_api.openapi import errors
from pyzn_api.routes.parameters import StrictRoute
from pyzn_api.state import state
from pyzn_api.tables import json_body
from pyzn_api.windows import Window

LISTED = timedelta(days=366)  # the last of the days are listed one by one

router = APIRouter(prefix="/api/v4", tags=["v4"], route_class=StrictRoute)


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


def _status(ledger: Ledger, now: datetime, wanted: Mapping[str, object]) -> dict[str, object]:
    """Counts are of the days from the first published one to the last late one, lists of the last year of them."""
    late, expected, latest = 0, ledger.expected(now), ledger.latest
    missing, suspect = [], []
    if latest is not None:
        late = max((expected - latest).days, 0)
        ever = Window(ledger.days[0].day, max(expected, latest))
        missing, suspect = (ledger.uncertain(ever)[name] for name in ("missing", "suspect"))
    listed = max(expected, latest or expected) - LISTED
    return {
        "ready": latest is not None,
        "synthetic": ledger.synthetic,
        "latest_day": latest,
        "days_late": None if latest is None else late,
        "days_missing": len(missing),
        "days_suspect": len(suspect),
        "missing": [day for day in missing if day > listed],
        "suspect": [day for day in suspect if day > listed],
        **wanted,
        "breakdowns": sorted(ledger.days[-1].breakdowns) if ledger.days else [],
    }
