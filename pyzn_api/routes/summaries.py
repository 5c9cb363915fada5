"""/api/v4/projects: the totals of one project, or of several at once."""

import json
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pyzn_api import models_v4
from pyzn_api.caching import Answers, Recipe
from pyzn_api.errors import BadParameterError, UnknownProjectError, shortened
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import is_possible, known_form, normalise
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.parameters import Format, ProjectName
from pyzn_api.snapshot import Snapshot
from pyzn_api.tables import csv_body, days_not_final, form, json_body, wants_csv
from pyzn_api.windows import Clock

MOST_AT_ONCE = 128  # projects
COLUMNS = tuple(models_v4.Summary.model_fields)


def router(answers: Answers, now: Clock) -> APIRouter:
    """The routes of totals."""
    routes = APIRouter(prefix="/api/v4/projects", tags=["v4"])

    def basis(as_csv: bool) -> Callable[[Ledger], Basis]:
        return lambda ledger: Basis(ledger.recent(30, now().date()), totals=True, days=not as_csv)

    async def find(names: list[str], snapshot: Snapshot) -> list[dict[str, object]]:
        row = await snapshot.row("summaries", {"names": names, "latest": snapshot.window.end})
        found: list[dict[str, object]] = json.loads(row[0]) if row else []
        return found

    def context(snapshot: Snapshot) -> dict[str, object]:
        return {"as_of": str(snapshot.window.end), "days": days_not_final(snapshot.ledger, snapshot.window)}

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

        async def render(snapshot: Snapshot) -> bytes:
            found = await find([each for each in asked if is_possible(each)], snapshot)
            if as_csv:
                return csv_body(COLUMNS, found)
            known = {row["project"] for row in found}
            unknown = [shortened(each) for each in asked if each not in known]
            return json_body({"projects": found, "unknown": unknown} | context(snapshot))

        return await answers.respond(
            request, Recipe(("several", *asked, as_csv), basis(as_csv), render, form(as_csv=as_csv))
        )

    @routes.get(
        "/{project}",
        summary="Totals of a project",
        responses=errors(400, 401, 404, 503) | table_of(models_v4.SummaryOfOne),
    )
    async def one(request: Request, project: ProjectName, table: Format = None) -> Response:
        """All time, and the day, week and month that end with the latest published day (`as_of`)."""
        name = known_form(project)
        as_csv = wants_csv(request, table)

        async def render(snapshot: Snapshot) -> bytes:
            found = await find([name], snapshot)
            if not found:
                raise UnknownProjectError(name)
            return csv_body(COLUMNS, found) if as_csv else json_body(found[0] | context(snapshot))

        return await answers.respond(request, Recipe(("one", name, as_csv), basis(as_csv), render, form(as_csv=as_csv)))

    return routes
