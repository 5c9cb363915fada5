"""The REST methods of jobs and of queries' results."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pyzn_local.bigquery.errors import invalid
from pyzn_local.bigquery.faults import Faults
from pyzn_local.bigquery.fields import schema_resource
from pyzn_local.bigquery.jobs import Job, Jobs, normal_location, parse_reference
from pyzn_local.bigquery.pages import int64_timestamps, page_of, page_start
from pyzn_local.bigquery.queries import QUERY_FIELDS, Queries
from pyzn_local.bigquery.requests import only, read_json, section, whole, words
from pyzn_local.bigquery.rest import PROJECT, Method

_LONGEST_WAIT = 10.0  # seconds, the API's default of timeoutMs
_JOBS_QUERY_FIELDS = QUERY_FIELDS | words(
    "kind maxResults timeoutMs dryRun location formatOptions labels requestId jobCreationMode preserveNulls "
    "jobTimeoutMs"
)


class JobMethods:
    """jobs.* of the API."""

    def __init__(self, jobs: Jobs, queries: Queries, faults: Faults) -> None:
        self._jobs = jobs
        self._queries = queries
        self._faults = faults

    def methods(self) -> list[Method]:
        """The methods with their routes."""
        return [
            Method("jobs.insert", "POST", PROJECT + "/jobs", self.insert_job),
            Method("jobs.get", "GET", PROJECT + "/jobs/{job}", self.get_job),
            Method("jobs.cancel", "POST", PROJECT + "/jobs/{job}/cancel", self.cancel_job),
            Method("jobs.query", "POST", PROJECT + "/queries", self.query),
            Method("jobs.getQueryResults", "GET", PROJECT + "/queries/{job}", self.get_query_results),
        ]

    def insert_job(self, request: Request, body: bytes) -> Response:
        """Start a query. Loads are started by an upload, see rest_uploads.py."""
        document = read_json(body)
        configuration = section(document, "configuration")
        if "query" not in configuration:
            kinds = [kind for kind in ("load", "copy", "extract") if kind in configuration]
            raise invalid(f"Jobs of kind {kinds[0] if kinds else '(none)'} are not supported without an upload")
        section(configuration, "query")
        job_id, location = parse_reference(document)
        job = self._queries.submit(request.path_params["project"], job_id, location, configuration)
        resource = job.resource()
        if configuration.get("dryRun"):
            resource["jobReference"].pop("jobId")
        return JSONResponse(resource)

    def get_job(self, request: Request, _body: bytes) -> Response:
        """A job's state and statistics."""
        return JSONResponse(self._find_job(request).resource())

    def cancel_job(self, request: Request, _body: bytes) -> Response:
        """Ask a job to stop."""
        job = self._find_job(request)
        self._jobs.cancel(job)
        job.done.wait(1.0)
        return JSONResponse({"kind": "bigquery#jobCancelResponse", "job": job.resource()})

    def query(self, request: Request, body: bytes) -> Response:
        """Run a query and answer with its first page, or with the job when it takes longer."""
        document = read_json(body)
        only(document, _JOBS_QUERY_FIELDS, "request")
        options = {name: value for name, value in document.items() if name in QUERY_FIELDS}
        configuration: dict[str, Any] = {"query": options}
        configuration |= {name: document[name] for name in ("dryRun", "labels") if name in document}
        project, location = request.path_params["project"], normal_location(document.get("location"))
        job_id, _ = parse_reference({})
        job = self._queries.submit(project, job_id, location, configuration)
        if document.get("dryRun"):
            statistics = job.statistics
            return JSONResponse(
                {
                    "kind": "bigquery#queryResponse",
                    "jobReference": {"projectId": project, "location": location},
                    "jobComplete": True,
                    **{name: statistics[name] for name in ("schema", "totalBytesProcessed", "cacheHit")},
                }
            )
        int64 = bool(section(document, "formatOptions").get("useInt64Timestamp"))
        rows = whole(document.get("maxResults"), "maxResults")
        return self._page(job, "bigquery#queryResponse", document.get("timeoutMs"), 0, rows, int64)

    def get_query_results(self, request: Request, _body: bytes) -> Response:
        """A page of a query's result, when the query has finished."""
        parameters = request.query_params
        return self._page(
            self._find_job(request),
            "bigquery#getQueryResultsResponse",
            parameters.get("timeoutMs"),
            page_start(parameters),
            whole(parameters.get("maxResults"), "maxResults"),
            int64_timestamps(parameters),
        )

    def _page(self, job: Job, kind: str, timeout: object, start: int, rows: int | None, int64: bool) -> Response:
        if job.kind != "query":
            raise invalid(f"Cannot retrieve results of a {job.kind} job")
        milliseconds = whole(timeout, "timeoutMs")
        complete = job.done.wait(_LONGEST_WAIT if milliseconds is None else min(_LONGEST_WAIT, milliseconds / 1000))
        answer: dict[str, Any] = {"kind": kind, "jobReference": job.reference, "jobComplete": complete}
        if complete:
            answer |= page_of(job.rows, self._faults, start, rows, int64=int64)
            answer |= {"schema": schema_resource(job.rows.fields)}
            answer |= {name: job.statistics[name] for name in ("totalBytesProcessed", "cacheHit")}
        return JSONResponse(answer)

    def _find_job(self, request: Request) -> Job:
        return self._jobs.get(
            request.path_params["project"], request.path_params["job"], request.query_params.get("location")
        )
