"""The part of the REST v2 API that the Python client uses: routes and error answers.

https://cloud.google.com/bigquery/docs/reference/rest
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pyzn_local.bigquery.errors import BigQueryError, invalid
from pyzn_local.bigquery.faults import Faults
from pyzn_local.bigquery.requests import read_json

_log = logging.getLogger(__name__)

PROJECT = "/bigquery/v2/projects/{project}"


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the API: its name, HTTP method and path, and the function that answers in a thread."""

    name: str
    verb: str
    path: str
    answer: Callable[[Request, bytes], Response]


def application(methods: Iterable[Method], faults: Faults, healthy: Callable[[], bool]) -> Starlette:
    """The API's `methods`, with `/healthz` and `/faults` beside them."""

    def health(_request: Request) -> Response:
        """200 when everything is ready, including the sample; 503 before."""
        ready = healthy()
        return JSONResponse({"status": "ok" if ready else "starting"}, 200 if ready else 503)

    def inject(_request: Request, body: bytes) -> Response:
        faults.inject(read_json(body))
        return JSONResponse({})

    def clear(_request: Request, _body: bytes) -> Response:
        faults.clear()
        return JSONResponse({})

    def fated(method: Method) -> Callable[[Request, bytes], Response]:
        def answer(request: Request, body: bytes) -> Response:
            faults.check(method.name, method.verb)
            return method.answer(request, body)

        return answer

    routes = [Route(method.path, _served(fated(method)), methods=[method.verb]) for method in methods]
    routes += [
        Route("/healthz", health),
        Route("/faults", _served(inject), methods=["PUT"]),
        Route("/faults", _served(clear), methods=["DELETE"]),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _no_route})


def _served(answer: Callable[[Request, bytes], Response]) -> Callable[[Request], Any]:
    def guarded(request: Request, body: bytes) -> Response:
        try:
            return answer(request, body)
        except BigQueryError as error:
            return JSONResponse(error.envelope(), error.status)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            # Not 500, which clients retry for minutes: an error here means that the request has an unexpected form.
            _log.exception("%s %s", request.method, request.url.path)
            return JSONResponse(invalid(f"Invalid request: {error}").envelope(), 400)

    async def serve(request: Request) -> Response:
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads this: the client closed the connection during its request
        return await run_in_threadpool(guarded, request, body)

    return serve


async def _no_route(request: Request, _error: Exception) -> Response:
    refusal = invalid(f"{request.method} {request.url.path} is not supported by this local BigQuery")
    return JSONResponse(refusal.envelope(), refusal.status)
