"""The most downloaded projects, as the pipeline has ranked them: /api/v4/top, and the list that scanners download."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from pyzn_api import models_v4
from pyzn_api.caching import Recipe
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.openapi import errors, table_of
from pyzn_api.responses import JSON, Form
from pyzn_api.routes.parameters import Format
from pyzn_api.snapshot import Snapshot
from pyzn_api.state import state
from pyzn_api.tables import LINK, days_not_final, form, json_body, wants_csv

MOST_RANKED = 15_000  # projects
PERIODS = {"day": 1, "week": 7, "month": 30}  # days

CSV = Form("text/csv; charset=utf-8", JSON.cache_control, (LINK,))
SOURCE = "bigquery-public-data.pypi.file_downloads, by PyZn"

router = APIRouter(tags=["v4"])


@router.get(
    "/api/v4/top", summary="The most downloaded projects", responses=errors(400, 401, 503) | table_of(models_v4.Top)
)
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
        ((ranked,),) = await snapshot.rows("top", period=period, limit=limit, csv=as_csv)
        if as_csv:
            return b",".join(column.encode() for column in models_v4.Ranked.model_fields) + b"\r\n" + ranked
        head = {"period": period, "start": str(window.start), "end": str(window.end)}
        days = days_not_final(ledger, window, ledger.not_ranked(window))
        return b'%b,"projects":[%b],"days":%b}' % (json_body(head)[:-1], ranked, json_body(days))

    recipe = Recipe(("top", period, limit, as_csv), basis, render, form(as_csv=as_csv))
    return await parts.answers.respond(request, recipe)


async def _list(request: Request, *, as_csv: bool) -> Response:
    def basis(ledger: Ledger) -> Basis:
        return Basis(ledger.ranked(PERIODS["month"], state(request).today), days=not as_csv, ranking=True)

    async def render(snapshot: Snapshot) -> bytes:
        ledger, window = snapshot.ledger, snapshot.window
        ((rows, number, updated),) = await snapshot.rows("top_packages", csv=as_csv)
        if as_csv:
            return b"download_count,project\n" + rows
        days = days_not_final(ledger, window, ledger.not_ranked(window))
        head = {
            "last_update": updated.decode() or None,
            "source": SOURCE,
            "meta": {"start": str(window.start), "end": str(window.end), "days": days},
            "total_rows": int(number),
        }
        return b'%b,"rows":[%b]}' % (json_body(head)[:-1], rows)

    recipe = Recipe(("top-pypi-packages", as_csv), basis, render, CSV if as_csv else JSON)
    return await state(request).answers.respond(request, recipe)


@router.get(
    "/top-pypi-packages.min.json",
    summary="The 15,000 most downloaded projects of 30 days, as scanners know the list",
    responses=errors(503) | {200: {"model": models_v4.TopPackages}},
)
async def list_as_json(request: Request) -> Response:
    """Most downloads first, mirrors included. `last_update` is the latest publication of a day that is counted."""
    return await _list(request, as_csv=False)


@router.get(
    "/top-pypi-packages.csv",
    summary="The same list as CSV",
    responses=errors(503) | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def list_as_csv(request: Request) -> Response:
    """The columns `download_count` and `project`."""
    return await _list(request, as_csv=True)
