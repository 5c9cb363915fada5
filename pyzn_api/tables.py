"""Tables as JSON or CSV. Small ones are written here, the rows of large ones by Postgres."""

import csv
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from io import StringIO
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from pyzn_api.cache import ResponseSpec, Snapshot
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.responses import CACHE_CONTROL, JSON, Headers, weighted
from pyzn_api.state import state
from pyzn_api.windows import Window

# CSV has no place for the days that are missing; the link leads to them.
LINK = {"Link": '</api/v4/days>; rel="describedby"'}
_RUN = ("=", "+", "-", "@", "'", "\t", "\r")
CSV: Headers = {"Content-Type": "text/csv; charset=utf-8", "Cache-Control": CACHE_CONTROL, **LINK}


def wants_csv(request: Request, parameter: str | None) -> bool:
    """Return what the parameter asks for, or else the Accept header: CSV if it is preferred to JSON."""
    if parameter or "accept" not in request.headers:
        return parameter == "csv"
    weights = weighted(request.headers["accept"])

    def preference(kind: str) -> tuple[float, int]:
        ranges = enumerate(("*/*", f"{kind.split('/', maxsplit=1)[0]}/*", kind))
        found = [(weights[each], exactness) for exactness, each in ranges if each in weights]
        return found[-1] if found else (0, 0)

    return preference("text/csv") > max(preference("application/json"), (0, 2))


async def respond_with_table(
    request: Request,
    table: str | None,
    key: tuple[object, ...],
    window: Callable[[Ledger], Window],
    render: Callable[[Snapshot, bool], Awaitable[bytes]],
    **needs: bool,
) -> Response:
    """Respond with a table as JSON, which names the uncertain days, or as CSV; `table` is which, None as accepted.

    `window` returns the days that it counts, and `render` the body, as CSV or not; `needs` are of `Basis`.
    """
    as_csv = wants_csv(request, table)
    spec = ResponseSpec(
        (*key, table, as_csv),  # `table`, since the headers differ
        lambda ledger: Basis(window(ledger), **{"days": not as_csv, **needs}),
        lambda snapshot: render(snapshot, as_csv),
        {**(CSV if as_csv else JSON), **({} if table else {"Vary": "Accept-Encoding, Accept"})},
    )
    return await state(request).answers.respond(request, spec)


def range_of(snapshot: Snapshot, missing: list[date] | None = None) -> dict[str, Any]:
    """Return the members of the model `Range`: the window, its uncertain days, and its events."""
    return {**snapshot.window._asdict(), **certainty(snapshot, missing)}


def certainty(snapshot: Snapshot, missing: list[date] | None = None) -> dict[str, Any]:
    """Return the uncertain days and the events of the window; unless given, what is not published is missing."""
    return {"days": snapshot.ledger.uncertain(snapshot.window, missing), "events": snapshot.ledger.events}


def csv_body(columns: type[BaseModel], rows: Sequence[BaseModel]) -> bytes:
    """Return the rows by RFC 4180, with a header line; nothing for null, spaces between several in a cell."""
    text = StringIO()
    writer = csv.DictWriter(text, tuple(columns.model_fields))
    writer.writeheader()
    for row in rows:
        writer.writerow({name: cell(value) for name, value in row.model_dump(mode="json").items()})
    return text.getvalue().encode()


def cell(value: object) -> object:
    """Return the value as CSV has it; a text that a spreadsheet would run has an apostrophe before it."""
    text = " ".join(value) if isinstance(value, list) else value
    if isinstance(text, str):
        return f"'{text}" if text.startswith(_RUN) else text
    return str(value).lower() if isinstance(value, bool) else value


def json_body(answer: BaseModel, rows: Sequence[bytes] = ()) -> bytes:
    """Return an answer as compact JSON, without what is not set; `rows` go into the empty array at its end.

    Postgres has written them. They may be many megabytes: all but the first and the last are copied once.
    """
    body = answer.model_dump_json(exclude_unset=True).encode()
    if not rows:
        return body
    first, *others = rows
    parts = [body[:-2] + first, *others]
    parts[-1] += b"]}"
    return b",".join(parts)
