"""Addresses that people already have: each leads to the page that answers it."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from pyzn_site.rendering import path_of

router = APIRouter(include_in_schema=False)


@router.get("/project/{project}")
@router.get("/project/{project}/")
@router.get("/projects/{project}/")
@router.get("/projects/{project}/readme/")
@router.get("/projects/{project}/wheels/")
@router.get("/compare/")
@router.get("/days/")
@router.get("/search/")
async def page(request: Request) -> Response:
    """Redirect on this host, whatever Host the client has sent, to the address as it should be written."""
    first, *others = request.scope["path"].strip("/").split("/")
    address = path_of("projects" if first == "project" else first, *others)
    given = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(address + given, 301, {"Cache-Control": "public, max-age=86400"})
