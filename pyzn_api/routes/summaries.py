"""/api/v4/projects: the totals of one project, or of several at once."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pyzn_api import models_v4
from pyzn_api.caching import Answers, Recipe
from pyzn_api.database import Database
from pyzn_api.errors import BadParameterError, UnknownProjectError, shortened
from pyzn_api.ledger import Ledger, published_in
from pyzn_api.names import is_possible, known_form, normalise
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.parameters import Format, ProjectName
from pyzn_api.tables import csv_body, days_not_final, form, json_body, wants_csv
from pyzn_api.windows import EVER, Clock

MOST_AT_ONCE = 128  # projects
COLUMNS = tuple(models_v4.Summary.model_fields)


def router(database: Database, answers: Answers, now: Clock) -> APIRouter:
    """The routes of totals."""
    routes = APIRouter(prefix="/api/v4/projects", tags=["v4"])

    async def find(names: list[str], ledger: Ledger) -> list[dict[str, object]]:
        latest = ledger.recent(1, now().date()).end
        row = await database.row("summaries", {"names": names, "latest": latest})
        found: list[dict[str, object]] = json.loads(row[0]) if row else []
        return found

    def context(ledger: Ledger) -> dict[str, object]:
        month = ledger.recent(30, now().date())
        return {"as_of": str(month.end), "days": days_not_final(ledger, month)}

    state = published_in(EVER, with_status=True)

    @routes.get(
        "",
        summary="Totals of up to 128 projects",
        responses=errors(400, 401, 503) | table_of(models_v4.Summaries),
    )
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
        as_csv = wants_csv(request, table)
        asked = list(dict.fromkeys(normalise(each) for each in name))

        async def render(ledger: Ledger) -> bytes:
            found = await find([each for each in asked if is_possible(each)], ledger)
            if as_csv:
                return csv_body(COLUMNS, found)
            known = {row["project"] for row in found}
            unknown = [shortened(each) for each in asked if each not in known]
            return json_body({"projects": found, "unknown": unknown} | context(ledger))

        return await answers.respond(request, Recipe(("several", *asked, as_csv), state, render, form(as_csv=as_csv)))

    @routes.get(
        "/{project}",
        summary="Totals of a project",
        responses=errors(400, 401, 404, 503) | table_of(models_v4.SummaryOfOne),
    )
    async def one(request: Request, project: ProjectName, table: Format = None) -> Response:
        """All time, and the day, week and month that end with the latest published day (`as_of`)."""
        name = known_form(project)
        as_csv = wants_csv(request, table)

        async def render(ledger: Ledger) -> bytes:
            found = await find([name], ledger)
            if not found:
                raise UnknownProjectError(name)
            return csv_body(COLUMNS, found) if as_csv else json_body(found[0] | context(ledger))

        return await answers.respond(request, Recipe(("one", name, as_csv), state, render, form(as_csv=as_csv)))

    return routes
