"""Charts for READMEs and pages."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from pyzn_api.cache import ResponseSpec, Snapshot, code
from pyzn_api.errors import BadParameterError, UnknownProjectError
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import ALL, known_form_or_all, normalise
from pyzn_api.openapi import errors, svg_of
from pyzn_api.routes.badges import HEADERS, picture_of
from pyzn_api.routes.counts import MOST
from pyzn_api.routes.parameters import ProjectNameOrAll
from pyzn_api.settings import MIB
from pyzn_api.state import state
from pyzn_pipeline.breakdowns import VERSION
from pyzn_site.charts.chart import Chart, Kind, Range, Theme
from pyzn_site.charts.days import GRANULARITY, days_of, drawn_days, faults_of
from pyzn_site.charts.frame import sign
from pyzn_site.rendering import CODE

By = Literal["version", "country", "python", "system", "installer"]

router = APIRouter(tags=["charts"])


@router.get("/chart/{project}.svg", summary="Downloads, as a picture", responses=errors(400, 503) | svg_of("chart"))
async def chart(
    request: Request,
    project: ProjectNameOrAll,
    by: Annotated[By | None, Query(description="what downloads are told apart by; unless given, they are not")] = None,
    kind: Annotated[Kind, Query(description="bars per period, or with by=country a map of the world")] = "bars",
    chosen: Annotated[
        Range,
        Query(
            alias="range",
            description="30 or 90 days by day, 53 weeks by week, or all days by month, up to the latest published day",
        ),
    ] = "month",
    theme: Annotated[Theme, Query(description="for light or dark pages")] = "light",
) -> Response:
    """Days that are missing, provisional or suspect look so, and are never drawn as zero."""
    if kind == "map" and by != "country":
        raise BadParameterError("kind", kind, "by=country with it")
    if project == ALL and by == VERSION.name:
        raise BadParameterError("by", by, "another one: all of PyPI is not counted by version")
    parts, granularity = state(request), GRANULARITY[chosen]
    try:
        name = known_form_or_all(project)

        def basis(ledger: Ledger) -> Basis:
            return Basis(days_of(chosen, ledger, parts.today), days=True)

        async def render(snapshot: Snapshot) -> bytes:
            first_day, counts = await _counted(snapshot, name, by, chosen)
            window = drawn_days(snapshot.window, first_day, snapshot.ledger)
            faults = faults_of(window, snapshot.ledger, by)
            title = "All of PyPI" if name == ALL else name
            drawn = Chart(title, by, kind, theme, granularity, str(window.start), str(window.end), faults)
            svg: bytes = await request.app.state.charts.draw(drawn.packed(counts))
            return svg

        spec = ResponseSpec((code(*CODE), "chart", name, by, kind, chosen, theme), basis, render, HEADERS)
        return await parts.answers.respond(request, spec)
    except UnknownProjectError as error:
        return picture_of(error, sign(normalise(project), "unknown project", theme))


async def _counted(snapshot: Snapshot, project: str, by: By | None, chosen: Range) -> tuple[date | None, bytes]:
    """The project's first day in the window, and the JSON of [first day of the period, key, downloads]."""
    granularity = GRANULARITY[chosen]
    statement = f"pyzn_site:chart by {by}" if by else "pyzn_site:chart_total"

    most = MOST[granularity]
    size, first_day, counts = await snapshot.project_row(statement, project, granularity=granularity, most=most)
    if int(size) > most:
        expected = f"a shorter one: {most // MIB} MiB of counts at most are read for a chart, here are"
        raise BadParameterError("range", chosen, f"{expected} {int(size) // MIB} MiB")
    return date.fromisoformat(first_day.decode()) if first_day else None, counts
