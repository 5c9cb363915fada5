"""The REST methods of datasets, tables and their rows."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pyzn_local.bigquery.errors import invalid
from pyzn_local.bigquery.faults import Faults
from pyzn_local.bigquery.fields import schema_resource
from pyzn_local.bigquery.jobs import Jobs
from pyzn_local.bigquery.pages import int64_timestamps, page_of, page_start
from pyzn_local.bigquery.requests import whole
from pyzn_local.bigquery.rest import PROJECT, Method
from pyzn_local.bigquery.tables import LOCATION, TABLES, find_table, missing_dataset
from pyzn_local.bigquery.warehouse import Partition, Warehouse

_PARTITION = re.compile(r"(?P<table>[^$]+)\$(?P<day>\d{8})")


class TableMethods:
    """datasets.get, tables.get and tabledata.list."""

    def __init__(self, warehouse: Warehouse, jobs: Jobs, faults: Faults) -> None:
        self._warehouse = warehouse
        self._jobs = jobs
        self._faults = faults

    def methods(self) -> list[Method]:
        """The methods with their routes."""
        dataset = PROJECT + "/datasets/{dataset}"
        return [
            Method("datasets.get", "GET", dataset, self.get_dataset),
            Method("tables.get", "GET", dataset + "/tables/{table}", self.get_table),
            Method("tabledata.list", "GET", dataset + "/tables/{table}/data", self.list_rows),
        ]

    def get_dataset(self, request: Request, _body: bytes) -> Response:
        """A dataset that has tables here."""
        project, dataset = request.path_params["project"], request.path_params["dataset"]
        if not any((table.project, table.dataset) == (project, dataset) for table in TABLES.values()):
            raise missing_dataset(project, dataset, LOCATION)
        return JSONResponse(
            {
                "kind": "bigquery#dataset",
                "id": f"{project}:{dataset}",
                "datasetReference": {"projectId": project, "datasetId": dataset},
                "location": LOCATION,
            }
        )

    def get_table(self, request: Request, _body: bytes) -> Response:
        """A table, one partition of it (`table$YYYYMMDD`), or a query's result."""
        project, dataset, name = (request.path_params[key] for key in ("project", "dataset", "table"))
        if job := self._jobs.result_table(project, dataset, name):
            rows = job.rows
            return JSONResponse(
                _table_resource(job.destination, rows.total_rows, rows.size) | {"schema": schema_resource(rows.fields)}
            )
        decorated = _PARTITION.fullmatch(name)
        table = find_table(project, dataset, decorated["table"] if decorated else name)
        partitions = self._warehouse.partitions(table)
        if decorated:
            partition = partitions.get(_day(decorated["day"]), Partition())
            rows_count, size = partition.rows, partition.bytes
        else:
            rows_count = sum(partition.rows for partition in partitions.values())
            size = sum(partition.bytes for partition in partitions.values())
        return JSONResponse(
            _table_resource(table.reference | {"tableId": name}, rows_count, size)
            | {
                "schema": schema_resource(table.fields),
                "description": table.description,
                "timePartitioning": {
                    "type": "DAY",
                    "field": table.partition_column,
                    "requirePartitionFilter": True,
                },
                "requirePartitionFilter": True,
            }
        )

    def list_rows(self, request: Request, _body: bytes) -> Response:
        """A page of a query's result, which is found by the name of its table."""
        project, dataset, name = (request.path_params[key] for key in ("project", "dataset", "table"))
        job = self._jobs.result_table(project, dataset, name)
        if job is None:
            table = find_table(project, dataset, name.partition("$")[0])
            raise invalid(f"Listing the rows of {table.path} is not supported by this local BigQuery; query it")
        parameters = request.query_params
        if parameters.get("selectedFields"):
            raise invalid("selectedFields is not supported by this local BigQuery")
        rows = whole(parameters.get("maxResults"), "maxResults")
        page = page_of(job.rows, self._faults, page_start(parameters), rows, int64=int64_timestamps(parameters))
        return JSONResponse({"kind": "bigquery#tableDataList", **page})


def _table_resource(reference: dict[str, str], rows: int, size: int) -> dict[str, Any]:
    return {
        "kind": "bigquery#table",
        "id": "{projectId}:{datasetId}.{tableId}".format(**reference),
        "tableReference": reference,
        "type": "TABLE",
        "location": LOCATION,
        "numRows": str(rows),
        "numBytes": str(size),
    }


def _day(text: str) -> dt.date:
    try:
        return dt.datetime.strptime(text, "%Y%m%d").replace(tzinfo=dt.UTC).date()
    except ValueError:
        raise invalid(f"Invalid partition id: {text}") from None
