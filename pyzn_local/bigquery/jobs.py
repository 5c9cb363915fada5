"""Query jobs: run on a few threads, and kept with their results until there are enough newer ones."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import duckdb
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from pyzn_local.bigquery.errors import BigQueryError, not_found
from pyzn_local.bigquery.faults import Faults
from pyzn_local.bigquery.sql import Statement, translate
from pyzn_local.bigquery.tables import LOCATION, PARTITIONS, find_dataset, schema_resource
from pyzn_local.bigquery.warehouse import Warehouse

_KEPT = 200  # jobs
_WORKERS = 4
_MIB = 2**20
_MINIMUM = 10 * _MIB  # bytes billed for each table of a query

RESULTS_DATASET = "_local_results"

Whole = Annotated[int, Field(ge=0, lt=2**63)]


class QueryOptions(BaseModel):
    """`configuration.query` of a job. What would change a result and is not here is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    query: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    use_legacy_sql: Literal[False]  # the API's default is true, the client always sends false
    query_parameters: list[dict[str, Any]] = []
    maximum_bytes_billed: Whole | None = None
    parameter_mode: Literal["NAMED", None] = None
    use_query_cache: Any = None  # from here on without effect: they matter at scale only
    priority: Any = None


@dataclass(slots=True, eq=False)
class Job:
    """One query, its price in bytes, and its state."""

    project: str
    job_id: str
    configuration: dict[str, Any]
    statement: Statement
    schema: pa.Schema
    processed: int
    billed: int
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
        price = {"totalBytesProcessed": str(self.processed), "totalBytesBilled": str(self.billed)}
        of_query = price | {"cacheHit": False, "statementType": "SELECT", "schema": schema_resource(self.schema)}
        result = {"projectId": self.project, "datasetId": RESULTS_DATASET, "tableId": self.table_id}
        query = self.configuration["query"] | {"destinationTable": result}
        return {
            "kind": "bigquery#job",
            "id": f"{self.project}:{LOCATION}.{self.job_id}",
            "jobReference": self.reference,
            "configuration": self.configuration | {"jobType": "QUERY", "query": query},
            "status": status,
            "statistics": {name: str(int(moment * 1000)) for name, moment in times.items() if moment}
            | {"totalBytesProcessed": str(self.processed), "query": of_query},
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

    def submit(self, project: str, job_id: str, location: str, configuration: dict[str, Any]) -> Job:
        """Start the query of a job's `configuration`. A dry run is returned as done, and not stored.

        Raises:
            ValidationError, BigQueryError: 400 for SQL and options that are wrong or unsupported, 404 for unknown
                tables and a wrong location, 409 `duplicate` when a job of that name exists.
        """
        options = QueryOptions.model_validate(configuration["query"])
        statement = translate(options.query, options.query_parameters)
        for table in statement.tables:
            find_dataset(table.project, table.dataset, location)
            if table is PARTITIONS:
                self.faults.check_metadata()
        schema = self.warehouse.schema(statement)  # errors that DuckDB finds refuse the query, as in BigQuery
        processed = self.warehouse.processed_bytes(statement)
        billed = max(_MINIMUM * len(statement.tables), -(-processed // _MIB) * _MIB)
        job = Job(project, job_id, configuration, statement, schema, processed, billed)
        if configuration.get("dryRun"):
            job.done.set()
            return job
        with self._lock:
            if (project, job_id) in self._jobs:
                raise BigQueryError(409, "duplicate", f"Already Exists: Job {project}:{LOCATION}.{job_id}")
            self._jobs[project, job_id] = job
            for key, old in list(self._jobs.items())[:-_KEPT]:
                if old.done.is_set():
                    del self._jobs[key]
                    self._result_path(old).unlink(missing_ok=True)  # who reads it keeps its mapping
        self._threads.submit(self._run, job, options.maximum_bytes_billed)
        return job

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

    def _result_path(self, job: Job) -> Path:
        return self.results_dir / f"{job.table_id}.arrow"

    def _run(self, job: Job, cap: int | None) -> None:
        job.started = time.time()
        try:
            self.faults.check("job")
            with self.warehouse.cursor() as cursor:
                job.cursor = cursor
                if job.canceled:
                    raise duckdb.InterruptException
                if cap is not None and job.billed > cap:
                    words = f"Query exceeded limit for bytes billed: {cap}. {job.billed} or higher required."
                    raise BigQueryError(400, "bytesBilledLimitExceeded", words)
                if job.statement.sorts:
                    self.faults.check_sort()
                unpartitioned = self.faults.unpartitioned_rows
                job.result = self.warehouse.run(job.statement, cursor, self._result_path(job), unpartitioned)
        except BigQueryError as error:
            job.error = error
        except Exception as error:  # noqa: BLE001 -- a job without an end would make its client wait for ever
            job.error = BigQueryError(500, "internalError", f"{type(error).__name__}: {error}")
        finally:
            job.cursor = None
            job.ended = time.time()
            if job.error is not None:
                job.billed = 0  # a query that fails is not billed
            job.done.set()
