"""/compare: up to eight projects beside each other."""

import json
import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pyzn_api.cache import Snapshot
from pyzn_api.errors import BadParameterError, shortened
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.state import state
from pyzn_api.windows import Window
from pyzn_pipeline.names import is_name, normalise
from pyzn_site.charts import comparison
from pyzn_site.counting import by_period
from pyzn_site.periods import GRANULARITY, Range, window_of
from pyzn_site.rendering import respond

PATH = "/compare"
MOST = 8  # projects
MONTH = 30  # days

router = APIRouter(include_in_schema=False)


@router.get(PATH)
async def compare(
    request: Request,
    name: Annotated[list[str] | None, Query()] = None,
    asked: Annotated[Range, Query(alias="range")] = "quarter",
) -> Response:
    """Return the projects in the order given; a `name` may hold several, as people type them."""
    parts = state(request)
    names = list(dict.fromkeys(normalise(each) for text in name or [] for each in re.split(r"[\s,]+", text) if each))
    if len(names) > MOST:
        raise BadParameterError("name", f"{len(names)} names", f"{MOST} at most")
    possible = [each for each in names if is_name(each)]
    shown = tuple(each if each in possible else shortened(each) for each in names)

    def basis(ledger: Ledger) -> Basis:
        window, month = window_of(asked, ledger, parts.today), ledger.recent(MONTH, parts.today)
        return Basis(Window(min(window.start, month.start), window.end), totals=True, days=True)

    async def make(snapshot: Snapshot) -> Mapping[str, object]:
        ledger, grain = snapshot.ledger, GRANULARITY[asked]
        window = window_of(asked, ledger, parts.today)
        ((row,),) = await snapshot.rows("summaries", names=possible, latest=window.end)
        totals = json.loads(row)
        known = [each["project"] for each in totals]
        counted = await by_period(snapshot, known, window, grain)
        return {
            "names": shown,
            "totals": totals,
            "unknown": [each for each in shown if each not in known],
            "most": MOST,
            "largest": max((each["downloads_last_month"] for each in totals), default=0),
            "range": asked,
            "granularity": grain,
            "chart": comparison(window, grain, ledger, {each: counted[each].downloads for each in counted}),
        }

    return await respond(request, "compare.html", (shown, asked), basis, make)
