"""/api/v4/status: whether anything is published, how late it is, and what is not read yet."""

from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response

from pyzn_api import models_v4
from pyzn_api.database import DatabaseAwayError
from pyzn_api.ledger import Ledger
from pyzn_api.openapi import errors
from pyzn_api.state import state
from pyzn_api.tables import days_not_final, json_body
from pyzn_api.windows import Window

LISTED = 366  # days, the last of which the status lists one by one

router = APIRouter(prefix="/api/v4", tags=["v4"])


@router.get(
    "/status",
    summary="Whether it is ready, and how late",
    responses=errors(401, 503) | {200: {"model": models_v4.ServiceStatus}},
)
async def status(request: Request) -> Response:
    """Never cached, never stale: 503 while the database does not answer."""
    parts = state(request)
    ledger, fresh = await parts.reader.read()
    if not fresh:
        raise DatabaseAwayError("the ledger could not be read")
    return Response(
        json_body(_status(ledger, parts.now()) | await parts.reader.wanted()),
        headers={"Cache-Control": "no-store"},
        media_type="application/json",
    )


def _status(ledger: Ledger, now: datetime) -> dict[str, object]:
    """Counts are of the days from the first published one to the last late one, lists of the last year of them."""
    expected = ledger.expected(now)
    answer: dict[str, object] = {"ready": False, "latest_day": None, "days_late": None}
    found: dict[str, list[str]] = {"missing": [], "suspect": []}
    if ledger.latest is not None:
        answer = {"ready": True, "latest_day": str(ledger.latest), "days_late": max((expected - ledger.latest).days, 0)}
        ever = Window(ledger.days[0].day, max(expected, ledger.latest))
        found = {name: days for name, days in days_not_final(ledger, ever).items() if name in found}
        listed = str(ever.end - timedelta(days=LISTED - 1))
    return (
        answer
        | {f"days_{name}": len(days) for name, days in found.items()}
        | {name: [day for day in days if day >= listed] for name, days in found.items()}
    )
