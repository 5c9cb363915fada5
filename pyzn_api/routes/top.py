"""The most downloaded projects, as the pipeline has ranked them: /api/v4/top, and the list that scanners download."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from pyzn_api.cache import Snapshot
from pyzn_api.ledger import Ledger
from pyzn_api.models import ListMeta, RankedProject, TopPackages, TopProjects
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.parameters import Format, StrictRoute
from pyzn_api.state import state
from pyzn_api.tables import json_body, range_of, respond_with_table
from pyzn_api.windows import Granularity, Window

MOST_RANKED = 15_000  # projects
SOURCE = "bigquery-public-data.pypi.file_downloads, by PyZn"
SYNTHETIC = "a synthetic sample of the BigQuery emulator, not PyPI's downloads, by PyZn"
PERIODS = {"day": 1, "week": 7, "month": 30}  # days

router = APIRouter(tags=["v4"])
_v4 = APIRouter(prefix="/api/v4", route_class=StrictRoute)


def _range(snapshot: Snapshot, period: Granularity) -> dict[str, Any]:
    """Return the days of a ranking, and what it counts."""
    days = range_of(snapshot, snapshot.ledger.not_ranked(snapshot.window))
    return {**days, "count": snapshot.ledger.ranked_by(period)}


@_v4.get("/top", summary="The most downloaded projects", responses=errors(400, 401, 503) | table_of(TopProjects))
async def top(
    request: Request,
    period: Annotated[Granularity, Query(description="1, 7 or 30 days up to the latest ranked one")] = "day",
    limit: Annotated[int, Query(ge=1, le=MOST_RANKED, description="projects at most")] = 100,
    table: Format = None,
) -> Response:
    """Most downloads first, ties by name. A day is ranked within a minute or two of its publication."""
    today = state(request).today

    async def render(snapshot: Snapshot, as_csv: bool) -> bytes:
        ((ranked,),) = await snapshot.rows("top", period=period, limit=limit, csv=as_csv)
        if as_csv:
            return ",".join(RankedProject.model_fields).encode() + b"\r\n" + ranked
        return json_body(TopProjects(**_range(snapshot, period), period=period, projects=[]), [ranked])

    def window(ledger: Ledger) -> Window:
        return ledger.ranked(PERIODS[period], today)

    return await respond_with_table(request, table, ("top", period, limit), window, render, ranking=True)


async def _list(request: Request, kind: Literal["json", "csv"]) -> Response:
    today = state(request).today

    async def render(snapshot: Snapshot, as_csv: bool) -> bytes:
        ((rows, number, updated),) = await snapshot.rows("top_packages", csv=as_csv)
        if as_csv:
            return b"download_count,project\n" + rows
        head = TopPackages(
            last_update=updated.decode() or None,
            source=SYNTHETIC if snapshot.ledger.synthetic else SOURCE,
            meta=ListMeta(**_range(snapshot, "month")),
            total_rows=int(number),
            rows=[],
        )
        return json_body(head, [rows])

    def window(ledger: Ledger) -> Window:
        return ledger.ranked(PERIODS["month"], today)

    key = ("top-pypi-packages", (await state(request).reader.read())[0].synthetic)
    return await respond_with_table(request, kind, key, window, render, ranking=True)


async def list_as_json(request: Request) -> Response:
    """Most downloads first, mirrors included. `last_update` is the latest publication of a day that is counted."""
    return await _list(request, "json")


for _name in ("top-pypi-packages", "top-pypi-packages-30-days"):
    for _suffix in (".min.json", ".json"):
        router.add_api_route(
            f"/{_name}{_suffix}",
            list_as_json,
            methods=["GET"],
            name=_name + _suffix,
            summary="The 15,000 most downloaded projects of 30 days, in the shape that scanners parse",
            responses=errors(503) | {200: {"model": TopPackages}},
        )


@router.get(
    "/top-pypi-packages.csv",
    summary="The same list as CSV",
    responses=errors(503) | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def list_as_csv(request: Request) -> Response:
    """The columns `download_count` and `project`."""
    return await _list(request, "csv")


router.include_router(_v4)
