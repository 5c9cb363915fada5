"""/api/v4/projects/{project}/downloads and /api/v4/series: downloads per period, every count side by side."""

import json
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Request, Response

from pyzn_api.cache import Snapshot
from pyzn_api.errors import UnknownProjectError, shortened
from pyzn_api.models import PeriodCounts, Series, SeveralSeries
from pyzn_api.names import ALL, known_form_or_all, several_names
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.parameters import ByPeriod, End, Format, ProjectNameOrAll, Start, StrictRoute, names_query
from pyzn_api.state import state
from pyzn_api.tables import json_body, range_of, respond_with_table
from pyzn_api.windows import Granularity
from pyzn_pipeline.names import is_name

MOST_AT_ONCE = 8  # projects

router = APIRouter(prefix="/api/v4", tags=["v4"], route_class=StrictRoute)


async def _respond(
    request: Request,
    asked: list[str],
    range_: tuple[date | None, date | None, Granularity],
    table: str | None,
    *,
    several: bool,
) -> Response:
    today, granularity = state(request).today, range_[2]
    names = [each for each in asked if each == ALL or is_name(each)]

    async def render(snapshot: Snapshot, as_csv: bool) -> bytes:
        parameters = {"names": names, "granularity": granularity, "several": several, "csv": as_csv, "partial": False}
        ((found, rows),) = await snapshot.rows("series", **parameters)
        known = json.loads(found or b"[]")
        if not (known or several):
            raise UnknownProjectError(asked[0])
        if as_csv:
            columns = list(PeriodCounts.model_fields)
            return ",".join(["project", *columns] if several else columns).encode() + b"\r\n" + rows
        head = range_of(snapshot) | {"granularity": granularity}
        if not several:
            return json_body(Series(**head, project=asked[0], downloads=[]), [rows])
        unknown = [shortened(each) for each in asked if each not in known]
        return json_body(SeveralSeries(**head, unknown=unknown, downloads=[]), [rows])

    key = ("series", several, *range_, *asked)
    return await respond_with_table(request, table, key, lambda ledger: ledger.requested(*range_, today), render)


@router.get(
    "/projects/{project}/downloads",
    summary="Downloads per period, every count side by side",
    responses=errors(400, 401, 404, 503) | table_of(Series),
)
async def of_one(
    request: Request,
    project: ProjectNameOrAll,
    start: Start = None,
    end: End = None,
    granularity: ByPeriod = "day",
    table: Format = None,
) -> Response:
    """Oldest period first. A period without downloads is absent."""
    return await _respond(request, [known_form_or_all(project)], (start, end, granularity), table, several=False)


@router.get(
    "/series",
    summary="The same of up to eight projects",
    responses=errors(400, 401, 503) | table_of(SeveralSeries),
)
async def of_several(
    request: Request,
    name: Annotated[list[str], names_query(MOST_AT_ONCE, f"; {ALL} is all of PyPI")],
    start: Start = None,
    end: End = None,
    granularity: ByPeriod = "day",
    table: Format = None,
) -> Response:
    """Projects in the order of the request, each once; those that are not known are listed apart."""
    return await _respond(request, several_names(name, MOST_AT_ONCE), (start, end, granularity), table, several=True)
