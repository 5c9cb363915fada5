"""Addresses that people and browsers already have: each leads to the page that answers it."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from pyzn_api.responses import Headers
from pyzn_api.routes.documentation import file_headers, respond_with_file
from pyzn_site.rendering import path_of
from pyzn_site.static import FOLDER

_CACHED: Headers = {"Cache-Control": "public, max-age=86400"}
_ROBOTS = b"User-agent: *\nDisallow: /api/\nDisallow: /compare\nDisallow: /search\n"

router = APIRouter(include_in_schema=False)


def _redirect(address: str) -> Response:
    """Return a redirect on this host, whatever Host the client has sent."""
    return RedirectResponse(address, 301, _CACHED)


@router.get("/project/{project}")
@router.get("/project/{project}/")
@router.get("/projects/{project}/")
async def project_page(request: Request, project: str) -> Response:
    """A project's page, at its other addresses."""
    given = request.url.query
    return _redirect(path_of("projects", project) + (f"?{given}" if given else ""))


@router.get("/projects/{project}/{part}/")
async def part_of_project(request: Request, project: str, part: Literal["readme", "wheels"]) -> Response:  # noqa: ARG001  # all routes take it
    """Another page of a project, with a slash."""
    return _redirect(path_of("projects", project, part))


@router.get("/compare/")
@router.get("/days/")
@router.get("/search/")
async def any_page(request: Request) -> Response:
    """Any other page, with a slash."""
    return _redirect(request.url.path.rstrip("/") + (f"?{given}" if (given := request.url.query) else ""))


@router.get("/favicon.ico")
async def icon(request: Request) -> Response:
    """The icon, where browsers look for one."""
    make = FOLDER.joinpath("icon.svg").read_bytes
    return await respond_with_file(request, "favicon.ico", file_headers("image/svg+xml"), make)


@router.get("/robots.txt")
async def robots(request: Request) -> Response:
    """The pages that a search engine need not visit."""
    return await respond_with_file(request, "robots.txt", file_headers("text/plain"), lambda: _ROBOTS)
