"""Errors of pages, as pages: people in a browser read no JSON."""

from collections.abc import Awaitable, Callable, Mapping, Set
from http import HTTPStatus

from fastapi import Request, Response

from pyzn_site.rendering import HEADERS, html

# Addresses for programs: an error there is JSON for everybody.
PROGRAMS = ("/api/", "/service-api/", "/badge/", "/personalized-badge/", "/chart/", "/top-pypi-packages", "/docs/")

ErrorPage = Callable[[Request, int, str, Mapping[str, str] | None], Awaitable[Response | None]]


def for_pages(paths: Set[str]) -> ErrorPage:
    """Return the function that makes an error's page: for those routes, and for a browser at an unknown address."""

    def wanted(request: Request) -> bool:
        path = getattr(request.scope.get("route"), "path", None)
        if path is not None:
            return path in paths
        return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(PROGRAMS)

    async def page(
        request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
    ) -> Response | None:
        return await error_page("error.html", status, {"message": message}, headers) if wanted(request) else None

    return page


async def error_page(
    template: str, status: int, shown: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> Response:
    """Return a page that names what is wrong; no cache keeps it."""
    body = html(template, {"status": status, "phrase": HTTPStatus(status).phrase, **shown})
    always = {**HEADERS, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(body, status, {**always, **(headers or {})})
