"""The OpenAPI document: FastAPI's, derived from the routes, made exact; with examples that are real answers."""

import json
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from pyzn_api import models
from pyzn_api.errors import ALLOWED, DATABASE_AWAY, METHOD_NOT_ALLOWED, RETRY_AFTER, UNAUTHORIZED, UnknownProjectError
from pyzn_api.middleware import KEY_HEADER, needs_key

DESCRIPTION = """\
Downloads from PyPI, counted per UTC day. Every published day is proven against its source; a day that is
missing, provisional or suspect is marked. `GET`, `HEAD` and `OPTIONS` everywhere."""

_CASES: dict[int, tuple[str, str]] = {
    400: (
        "A parameter or a range that cannot be answered",
        "timeRange='TWO_WEEKS': expected 'FOUR_MONTHS' or 'ONE_YEAR'",
    ),
    401: ("The password or the key is missing or wrong", UNAUTHORIZED),
    404: ("An unknown project", UnknownProjectError("no-such-project").message),
    405: ("Another method than GET, HEAD and OPTIONS", METHOD_NOT_ALLOWED),
    503: ("The database does not answer, and no earlier answer is at hand", DATABASE_AWAY),
}
_HEADERS: dict[int, tuple[str, str]] = {405: ("Allow", ALLOWED), 503: ("Retry-After", str(RETRY_AFTER))}

_ERROR = {"$ref": "#/components/schemas/Error"}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the error responses of a route, with an example each."""
    responses: dict[int | str, dict[str, Any]] = {}
    for status in (*statuses, 405):
        description, message = _CASES[status]
        responses[status] = {
            "description": description,
            "content": {"application/json": {"schema": _ERROR, "example": {"error": status, "message": message}}},
        }
        if status in _HEADERS:
            name, example = _HEADERS[status]
            responses[status]["headers"] = {name: {"schema": {"type": "string"}, "example": example}}
    return responses


def table_of(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Return the 200 of a route that answers in JSON or CSV."""
    return {
        200: {
            "model": model,
            "content": {"text/csv": {"schema": {"type": "string"}}},
            "description": "The table; as CSV without the parts around it",
        }
    }


def svg_of(thing: str) -> dict[int | str, dict[str, Any]]:
    """Return the answers of a badge or chart that are pictures."""
    content = {"image/svg+xml": {"schema": {"type": "string"}}}
    return {
        200: {"content": content, "description": f"The {thing}"},
        404: {"content": content, "description": f"The {thing} of an unknown project"},
    }


def document(app: FastAPI, *, keyed: bool) -> bytes:
    """Return the document of all routes of `app`, as OpenAPI 3.1; `keyed` when the API's routes ask for a key."""
    made: dict[str, Any] = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    schemas = made["components"]["schemas"]
    schemas["Error"] = models.Error.model_json_schema()
    # FastAPI documents its own answer to a wrong parameter; ours is the 400 that each route declares.
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    if keyed:
        made["components"]["securitySchemes"] = {"key": {"type": "apiKey", "in": "header", "name": KEY_HEADER}}
    examples = json.loads(files("pyzn_api").joinpath("examples.json").read_bytes())
    for path, operations in made["paths"].items():
        for operation in operations.values():
            content = operation["responses"]["200"]["content"]
            if path in examples:
                content["application/json"]["example"] = examples[path]
            if keyed and needs_key(path):
                operation["security"] = [{"key": []}]
            if "image/svg+xml" in operation["responses"]["200"]["content"] or path.endswith((".csv", ".atom")):
                # FastAPI documents every 200 as JSON.
                content.pop("application/json", None)
            operation["responses"].pop("422", None)
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()
