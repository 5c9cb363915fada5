"""/api/v4/projects: the totals of one project, or of several at once."""

import json
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pyzn_api import models_v4
from pyzn_api.caching import Key, Recipe
from pyzn_api.errors import BadParameterError, UnknownProjectError
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import is_possible, known_form, normalise
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.parameters import Format, ProjectName
from pyzn_api.snapshot import Snapshot
from pyzn_api.state import state
from pyzn_api.tables import csv_body, days_not_final, form, json_body, wants_csv
from pyzn_api.texts import shortened

MOST_AT_ONCE = 128  # projects
Totals = dict[str, object]
COLUMNS = tuple(models_v4.Summary.model_fields)

router = APIRouter(prefix="/api/v4/projects", tags=["v4"])


async def _respond(
    request: Request, key: Key, names: list[str], table: str | None, body: Callable[[list[Totals]], Totals]
) -> Response:
    """The totals of those of `names` that are known: as CSV, or as JSON with what `body` makes of them."""
    as_csv, parts = wants_csv(request, table), state(request)

    def basis(ledger: Ledger) -> Basis:
        return Basis(ledger.recent(30, parts.today), totals=True, days=not as_csv)

    async def render(snapshot: Snapshot) -> bytes:
        latest = snapshot.window.end
        ((rows,),) = await snapshot.rows("summaries", names=names, latest=latest)
        found = json.loads(rows)
        answer = body(found)
        if as_csv:
            return csv_body(COLUMNS, found)
        return json_body(answer | {"as_of": str(latest), "days": days_not_final(snapshot.ledger, snapshot.window)})

    return await parts.answers.respond(request, Recipe((*key, as_csv), basis, render, form(as_csv=as_csv)))


@router.get("", summary="Totals of up to 128 projects", responses=errors(400, 401, 503) | table_of(models_v4.Summaries))
async def several(
    request: Request,
    name: Annotated[
        list[str],
        Query(
            description="a project's name; repeat it for more, 128 at most",
            json_schema_extra={"example": ["sampleproject", "no-such-project"]},
        ),
    ],
    table: Format = None,
) -> Response:
    """Projects in the order asked for, each once; those nobody has heard of are listed apart."""
    if len(name) > MOST_AT_ONCE:
        raise BadParameterError("name", f"{len(name)} names", f"{MOST_AT_ONCE} at most")
    asked = list(dict.fromkeys(normalise(each) for each in name))

    def body(found: list[Totals]) -> Totals:
        known = {row["project"] for row in found}
        return {"projects": found, "unknown": [shortened(each) for each in asked if each not in known]}

    return await _respond(request, ("several", *asked), list(filter(is_possible, asked)), table, body)


@router.get(
    "/{project}", summary="Totals of a project", responses=errors(400, 401, 404, 503) | table_of(models_v4.SummaryOfOne)
)
async def one(request: Request, project: ProjectName, table: Format = None) -> Response:
    """All time, and the day, week and month that end with the latest published day (`as_of`)."""
    name = known_form(project)

    def body(found: list[Totals]) -> Totals:
        if not found:
            raise UnknownProjectError(name)
        return found[0]

    return await _respond(request, ("one", name), [name], table, body)
