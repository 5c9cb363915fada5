"""/api/v4/projects/{project}/versions, /countries, …: counts per period by every breakdown, written by Postgres."""

import re
from collections.abc import Awaitable, Callable
from datetime import date
from inspect import signature
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator

from pyzn_api.cache import Snapshot
from pyzn_api.database import counts_of
from pyzn_api.errors import ApiError, BadParameterError, UnknownProjectError
from pyzn_api.ledger import Ledger
from pyzn_api.models import Counts, counts_by
from pyzn_api.names import ALL, known_form, known_form_or_all
from pyzn_api.openapi import errors, table_of
from pyzn_api.routes.parameters import ByPeriod, End, Format, ProjectName, ProjectNameOrAll, Start, StrictRoute
from pyzn_api.settings import MIB
from pyzn_api.state import state
from pyzn_api.tables import json_body, range_of, respond_with_table
from pyzn_api.windows import Granularity, Window
from pyzn_pipeline.breakdowns import (
    CI,
    FILES_WITHOUT_MIRRORS,
    KNOWN,
    PYTHON,
    UNKNOWN,
    VERSION,
    VERSION_PYTHON,
    WHEEL,
    WITHOUT_MIRRORS,
    Breakdown,
    Key,
)

# What Postgres reads, orders and writes within its statement timeout; 3,000 versions on 365 days are 23.
MOST: dict[Granularity, int] = {"day": 32 * MIB, "week": 64 * MIB, "month": 64 * MIB}

router = APIRouter(
    prefix="/api/v4/projects", tags=["v4"], responses=errors(400, 401, 404, 503), route_class=StrictRoute
)

ByCI = Annotated[Literal["include", "exclude", "only"], Query(description="downloads by CI, when all are counted")]


def _count(count: str, ci: ByCI) -> str:
    """Return the count of a request. Raises BadParameterError if it would be of CI and another one."""
    if ci != "include" and count != "downloads":
        raise BadParameterError("ci", ci, f"include with count={count}")
    return {"include": count, "exclude": "without_ci", "only": "ci"}[ci]


def _filter(key: Key, plural: str) -> tuple[object, object]:
    """Return the validator and the declaration of the parameter that is named like the key."""

    def valid(value: str | None) -> str | None:
        if value is not None and not re.fullmatch(key.filters, value):
            raise ValueError(f"{key.description}, as answers list it, or {UNKNOWN}")
        return value

    anything = ", where * is anything" if key.wildcard else ""
    return AfterValidator(valid), Query(
        alias=key.name,
        description=f"only {plural} like this, in any case{anything}: {key.example}",
        json_schema_extra={"pattern": key.filters},
    )


def _like(key: Key, value: str | None) -> str | None:
    """Return the ILIKE pattern in which everything stands for itself, and `*` for anything if there are wildcards.

    A plus is the same as a space, which it has become if the client did not write it as %2B.
    """
    if value is None:
        return None
    literal = re.sub(r"([\\%_])", r"\\\1", value).replace("+", " ")
    return literal.replace("*", "%") if key.wildcard else literal


