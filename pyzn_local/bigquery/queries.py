"""Query jobs: from a request's configuration to a job that runs, or to a dry run's estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from pyzn_local.bigquery.errors import invalid, invalid_query
from pyzn_local.bigquery.faults import Faults
from pyzn_local.bigquery.fields import schema_resource
from pyzn_local.bigquery.jobs import Job, Jobs
from pyzn_local.bigquery.pricing import billed_bytes, check_cap
from pyzn_local.bigquery.requests import only, whole, words
from pyzn_local.bigquery.sql import Plan, plan
from pyzn_local.bigquery.tables import LOCATION, missing_dataset
from pyzn_local.bigquery.warehouse import Warehouse

# Some of these are accepted but have no effect here: priority, cache and timeouts only matter at scale.
QUERY_FIELDS = words(
    "query useLegacySql queryParameters parameterMode maximumBytesBilled useQueryCache priority "
    "allowLargeResults flattenResults"
)
JOB_FIELDS = words("query load dryRun jobType labels jobTimeoutMs")


class Queries:
    """Parses, prices and starts queries."""

    def __init__(self, warehouse: Warehouse, jobs: Jobs, faults: Faults) -> None:
        self._warehouse = warehouse
        self._jobs = jobs
        self._faults = faults

    def submit(self, project: str, job_id: str, location: str, configuration: dict[str, Any]) -> Job:
        """Start the query of a job's `configuration`. A dry run is returned as done, and not stored.

        Raises:
            BigQueryError: 400 for SQL and options that are wrong or unsupported, 404 for unknown tables and a
                wrong location, 409 when the job exists.
        """
        options = configuration["query"]
        only(configuration, JOB_FIELDS, "configuration")
        only(options, QUERY_FIELDS, "configuration.query")
        understood = self._plan(options, location)
        if understood.reads_metadata:
            self._faults.check_metadata()
        processed = self._warehouse.processed_bytes(understood)
        billed = billed_bytes(processed, len(understood.tables))
        statistics = {
            "totalBytesProcessed": str(processed),
            "totalBytesBilled": str(billed),
            "billingTier": 1,
            "cacheHit": False,
            "statementType": "SELECT",
            "referencedTables": [table.reference for table in understood.tables],
        }
        job = Job(project, location, job_id, "query", configuration, statistics)
        maximum = whole(options.get("maximumBytesBilled"), "maximumBytesBilled")
        if configuration.get("dryRun"):
            fields = self._warehouse.fields(understood)
            statistics |= {"schema": schema_resource(fields), "totalBytesProcessedAccuracy": "PRECISE"}
            job.done.set()
            return job

        def run(job: Job, cursor: duckdb.DuckDBPyConnection) -> None:
            check_cap(billed, maximum)
            if understood.sorts:
                self._faults.check_sort()
            job.result = self._warehouse.run(
                understood, cursor, self._jobs.result_path(job), self._faults.unpartitioned_rows
            )

        self._jobs.start(job, run)
        return job

    def _plan(self, options: Mapping[str, Any], location: str) -> Plan:
        if options.get("useLegacySql", True):  # the API's default is true; the client always sends false
            raise invalid_query("Legacy SQL is not supported by this local BigQuery; set useLegacySql to false")
        query = options.get("query")
        if not isinstance(query, str) or not query:
            raise invalid("Required parameter is missing: query")
        parameters = options.get("queryParameters") or []
        if not isinstance(parameters, list) or not all(isinstance(entry, dict) for entry in parameters):
            raise invalid("Invalid value for queryParameters: expected a list of objects")
        understood = plan(query, parameters, self._warehouse.evaluate)
        if location != LOCATION and understood.tables:
            table = understood.tables[0]
            raise missing_dataset(table.project, table.dataset, location)
        self._warehouse.fields(understood)  # errors that only DuckDB finds must refuse the query, not fail the job
        return understood
