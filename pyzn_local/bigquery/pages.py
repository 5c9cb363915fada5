"""Pages of a result for REST: where a page starts, its rows, and the token of the next one."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from starlette.datastructures import QueryParams

from pyzn_local.bigquery.errors import invalid
from pyzn_local.bigquery.faults import Faults
from pyzn_local.bigquery.requests import whole
from pyzn_local.bigquery.results import Result


def page_start(parameters: QueryParams) -> int:
    """The first requested row, from `pageToken` or `startIndex`."""
    token = parameters.get("pageToken")
    if not token:
        return whole(parameters.get("startIndex"), "startIndex") or 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()).decode("ascii"))
    except (ValueError, binascii.Error):
        raise invalid(f"Invalid value for pageToken: {token!r}") from None


def int64_timestamps(parameters: QueryParams) -> bool:
    """Whether the client requested timestamps as whole microseconds, not as seconds with a fraction."""
    return parameters.get("formatOptions.useInt64Timestamp", "false").lower() == "true"


def page_of(result: Result, faults: Faults, start: int, rows: int | None, *, int64: bool) -> dict[str, Any]:
    """At most `rows` rows from `start`, the total, and the token of the next page when there is one."""
    page = result.page(start, rows, int64_timestamps=int64)
    if page and faults.loses_page():
        start += len(page)
        page = result.page(start, rows, int64_timestamps=int64)
    answer: dict[str, Any] = {"totalRows": str(result.total_rows)}
    if page:
        answer["rows"] = page
        if start + len(page) < result.total_rows:
            answer["pageToken"] = base64.urlsafe_b64encode(str(start + len(page)).encode()).decode()
    return answer
