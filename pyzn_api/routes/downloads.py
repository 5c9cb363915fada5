"""What existing clients call; the shapes are fixed."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from pyzn_api import models, projects
from pyzn_api.caching import Answers, Recipe
from pyzn_api.countries import alpha_3_by_alpha_2
from pyzn_api.ledger import Basis
from pyzn_api.names import known_form
from pyzn_api.openapi import errors
from pyzn_api.routes.parameters import ProjectName
from pyzn_api.snapshot import Snapshot
from pyzn_api.windows import Clock, last_days, last_months, since_month_of_90_days_ago

TIME_RANGES = {"FOUR_MONTHS": 4, "ONE_YEAR": 12}  # months


def router(answers: Answers, now: Clock) -> APIRouter:
    """The routes of the project page and of the pro page."""
    routes = APIRouter(tags=["downloads"], responses=errors(400, 401, 404, 503))

    @routes.get(
        "/api/projects/{project}",
        summary="Downloads per day, last 30 days",
        responses={200: {"model": models.Project}},
    )
    async def daily(request: Request, project: ProjectName) -> Response:
        """The 30 days before today (UTC), newest first. A day without downloads is absent."""
        name = known_form(project)
        basis = Basis(last_days(now().date(), 30), totals=True)

        async def render(snapshot: Snapshot) -> bytes:
            return await projects.ready_made(snapshot, "project_daily", name)

        return await answers.respond(request, Recipe(("daily", name), lambda _: basis, render))

    @routes.get(
        "/api/v2/projects/{project}",
        summary="Downloads per day and version, three to four months",
        responses={200: {"model": models.ProjectByVersion}},
    )
    async def by_version(request: Request, project: ProjectName) -> Response:
        """From the first day of the month that today - 90 days falls in, oldest day first."""
        name = known_form(project)
        basis = Basis(since_month_of_90_days_ago(now().date()), totals=True)

        async def render(snapshot: Snapshot) -> bytes:
            return await projects.by_version(snapshot, name)

        return await answers.respond(request, Recipe(("by_version", name), lambda _: basis, render))

    @routes.get(
        "/api/v3/pro/projects/{project}/downloads",
        summary="Downloads per day and version, four months or a year",
        responses={200: {"model": models.DownloadsByVersion}},
    )
    @routes.get(
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
        name = known_form(project)
        basis = Basis(last_months(now().date(), TIME_RANGES[time_range]))
        statement = "downloads_by_version" if include_ci else "downloads_by_version_without_ci"

        async def render(snapshot: Snapshot) -> bytes:
            return await projects.ready_made(snapshot, statement, name)

        return await answers.respond(request, Recipe((statement, name, time_range), lambda _: basis, render))

    @routes.get(
        "/api/v3/pro/projects/{project}/country-downloads",
        summary="Downloads per day and country, one year",
        responses={200: {"model": models.DownloadsByCountry}},
    )
    async def pro_by_country(request: Request, project: ProjectName) -> Response:
        """Days oldest first, most downloads first, ties by code.

        Codes are ISO 3166-1 alpha-3, unknown is "null"; a code that ISO does not list is passed on as it is.
        """
        name = known_form(project)
        basis = Basis(last_months(now().date(), 12))

        async def render(snapshot: Snapshot) -> bytes:
            return await projects.ready_made(snapshot, "downloads_by_country", name, codes=alpha_3_by_alpha_2())

        return await answers.respond(request, Recipe(("by_country", name), lambda _: basis, render))

    return routes
