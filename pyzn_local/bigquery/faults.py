"""Faults on demand, to test what a client does when BigQuery fails.

`Server.inject` takes a document like this; every field is optional:

    {"refuse": [{"route": "jobs.insert", "status": 503, "reason": "backendError", "times": 2}],
     "cut_stream_after_rows": 1000, "cut_stream_times": 1,
     "lose_page": true,
     "sort_exceeds_resources": true,
     "deny_metadata": true,
     "unpartitioned_rows": 2}

A route is a method's name in the API, or `job` for a job that starts and then fails. While `sort_exceeds_resources` is
set, every query job that sorts its whole result fails, as in BigQuery when one worker's memory is too small. While
`deny_metadata` is set, queries of INFORMATION_SCHEMA.PARTITIONS are refused, as without bigquery.tables.list. While
`unpartitioned_rows` is set, that view has so many rows of each day in `__UNPARTITIONED__`, as BigQuery has streamed
rows for a while; the table itself has them all.
"""

import threading
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from pyzn_local.bigquery.errors import BigQueryError
from pyzn_local.bigquery.tables import PARTITIONS

Route = Literal[
    "jobs.insert", "jobs.get", "jobs.getQueryResults", "storage.createReadSession", "storage.readRows",
    "job",
]  # fmt: skip
Count = Annotated[int, Field(ge=0)]


class Refusal(BaseModel):
    """Requests to a route that are refused, so many times."""

    model_config = ConfigDict(extra="forbid", strict=True)

    route: Route
    status: int = Field(default=503, ge=400, lt=600)
    reason: str = "backendError"
    times: Count = 1


class Faults(BaseModel):
    """The faults that are still to come. Safe to use from any thread."""

    model_config = ConfigDict(extra="forbid", strict=True)

    refuse: list[Refusal] = []
    cut_stream_after_rows: Count | None = None
    cut_stream_times: Count = 1
    lose_page: bool = False
    sort_exceeds_resources: bool = False
    deny_metadata: bool = False
    unpartitioned_rows: Count = 0
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    def check(self, route: str) -> None:
        """Refuse one request, if there is a fault for it. Raises BigQueryError."""
        with self._lock:
            for refusal in self.refuse:
                if refusal.route == route and refusal.times:
                    refusal.times -= 1
                    raise BigQueryError(refusal.status, refusal.reason, f"Injected fault: {refusal.reason}")

    def check_sort(self) -> None:
        """Fail a query that is about to sort its whole result, if there is a fault for that. Raises BigQueryError."""
        if self.sort_exceeds_resources:
            message = (
                "Resources exceeded during query execution: The query could not be executed in the allotted memory."
            )
            raise BigQueryError(400, "resourcesExceeded", message)

    def check_metadata(self) -> None:
        """Refuse a query of the partitions' metadata, if there is a fault for that. Raises BigQueryError."""
        if self.deny_metadata:
            view = f"{PARTITIONS.project}:{PARTITIONS.dataset}.{PARTITIONS.name}"
            message = f"Access Denied: Table {view}: User does not have permission to query table {view}"
            raise BigQueryError(403, "accessDenied", message)

    def cut_after(self) -> int | None:
        """Return the number of rows after which the stream that starts now is cut; None if it is not."""
        with self._lock:
            if self.cut_stream_times == 0 or self.cut_stream_after_rows is None:
                return None
            self.cut_stream_times -= 1
            return self.cut_stream_after_rows

    def loses_page(self) -> bool:
        """Return whether the next page or record batch is lost."""
        with self._lock:
            lost, self.lose_page = self.lose_page, False
            return lost
