"""Faults on demand, to test what a client does when BigQuery fails.

`PUT /faults` and `Server.inject` take a document like this; every field is optional:

    {"refuse": [{"route": "jobs.insert", "method": "POST", "status": 503, "reason": "backendError", "times": 2}],
     "delay": [{"route": "tables.get", "seconds": 0.5, "times": 1}],
     "cut_stream_after_rows": 1000, "cut_stream_times": 1,
     "lose_page": true,
     "sort_exceeds_resources": true,
     "deny_metadata": true,
     "unpartitioned_rows": 2}

A route is a method's name in the API, or `job` for a job that starts and then fails; an entry without a route or a
method matches any. While `sort_exceeds_resources` is set, every query job that sorts its whole result fails, as in
BigQuery when one worker's memory is too small. While `deny_metadata` is set, queries of INFORMATION_SCHEMA.PARTITIONS
are refused, as without bigquery.tables.list. While `unpartitioned_rows` is set, that view has so many rows of each day
in `__UNPARTITIONED__`, as BigQuery has streamed rows for a while; the table itself has them all.
"""

import threading
import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pyzn_local.bigquery.errors import BigQueryError
from pyzn_local.bigquery.tables import PARTITIONS

Route = Literal[
    "jobs.insert", "jobs.get", "jobs.getQueryResults", "tables.get", "storage.createReadSession", "storage.readRows",
    "job",
]  # fmt: skip
Count = Annotated[int, Field(ge=0)]

_REASONS = {429: "rateLimitExceeded", 403: "quotaExceeded", 500: "internalError"}
_STATUSES = {"rateLimitExceeded": 403, "quotaExceeded": 403, "internalError": 500, "resourcesExceeded": 400}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Entry(_Strict):
    route: Route | None = None
    method: str | None = None
    times: Count = 1

    def meets(self, route: str, method: str) -> bool:
        """Return whether it applies to that request, and use it up once if so."""
        if self.times == 0 or self.route not in {None, route} or self.method not in {None, method}:
            return False
        self.times -= 1
        return True


class _Refusal(_Entry):
    status: int | None = Field(default=None, ge=400, lt=600)
    reason: str | None = None

    def error(self) -> BigQueryError:
        """The error, with a status that fits its reason, or the reverse."""
        status = self.status or _STATUSES.get(self.reason or "", 503)
        reason = self.reason or _REASONS.get(status, "backendError")
        return BigQueryError(status, reason, f"Injected fault: {reason}")


class _Delay(_Entry):
    seconds: float = Field(ge=0)


class Document(_Strict):
    """The faults to come."""

    refuse: list[_Refusal] = []
    delay: list[_Delay] = []
    cut_stream_after_rows: Count | None = None
    cut_stream_times: Count = 1
    lose_page: bool = False
    sort_exceeds_resources: bool = False
    deny_metadata: bool = False
    unpartitioned_rows: Count = 0


class Faults:
    """The faults that are still to come. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults = Document()

    def inject(self, document: Mapping[str, Any]) -> None:
        """Replace all faults with those of `document`. Raises ValidationError."""
        found = Document.model_validate(document)
        with self._lock:
            self._faults = found

    @property
    def unpartitioned_rows(self) -> int:
        """Rows of each day that the metadata has in no partition."""
        return self._faults.unpartitioned_rows

    def check(self, route: str, method: str) -> None:
        """Delay or refuse one request, if there is a fault for it. Raises BigQueryError."""
        with self._lock:
            seconds = sum(delay.seconds for delay in self._faults.delay if delay.meets(route, method))
            refusal = next((entry for entry in self._faults.refuse if entry.meets(route, method)), None)
        time.sleep(seconds)
        if refusal is not None:
            raise refusal.error()

    def check_sort(self) -> None:
        """Fail a query that is about to sort its whole result, if there is a fault for that. Raises BigQueryError."""
        if self._faults.sort_exceeds_resources:
            message = (
                "Resources exceeded during query execution: The query could not be executed in the allotted memory."
            )
            raise BigQueryError(400, "resourcesExceeded", message)

    def check_metadata(self) -> None:
        """Refuse a query of the partitions' metadata, if there is a fault for that. Raises BigQueryError."""
        if self._faults.deny_metadata:
            view = f"{PARTITIONS.project}:{PARTITIONS.dataset}.{PARTITIONS.name}"
            message = f"Access Denied: Table {view}: User does not have permission to query table {view}"
            raise BigQueryError(403, "accessDenied", message)

    def cut_after(self) -> int | None:
        """After how many rows the stream that starts now is cut; None if it is not."""
        with self._lock:
            if self._faults.cut_stream_after_rows is None or self._faults.cut_stream_times == 0:
                return None
            self._faults.cut_stream_times -= 1
            return self._faults.cut_stream_after_rows

    def loses_page(self) -> bool:
        """Return whether the next page or record batch is lost."""
        with self._lock:
            lost, self._faults.lose_page = self._faults.lose_page, False
            return lost
