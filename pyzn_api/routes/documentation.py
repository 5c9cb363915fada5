"""The OpenAPI document, and a page to try it, served without any other host."""

import json
from collections.abc import Callable
from hashlib import blake2b

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException
from swagger_ui_bundle import swagger_ui_path

from pyzn_api.openapi import document
from pyzn_api.responses import JSON, Answer, Form, full, has_already, not_modified, prepare

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
_FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}


def router(app: FastAPI, *, keyed: bool) -> APIRouter:
    """The routes that describe the routes of `app`."""
    routes = APIRouter(include_in_schema=False)
    prepared: dict[str, Answer] = {}

    async def respond(request: Request, name: str, form: Form, make: Callable[[], bytes]) -> Response:
        """What `make` made at the first request: the files only change with the process."""
        if name not in prepared:
            body = make()
            prepared[name] = await prepare(body, f'W/"{blake2b(body, digest_size=12).hexdigest()}"')
        answer = prepared[name]
        return not_modified(answer.etag, form) if has_already(request, answer.etag) else full(request, answer, form)

    @routes.get("/openapi.json")
    async def openapi_document(request: Request) -> Response:
        return await respond(
            request,
            "openapi.json",
            JSON,
            lambda: json.dumps(document(app, keyed=keyed), separators=(",", ":")).encode(),
        )

    @routes.get("/docs")
    async def page(request: Request) -> Response:
        form = Form("text/html", CACHE_CONTROL, (("Content-Security-Policy", _CONTENT_SECURITY_POLICY),))
        return await respond(request, "", form, _PAGE.encode)

    @routes.get("/docs/{name}")
    async def file(request: Request, name: str) -> Response:
        if name == "start.js":
            return await respond(request, name, Form("text/javascript", CACHE_CONTROL), _START.encode)
        if name not in _FILES:
            raise HTTPException(404)
        return await respond(
            request, name, Form(_FILES[name], CACHE_CONTROL), swagger_ui_path.joinpath(name).read_bytes
        )

    return routes
