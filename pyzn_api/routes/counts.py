"""/api/v4/projects/{project}/versions, /countries, …: counts per period by every breakdown, written by Postgres."""

import re
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator

from pyzn_api.cache import Snapshot
from pyzn_api.database import counts_of
from pyzn_api.errors import ApiError, BadParameterError, UnknownProjectError
from pyzn_api.ledger import Ledger
from pyzn_api.models_v4 import Counts, counts_by
from pyzn_api.names import known_form
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.parameters import ByPeriod, End, Format, ProjectName, Start, StrictRoute
from pyzn_api.settings import MIB
from pyzn_api.state import state
from pyzn_api.tables import json_body, range_of, respond_with_table
from pyzn_api.windows import Granularity, Window
from pyzn_pipeline.breakdowns import CI, FILES_WITHOUT_MIRRORS, KNOWN, UNKNOWN, WHEEL, WITHOUT_MIRRORS, Breakdown

# What Postgres reads, orders and writes within its statement timeout; 3,000 versions on 365 days are 23.
MOST: dict[Granularity, int] = {"day": 32 * MIB, "week": 64 * MIB, "month": 64 * MIB}

router = APIRouter(
    prefix="/api/v4/projects", tags=["v4"], responses=errors(400, 401, 404, 503), route_class=StrictRoute
)

ByCI = Literal["include", "exclude", "only"]


def _ci(ci: Annotated[ByCI, Query(description="downloads by CI, when all are counted")] = "include") -> ByCI:
    return ci


def _no_ci() -> ByCI:
    return "include"


def _count(count: str, ci: ByCI) -> str:
    """Return the count of a request. Raises BadParameterError if it would be of CI and another one."""
    if ci != "include" and count != "downloads":
        raise BadParameterError("ci", ci, f"include with count={count}")
    return {"include": count, "exclude": "without_ci", "only": "ci"}[ci]


def _filter(breakdown: Breakdown) -> object:
    """Return the parameter that is named like the key."""

    def valid(key: str | None) -> str | None:
        if key is not None and not re.fullmatch(breakdown.filters, key):
            raise ValueError(f"{breakdown.key}, as answers list it, or {UNKNOWN}")
        return key

    anything = ", where * is anything" if breakdown.wildcard else ""
    return Annotated[
        str | None,
        AfterValidator(valid),
        Query(
            alias=breakdown.name,
            description=f"only {breakdown.plural} like this, in any case{anything}: {breakdown.example}",
            json_schema_extra={"pattern": breakdown.filters},
        ),
    ]


def _like(breakdown: Breakdown, key: str | None) -> str | None:
    """Return the ILIKE pattern in which everything stands for itself, and `*` for anything if there are wildcards.

    A plus is the same as a space, which it has become if the client did not write it as %2B.
    """
    if key is None:
        return None
    literal = re.sub(r"([\\%_])", r"\\\1", key).replace("+", " ")
    return literal.replace("*", "%") if breakdown.wildcard else literal


def _route(breakdown: Breakdown) -> Callable[..., Awaitable[Response]]:
    """Return the function that answers for one breakdown."""
    filtered, held = _filter(breakdown), tuple(counts_of(breakdown))
    described = Query(description="what is counted, of that which this breakdown holds")
    own = Annotated[Literal[held], described]  # type: ignore[valid-type]  # made for each breakdown

    async def counts(
        request: Request,
        project: ProjectName,
        ci: Annotated[ByCI, Depends(_ci if CI in breakdown.subsets else _no_ci)],
        start: Start = None,
        end: End = None,
        granularity: ByPeriod = "day",
        count: own = held[0],
        key: filtered = None,  # type: ignore[valid-type]  # made for each breakdown
        table: Format = None,
    ) -> Response:
        name, today = known_form(project), state(request).today
        pattern, counted_by = _like(breakdown, key), _count(count, ci)

        async def render(snapshot: Snapshot, as_csv: bool) -> bytes:
            rows = await counted(snapshot, name, breakdown, granularity, csv=as_csv, pattern=pattern, count=counted_by)
            if as_csv:
                return b"\r\n".join([f"period,{breakdown.name},downloads".encode(), *rows, b""])
            return json_body(head(snapshot, name, breakdown, granularity, counted_by), "downloads", rows)

        return await respond_with_table(
            request,
            table,
            (breakdown.name, name, granularity, start, end, pattern, counted_by),
            lambda ledger: requested(ledger, breakdown, start, end, granularity, today),
            render,
        )

    return counts


def requested(
    ledger: Ledger, breakdown: Breakdown, start: date | None, end: date | None, granularity: Granularity, today: date
) -> Window:
    """Return the requested days. Raises ApiError, 404, if days are published, and none by this breakdown."""
    if ledger.days and not any(breakdown.name in day.breakdowns for day in reversed(ledger.days)):
        raise ApiError(f"No day was read by {breakdown.name}: PYZN_BREAKDOWNS does not name it", 404)
    return ledger.requested(start, end, granularity, today)


def head(snapshot: Snapshot, project: str, breakdown: Breakdown, granularity: Granularity, count: str) -> Counts:
    """Return the parts around the rows."""
    missing = snapshot.ledger.missing(snapshot.window, breakdown.name, count)
    parts = {"project": project, "granularity": granularity, "count": count}
    return Counts.model_validate(range_of(snapshot, missing) | parts)


async def counted(
    snapshot: Snapshot, project: str, breakdown: Breakdown, granularity: Granularity, **parameters: object
) -> list[bytes]:
    """Return the rows of the table, a text a period. Raises BadParameterError where there is too much to count."""
    statement, most, window = f"counts by {breakdown.name}", MOST[granularity], snapshot.window
    rows = await snapshot.rows(statement, project=project, granularity=granularity, most=most, **parameters)
    if not rows:
        raise UnknownProjectError(project)
    if (size := int(rows[0][2])) > most:
        expected = f"a later day: by {granularity}, {most // MIB} MiB of counts at most are read for one answer"
        held = f"and the days up to {window.end} hold {size // MIB} MiB"
        raise BadParameterError("start", window.start, f"{expected}, {held}")
    return [row[1] for row in sorted(rows) if row[1]]


for _breakdown in KNOWN:
    if _breakdown == WHEEL:  # routes/wheels.py
        continue
    _which = ", without mirrors" if _breakdown.counted in (WITHOUT_MIRRORS, FILES_WITHOUT_MIRRORS) else ""
    router.add_api_route(
        f"/{{project}}/{_breakdown.plural}",
        _route(_breakdown),
        methods=["GET"],
        name=f"by_{_breakdown.name}",
        summary=f"Downloads per period and {_breakdown.name}{_which}",
        description="Oldest period first, then most downloads. What was not downloaded is absent, unknown is "
        f"`{UNKNOWN}`. A day that was not read by {_breakdown.name} is in `days.missing`, and so is one that was read "
        "without file names when files are counted.",
        responses=table_of(counts_by(_breakdown)),
    )
