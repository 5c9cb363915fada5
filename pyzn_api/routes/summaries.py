"""/api/v4/projects: the totals of one project, or of several at once."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from pyzn_api.cache import Snapshot
from pyzn_api.errors import UnknownProjectError, shortened
from pyzn_api.models import FullSummary, Summaries, Summary
from pyzn_api.names import known_form, several_names
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.parameters import Format, ProjectName, StrictRoute, names_query
from pyzn_api.state import state
from pyzn_api.tables import certainty, csv_body, json_body, respond_with_table
from pyzn_pipeline.names import is_name

MOST_AT_ONCE = 128  # projects

SUMMARIES = TypeAdapter(list[Summary])

router = APIRouter(prefix="/api/v4/projects", tags=["v4"], route_class=StrictRoute)


async def _respond(request: Request, asked: list[str], table: str | None, *, several: bool) -> Response:
    today = state(request).today

    async def render(snapshot: Snapshot, as_csv: bool) -> bytes:
        latest = snapshot.window.end
        ((rows,),) = await snapshot.rows("summaries", names=list(filter(is_name, asked)), latest=latest)
        found = SUMMARIES.validate_json(rows)
        if not (found or several):
            raise UnknownProjectError(asked[0])
        if as_csv:
            return csv_body(Summary, found)
        end = {"as_of": latest, **certainty(snapshot)}
        if not several:
            return json_body(FullSummary(**dict(found[0]), **end))
        known = {row.project for row in found}
        unknown = [shortened(each) for each in asked if each not in known]
        return json_body(Summaries(projects=found, unknown=unknown, **end))

    key = ("summaries", several, *asked)
    return await respond_with_table(request, table, key, lambda ledger: ledger.recent(30, today), render, totals=True)


@router.get("", summary="Totals of up to 128 projects", responses=errors(400, 401, 503) | table_of(Summaries))
async def several(
    request: Request, name: Annotated[list[str], names_query(MOST_AT_ONCE)], table: Format = None
) -> Response:
    """Projects in the order of the request, each once; those that are not known are listed apart."""
    return await _respond(request, several_names(name, MOST_AT_ONCE), table, several=True)


@router.get("/{project}", summary="Totals of a project", responses=errors(400, 401, 404, 503) | table_of(FullSummary))
async def one(request: Request, project: ProjectName, table: Format = None) -> Response:
    """Downloads of all time, and of the day, week and month that end with the latest published day (`as_of`)."""
    return await _respond(request, [known_form(project)], table, several=False)
