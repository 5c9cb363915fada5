"""Errors as clients see them: one envelope, no trace, no SQL, no address."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pyzn_api.database import BusyError, DatabaseAwayError
from pyzn_api.texts import shortened

ALLOWED = "GET, HEAD, OPTIONS"
RETRY_AFTER = 2  # seconds; the pool tries Postgres again at least this often

# The words clients of the existing service know; they compare them.
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

# Where pydantic's words do not say what is accepted, by its type of error.
_EXPECTED = {
    "bool_parsing": "true or false",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "missing": "a value",
}

logger = logging.getLogger(__name__)


class ApiError(Exception):
    """An error with its HTTP status and the message for the client."""

    status = 400
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadParameterError(ApiError):
    """A parameter that cannot be answered: names it, its value (shortened) and what is accepted."""

    def __init__(self, parameter: str, value: object, expected: str) -> None:
        super().__init__(f"{parameter}={shortened(str(value))!r}: expected {expected}")


class UnknownParameterError(ApiError):
    """A parameter that the route does not take: names it, those that it takes, and the likely one."""

    def __init__(self, name: str, known: Sequence[str], likely: Sequence[str]) -> None:
        takes = f"takes {', '.join(known)}" if known else "takes no parameters"
        guess = f"; is {likely[0]} meant?" if likely else ""
        super().__init__(f"{shortened(name)!r} is no parameter of this route, which {takes}{guess}")


class UnauthorizedError(ApiError):
    """The right password or key is missing."""

    status = 401

    def __init__(self) -> None:
        super().__init__(UNAUTHORIZED)


class TooManyGuessesError(ApiError):
    """More guesses of the admin password than are checked at once, or in a minute for one address."""

    status = 503
    headers: ClassVar = {"Retry-After": "60"}

    def __init__(self) -> None:
        super().__init__("Too many guesses of the password; try again in a minute.")


class UnknownProjectError(ApiError):
    """Nobody has heard of the project."""

    status = 404

    def __init__(self, normalised: str) -> None:
        super().__init__(f"Project with name {shortened(normalised)} does not exist")


class UnknownPeriodError(ApiError):
    """As pypistats.org answers to a period that it does not know, whatever the project."""

    status = 404

    def __init__(self, period: str, known: Sequence[str]) -> None:
        super().__init__(f"period={shortened(period)!r}: expected one of {', '.join(known)}")


def envelope(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The one shape of every error."""
    return Response(
        json.dumps({"error": status, "message": message}, separators=(",", ":")),
        status,
        {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})},
        "application/json",
    )


async def _answer(request: Request, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The envelope; or, where a person asked for a page, what the pages make of it (pages/errors.py)."""
    page = getattr(request.app.state, "error_page", None)
    found: Response | None = page and await page(request, status, message, headers)
    return found or envelope(status, message, headers)


async def _api_error(request: Request, error: ApiError) -> Response:
    return await _answer(request, error.status, error.message, error.headers)


async def _database_away(request: Request, error: DatabaseAwayError) -> Response:
    logger.warning("answered 503: %s", error)
    message = BUSY if isinstance(error, BusyError) else DATABASE_AWAY
    return await _answer(request, 503, message, {"Retry-After": str(RETRY_AFTER)})


async def _routing(request: Request, error: HTTPException) -> Response:
    if error.status_code == 405:
        if request.method == "OPTIONS":
            return Response(status_code=200, headers={"Allow": ALLOWED})
        return envelope(405, METHOD_NOT_ALLOWED, {"Allow": ALLOWED})
    return await _answer(request, error.status_code, NOT_FOUND if error.status_code == 404 else error.detail)


async def _validation(request: Request, error: RequestValidationError) -> Response:
    first: Mapping[str, Any] = error.errors()[0]
    expected = _EXPECTED.get(first["type"]) or str(first["msg"]).removeprefix("Value error, ").removeprefix(
        "Input should be "
    )
    if first["type"] == "missing":
        first = {**first, "input": ""}
    return await _api_error(request, BadParameterError(str(first["loc"][-1]), first["input"], expected))


async def _unforeseen(request: Request, error: Exception) -> Response:
    logger.error("answered 500", exc_info=error)
    return await _answer(request, 500, BROKEN)


# Starlette types every function as taking Exception, and calls each with its own class only.
_FUNCTIONS: dict[type[Exception], Any] = {
    ApiError: _api_error,
    DatabaseAwayError: _database_away,
    HTTPException: _routing,
    RequestValidationError: _validation,
    Exception: _unforeseen,
}


def install(app: FastAPI) -> None:
    """Make every error of `app` answer in the envelope."""
    for kind, function in _FUNCTIONS.items():
        app.add_exception_handler(kind, function)


async def response_to(request: Request, error: Exception) -> Response:
    """Return the response that `install` gives to `error`."""
    function = next(_FUNCTIONS[kind] for kind in type(error).__mro__ if kind in _FUNCTIONS)
    response: Response = await function(request, error)
    return response
