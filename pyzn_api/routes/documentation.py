"""The OpenAPI document, and a page to try it, served without any other host."""

from collections.abc import Callable
from hashlib import blake2b
from importlib.resources import files

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from pyzn_api.openapi import document
from pyzn_api.responses import JSON, Answer, Headers, has_etag, not_modified
from pyzn_api.state import state

CACHE_CONTROL = "public, max-age=86400"

# Only files of our own, and the inline styles that Swagger UI sets on its elements.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>PyZn API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null})'
_SWAGGER_UI = files("fastapi_swagger") / "resources"
_MEDIA_TYPES = {
    "start.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}

router = APIRouter(include_in_schema=False)


async def respond_with_file(request: Request, name: str, headers: Headers, make: Callable[[], bytes]) -> Response:
    """Respond with what `make` returned at the first request: it only changes with the process."""
    parts = state(request)
    if name not in parts.files:
        body = make()
        parts.files[name] = Answer(body, f'W/"{blake2b(body, digest_size=12).hexdigest()}"', headers)
    answer = parts.files[name]
    if answer.lacks_gzip_for(request):
        await answer.compress()
    if has_etag(request, answer.etag):
        return not_modified(answer.etag, headers)
    return answer.response(request, parts.answers.unsent)


def file_headers(media_type: str) -> Headers:
    """Return the headers of a file of that type."""
    charset = "; charset=utf-8" if media_type.startswith("text/") else ""
    return {"Content-Type": media_type + charset, "Cache-Control": CACHE_CONTROL}


@router.get("/openapi.json")
async def openapi_document(request: Request) -> Response:
    """The document that describes all routes to programs."""
    keyed = bool(state(request).settings.keys)
    return await respond_with_file(request, "openapi.json", JSON, lambda: document(request.app, keyed=keyed))


@router.get("/docs")
async def page(request: Request) -> Response:
    """The page to try them."""
    headers = {**file_headers("text/html"), "Content-Security-Policy": _CONTENT_SECURITY_POLICY}
    return await respond_with_file(request, "docs", headers, _PAGE.encode)


@router.get("/docs/{name}")
async def file(request: Request, name: str) -> Response:
    """A file that the page loads."""
    if name not in _MEDIA_TYPES:
        raise HTTPException(404)
    make = _START.encode if name == "start.js" else _SWAGGER_UI.joinpath(name).read_bytes
    return await respond_with_file(request, name, file_headers(_MEDIA_TYPES[name]), make)
