"""The routes of pypistats.org's clients; shapes, names and numbers are those of that service."""

import json
import re
from typing import Annotated, Literal

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
SYSTEMS = ("darwin", "linux", "windows", "other", "null")
LONGEST_VERSION = 20  # characters; a version of Python has five
HEADERS = {**JSON, **LINK}  # the shape has no place for the days that are missing

By = Literal["overall", "python_major", "python_minor", "system"]

router = APIRouter(prefix="/api/packages", tags=["pypistats.org"])

Version = Annotated[str | None, Query(description="only this one, or null; of what is none there is no data")]


@router.get(
    "/{project}/recent",
    summary="Downloads of the last day, week and month, without mirrors",
    responses=errors(401, 404, 503) | {200: {"model": models.Recent}},
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
        counted = zip(PERIODS, await snapshot.project_row("pypistats_recent", name), strict=True)
        counts = models.RecentCounts(**{f"last_{each}": int(n) for each, n in counted if period in {None, each}})
        return json_body(models.Recent(data=counts, package=name, type="recent_downloads"))

    spec = ResponseSpec(("recent", name, period), basis, render, HEADERS)
    return await state(request).answers.respond(request, spec)


@router.get(
    "/{project}/overall",
    summary="Downloads per day, with and without mirrors, 181 days",
    responses=errors(401, 404, 503) | {200: {"model": models.Daily}},
)
async def overall(
    request: Request,
    project: ProjectNameOrAll,
    mirrors: Annotated[
        str | None, Query(description="true: only with mirrors; false: only without; another value is ignored")
    ] = None,
) -> Response:
    """By category, oldest day first. A day without downloads is absent."""
    shown: dict[str, object] = {"with_mirrors": mirrors != "false", "without_mirrors": mirrors != "true"}
    return await _daily(request, "overall", known_form_or_all(project), shown)


@router.get(
    "/{project}/python_major",
    summary="Downloads per day and major version of Python, without mirrors, 181 days",
    responses=errors(401, 503) | {200: {"model": models.Daily}},
)
async def python_major(request: Request, project: ProjectNameOrAll, version: Version = None) -> Response:
    """By version, oldest day first; where it is not known the version is "null"."""
    return await _daily_by(request, "python_major", project, _version(version))


@router.get(
    "/{project}/python_minor",
    summary="Downloads per day and minor version of Python, without mirrors, 181 days",
    responses=errors(401, 503) | {200: {"model": models.Daily}},
)
async def python_minor(request: Request, project: ProjectNameOrAll, version: Version = None) -> Response:
    """By version as a text, oldest day first; where it is not known the version is "null"."""
    return await _daily_by(request, "python_minor", project, _version(version))


@router.get(
    "/{project}/system",
    summary="Downloads per day and operating system, without mirrors, 181 days",
    responses=errors(401, 503) | {200: {"model": models.Daily}},
)
async def system(
    request: Request,
    project: ProjectNameOrAll,
    os: Annotated[
        str | None,
        Query(description="only this one, in any case: Darwin, Linux, Windows, other or null; else there is no data"),
    ] = None,
) -> Response:
    """By system, oldest day first; where it is not known the system is "null"."""
    category = os if os is None else os.lower()
    return await _daily_by(request, "system", project, category if category in {None, *SYSTEMS} else "")


def _version(version: str | None) -> str | None:
    """Return the requested category; nothing for what can be none, so that it never reaches Postgres."""
    if version is None or version == "null":
        return version
    possible = len(version) <= LONGEST_VERSION and re.fullmatch(r"[0-9]+(\.[0-9]+)?", version)
    return version if possible else ""


async def _daily_by(request: Request, by: By, project: str, category: str | None) -> Response:
    """Respond per day and category; for an unknown project, or a category that is none, there is no data."""
    possible = project == ALL or is_name(project)
    name = project if project == ALL else normalise(project) if possible else shortened(normalise(project))
    return await _daily(request, by, name, {"by": by, "category": category}, empty=not possible or category == "")


async def _daily(
    request: Request, kind: By, name: str, parameters: dict[str, object], *, empty: bool = False
) -> Response:
    """Respond with the rows that Postgres writes of the project."""
    statement, today = "pypistats_overall" if kind == "overall" else "pypistats_by", state(request).today

    def basis(ledger: Ledger) -> Basis:
        return Basis(ledger.recent(WINDOW_DAYS, today))

    async def render(snapshot: Snapshot) -> bytes:
        data = b"" if empty else (await snapshot.project_row(statement, name, **parameters))[0]
        package = json.dumps(name, ensure_ascii=False).encode()
        return b'{"data":[%b],"package":%b,"type":"%b_downloads"}' % (data, package, kind.encode())

    spec = ResponseSpec((kind, name, empty, *parameters.values()), basis, render, HEADERS)
    return await state(request).answers.respond(request, spec)
