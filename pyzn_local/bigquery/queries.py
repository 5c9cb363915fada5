"""Query jobs: from a request's configuration to a job that runs, or to a dry run's estimate."""

from typing import Annotated, Any, Literal

import duckdb
from pydantic import BaseModel, ConfigDict, Field

from pyzn_local.bigquery.errors import BigQueryError
from pyzn_local.bigquery.jobs import Job, Jobs
from pyzn_local.bigquery.sql import translate
from pyzn_local.bigquery.tables import PARTITIONS, find_dataset, schema_resource

Whole = Annotated[int, Field(ge=0, lt=2**63)]
_MIB = 2**20
_MINIMUM = 10 * _MIB  # bytes billed for each table of a query


class QueryOptions(BaseModel):
    """`configuration.query` of a job. What would change a result and is not here is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")

    query: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    useLegacySql: Literal[False]  # noqa: N815  # a name of the API; its default is true, the client always sends false
    queryParameters: list[dict[str, Any]] = []  # noqa: N815  # as above
    maximumBytesBilled: Whole | None = None  # noqa: N815  # as above
    parameterMode: Literal["NAMED", None] = None  # noqa: N815  # as above
    useQueryCache: Any = None  # noqa: N815  # from here on without effect: they matter at scale only
    priority: Any = None


def submit(
    jobs: Jobs, project: str, job_id: str, location: str, configuration: dict[str, Any], *, dry_run: bool = False
) -> Job:
    """Start the query of a job's `configuration`. A dry run is returned as done, and not stored.

    Raises:
        ValidationError, BigQueryError: 400 for SQL and options that are wrong or unsupported, 404 for unknown tables
            and a wrong location, 409 when the job exists.
    """
    options = QueryOptions.model_validate(configuration["query"])
    statement = translate(options.query, options.queryParameters)
    for table in statement.tables:
        find_dataset(table.project, table.dataset, location)
        if table is PARTITIONS:
            jobs.faults.check_metadata()
    schema = jobs.warehouse.schema(statement)  # errors that DuckDB finds refuse the query, as in BigQuery
    processed = jobs.warehouse.processed_bytes(statement)
    billed = max(_MINIMUM * len(statement.tables), -(-processed // _MIB) * _MIB)
    statistics = {
        "totalBytesProcessed": str(processed),
        "totalBytesBilled": str(billed),
        "cacheHit": False,
        "statementType": "SELECT",
        "referencedTables": [table.reference for table in statement.tables],
    }
    job = Job(project, job_id, configuration, statistics)
    if dry_run:
        job.statistics["schema"] = schema_resource(schema)
        job.done.set()
        return job

    def run(job: Job, cursor: duckdb.DuckDBPyConnection) -> None:
        if options.maximumBytesBilled is not None and billed > options.maximumBytesBilled:
            limit = f"Query exceeded limit for bytes billed: {options.maximumBytesBilled}"
            raise BigQueryError(400, "bytesBilledLimitExceeded", f"{limit}. {billed} or higher required.")
        if statement.sorts:
            jobs.faults.check_sort()
        job.result = jobs.warehouse.run(statement, cursor, jobs.result_path(job), jobs.faults.unpartitioned_rows)

    jobs.start(job, run)
    return job
