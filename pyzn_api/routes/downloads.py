"""What existing clients call; the shapes are fixed."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from pyzn_api import models, projects
from pyzn_api.caching import Recipe
from pyzn_api.countries import alpha_3_by_alpha_2
from pyzn_api.ledger import Basis
from pyzn_api.names import known_form
from pyzn_api.openapi import errors
from pyzn_api.routes.parameters import ProjectName
from pyzn_api.state import state
from pyzn_api.windows import last_days, last_months, since_month_of_90_days_ago

TIME_RANGES = {"FOUR_MONTHS": 4, "ONE_YEAR": 12}  # months

router = APIRouter(tags=["downloads"], responses=errors(400, 401, 404, 503))


async def _respond(request: Request, project: str, basis: Basis, make: projects.Make, *key: object) -> Response:
    """What `make` makes of the project; `key` tells it from the other answers about the project."""
    name = known_form(project)
    recipe = Recipe((*key, name), lambda _: basis, lambda snapshot: make(snapshot, name))
    return await state(request).answers.respond(request, recipe)


@router.get(
    "/api/projects/{project}", summary="Downloads per day, last 30 days", responses={200: {"model": models.Project}}
)
async def daily(request: Request, project: ProjectName) -> Response:
    """The 30 days before today (UTC), newest first. A day without downloads is absent."""
    basis = Basis(last_days(state(request).today, 30), totals=True)
    return await _respond(request, project, basis, projects.ready_made("project_daily"), "daily")


@router.get(
    "/api/v2/projects/{project}",
    summary="Downloads per day and version, three to four months",
    responses={200: {"model": models.ProjectByVersion}},
)
async def by_version(request: Request, project: ProjectName) -> Response:
    """From the first day of the month that today - 90 days falls in, oldest day first."""
    basis = Basis(since_month_of_90_days_ago(state(request).today), totals=True)
    return await _respond(request, project, basis, projects.by_version, "by_version")


@router.get(
    "/api/v3/pro/projects/{project}/downloads",
    summary="Downloads per day and version, four months or a year",
    responses={200: {"model": models.DownloadsByVersion}},
)
@router.get(
    "/service-api/v1/pro/projects/{project}/downloads",
    summary="The same, where the front end asks for it",
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
    make = projects.ready_made("downloads_by_version", ci=include_ci)
    return await _respond(request, project, basis, make, "pro_by_version", time_range, include_ci)


@router.get(
    "/api/v3/pro/projects/{project}/country-downloads",
    summary="Downloads per day and country, one year",
    responses={200: {"model": models.DownloadsByCountry}},
)
async def pro_by_country(request: Request, project: ProjectName) -> Response:
    """Days oldest first, most downloads first, ties by code.

    Codes are ISO 3166-1 alpha-3, unknown is "null"; a code that ISO does not list is passed on as it is.
    """
    basis = Basis(last_months(state(request).today, 12))
    make = projects.ready_made("downloads_by_country", codes=alpha_3_by_alpha_2())
    return await _respond(request, project, basis, make, "pro_by_country")
