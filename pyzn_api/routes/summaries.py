"""/api/v4/projects: the totals of one project, or of several at once."""

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from pyzn_api.cache import Snapshot
from pyzn_api.errors import UnknownProjectError, shortened
from pyzn_api.models_v4 import Summaries, Summary, SummaryOfOne
from pyzn_api.names import known_form, several_names
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.parameters import Format, ProjectName, StrictRoute
from pyzn_api.state import state
from pyzn_api.tables import csv_body, json_body, respond_with_table
from pyzn_pipeline.names import is_name

MOST_AT_ONCE = 128  # projects

router = APIRouter(prefix="/api/v4/projects", tags=["v4"], route_class=StrictRoute)


async def _respond(
    request: Request, names: list[str], table: str | None, answer: Callable[..., BaseModel], *key: object
) -> Response:
    """Respond with the totals of those of `names` that are known: as CSV, or as the JSON of `answer`."""
    today = state(request).today

    async def render(snapshot: Snapshot, as_csv: bool) -> bytes:
        latest = snapshot.window.end
        ((rows,),) = await snapshot.rows("summaries", names=names, latest=latest)
        found = json.loads(rows)
        ledger = snapshot.ledger
        made = answer(found, as_of=latest, days=ledger.uncertain(snapshot.window), events=ledger.events)
        return csv_body(Summary, [Summary.model_validate(row) for row in found]) if as_csv else json_body(made)

    return await respond_with_table(
        request, table, ("summaries", *key), lambda ledger: ledger.recent(30, today), render, totals=True
    )


@router.get("", summary="Totals of up to 128 projects", responses=errors(400, 401, 503) | table_of(Summaries))
async def several(
    request: Request,
    name: Annotated[
        list[str],
        Query(
            description="a project's name; repeat it, or separate names by commas, for more, 128 at most",
            json_schema_extra={"example": ["sampleproject", "no-such-project"], "maxItems": MOST_AT_ONCE},
        ),
    ],
    table: Format = None,
) -> Response:
    """Projects in the order of the request, each once; those that are not known are listed apart."""
    asked = several_names(name, MOST_AT_ONCE)

    def answer(found: list[dict[str, Any]], **end: object) -> Summaries:
        known = {row["project"] for row in found}
        unknown = [shortened(each) for each in asked if each not in known]
        return Summaries.model_validate({"projects": found, "unknown": unknown, **end})

    return await _respond(request, list(filter(is_name, asked)), table, answer, "several", *asked)


@router.get("/{project}", summary="Totals of a project", responses=errors(400, 401, 404, 503) | table_of(SummaryOfOne))
async def one(request: Request, project: ProjectName, table: Format = None) -> Response:
    """All time, and the day, week and month that end with the latest published day (`as_of`)."""
    name = known_form(project)

    def answer(found: list[dict[str, Any]], **end: object) -> SummaryOfOne:
        if not found:
            raise UnknownProjectError(name)
        return SummaryOfOne.model_validate(found[0] | end)

    return await _respond(request, [name], table, answer, "one", name)
