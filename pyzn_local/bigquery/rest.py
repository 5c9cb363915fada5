"""The part of the REST v2 API that the Python client uses: https://cloud.google.com/bigquery/docs/reference/rest

A page in somebody's browser can do nothing here: the Host must be this machine's, a request with an Origin is refused,
and FastAPI reads JSON only where it is sent as such.
"""

import logging
import socket
import uuid
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from pyzn_local.bigquery.errors import BigQueryError, invalid
from pyzn_local.bigquery.jobs import Jobs, Whole
from pyzn_local.bigquery.loads import parquet_batches
from pyzn_local.bigquery.results import page
from pyzn_local.bigquery.tables import FILE_DOWNLOADS, LOCATION, schema_resource

_log = logging.getLogger(__name__)

_PROJECT = "/bigquery/v2/projects/{project}"
_LONGEST_WAIT = 10_000  # ms


class _Model(BaseModel, alias_generator=to_camel):
    """Names of the API."""


class JobReference(_Model):
    """The name that the client gives a job, and where it is to run."""

    job_id: str = Field(default_factory=lambda: str(uuid.uuid4()))
    location: str = LOCATION


class JobRequest(_Model):
    """The body of jobs.insert."""

    job_reference: JobReference = Field(default_factory=JobReference)
    configuration: dict[str, Any]


class Page(_Model):
    """The part of a query's result that is asked for. A page's token is its first row."""

    timeout_ms: Whole = _LONGEST_WAIT  # as the API
    max_results: Whole | None = None
    start_index: Whole = 0
    page_token: Whole | None = None


class Rest:
    """The methods of the API, and `/healthz` and `/rows` beside them."""

    def __init__(self, jobs: Jobs, ready: Callable[[], bool]) -> None:
        self._jobs = jobs
        self._ready = ready

    def application(self, host: str) -> FastAPI:
        """The ASGI application, for clients that name `host`, this machine's name or loopback."""
        app = FastAPI(openapi_url=None, dependencies=[Depends(self._check)])
        names = {"127.0.0.1", "localhost", host, socket.gethostname()}
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(names), www_redirect=False)
        for kind in (BigQueryError, RequestValidationError, ValidationError, HTTPException, LookupError, TypeError):
            app.add_exception_handler(kind, _refusal)
        for name, method, path, answer in (
            ("jobs.insert", "POST", f"{_PROJECT}/jobs", self.insert_job),
            ("jobs.get", "GET", f"{_PROJECT}/jobs/{{job_id}}", self.get_job),
            ("jobs.getQueryResults", "GET", f"{_PROJECT}/queries/{{job_id}}", self.get_query_results),
            ("healthz", "GET", "/healthz", self.health),
            ("rows", "POST", "/rows", self.load),
        ):
            app.add_api_route(path, answer, methods=[method], name=name, response_model=None)
        return app

    def _check(self, request: Request) -> None:
        if origin := request.headers.get("origin"):
            raise BigQueryError(403, "accessDenied", f"A page of {origin} has no business here")
        self._jobs.faults.check(request.scope["route"].name)

    def insert_job(self, project: str, body: JobRequest) -> dict[str, Any]:
        """Start a query."""
        named = body.job_reference
        return self._jobs.submit(project, named.job_id, named.location, body.configuration).resource()

    def get_job(self, project: str, job_id: str) -> dict[str, Any]:
        """A job's state and statistics."""
        return self._jobs.get(project, job_id).resource()

    def get_query_results(self, project: str, job_id: str, asked: Annotated[Page, Query()]) -> dict[str, Any]:
        """A page of a query's result, when the query has finished."""
        job = self._jobs.get(project, job_id)
        complete = job.done.wait(min(_LONGEST_WAIT, asked.timeout_ms) / 1000)
        answer = {"kind": "bigquery#getQueryResultsResponse", "jobReference": job.reference, "jobComplete": complete}
        if not complete:
            return answer
        total, start = job.rows.num_rows, asked.start_index if asked.page_token is None else asked.page_token
        found = page(job.rows, start, asked.max_results)
        if found and self._jobs.faults.loses_page():
            start += len(found)
            found = page(job.rows, start, asked.max_results)
        end = start + len(found)
        answer |= {"schema": schema_resource(job.rows.schema), "totalRows": str(total)}
        answer |= {"totalBytesProcessed": str(job.processed), "cacheHit": False}
        if found:
            answer |= {"rows": found} | ({"pageToken": str(end)} if end < total else {})
        return answer

    async def load(self, request: Request) -> dict[str, int]:
        """Append the rows of a Parquet file, the body, to `file_downloads`, for `pyzn seed`. BigQuery has load jobs."""
        with NamedTemporaryFile(dir=self._jobs.results_dir) as file:
            async for part in request.stream():
                file.write(part)
            file.flush()
            batches = parquet_batches(Path(file.name), FILE_DOWNLOADS)
            return {"rows": await run_in_threadpool(self._jobs.warehouse.load, batches)}

    def health(self) -> Response:
        """200 when everything is ready, including the sample; 503 before."""
        return Response(status_code=200 if self._ready() else 503)


async def _refusal(request: Request, error: Exception) -> Response:
    """An error in BigQuery's form. Nothing is 500, which clients repeat for minutes, but what a test has asked for."""
    match error:
        case BigQueryError():
            found = error
        case ValidationError() | RequestValidationError():
            where = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            found = invalid(f"Invalid request, or not supported by this emulator: {where}")
        case HTTPException():
            found = invalid(f"{request.method} {request.url.path} is not supported by this emulator")
        case _:  # the body has another form than the API's
            _log.error("%s %s", request.method, request.url.path, exc_info=error)
            found = invalid(f"Invalid request: {type(error).__name__}: {error}")
    return JSONResponse(found.envelope(), found.status)
