"""/projects/{project}: totals, charts, and the five breakdowns of a range of days."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator, Field

from pyzn_api.cache import Snapshot
from pyzn_api.errors import UnknownProjectError, shortened
from pyzn_api.names import known_form
from pyzn_api.routes.counts import MOST
from pyzn_api.state import state
from pyzn_api.windows import Granularity
from pyzn_pipeline.breakdowns import BREAKDOWNS, COUNTRY, VERSION, Breakdown
from pyzn_pipeline.names import normalise
from pyzn_site.charts import chart_of, map_of
from pyzn_site.counting import by_key, of_project
from pyzn_site.errors import error_page
from pyzn_site.periods import periods
from pyzn_site.readme import ReadmeView, pictures
from pyzn_site.rendering import origin_of, path_of, respond, synthetic
from pyzn_site.search import similar
from pyzn_site.series import series_of
from pyzn_site.switches import switches
from pyzn_site.texts import key_text
from pyzn_site.view import WORDS, Range, View, measure_of

PATH = "/projects/{project}"
LARGEST = 10  # keys of a table

# The words of the newer site.
_RANGES: Mapping[str, Range] = {
    "threeMonths": "quarter",
    "fourMonths": "quarter",
    "sixMonths": "year",
    "oneYear": "year",
}
_GRANULARITIES = {"daily": None, "weekly": "week", "monthly": None}  # these two are not possible for each range

router = APIRouter(include_in_schema=False)


class ProjectView(View, frozen=True):
    """The parameters of the page, also in the newer site's words."""

    granularity: Annotated[Granularity | None, BeforeValidator(lambda text: _GRANULARITIES.get(text, text))] = None
    time_range: str = Field("", alias="timeRange")


@router.get(PATH)
async def project(request: Request, project: str, view: Annotated[ProjectView, Query()]) -> Response:
    """Return a project's page; for an unknown one, a page that helps to find it."""
    today, origin, view = state(request).today, origin_of(request), view.ranged(_RANGES.get(view.time_range, "month"))

    async def make(snapshot: Snapshot) -> Mapping[str, object]:
        ledger, scope = snapshot.ledger, view.scope(snapshot.ledger, today)
        ((row,),) = await snapshot.rows("summaries", names=[name], latest=ledger.recent(1, today).end)
        if not (totals := json.loads(row)):
            raise UnknownProjectError(name)
        choices = switches(path, view, scope, ledger)
        if view.range == "all" and (first := totals[0]["first_day"]):
            scope = scope.since(date.fromisoformat(first))
        counted = await of_project(snapshot, name, scope)

        async def part(breakdown: Breakdown) -> Mapping[str, object]:
            """Return a breakdown's chart, map and largest keys, unless there is too much to count for one page."""
            found = await by_key(snapshot, name, scope, breakdown, MOST["day"])
            charts = [chart_of(name, scope, ledger, found.counts or (), breakdown, share=view.share)]
            if breakdown is COUNTRY:
                charts.insert(0, map_of(name, scope, ledger, dict(found.keys)))
            measure = measure_of(breakdown, scope.measure)
            rows = [(key_text(key, breakdown.name), number) for key, number in found.keys[:LARGEST]]
            if breakdown is VERSION:  # as the chart has them
                series = series_of(VERSION.name, found.counts or ())
                rows = [(each.label, sum(each.downloads.values())) for each in series]
            return {
                "breakdown": breakdown,
                "words": WORDS[measure],
                "other": measure != scope.measure,
                "data": {"ci": "exclude"} if measure == "without_ci" else {"count": measure},
                "missing": len(ledger.missing(scope.window, breakdown.name, measure)),
                "found": found,
                "charts": charts,
                "rows": rows,
                "single": found.keys[:LARGEST] if breakdown is VERSION else (),
            }

        return {
            "project": name,
            "totals": totals[0],
            "latest": ledger.recent(1, today).end,
            "view": view,
            "scope": scope,
            "words": WORDS[scope.measure],
            "switches": choices,
            "chart": chart_of(name, scope, ledger, counted),
            "counted": counted,
            "periods": periods(scope.window, scope.granularity, ledger, None, scope.measure)[::-1],
            "breakdowns": [await part(each) for each in BREAKDOWNS],
            "canonical": path,
            **pictures(origin, name, ReadmeView.model_construct(**view.model_dump(include=set(View.model_fields)))),
        }

    try:
        name = known_form(project)
        path = path_of("projects", name)
        return await respond(request, "project.html", (name, view), lambda ledger: view.basis(ledger, today), make)
    except UnknownProjectError:
        return await unknown_project(request, project)


async def unknown_project(request: Request, project: str) -> Response:
    """Return the page for a project that is not known, with similar names."""
    name = normalise(project)
    shown = {"project": shortened(name), **await similar(request, name)}
    return await error_page("unknown.html", 404, {**shown, "synthetic": await synthetic(request)})
