"""/api/v4/projects/{project}/wheels: files per period by what the tags of wheels mean."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from pyzn_api.cache import Snapshot
from pyzn_api.models import WheelCounts
from pyzn_api.names import known_form_or_all
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.counts import counted, head, requested
from pyzn_api.routes.parameters import ByPeriod, End, Format, ProjectNameOrAll, Start, StrictRoute
from pyzn_api.state import state
from pyzn_api.tables import cell, json_body, respond_with_table
from pyzn_api.wheels import tags_of
from pyzn_pipeline.breakdowns import WHEEL

ByTags = Annotated[
    Literal["tag", "family", "arch", "python", "abi", "glibc", "macos"],
    Query(description="the tags as they are, or a part of what they mean; `glibc` and `macos` are the least version"),
]

COUNT = WHEEL.counted.name

router = APIRouter(
    prefix="/api/v4/projects", tags=["v4"], responses=errors(400, 401, 404, 503), route_class=StrictRoute
)


@router.get(
    "/{project}/wheels", summary="Files per period and kind of wheel, without mirrors", responses=table_of(WheelCounts)
)
async def wheels(
    request: Request,
    project: ProjectNameOrAll,
    start: Start = None,
    end: End = None,
    granularity: ByPeriod = "day",
    by: ByTags = "tag",
    table: Format = None,
) -> Response:
    """Oldest period first, then most downloads. `(none)` is a part that means nothing for the file."""
    name, today = known_form_or_all(project), state(request).today

    async def render(snapshot: Snapshot, as_csv: bool) -> bytes:
        periods = await counted(snapshot, name, WHEEL, granularity, COUNT)
        rows = [row for entries in periods for row in summed(entries, by)]
        if as_csv:
            text = StringIO()
            csv.writer(text).writerows([("period", by, "downloads"), *([cell(each) for each in row] for row in rows)])
            return text.getvalue().encode()
        named = [dict(zip(("period", by, "downloads"), row, strict=True)) for row in rows]
        objects = [json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() for row in named]
        return json_body(head(snapshot, name, WHEEL, granularity, COUNT), objects)

    return await respond_with_table(
        request,
        table,
        (WHEEL.name, name, granularity, start, end, by),
        lambda ledger: requested(ledger, WHEEL, start, end, granularity, today),
        render,
    )


def summed(entries: bytes, by: str) -> Iterator[tuple[str, str, int]]:
    """Yield a row for each part of a period, of the JSON objects that Postgres has written; most downloads first."""
    found = json.loads(b"[%b]" % entries)
    sums: Counter[str] = Counter()
    for entry in found:
        key = entry["wheel"]
        sums[key if by == "tag" else getattr(tags_of(key), by)] += entry["downloads"]
    for part, downloads in sorted(sums.items(), key=lambda each: (-each[1], each[0])):
        yield found[0]["period"], part, downloads
