"""The routes of pypistats.org's clients; shapes, names and numbers are those of that service."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import WithJsonSchema

from pyzn_api import models
from pyzn_api.cache import ResponseSpec, Snapshot
from pyzn_api.errors import BadParameterError, shortened
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import ALL, known_form_or_all
from pyzn_api.openapi import errors
from pyzn_api.responses import JSON
from pyzn_api.routes.parameters import ProjectNameOrAll
from pyzn_api.state import state
from pyzn_api.tables import LINK, json_body
from pyzn_pipeline.names import is_name, normalise

WINDOW_DAYS = 181
PERIODS = {"day": 1, "month": 30, "week": 7}  # days; in the order of the answer, as the statement counts them
HEADERS = {**JSON, **LINK}  # the shape has no place for the days that are missing

router = APIRouter(prefix="/api/packages", tags=["pypistats.org"])


def _of(statement: str, project: str) -> str:
    return f"{statement} of all" if project == ALL else statement


@router.get(
    "/{project}/recent",
    summary="Downloads of the last day, week and month, without mirrors",
    responses=errors(401, 404, 503) | {200: {"model": models.RecentDownloads}},
)
async def recent(
    request: Request,
    project: ProjectNameOrAll,
    period: Annotated[
        str | None,
        WithJsonSchema({"enum": sorted(PERIODS), "type": "string"}),
        Query(description="only this one; another value is 404"),
    ] = None,
) -> Response:
    """The last day is the latest published one; 7 and 30 days end with it."""
    if period not in {None, *PERIODS}:
        raise BadParameterError("period", period, f"one of {', '.join(PERIODS)}", 404)  # as pypistats.org answers
    name, today = known_form_or_all(project), state(request).today

    def basis(ledger: Ledger) -> Basis:
        return Basis(ledger.recent(PERIODS[period or "month"], today))

    async def render(snapshot: Snapshot) -> bytes:
        counted = zip(PERIODS, await snapshot.project_row(_of("pypistats_recent", name), name), strict=True)
        counts = models.RecentCounts(**{f"last_{each}": int(n) for each, n in counted if period in {None, each}})
        return json_body(models.RecentDownloads(data=counts, package=name, type="recent_downloads"))

    spec = ResponseSpec(("recent", name, period), basis, render, HEADERS)
    return await state(request).answers.respond(request, spec)


@router.get(
    "/{project}/overall",
    summary="Downloads per day, with and without mirrors, 181 days",
    responses=errors(401, 404, 503) | {200: {"model": models.DailyDownloads}},
)
async def overall(
    request: Request,
    project: ProjectNameOrAll,
    mirrors: Annotated[
        str | None, Query(description="true: only with mirrors; false: only without; another value is ignored")
    ] = None,
) -> Response:
    """Downloads by category, oldest day first. A day without downloads is absent."""
    shown: dict[str, object] = {"with_mirrors": mirrors != "false", "without_mirrors": mirrors != "true"}
    return await _daily(request, "overall", known_form_or_all(project), shown)


def _by(kind: str, choice: Any, possible: str) -> Callable[..., Awaitable[Response]]:
    async def by(request: Request, project: ProjectNameOrAll, category: choice = None) -> Response:
        """Oldest day first, a category after the other; what is not known is "null"."""
        known, asked = project == ALL or is_name(project), category and category.lower()
        name = project if project == ALL else normalise(project) if known else shortened(normalise(project))
        # What can be none never reaches Postgres.
        empty = not known or (asked is not None and not re.fullmatch(possible, asked))
        return await _daily(request, kind, name, {"kind": kind, "category": asked}, empty=empty)

    return by


_VERSION = Annotated[str | None, Query(alias="version", description="only this one, or null; else there is no data")]
_OS = Annotated[
    str | None,
    Query(
        alias="os",
        description="only this one, in any case: Darwin, Linux, Windows, other or null; else there is no data",
    ),
]
_POSSIBLE_VERSION = r"null|[0-9]{1,10}(\.[0-9]{1,10})?"  # a version of Python has five characters

for _kind, _what, _choice, _possible in (
    ("python_major", "major version of Python", _VERSION, _POSSIBLE_VERSION),
    ("python_minor", "minor version of Python", _VERSION, _POSSIBLE_VERSION),
    ("system", "operating system", _OS, "darwin|linux|windows|other|null"),
):
    router.add_api_route(
        f"/{{project}}/{_kind}",
        _by(_kind, _choice, _possible),
        name=_kind,
        summary=f"Downloads per day and {_what}, without mirrors, 181 days",
        responses=errors(401, 503) | {200: {"model": models.DailyDownloads}},
    )


async def _daily(
    request: Request, kind: str, name: str, parameters: dict[str, object], *, empty: bool = False
) -> Response:
    """Respond with the rows that Postgres writes of the project; with none of what is `empty`."""
    today, breakdown = state(request).today, kind.partition("_")[0]
    statement = _of("pypistats_overall", name) if kind == "overall" else f"{_of('pypistats_by', name)} by {breakdown}"

    def basis(ledger: Ledger) -> Basis:
        return Basis(ledger.recent(WINDOW_DAYS, today))

    async def render(snapshot: Snapshot) -> bytes:
        data = b"" if empty else (await snapshot.project_row(statement, name, **parameters))[0]
        package = json.dumps(name, ensure_ascii=False).encode()
        return b'{"data":[%b],"package":%b,"type":"%b_downloads"}' % (data, package, kind.encode())

    spec = ResponseSpec((kind, name, empty, *parameters.values()), basis, render, HEADERS)
    return await state(request).answers.respond(request, spec)
