"""Files of pages: a style sheet, a script, an icon; and those that browsers and search engines look for."""

from importlib.resources import files

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from pyzn_api.routes.documentation import file_headers, respond_with_file

FOLDER = files(__package__) / "static"
MEDIA_TYPES = {"pages.css": "text/css", "pages.js": "text/javascript", "icon.svg": "image/svg+xml"}
_ROBOTS = b"User-agent: *\nDisallow: /api/\nDisallow: /compare\nDisallow: /search\n"

router = APIRouter(include_in_schema=False)


@router.get("/static/{name}")
async def file(request: Request, name: str) -> Response:
    """Return a file; its address in a page has a hash of its content, so no page uses an old one."""
    if name not in MEDIA_TYPES:
        raise HTTPException(404)
    return await respond_with_file(request, name, file_headers(MEDIA_TYPES[name]), FOLDER.joinpath(name).read_bytes)


@router.get("/favicon.ico")
async def icon(request: Request) -> Response:
    """Return the icon, where browsers look for one."""
    return await file(request, "icon.svg")


@router.get("/robots.txt")
async def robots(request: Request) -> Response:
    """Return the pages that a search engine need not visit."""
    return await respond_with_file(request, "robots.txt", file_headers("text/plain"), lambda: _ROBOTS)
