"""Small tables as JSON or CSV. The large ones are written by Postgres itself."""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import date
from io import StringIO

from fastapi import Request

from pyzn_api.ledger import Ledger
from pyzn_api.responses import JSON, Form
from pyzn_api.windows import Window

_VARY = ("Vary", "Accept-Encoding, Accept")
LINK = ("Link", '</api/v4/days>; rel="describedby"')


def wants_csv(request: Request, asked: str | None) -> bool:
    """What the parameter says, or else the Accept header."""
    return asked == "csv" if asked else "text/csv" in request.headers.get("accept", "")


def form(*, as_csv: bool) -> Form:
    """The headers of a table. CSV has no place for the days that are missing, so it says where they are."""
    if not as_csv:
        return Form(JSON.media_type, JSON.cache_control, (_VARY,))
    return Form("text/csv; charset=utf-8", JSON.cache_control, (_VARY, LINK))


def csv_body(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> bytes:
    """RFC 4180, with a header line; nothing for null."""
    text = StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def json_body(value: object) -> bytes:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def days_not_final(
    ledger: Ledger, window: Window, not_counted: Sequence[date] | None = None, breakdown: str | None = None
) -> dict[str, list[str]]:
    """The days of the window whose numbers are not the last word, by status.

    `not_counted` are those that an answer made beforehand leaves out; otherwise they are those not published, or
    published before `breakdown` existed.
    """
    missing = ledger.missing(window, breakdown) if not_counted is None else not_counted
    found: dict[str, list[str]] = {"missing": [str(day) for day in missing]}
    for status in ("provisional", "suspect"):
        counted = (row.day for row in ledger.within(window) if row.status == status)
        found[status] = [str(day) for day in counted if day not in missing]
    return found
