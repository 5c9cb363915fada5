"""/api/v4/projects/{project}/versions and /countries: counts per period, written by Postgres."""

import re
from collections.abc import Sequence
from datetime import date
from itertools import chain, islice
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator

from pyzn_api import models_v4
from pyzn_api.caching import Recipe
from pyzn_api.countries import UNKNOWN
from pyzn_api.database import Row
from pyzn_api.errors import BadParameterError, UnknownProjectError
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import known_form
from pyzn_api.openapi import errors, table_of
from pyzn_api.ranges import Granularity, resolve
from pyzn_api.routes.parameters import End, Format, ProjectName, Start
from pyzn_api.settings import MIB
from pyzn_api.snapshot import Snapshot
from pyzn_api.state import state
from pyzn_api.tables import days_not_final, form, json_body, wants_csv

LIGHT = 4 * MIB  # of counts as the tables hold them: up to these an answer is nothing special
# What Postgres reads, orders and writes within its statement timeout; 3,000 versions on 365 days are 23.
MOST: dict[Granularity, int] = {"day": 32 * MIB, "week": 64 * MIB, "month": 64 * MIB}
LONGEST_PATTERN = 100  # characters
# What the tables may hold: ISO 3166-1 alpha-2; what Fastly and MaxMind add (T1, A1, **); nothing at all; a mark.
_COUNTRY = r"^([^\u0000]{0,2}|\([a-z ]+\))$"

router = APIRouter(prefix="/api/v4/projects", tags=["v4"], responses=errors(400, 401, 404, 503))

By = Annotated[Granularity, Query(description="weeks begin on Monday; a period is named by its first day")]


def _pattern(pattern: str) -> str:
    if len(pattern) > LONGEST_PATTERN or "\x00" in pattern:
        raise ValueError(f"a version of at most {LONGEST_PATTERN} characters, in which * is anything")
    return pattern


def _like(pattern: str) -> str:
    """The LIKE pattern in which `*` stands for anything and everything else for itself."""
    return re.sub(r"([\\%_])", r"\\\1", pattern).replace("*", "%")


def _code(code: str | None) -> str | None:
    if code is not None and not re.fullmatch(_COUNTRY, code):
        raise ValueError(f"an ISO 3166-1 alpha-2 code, or {UNKNOWN}")
    return code


async def _respond(
    request: Request,
    column: str,
    project: str,
    start: date | None,
    end: date | None,
    granularity: Granularity,
    table: str | None,
    **filters: str | None,
) -> Response:
    """The downloads per period and `column`, as sql/counts_by_`column`.sql counts them with those filters."""
    name = known_form(project)
    as_csv, parts = wants_csv(request, table), state(request)

    def basis(ledger: Ledger) -> Basis:
        return Basis(resolve(start, end, granularity, ledger, parts.today), days=not as_csv)

    async def render(snapshot: Snapshot) -> bytes:
        window = snapshot.window

        async def counted(most: int) -> Sequence[Row]:
            return await snapshot.rows(
                f"counts_by_{column}", project=name, granularity=granularity, csv=as_csv, most=most, **filters
            )

        rows = await counted(LIGHT)
        if not rows:
            raise UnknownProjectError(name)
        if (size := int(rows[0][2])) > LIGHT:
            if size > (most := MOST[granularity]):
                raise BadParameterError(
                    "start", window.start, f"a later day: by {granularity}, {most // MIB} MiB of counts at "
                    f"most are read for one answer, and the days up to {window.end} hold {size // MIB} MiB"
                )  # fmt: skip
            async with parts.answers.place_for_large():
                rows = await counted(most)
        entries = [row[1] for row in sorted(rows) if row[1]]
        if as_csv:
            return b"\r\n".join([f"period,{column},downloads".encode(), *entries, b""])
        head = {"project": name, "start": str(window.start), "end": str(window.end), "granularity": granularity}
        first = json_body(head)[:-1] + b',"downloads":['
        last = b'],"days":%b}' % json_body(days_not_final(snapshot.ledger, window))
        # Many megabytes, so they are copied once.
        return b"".join([first, *islice(chain.from_iterable((b",", entry) for entry in entries), 1, None), last])

    key = (column, name, start, end, granularity, as_csv, *filters.values())
    return await parts.answers.respond(request, Recipe(key, basis, render, form(as_csv=as_csv)))


@router.get(
    "/{project}/versions", summary="Downloads per period and version", responses=table_of(models_v4.CountsByVersion)
)
async def by_version(
    request: Request,
    project: ProjectName,
    start: Start = None,
    end: End = None,
    granularity: By = "day",
    version: Annotated[
        str,
        AfterValidator(_pattern),
        Query(
            description="only versions like this, where * is anything: 2.*",
            json_schema_extra={"maxLength": LONGEST_PATTERN, "pattern": r"^[^\u0000]*$"},
        ),
    ] = "*",
    ci: Annotated[Literal["include", "exclude", "only"], Query(description="downloads by CI")] = "include",
    table: Format = None,
) -> Response:
    """Oldest period first, then most downloads. What was not downloaded is absent."""
    like = _like(version)
    return await _respond(request, "version", project, start, end, granularity, table, pattern=like, ci=ci)


@router.get(
    "/{project}/countries", summary="Downloads per period and country", responses=table_of(models_v4.CountsByCountry)
)
async def by_country(
    request: Request,
    project: ProjectName,
    start: Start = None,
    end: End = None,
    granularity: By = "day",
    country: Annotated[
        str | None,
        AfterValidator(_code),
        Query(
            description="only this one, as answers list it: ISO 3166-1 alpha-2 in any case, or (unknown)",
            json_schema_extra={"pattern": _COUNTRY},
        ),
    ] = None,
    table: Format = None,
) -> Response:
    """Oldest period first, then most downloads. Codes are ISO 3166-1 alpha-2; unknown is "(unknown)"."""
    return await _respond(request, "country", project, start, end, granularity, table, country=country)
