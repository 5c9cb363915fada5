"""/projects/{project}: totals, charts, and the five breakdowns of a range of days."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pyzn_api.cache import Snapshot
from pyzn_api.errors import BadParameterError, UnknownProjectError
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import known_form, normalise
from pyzn_api.routes.counts import MOST
from pyzn_api.state import state
from pyzn_api.texts import shortened
from pyzn_api.windows import Granularity, Window
from pyzn_pipeline.breakdowns import BREAKDOWNS, CI, WITHOUT_MIRRORS, Breakdown
from pyzn_site.charts.chart import Range
from pyzn_site.charts.days import GRANULARITY
from pyzn_site.errors import error_page
from pyzn_site.periods import POSSIBLE, Ci, periods, window_of
from pyzn_site.readme import Wishes, origin_of, pictures
from pyzn_site.rendering import respond
from pyzn_site.search import similar

PATH = "/projects/{project}"
LARGEST = 10  # keys of a breakdown
MONTH = 30  # days

router = APIRouter(include_in_schema=False)


@router.get(PATH)
async def project(
    request: Request,
    project: str,
    asked: Annotated[Range, Query(alias="range")] = "month",
    granularity: Annotated[Granularity | None, Query()] = None,
    ci: Annotated[Ci, Query()] = "include",
) -> Response:
    """A project's page; for an unknown one, a page that helps to find it."""
    parts, origin = state(request), origin_of(request)
    grain = granularity or GRANULARITY[asked]
    if grain not in POSSIBLE[asked]:
        raise BadParameterError("granularity", grain, f"{' or '.join(POSSIBLE[asked])} with range={asked}")

    def basis(ledger: Ledger) -> Basis:
        window, month = window_of(asked, ledger, parts.today), ledger.recent(MONTH, parts.today)
        return Basis(Window(min(window.start, month.start), window.end), totals=True, days=True)

    async def make(snapshot: Snapshot) -> Mapping[str, object]:
        window = window_of(asked, snapshot.ledger, parts.today)
        month = snapshot.ledger.recent(MONTH, parts.today)
        ((row,),) = await snapshot.rows("summaries", names=[name], latest=month.end)
        if not (totals := json.loads(row)):
            raise UnknownProjectError(name)
        if asked == "all" and (first := totals[0]["first_day"]):
            window = Window(max(window.start, date.fromisoformat(first)), window.end)
        ((row,),) = await snapshot.rows(
            "pyzn_site:periods", names=[name], granularity=grain, start=window.start, end=window.end
        )
        counted = {date.fromisoformat(first): _of(ci, *counts) for _, first, *counts in json.loads(row)}
        return {
            "project": name,
            "totals": totals[0],
            "window": window,
            "range": asked,
            "granularity": grain,
            "possible": POSSIBLE[asked],
            "drawn_by": GRANULARITY[asked],
            "ci": ci,
            "days": snapshot.ledger.uncertain(window),
            "periods": periods(window, grain, snapshot.ledger, counted),
            "breakdowns": [await _largest(snapshot, name, window, each, ci) for each in BREAKDOWNS],
            **pictures(origin, name, Wishes()),
        }

    try:
        name = known_form(project)
        return await respond(request, "project.html", (name, asked, grain, ci, origin), basis, make)
    except UnknownProjectError:
        unknown = normalise(project)
        shown = {"project": shortened(unknown), "found": await similar(request, unknown)}
        return await error_page("unknown.html", 404, shown)


def _of(ci: Ci, downloads: int, by_ci: int) -> int:
    return {"include": downloads, "exclude": downloads - by_ci, "only": by_ci}[ci]


async def _largest(snapshot: Snapshot, name: str, window: Window, breakdown: Breakdown, ci: Ci) -> Mapping[str, object]:
    """The largest keys of one breakdown; `keys` is None if there is too much to count for one page."""
    knows_ci = CI in breakdown.subsets
    subset = {"ci": ci} if knows_ci else {}
    wanted = {"project": name, "limit": LARGEST, "start": window.start, "end": window.end, **subset}
    ((_, row),) = await snapshot.rows(f"pyzn_site:largest by {breakdown.name}", most=MOST["day"], **wanted)
    found = json.loads(row) if row else {"keys": None, "number": 0, "downloads": 0}
    return {
        "breakdown": breakdown,
        "knows_ci": knows_ci,
        "without_mirrors": breakdown.counted is WITHOUT_MIRRORS,
        "missing": len(snapshot.ledger.missing(window, breakdown.name)),
        **found,
    }
