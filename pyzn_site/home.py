"""/: search, the most downloaded projects, and how fresh the data is."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from pyzn_api.cache import Snapshot
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import ALL
from pyzn_api.routes.top import PERIODS
from pyzn_api.state import state
from pyzn_api.windows import Window
from pyzn_site.charts import chart_of
from pyzn_site.counting import of_project
from pyzn_site.rendering import respond
from pyzn_site.view import View

PATH = "/"
SHOWN = 50  # projects
STRIP = 35  # days whose statuses are shown, the latest one included

router = APIRouter(include_in_schema=False)


@router.get(PATH)
async def home(request: Request, period: Annotated[Literal["day", "week", "month"], Query()] = "month") -> Response:
    """Return the front page."""
    parts = state(request)
    ledger, _ = await parts.reader.read()
    expected = ledger.expected(parts.now())

    def basis(ledger: Ledger) -> Basis:
        strip = ledger.recent(STRIP, parts.today)
        first = min(strip.start, ledger.ranked(PERIODS[period], parts.today).start)
        return Basis(Window(first, max(strip.end, expected)), days=True, ranking=True)

    async def make(snapshot: Snapshot) -> Mapping[str, object]:
        ledger = snapshot.ledger
        latest = ledger.days[-1] if ledger.days else None
        strip = ledger.recent(STRIP, parts.today)
        published = {row.day: row.status for row in ledger.days}
        ranked = ledger.ranked(PERIODS[period], parts.today)
        ((rows,),) = await snapshot.rows("top", period=period, limit=SHOWN, csv=False, end=ranked.end)
        month = ledger.recent(PERIODS["month"], parts.today)
        scope = View(range="month").scope(ledger, parts.today)
        counts = await of_project(snapshot, ALL, scope)
        return {
            "latest": latest,
            "chart": chart_of("All of PyPI", scope, ledger, counts),
            "late": max((expected - latest.day).days, 0) if latest else 0,
            "month": sum(row.downloads for row in ledger.within(month)),
            "strip": [(day, published.get(day, "missing")) for day in strip.days()],
            "period": period,
            "ranked": ranked,
            "count": ledger.ranked_by(period),
            "not_final": ledger.uncertain(ranked, ledger.not_ranked(ranked)),
            "top": json.loads(b"[%b]" % rows),
            "canonical": PATH,
        }

    return await respond(request, "home.html", (period, expected), basis, make)
