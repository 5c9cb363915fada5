"""Jobs: run on a few threads, and kept with their results for a while.

Jobs and results are kept until the next start, or until there are enough newer ones; BigQuery keeps a result a day.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from pyzn_local.bigquery.errors import BigQueryError, duplicate, invalid, not_found
from pyzn_local.bigquery.faults import Faults
from pyzn_local.bigquery.results import Result
from pyzn_local.bigquery.warehouse import Warehouse

_KEPT_RESULTS = 100
_KEPT_JOBS = 5_000
_WORKERS = 4

RESULTS_DATASET = "_local_results"

# Does a job's work with its own cursor and fills in its statistics.
Work = Callable[["Job", duckdb.DuckDBPyConnection], None]


@dataclass(slots=True, eq=False)
class Job:
    """One job. `statistics` is what REST returns under the kind's name, `query` or `load`."""

    project: str
    location: str
    job_id: str
    kind: str
    configuration: dict[str, Any]
    statistics: dict[str, Any]
    created: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    error: BigQueryError | None = None
    result: Result | None = None
    done: threading.Event = field(default_factory=threading.Event)
    cursor: duckdb.DuckDBPyConnection | None = None
    cancelled: bool = False
    table_id: str = field(default_factory=lambda: f"anon{uuid.uuid4().hex}")

    @property
    def key(self) -> tuple[str, str, str]:
        """The parts that make a job's name unique."""
        return self.project, self.location, self.job_id

    @property
    def reference(self) -> dict[str, str]:
        """The JobReference of the REST API."""
        return {"projectId": self.project, "jobId": self.job_id, "location": self.location}

    @property
    def rows(self) -> Result:
        """The result of a query that succeeded.

        Raises:
            BigQueryError: the job's error, or 404 `notFound` when the result has been dropped.
        """
        if self.error is not None:
            raise self.error
        if self.result is None:
            raise not_found(f"Not found: Table {self.project}:{RESULTS_DATASET}.{self.table_id}")
        return self.result

    @property
    def destination(self) -> dict[str, str]:
        """The TableReference of the anonymous table that holds a query's result."""
        return {"projectId": self.project, "datasetId": RESULTS_DATASET, "tableId": self.table_id}

    def resource(self) -> dict[str, Any]:
        """The Job of the REST API."""
        state = "DONE" if self.done.is_set() else "RUNNING" if self.started else "PENDING"
        status: dict[str, Any] = {"state": state}
        if self.error is not None and state == "DONE":
            status |= {"errorResult": self.error.proto(), "errors": [self.error.proto()]}
        statistics: dict[str, Any] = {"creationTime": _millis(self.created), self.kind: self.statistics}
        if self.started:
            statistics["startTime"] = _millis(self.started)
        if self.ended:
            statistics["endTime"] = _millis(self.ended)
        if "totalBytesProcessed" in self.statistics:
            statistics["totalBytesProcessed"] = self.statistics["totalBytesProcessed"]
        configuration = self.configuration | {"jobType": self.kind.upper()}
        if self.kind == "query":
            configuration["query"] = configuration["query"] | {"destinationTable": self.destination}
        return {
            "kind": "bigquery#job",
            "id": f"{self.project}:{self.location}.{self.job_id}",
            "jobReference": self.reference,
            "configuration": configuration,
            "status": status,
            "statistics": statistics,
            "user_email": "local@localhost",
        }


class Jobs:
    """The jobs since the start, newest last, and the threads that run them."""

    def __init__(self, warehouse: Warehouse, faults: Faults, results_dir: Path) -> None:
        self._warehouse = warehouse
        self._faults = faults
        self._results_dir = results_dir
        self._jobs: dict[tuple[str, str, str], Job] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(_WORKERS, thread_name_prefix="job")

    def result_path(self, job: Job) -> Path:
        """The file for the rows of a query's result."""
        return self._results_dir / f"{job.table_id}.arrow"

    def start(self, job: Job, work: Work) -> None:
        """Run `work` in the background as `job`.

        Raises:
            BigQueryError: 409 `duplicate` when a job of that name exists.
        """
        with self._lock:
            if job.key in self._jobs:
                raise duplicate(f"Already Exists: Job {job.project}:{job.location}.{job.job_id}")
            self._jobs[job.key] = job
            self._forget_old()
        self._threads.submit(self._run, job, work)

    def get(self, project: str, job_id: str, location: str | None) -> Job:
        """The job of that name; the location may be left out for US.

        Raises:
            BigQueryError: 404 `notFound`.
        """
        place = normal_location(location)
        job = self._jobs.get((project, place, job_id))
        if job is None:
            raise not_found(f"Not found: Job {project}:{place}.{job_id}")
        return job

    def cancel(self, job: Job) -> None:
        """Ask a job to stop. A job that has ended is not changed."""
        job.cancelled = True
        threading.Thread(target=_interrupt, args=(job,), daemon=True).start()

    def result_table(self, project: str, dataset: str, table: str) -> Job | None:
        """The finished query whose result is in that anonymous table."""
        if dataset != RESULTS_DATASET:
            return None
        with self._lock:
            jobs = list(self._jobs.values())
        return next((job for job in jobs if job.result and (job.project, job.table_id) == (project, table)), None)

    def stop(self) -> None:
        """Cancel the running jobs and wait until they have stopped."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            if not job.done.is_set():
                self.cancel(job)
        self._threads.shutdown(wait=True)

    def _run(self, job: Job, work: Work) -> None:
        job.started = time.time()
        try:
            self._faults.check("job", "RUN")
            with self._warehouse.cursor() as cursor:
                job.cursor = cursor
                if job.cancelled:
                    raise duckdb.InterruptException
                work(job, cursor)
        except BigQueryError as error:
            job.error = error
        except Exception as error:  # noqa: BLE001 -- a job without an end would make its client wait for ever
            job.error = BigQueryError(500, "internalError", f"{type(error).__name__}: {error}")
        finally:
            job.cursor = None
            job.ended = time.time()
            if job.error is not None and "totalBytesBilled" in job.statistics:
                job.statistics["totalBytesBilled"] = "0"  # a query that fails is not billed
            job.done.set()

    def _forget_old(self) -> None:
        """Drop the oldest results and jobs over the limits. The caller holds the lock."""
        finished = [job for job in self._jobs.values() if job.result]
        for job in finished[: max(0, len(finished) - _KEPT_RESULTS)]:
            if job.result:
                job.result.delete()
            job.result = None
        for key in list(self._jobs)[: max(0, len(self._jobs) - _KEPT_JOBS)]:
            if self._jobs[key].done.is_set():
                del self._jobs[key]


def _interrupt(job: Job) -> None:
    """Interrupt repeatedly until the job has ended: DuckDB ignores an interrupt between two statements."""
    while not job.done.wait(0.05):
        cursor = job.cursor
        if cursor is not None:
            cursor.interrupt()


def normal_location(location: object) -> str:
    """The location with BigQuery's case: multi-regions upper, regions lower. Without a value it is US."""
    if not location:
        return "US"
    if not isinstance(location, str):
        raise invalid(f"Invalid value for location: {location!r}")
    return location.upper() if location.upper() in {"US", "EU"} else location.lower()


def parse_reference(body: Mapping[str, Any]) -> tuple[str, str]:
    """The job's name and location from a request's `jobReference`. Without a name, one is generated."""
    reference = body.get("jobReference") or {}
    return str(reference.get("jobId") or uuid.uuid4()), normal_location(reference.get("location"))


def _millis(moment: float) -> str:
    return str(int(moment * 1000))