def _route(breakdown: Breakdown) -> Callable[..., Awaitable[Response]]:
    """Return the function that answers for one breakdown; by Python also of some versions alone."""
    (key,) = breakdown.keys
    has_version = breakdown == PYTHON
    held, valid, described_key = tuple(counts_of(breakdown)), *_filter(key, breakdown.plural)
    valid_version, described_version = _filter(VERSION.keys[0], VERSION.plural)
    choice = (*held, *(counts_of(VERSION_PYTHON) if has_version else ()))
    described = Query(description="what is counted, of that which this breakdown holds")
    own: Any = Literal[choice]
    project_name = ProjectNameOrAll if breakdown.common else ProjectName

    async def counts(
        request: Request,
        project: str,
        start: Start = None,
        end: End = None,
        granularity: ByPeriod = "day",
        count: str | None = None if has_version else held[0],
        value: Annotated[str | None, valid, described_key] = None,
        table: Format = None,
        ci: ByCI = "include",
        version: Annotated[str | None, valid_version, described_version] = None,
    ) -> Response:
        by = breakdown if version is None else VERSION_PYTHON
        name, today = (known_form_or_all if breakdown.common else known_form)(project), state(request).today
        counted_by = _count(_held(by, count), ci)
        patterns = _like(key, value), _like(VERSION.keys[0], version)
        if version is not None and name == ALL:
            raise BadParameterError("version", version, f"the name of a project: a version means nothing for {ALL}")

        async def render(snapshot: Snapshot, as_csv: bool) -> bytes:
            rows = await counted(snapshot, name, by, granularity, counted_by, *patterns, csv=as_csv)
            if as_csv:
                return b"\r\n".join([f"period,{key.name},downloads".encode(), *rows, b""])
            return json_body(head(snapshot, name, by, granularity, counted_by), rows)

        return await respond_with_table(
            request,
            table,
            (by.name, name, granularity, start, end, *patterns, counted_by),
            lambda ledger: requested(ledger, by, start, end, granularity, today),
            render,
        )

    whole = signature(counts)
    lacks = ({"ci"} if CI not in breakdown.subsets else set()) | ({"version"} if not has_version else set())
    types = {"project": project_name, "count": Annotated[own | None if has_version else own, described]}
    taken = [
        each.replace(annotation=types.get(name, each.annotation))
        for name, each in whole.parameters.items()
        if name not in lacks
    ]
    counts.__signature__ = whole.replace(parameters=taken)  # type: ignore[attr-defined]  # FastAPI reads it; mypy has it for no function
    return counts


def _held(breakdown: Breakdown, count: str | None) -> str:
    """Return the count, or that of the breakdown itself. Raises BadParameterError for one that it does not hold."""
    held = tuple(counts_of(breakdown))
    if count not in {None, *held}:
        raise BadParameterError("count", count, f"{', '.join(held)} by {' and '.join(k.name for k in breakdown.keys)}")
    return count or held[0]


def requested(
    ledger: Ledger, breakdown: Breakdown, start: date | None, end: date | None, granularity: Granularity, today: date
) -> Window:
    """Return the requested days. Raises ApiError, 404, if days are published, and none by this breakdown."""
    if ledger.days and not any(breakdown.name in day.breakdowns for day in reversed(ledger.days)):
        raise ApiError(f"No day was read by {breakdown.name}: PYZN_BREAKDOWNS does not name it", 404)
    return ledger.requested(start, end, granularity, today)


def head(snapshot: Snapshot, project: str, breakdown: Breakdown, granularity: Granularity, count: str) -> Counts:
    """Return the answer, to be filled with rows."""
    days = range_of(snapshot, snapshot.ledger.missing(snapshot.window, breakdown.name, count))
    return Counts(**days, project=project, granularity=granularity, count=count, downloads=[])


async def counted(
    snapshot: Snapshot,
    project: str,
    breakdown: Breakdown,
    granularity: Granularity,
    count: str,
    pattern: str | None = None,
    within: str | None = None,
    *,
    csv: bool = False,
) -> list[bytes]:
    """Return the rows of the table, a text a period; JSON objects with commas between, or CSV lines.

    `project` can be ALL by a common breakdown. Raises BadParameterError where there is too much to count.
    """
    statement = f"counts of all by {breakdown.name}" if project == ALL else f"counts by {breakdown.name}"
    most, window = MOST[granularity], snapshot.window
    given = {"project": project, "granularity": granularity, "count": count, "pattern": pattern, "within": within}
    rows = await snapshot.rows(statement, most=most, csv=csv, **given)
    if not rows:
        raise UnknownProjectError(project)
    if (size := int(rows[0][2])) > most:
        expected = f"a later day: by {granularity}, {most // MIB} MiB of counts at most are read for one answer"
        held = f"and the days up to {window.end} hold {size // MIB} MiB"
        raise BadParameterError("start", window.start, f"{expected}, {held}")
    return [row[1] for row in sorted(rows) if row[1]]


for _breakdown in KNOWN:
    if _breakdown in (WHEEL, VERSION_PYTHON):  # routes/wheels.py; by Python
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
