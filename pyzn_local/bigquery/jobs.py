"""Jobs: run on a few threads, and kept with their results until there are enough newer ones, or the server ends."""

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pyzn_local.bigquery.errors import BigQueryError, not_found
from pyzn_local.bigquery.faults import Faults
from pyzn_local.bigquery.tables import LOCATION
from pyzn_local.bigquery.warehouse import Warehouse

_KEPT = 200  # jobs
_WORKERS = 4

RESULTS_DATASET = "_local_results"

# Does a job's work with its own cursor and fills in its statistics.
Work = Callable[["Job", duckdb.DuckDBPyConnection], None]


@dataclass(slots=True, eq=False)
class Job:
    """One query. `statistics` is what REST returns under `query`."""

    project: str
    job_id: str
    configuration: dict[str, Any]
    statistics: dict[str, Any]
    created: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    error: BigQueryError | None = None
    result: pa.Table | None = None
    done: threading.Event = field(default_factory=threading.Event)
    cursor: duckdb.DuckDBPyConnection | None = None
    canceled: bool = False
    table_id: str = field(default_factory=lambda: f"anon{uuid.uuid4().hex}")

    @property
    def reference(self) -> dict[str, str]:
        """The JobReference of the REST API."""
        return {"projectId": self.project, "jobId": self.job_id, "location": LOCATION}

    @property
    def rows(self) -> pa.Table:
        """The result of a finished query. Raises the job's error."""
        if self.result is None:
            raise self.error or not_found(f"Table {self.project}:{RESULTS_DATASET}.{self.table_id}")
        return self.result

    def resource(self) -> dict[str, Any]:
        """The Job of the REST API."""
        status: dict[str, Any] = {"state": "DONE" if self.done.is_set() else "RUNNING" if self.started else "PENDING"}
        if self.error is not None and self.done.is_set():
            status |= {"errorResult": self.error.proto(), "errors": [self.error.proto()]}
        times = {"creationTime": self.created, "startTime": self.started, "endTime": self.ended}
        statistics = {name: str(int(moment * 1000)) for name, moment in times.items() if moment}
        if processed := self.statistics.get("totalBytesProcessed"):
            statistics["totalBytesProcessed"] = processed
        result = {"projectId": self.project, "datasetId": RESULTS_DATASET, "tableId": self.table_id}
        query = self.configuration["query"] | {"destinationTable": result}
        return {
            "kind": "bigquery#job",
            "id": f"{self.project}:{LOCATION}.{self.job_id}",
            "jobReference": self.reference,
            "configuration": self.configuration | {"jobType": "QUERY", "query": query},
            "status": status,
            "statistics": statistics | {"query": self.statistics},
            "user_email": "local@localhost",
        }


class Jobs:
    """The newest jobs, the threads that run them, and what they work with."""

    def __init__(self, warehouse: Warehouse, results_dir: Path) -> None:
        self.warehouse = warehouse
        self.faults = Faults()
        self.results_dir = results_dir
        self._jobs: dict[tuple[str, str], Job] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(_WORKERS, thread_name_prefix="job")

    def result_path(self, job: Job) -> Path:
        """The file for the rows of a query's result."""
        return self.results_dir / f"{job.table_id}.arrow"

    def start(self, job: Job, work: Work) -> None:
        """Run `work` in the background as `job`.

        Raises:
            BigQueryError: 409 `duplicate` when a job of that name exists.
        """
        with self._lock:
            if (job.project, job.job_id) in self._jobs:
                message = f"Already Exists: Job {job.project}:{LOCATION}.{job.job_id}"
                raise BigQueryError(409, "duplicate", message)
            self._jobs[job.project, job.job_id] = job
            for key, old in list(self._jobs.items())[:-_KEPT]:
                if old.done.is_set():
                    del self._jobs[key]
                    self.result_path(old).unlink(missing_ok=True)  # who reads it keeps its mapping
        self._threads.submit(self._run, job, work)

    def get(self, project: str, job_id: str) -> Job:
        """The job of that name. Raises BigQueryError: 404 `notFound`."""
        job = self._jobs.get((project, job_id))
        if job is None:
            raise not_found(f"Job {project}:{LOCATION}.{job_id}")
        return job

    def result_table(self, project: str, dataset: str, table: str) -> Job | None:
        """The finished query whose result is in that anonymous table."""
        with self._lock:
            jobs = list(self._jobs.values()) if dataset == RESULTS_DATASET else []
        return next(
            (job for job in jobs if job.result is not None and (job.project, job.table_id) == (project, table)), None
        )

    def stop(self) -> None:
        """Cancel the running jobs and wait until they have stopped."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.canceled = True
        # Repeatedly: DuckDB ignores an interrupt between two statements.
        while running := [job for job in jobs if not job.done.wait(0.01)]:
            for job in running:
                if (cursor := job.cursor) is not None:
                    cursor.interrupt()
        self._threads.shutdown()

    def _run(self, job: Job, work: Work) -> None:
        job.started = time.time()
        try:
            self.faults.check("job")
            with self.warehouse.cursor() as cursor:
                job.cursor = cursor
                if job.canceled:
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
