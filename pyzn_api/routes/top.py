"""/api/v4/top: the most downloaded projects, as the pipeline has ranked them."""

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from pyzn_api import models_v4
from pyzn_api.caching import Recipe
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.parameters import Format
from pyzn_api.snapshot import Snapshot
from pyzn_api.state import state
from pyzn_api.tables import csv_body, days_not_final, form, json_body, wants_csv

MOST_RANKED = 1000  # projects
PERIODS = {"day": 1, "week": 7, "month": 30}  # days

router = APIRouter(prefix="/api/v4", tags=["v4"])


@router.get("/top", summary="The most downloaded projects", responses=errors(400, 401, 503) | table_of(models_v4.Top))
async def top(
    request: Request,
    period: Annotated[
        Literal["day", "week", "month"], Query(description="1, 7 or 30 days up to the latest ranked one")
    ] = "day",
    limit: Annotated[int, Query(ge=1, le=MOST_RANKED, description="projects at most")] = 100,
    table: Format = None,
) -> Response:
    """Most downloads first, ties by name. A day is ranked within a minute or two of its publication."""
    as_csv, parts = wants_csv(request, table), state(request)

    def basis(ledger: Ledger) -> Basis:
        return Basis(ledger.ranked(PERIODS[period], parts.today), days=not as_csv, ranking=True)

    async def render(snapshot: Snapshot) -> bytes:
        ledger, window = snapshot.ledger, snapshot.window
        ((ranked,),) = await snapshot.rows("top", period=period, limit=limit)
        rows = [
            {"rank": rank, "project": project, "downloads": count} | ({} if change is None else {"change": change})
            for rank, (project, count, change) in enumerate(json.loads(ranked), start=1)
        ]
        if as_csv:
            return csv_body(tuple(models_v4.Ranked.model_fields), rows)
        head = {"period": period, "start": str(window.start), "end": str(window.end)}
        return json_body(head | {"projects": rows, "days": days_not_final(ledger, window, ledger.not_ranked(window))})

    recipe = Recipe(("top", period, limit, as_csv), basis, render, form(as_csv=as_csv))
    return await parts.answers.respond(request, recipe)
