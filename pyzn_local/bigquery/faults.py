"""Faults on demand, to test what a client does when BigQuery fails.

`PUT /faults` and `Server.inject` take a document like this; every field is optional:

    {"refuse": [{"route": "jobs.insert", "method": "POST", "status": 503, "reason": "backendError", "times": 2}],
     "delay": [{"route": "tables.get", "seconds": 0.5, "times": 1}],
     "cut_stream_after_rows": 1000, "cut_stream_times": 1,
     "lose_page": true,
     "sort_exceeds_resources": true,
     "deny_metadata": true,
     "unpartitioned_rows": 2}

Routes are the API's method names: jobs.insert, jobs.query, jobs.get, jobs.cancel, jobs.getQueryResults,
tables.get, tabledata.list, datasets.get, storage.createReadSession, storage.readRows, and `job` for a job that
starts and then fails. An entry without a route or a method matches any. While `sort_exceeds_resources` is set, every
query job that sorts its whole result fails, as in BigQuery when one worker's memory is too small. While
`deny_metadata` is set, queries of INFORMATION_SCHEMA.PARTITIONS are refused, as without bigquery.tables.list. While
`unpartitioned_rows` is set, that view has so many rows of each day in `__UNPARTITIONED__`, as BigQuery has streamed
rows for a while; the table itself has them all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pyzn_local.bigquery.errors import BigQueryError, invalid
from pyzn_local.bigquery.requests import words
from pyzn_local.bigquery.tables import PARTITIONS

ROUTES = words(
    "jobs.insert jobs.query jobs.get jobs.cancel jobs.getQueryResults tables.get tabledata.list datasets.get "
    "storage.createReadSession storage.readRows job"
)
_REASONS = {429: "rateLimitExceeded", 403: "quotaExceeded", 500: "internalError", 503: "backendError"}
_STATUSES = {
    "rateLimitExceeded": 403,
    "quotaExceeded": 403,
    "backendError": 503,
    "internalError": 500,
    "resourcesExceeded": 400,
}


@dataclass(slots=True)
class _Entry:
    """A refusal (with a status) or a delay (with seconds) for the next `times` matching requests."""

    route: str | None
    method: str | None
    times: int
    status: int = 0
    reason: str = ""
    seconds: float = 0.0

    def matches(self, route: str, method: str) -> bool:
        return self.times > 0 and self.route in {None, route} and self.method in {None, method}


class Faults:
    """The faults that are still to come. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._entries: list[_Entry] = []
            self._cut_after: int | None = None
            self._cuts = 0
            self._lost_pages = 0
            self._sort_exceeds = False
            self._deny_metadata = False
            self.unpartitioned_rows = 0

    def inject(self, document: Mapping[str, Any]) -> None:
        """Replace the faults with those of `document`.

        Raises:
            BigQueryError: 400 `invalid` naming a field that is unknown or has a wrong value.
        """
        known = {
            "refuse": list,
            "delay": list,
            "cut_stream_after_rows": int,
            "cut_stream_times": int,
            "lose_page": bool,
            "sort_exceeds_resources": bool,
            "deny_metadata": bool,
            "unpartitioned_rows": int,
        }
        _check_fields(document, known, "faults")
        entries = [_refusal(entry) for entry in document.get("refuse", [])]
        entries += [_delay(entry) for entry in document.get("delay", [])]
        with self._lock:
            self._entries = entries
            self._cut_after = document.get("cut_stream_after_rows")
            self._cuts = document.get("cut_stream_times", 1) if self._cut_after is not None else 0
            self._lost_pages = int(document.get("lose_page", False))
            self._sort_exceeds = document.get("sort_exceeds_resources", False)
            self._deny_metadata = document.get("deny_metadata", False)
            self.unpartitioned_rows = document.get("unpartitioned_rows", 0)

    def check(self, route: str, method: str) -> None:
        """Delay or refuse one request, if there is a fault for it.

        Raises:
            BigQueryError: with the injected status and reason.
        """
        with self._lock:
            delays = [entry for entry in self._entries if not entry.status and entry.matches(route, method)]
            refusal = next((entry for entry in self._entries if entry.status and entry.matches(route, method)), None)
            for entry in [*delays, refusal]:
                if entry is not None:
                    entry.times -= 1
        time.sleep(sum(entry.seconds for entry in delays))
        if refusal is not None:
            raise BigQueryError(refusal.status, refusal.reason, f"Injected fault: {refusal.reason}")

    def check_sort(self) -> None:
        """Fail a query that is about to sort its whole result, if there is a fault for that.

        Raises:
            BigQueryError: 400 `resourcesExceeded`.
        """
        if self._sort_exceeds:
            raise BigQueryError(
                HTTPStatus.BAD_REQUEST,
                "resourcesExceeded",
                "Resources exceeded during query execution: The query could not be executed in the allotted memory. "
                "Peak usage: 125% of limit.\nTop memory consumer(s):\n  ORDER BY operations: 99%\n"
                "  other/unattributed: 1%\n",
            )

    def check_metadata(self) -> None:
        """Refuse a query of the partitions' metadata, if there is a fault for that.

        Raises:
            BigQueryError: 403 `accessDenied`.
        """
        if self._deny_metadata:
            view = f"{PARTITIONS.project}:{PARTITIONS.dataset}.{PARTITIONS.name}"
            raise BigQueryError(
                HTTPStatus.FORBIDDEN,
                "accessDenied",
                f"Access Denied: Table {view}: User does not have permission to query table {view}, or perhaps it "
                "does not exist.",
            )

    def cut_after(self) -> int | None:
        """After how many rows the stream that starts now is cut; None if it is not."""
        with self._lock:
            if self._cuts <= 0:
                return None
            self._cuts -= 1
            return self._cut_after

    def loses_page(self) -> bool:
        """Whether the next page or record batch is lost."""
        with self._lock:
            self._lost_pages -= 1
            return self._lost_pages >= 0


def _check_fields(document: Any, known: Mapping[str, type | tuple[type, ...]], what: str) -> None:
    if not isinstance(document, Mapping):
        raise invalid(f"{what}: expected an object, got {document!r}")
    for name, value in document.items():
        if name not in known:
            raise invalid(f"{what}: unknown field '{name}'; known are {', '.join(known)}")
        if not isinstance(value, known[name]) or (isinstance(value, bool) and known[name] is not bool):
            raise invalid(f"{what}: field '{name}' has the wrong type: {value!r}")
        if isinstance(value, int | float) and value < 0:
            raise invalid(f"{what}: field '{name}' is negative: {value!r}")
    route = document.get("route")
    if route is not None and route not in ROUTES:
        raise invalid(f"{what}: unknown route '{route}'; known are {', '.join(sorted(ROUTES))}")


def _refusal(document: Any) -> _Entry:
    _check_fields(document, {"route": str, "method": str, "status": int, "reason": str, "times": int}, "refuse")
    status, reason = document.get("status"), document.get("reason")
    status = status or _STATUSES.get(reason or "", 503)
    reason = reason or _REASONS.get(status, "backendError")
    if not 400 <= status < 600:
        raise invalid(f"refuse: field 'status' is not an HTTP error: {status}")
    return _Entry(document.get("route"), document.get("method"), document.get("times", 1), status, reason)


def _delay(document: Any) -> _Entry:
    _check_fields(document, {"route": str, "method": str, "seconds": (int, float), "times": int}, "delay")
    seconds = float(document.get("seconds", 0))
    return _Entry(document.get("route"), document.get("method"), document.get("times", 1), seconds=seconds)
