"""What clients of pypistats.org call; shapes, names and numbers are those of that service."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import WithJsonSchema

from pyzn_api import models_pypistats as models
from pyzn_api import projects
from pyzn_api.caching import Recipe
from pyzn_api.errors import UnknownPeriodError
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import ALL, is_possible, known_form_or_all, normalise
from pyzn_api.openapi import errors
from pyzn_api.responses import JSON, Form
from pyzn_api.routes.parameters import ProjectNameOrAll
from pyzn_api.snapshot import Snapshot
from pyzn_api.state import state
from pyzn_api.tables import LINK
from pyzn_api.texts import shortened

WINDOW_DAYS = 181
PERIODS = {"day": 1, "month": 30, "week": 7}  # days; in the order of the answer, as the statement counts them
SYSTEMS = ("darwin", "linux", "windows", "other", "null")
LONGEST_VERSION = 20  # characters; a version of Python has five
FORM = Form(JSON.media_type, JSON.cache_control, (LINK,))  # its shape has no place for the days that are missing

By = Literal["python_major", "python_minor", "system"]
Render = Callable[[Snapshot], Awaitable[bytes]]

router = APIRouter(prefix="/api/packages", tags=["pypistats.org"])

Version = Annotated[str | None, Query(description="only this one, or null; of what is none there is no data")]


async def _respond(request: Request, kind: str, package: str, days: int, data: Render, *key: object) -> Response:
    """The answer with what `data` makes; `key` tells it from the other answers of that kind about the project."""

    def basis(ledger: Ledger) -> Basis:
        return Basis(ledger.recent(days, state(request).today))

    async def render(snapshot: Snapshot) -> bytes:
        name = json.dumps(package, ensure_ascii=False).encode()
        return b'{"data":%b,"package":%b,"type":"%b_downloads"}' % (await data(snapshot), name, kind.encode())

    return await state(request).answers.respond(request, Recipe((kind, package, *key), basis, render, FORM))


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
        raise UnknownPeriodError(str(period), [*PERIODS])
    name = known_form_or_all(project)

    async def data(snapshot: Snapshot) -> bytes:
        counted = zip(PERIODS, await projects.row_of(snapshot, "pypistats_recent", name), strict=True)
        return b"{%b}" % b",".join(
            b'"last_%b":%b' % (each.encode(), n) for each, n in counted if period in {None, each}
        )

    days = PERIODS[period or "month"]
    return await _respond(request, "recent", name, days, data, period)


@router.get(
    "/{project}/overall",
    summary="Downloads per day, with and without mirrors, 181 days",
    responses=errors(401, 404, 503) | {200: {"model": models.Overall}},
)
async def overall(
    request: Request,
    project: ProjectNameOrAll,
    mirrors: Annotated[
        str | None, Query(description="true: only with mirrors; false: only without; another value is ignored")
    ] = None,
) -> Response:
    """By category, oldest day first. A day without downloads is absent."""
    name = known_form_or_all(project)
    shown = {"with_mirrors": mirrors != "false", "without_mirrors": mirrors != "true"}

    async def data(snapshot: Snapshot) -> bytes:
        return b"[%b]" % (await projects.row_of(snapshot, "pypistats_overall", name, **shown))[0]

    return await _respond(request, "overall", name, WINDOW_DAYS, data, *shown.values())


@router.get(
    "/{project}/python_major",
    summary="Downloads per day and major version of Python, without mirrors, 181 days",
    responses=errors(401, 503) | {200: {"model": models.PythonMajor}},
)
async def python_major(request: Request, project: ProjectNameOrAll, version: Version = None) -> Response:
    """By version, oldest day first; where it is not known the version is "null"."""
    return await _by(request, "python_major", project, _version(version))


@router.get(
    "/{project}/python_minor",
    summary="Downloads per day and minor version of Python, without mirrors, 181 days",
    responses=errors(401, 503) | {200: {"model": models.PythonMinor}},
)
async def python_minor(request: Request, project: ProjectNameOrAll, version: Version = None) -> Response:
    """By version as a text, oldest day first; where it is not known the version is "null"."""
    return await _by(request, "python_minor", project, _version(version))


@router.get(
    "/{project}/system",
    summary="Downloads per day and operating system, without mirrors, 181 days",
    responses=errors(401, 503) | {200: {"model": models.System}},
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
    return await _by(request, "system", project, category if category in {None, *SYSTEMS} else "")


async def _by(request: Request, by: By, project: str, category: str | None) -> Response:
    """Per day and category; for a project that nobody has heard of there is no data."""
    known = project == ALL or is_possible(project)
    package = project if project == ALL else normalise(project)

    async def data(snapshot: Snapshot) -> bytes:
        if not known or category == "":
            return b"[]"
        ((entries,),) = await snapshot.rows("pypistats_by", project=package, by=by, category=category)
        return b"[%b]" % entries

    return await _respond(request, by, package if known else shortened(package), WINDOW_DAYS, data, category)


def _version(version: str | None) -> str | None:
    """The category that is asked for; nothing for what can be none, so that it never reaches Postgres."""
    if version is None or version == "null":
        return version
    possible = len(version) <= LONGEST_VERSION and re.fullmatch(r"[0-9]+(\.[0-9]+)?", version)
    return version if possible else ""
