"""The routes that existing clients call; their shapes are fixed."""

import json
from functools import cache
from typing import Annotated, Literal

import pycountry
from fastapi import APIRouter, Query, Request, Response

from pyzn_api import models
from pyzn_api.cache import ResponseSpec, Snapshot
from pyzn_api.errors import UNAUTHORIZED, ApiError
from pyzn_api.ledger import Basis
from pyzn_api.names import known_form
from pyzn_api.openapi import errors
from pyzn_api.responses import JSON, Headers
from pyzn_api.routes.parameters import ProjectName
from pyzn_api.state import state
from pyzn_api.versions import in_order
from pyzn_api.windows import EVER, last_days, last_months, since_month_of_90_days_ago
from pyzn_pipeline.breakdowns import UNKNOWN

TIME_RANGES = {"FOUR_MONTHS": 4, "ONE_YEAR": 12}  # months
PRIVATE: Headers = {**JSON, "Cache-Control": "private, no-store"}  # the URL holds a password

router = APIRouter(tags=["downloads"], responses=errors(400, 401, 404, 503))


async def _respond(request: Request, project: str, statement: str, basis: Basis, **parameters: object) -> Response:
    """Respond with the body that `statement` returns."""
    name = known_form(project)

    async def render(snapshot: Snapshot) -> bytes:
        codes = alpha_3_by_alpha_2() if statement == "downloads_by_country" else None
        return (await snapshot.project_row(statement, name, codes=codes, **parameters))[0]

    spec = ResponseSpec((statement, name, *parameters.values()), lambda _: basis, render)
    return await state(request).answers.respond(request, spec)


async def _respond_by_version(request: Request, project: str, basis: Basis, headers: Headers = JSON) -> Response:
    """Respond in the shape of v2. Only the versions are decoded here, to be put in order."""
    name = known_form(project)

    async def render(snapshot: Snapshot) -> bytes:
        total, versions, days = await snapshot.project_row("project_by_version", name)
        ordered = json.dumps(in_order(json.loads(versions)), ensure_ascii=False, separators=(",", ":"))
        parts = name.encode(), total, ordered.encode(), days
        return b'{"id":"%b","total_downloads":%b,"versions":%b,"downloads":{%b}}' % parts

    spec = ResponseSpec(("by_version", name, *headers.values()), lambda _: basis, render, headers)
    return await state(request).answers.respond(request, spec)


@router.get(
    "/api/projects/{project}", summary="Downloads per day, last 30 days", responses={200: {"model": models.Project}}
)
async def daily(request: Request, project: ProjectName) -> Response:
    """The 30 days before today (UTC), newest first. A day without downloads is absent."""
    return await _respond(request, project, "project_daily", Basis(last_days(state(request).today, 30), totals=True))


@router.get(
    "/api/v2/projects/{project}",
    summary="Downloads per day and version, three to four months",
    responses={200: {"model": models.ProjectByVersion}},
)
async def by_version(request: Request, project: ProjectName) -> Response:
    """Days from the first of the month that today - 90 days falls in, oldest first."""
    return await _respond_by_version(
        request, project, Basis(since_month_of_90_days_ago(state(request).today), totals=True)
    )


@router.get(
    "/api/v3/pro/projects/{project}/downloads",
    summary="Downloads per day and version, four months or a year",
    responses={200: {"model": models.DownloadsByVersion}},
)
@router.get(
    "/service-api/v1/pro/projects/{project}/downloads",
    summary="The same, at the front end's address",
    responses={200: {"model": models.DownloadsByVersion}},
)
async def pro_by_version(
    request: Request,
    project: ProjectName,
    time_range: Annotated[
        Literal["FOUR_MONTHS", "ONE_YEAR"],
        Query(alias="timeRange", description="from the same day of the month 4 or 12 months ago"),
    ] = "ONE_YEAR",
    include_ci: Annotated[
        bool, Query(alias="includeCIDownloads", description="false leaves downloads by CI out")
    ] = True,
) -> Response:
    """Oldest day first. Without CI downloads, a version or day of which none are left is absent."""
    basis = Basis(last_months(state(request).today, TIME_RANGES[time_range]))
    return await _respond(request, project, "downloads_by_version", basis, ci=include_ci, time_range=time_range)


@router.get(
    "/api/v3/pro/projects/{project}/country-downloads",
    summary="Downloads per day and country, one year",
    responses={200: {"model": models.DownloadsByCountry}},
)
async def pro_by_country(request: Request, project: ProjectName) -> Response:
    """Days oldest first, most downloads first, ties by code.

    Codes are ISO 3166-1 alpha-3, unknown is "null"; a code that ISO does not list is passed on as it is.
    """
    return await _respond(request, project, "downloads_by_country", Basis(last_months(state(request).today, 12)))


@router.get(
    "/api/v1/admin/projects/{project}",
    summary="Downloads per day and version, every day held",
    responses={200: {"model": models.ProjectByVersion}},
)
async def by_version_ever(
    request: Request,
    project: ProjectName,
    password: Annotated[str, Query(description="checked against PYZN_ADMIN_PASSWORD_HASH")] = "",
) -> Response:
    """The shape of v2, over every day held."""
    parts = state(request)
    expected = parts.settings.admin_password_hash
    if expected is None or not password or not await parts.guesses.accepts(request, password, expected):
        raise ApiError(UNAUTHORIZED, 401)
    return await _respond_by_version(request, project, Basis(EVER, totals=True), PRIVATE)


@cache
def alpha_3_by_alpha_2() -> str:
    """Return a JSON object from the tables' keys to the front end's: {"US": "USA", ..., "(unknown)": "null"}.

    A code that ISO does not list (user-assigned, withdrawn) has no entry; it is passed on as it is,
    since dropping it would make the day's sum wrong.
    """
    codes = {country.alpha_2: country.alpha_3 for country in pycountry.countries}
    return json.dumps(codes | {UNKNOWN: "null"})
