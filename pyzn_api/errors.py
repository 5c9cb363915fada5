"""Errors as clients see them: one envelope, no trace, no SQL, no address."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pyzn_api.database import BusyError, DatabaseAwayError
from pyzn_api.models import Error

ALLOWED = "GET, HEAD, OPTIONS"
LONGEST_ECHO = 80  # characters of what the client sent that a message repeats
RETRY_AFTER = 2  # seconds; the pool tries Postgres again at least this often

# The words of the existing service, which clients compare.
NOT_FOUND = (
    "The requested URL was not found on the server. "
    "If you entered the URL manually please check your spelling and try again."
)
UNAUTHORIZED = (
    "The server could not verify that you are authorized to access the URL requested. "
    "You either supplied the wrong credentials (e.g. a bad password), or your browser doesn't understand "
    "how to supply the credentials required."
)
METHOD_NOT_ALLOWED = "The method is not allowed for the requested URL."
DATABASE_AWAY = "The database does not answer; try again shortly."
BUSY = "The server is busy with large answers; try again shortly, or ask for fewer days."
BROKEN = "The server made an error, which has been logged."

# What is accepted, where pydantic's words leave it out; by its type of error.
_EXPECTED = {
    "bool_parsing": "true or false",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "missing": "a value",
}

logger = logging.getLogger(__name__)


class ApiError(Exception):
    """An error with the message for the client, its HTTP status and headers."""

    def __init__(self, message: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.headers = headers or {}


class BadParameterError(ApiError):
    """A parameter that cannot be answered: names it, its value (shortened) and what is accepted."""

    def __init__(self, parameter: str, value: object, expected: str, status: int = 400) -> None:
        super().__init__(f"{parameter}={shortened(str(value))!r}: expected {expected}", status)


class UnknownProjectError(ApiError):
    """A project without a download, ever."""

    def __init__(self, normalised: str) -> None:
        super().__init__(f"Project with name {shortened(normalised)} does not exist", 404)


def shortened(text: str, longest: int = LONGEST_ECHO) -> str:
    """Return `text` fit to be repeated in a message: short, and without characters that print as nothing."""
    visible = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: longest + 1])
    return visible if len(visible) <= longest else visible[:longest] + "…"


def envelope(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the one shape of every error."""
    return Response(
        Error(error=status, message=message).model_dump_json(ensure_ascii=True),
        status,
        {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})},
        "application/json",
    )


async def response_to(request: Request, error: Exception) -> Response:
    """Return the envelope of any error; or a page, where a person asked for one (pyzn_site/errors.py)."""
    headers: Mapping[str, str] = {}
    match error:
        case RequestValidationError():
            status, message = 400, _bad_parameter(error).message
        case ApiError():
            status, message, headers = error.status, error.message, error.headers
        case DatabaseAwayError():
            logger.warning("answered 503: %s", error)
            status, headers = 503, {"Retry-After": str(RETRY_AFTER)}
            message = BUSY if isinstance(error, BusyError) else DATABASE_AWAY
        case HTTPException(status_code=405):
            if request.method == "OPTIONS":
                return Response(status_code=200, headers={"Allow": ALLOWED})
            return envelope(405, METHOD_NOT_ALLOWED, {"Allow": ALLOWED})
        case HTTPException():
            status = error.status_code
            message = NOT_FOUND if status == 404 else error.detail
        case _:
            logger.error("answered 500", exc_info=error)
            status, message = 500, BROKEN
    page = getattr(request.app.state, "error_page", None)
    found: Response | None = page and await page(request, status, message, headers)
    return found or envelope(status, message, headers)


def _bad_parameter(error: RequestValidationError) -> BadParameterError:
    first: Mapping[str, Any] = error.errors()[0]
    words = str(first["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    value = "" if first["type"] == "missing" else first["input"]
    return BadParameterError(str(first["loc"][-1]), value, _EXPECTED.get(first["type"], words))


def install(app: FastAPI) -> None:
    """Make every error of `app` answer in the envelope."""
    for kind in (ApiError, DatabaseAwayError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, response_to)
