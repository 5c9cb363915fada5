"""/projects/{project}: totals, charts, and the five breakdowns of a range of days."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pyzn_api.cache import Snapshot
from pyzn_api.errors import BadParameterError, UnknownProjectError, shortened
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import known_form
from pyzn_api.routes.counts import MOST
from pyzn_api.state import state
from pyzn_api.windows import Granularity, Window
from pyzn_pipeline.breakdowns import BREAKDOWNS, CI, COUNTRY, WITHOUT_MIRRORS, Breakdown
from pyzn_pipeline.names import normalise
from pyzn_site.addresses import NewerWordsRoute
from pyzn_site.charts import chart_of, map_of
from pyzn_site.counting import by_key, of_project
from pyzn_site.errors import error_page
from pyzn_site.periods import GRANULARITY, POSSIBLE, Ci, Range, periods, window_of
from pyzn_site.readme import ReadmeOptions, origin_of, pictures
from pyzn_site.rendering import respond
from pyzn_site.search import similar

PATH = "/projects/{project}"
MONTH = 30  # days
LARGEST = 10  # keys of a table

router = APIRouter(include_in_schema=False, route_class=NewerWordsRoute)


@router.get(PATH)
async def project(
    request: Request,
    project: str,
    asked: Annotated[Range, Query(alias="range")] = "month",
    granularity: Annotated[Granularity | None, Query()] = None,
    ci: Annotated[Ci, Query()] = "include",
) -> Response:
    """Return a project's page; for an unknown one, a page that helps to find it."""
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
        ledger, counted = snapshot.ledger, await of_project(snapshot, name, window, grain, ci)

        async def part(breakdown: Breakdown) -> Mapping[str, object]:
            """Return a breakdown's chart, map and largest keys, unless there is too much to count for one page."""
            by = breakdown.name
            found = await by_key(snapshot, name, window, grain, by, MOST["day"], ci)
            charts = [chart_of(name, window, grain, ledger, found.counts or (), by)]
            if breakdown is COUNTRY:
                charts.insert(0, map_of(name, window, ledger, dict(found.keys)))
            return {
                "breakdown": breakdown,
                "knows_ci": CI in breakdown.subsets,
                "without_mirrors": breakdown.counted is WITHOUT_MIRRORS,
                "missing": len(ledger.missing(window, by)),
                "found": found,
                "charts": charts,
                "keys": found.keys[:LARGEST],
            }

        return {
            "project": name,
            "totals": totals[0],
            "window": window,
            "range": asked,
            "granularity": grain,
            "possible": POSSIBLE[asked],
            "ci": ci,
            "chart": chart_of(name, window, grain, ledger, counted.downloads),
            "counted": counted.downloads,
            "periods": periods(window, grain, ledger)[::-1],
            "breakdowns": [await part(each) for each in BREAKDOWNS],
            **pictures(origin, name, ReadmeOptions()),
        }

    try:
        name = known_form(project)
        return await respond(request, "project.html", (name, asked, grain, ci, origin), basis, make)
    except UnknownProjectError:
        unknown = normalise(project)
        shown = {"project": shortened(unknown), "found": await similar(request, unknown)}
        return await error_page("unknown.html", 404, shown)
