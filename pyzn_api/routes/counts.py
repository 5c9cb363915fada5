"""/api/v4/projects/{project}/versions, /countries, …: counts per period by every breakdown, written by Postgres."""

import re
from collections.abc import Awaitable, Callable
from datetime import date
from itertools import chain, islice
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator

from pyzn_api.caching import Recipe
from pyzn_api.errors import BadParameterError, UnknownProjectError
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.models_v4 import counts_by
from pyzn_api.names import known_form
from pyzn_api.openapi import errors, table_of
from pyzn_api.ranges import resolve
from pyzn_api.routes.parameters import End, Format, ProjectName, Start
from pyzn_api.settings import MIB
from pyzn_api.snapshot import Snapshot
from pyzn_api.state import state
from pyzn_api.tables import days_not_final, form, json_body, wants_csv
from pyzn_api.windows import Granularity
from pyzn_pipeline.breakdowns import BREAKDOWNS, CI, UNKNOWN, WITHOUT_MIRRORS, Breakdown

# What Postgres reads, orders and writes within its statement timeout; 3,000 versions on 365 days are 23.
MOST: dict[Granularity, int] = {"day": 32 * MIB, "week": 64 * MIB, "month": 64 * MIB}

router = APIRouter(prefix="/api/v4/projects", tags=["v4"], responses=errors(400, 401, 404, 503))

By = Annotated[Granularity, Query(description="weeks begin on Monday; a period is named by its first day")]
ByCI = Literal["include", "exclude", "only"]


def _ci(ci: Annotated[ByCI, Query(description="downloads by CI")] = "include") -> dict[str, str]:
    return {"ci": ci}


def _no_ci() -> dict[str, str]:
    return {}


def _filter(breakdown: Breakdown) -> object:
    """The parameter that is named like the key."""

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
    """The ILIKE pattern in which everything stands for itself, and `*` for anything if the breakdown has wildcards."""
    if key is None:
        return None
    literal = re.sub(r"([\\%_])", r"\\\1", key)
    return literal.replace("*", "%") if breakdown.wildcard else literal


def _route(breakdown: Breakdown) -> Callable[..., Awaitable[Response]]:
    """The route of one breakdown."""
    filtered = _filter(breakdown)

    async def counts(
        request: Request,
        project: ProjectName,
        subset: Annotated[dict[str, str], Depends(_ci if CI in breakdown.subsets else _no_ci)],
        start: Start = None,
        end: End = None,
        granularity: By = "day",
        key: filtered = None,  # type: ignore[valid-type]  # made for each breakdown
        table: Format = None,
    ) -> Response:
        filters = {"pattern": _like(breakdown, key), **subset}
        return await _respond(request, breakdown, project, start, end, granularity, table, filters)

    return counts


async def _respond(
    request: Request,
    breakdown: Breakdown,
    project: str,
    start: date | None,
    end: date | None,
    granularity: Granularity,
    table: str | None,
    filters: dict[str, str | None],
) -> Response:
    """The downloads per period and key, as sql/counts.sql counts them with those filters."""
    name = known_form(project)
    as_csv, parts = wants_csv(request, table), state(request)

    def basis(ledger: Ledger) -> Basis:
        return Basis(resolve(start, end, granularity, ledger, parts.today), days=not as_csv)

    async def render(snapshot: Snapshot) -> bytes:
        window = snapshot.window

        most = MOST[granularity]
        rows = await snapshot.rows(
            f"counts by {breakdown.name}", project=name, granularity=granularity, csv=as_csv, most=most, **filters
        )
        if not rows:
            raise UnknownProjectError(name)
        if (size := int(rows[0][2])) > most:
            expected = f"a later day: by {granularity}, {most // MIB} MiB of counts at most are read for one answer"
            held = f"and the days up to {window.end} hold {size // MIB} MiB"
            raise BadParameterError("start", window.start, f"{expected}, {held}")
        entries = [row[1] for row in sorted(rows) if row[1]]
        if as_csv:
            return b"\r\n".join([f"period,{breakdown.name},downloads".encode(), *entries, b""])
        head = {"project": name, "start": str(window.start), "end": str(window.end), "granularity": granularity}
        first = json_body(head)[:-1] + b',"downloads":['
        last = b'],"days":%b}' % json_body(days_not_final(snapshot.ledger, window, breakdown=breakdown.name))
        # Many megabytes, so they are copied once.
        return b"".join([first, *islice(chain.from_iterable((b",", entry) for entry in entries), 1, None), last])

    key = (breakdown.name, name, start, end, granularity, as_csv, *filters.values())
    return await parts.answers.respond(request, Recipe(key, basis, render, form(as_csv=as_csv)))


for _breakdown in BREAKDOWNS:
    _which = ", without mirrors" if _breakdown.counted is WITHOUT_MIRRORS else ""
    router.add_api_route(
        f"/{{project}}/{_breakdown.plural}",
        _route(_breakdown),
        methods=["GET"],
        name=f"by_{_breakdown.name}",
        summary=f"Downloads per period and {_breakdown.name}{_which}",
        description="Oldest period first, then most downloads. What was not downloaded is absent, unknown is "
        f"`{UNKNOWN}`. A day that was published before PyZn counted {_breakdown.plural} is in `days.missing`.",
        responses=table_of(counts_by(_breakdown)),
    )
