"""/api/v4/projects/{project}/downloads and /api/v4/series: downloads per period, every count side by side."""

import json
from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from pyzn_api.cache import Snapshot
from pyzn_api.errors import UnknownProjectError, shortened
from pyzn_api.models_v4 import PeriodCounts, Series, SeriesHead, SeveralHead, SeveralSeries
from pyzn_api.names import ALL, known_form_or_all, several_names
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.parameters import ByPeriod, End, Format, ProjectNameOrAll, Start, StrictRoute
from pyzn_api.state import state
from pyzn_api.tables import json_body, range_of, respond_with_table
from pyzn_api.windows import Granularity
from pyzn_pipeline.names import is_name

MOST_AT_ONCE = 8  # projects

router = APIRouter(prefix="/api/v4", tags=["v4"], route_class=StrictRoute)


async def _respond(
    request: Request,
    names: list[str],
    range_: tuple[date | None, date | None, Granularity],
    table: str | None,
    head: Callable[[list[str], dict[str, object]], BaseModel],
    *,
    several: bool,
) -> Response:
    """Respond with the periods of `names`; `head` makes the parts around them of the known names and the range."""
    today = state(request).today

    async def render(snapshot: Snapshot, as_csv: bool) -> bytes:
        parameters = {"names": names, "granularity": range_[2], "several": several, "csv": as_csv, "partial": False}
        ((known, rows),) = await snapshot.rows("series", **parameters)
        made = head(json.loads(known or b"[]"), range_of(snapshot) | {"granularity": range_[2]})
        if not as_csv:
            return json_body(made, "downloads", [rows])
        columns = [*(["project"] if several else []), *PeriodCounts.model_fields]
        return ",".join(columns).encode() + b"\r\n" + rows

    key = ("series", several, *range_, *names)
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
    name = known_form_or_all(project)

    def head(known: list[str], parts: dict[str, object]) -> SeriesHead:
        if not known:
            raise UnknownProjectError(name)
        return SeriesHead.model_validate({"project": name, **parts})

    return await _respond(request, [name], (start, end, granularity), table, head, several=False)


@router.get(
    "/series",
    summary="The same of up to eight projects",
    responses=errors(400, 401, 503) | table_of(SeveralSeries),
)
async def of_several(
    request: Request,
    name: Annotated[
        list[str],
        Query(
            description="a project's name; repeat it, or separate names by commas, for more, 8 at most; "
            "__all__ is all of PyPI",
            json_schema_extra={"example": ["sampleproject", "busy"], "maxItems": MOST_AT_ONCE},
        ),
    ],
    start: Start = None,
    end: End = None,
    granularity: ByPeriod = "day",
    table: Format = None,
) -> Response:
    """Projects in the order of the request, each once; those that are not known are listed apart."""
    asked = several_names(name, MOST_AT_ONCE)

    def head(known: list[str], parts: dict[str, object]) -> SeveralHead:
        unknown = [shortened(each) for each in asked if each not in known]
        return SeveralHead.model_validate({"unknown": unknown, **parts})

    names = [each for each in asked if each == ALL or is_name(each)]
    return await _respond(request, names, (start, end, granularity), table, head, several=True)
