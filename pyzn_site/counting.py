"""Counts of projects per period, as charts and tables show them."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pyzn_api.cache import Snapshot
from pyzn_api.errors import UnknownProjectError
from pyzn_pipeline.breakdowns import COUNTRY, VERSION, Breakdown
from pyzn_site.series import MOST as SERIES
from pyzn_site.series import Count
from pyzn_site.view import Scope, measure_of

_PLACES = 300  # keys of countries, which are all of them
_LARGEST = 10  # of other keys
_MINORS = 300  # minor versions, so that they can be added up to major ones


class Keys(NamedTuple):
    """The counts by a breakdown; too large ones, of more bytes than wanted, are not read."""

    size: int  # bytes
    first_day: date | None  # of the project in the window
    counts: list[Count] | None
    keys: Sequence[tuple[str, int]] = ()  # the largest, with their downloads
    number: int = 0  # of all keys
    downloads: int = 0  # of all keys


class Periods(NamedTuple):
    """The downloads of a project per period."""

    first_day: date | None  # in the window
    downloads: Mapping[str, int]  # by the first day of the period


async def by_key(snapshot: Snapshot, project: str, scope: Scope, breakdown: Breakdown, most: int) -> Keys:
    """Return the counts by a breakdown, of `most` bytes at most. Raises UnknownProjectError."""
    size, first_day, counts, largest = await snapshot.project_row(
        f"pyzn_site:breakdown by {breakdown.name}",
        project,
        **scope.window._asdict(),
        granularity=scope.granularity,
        count=measure_of(breakdown, scope.measure),
        parts=_MINORS if breakdown is VERSION else SERIES + 2,  # one more than are shown, and the unknown
        limit=_PLACES if breakdown is COUNTRY else _LARGEST,
        most=most,
    )
    if not counts:
        return Keys(int(size), _day(first_day), None)
    return Keys(int(size), _day(first_day), [tuple(each) for each in json.loads(counts)], **json.loads(largest))


async def by_period(snapshot: Snapshot, projects: Sequence[str], scope: Scope) -> dict[str, Periods]:
    """Return the downloads of each project that exists, in the order of `projects`."""
    given = {**scope.window._asdict(), "granularity": scope.granularity, "measure": scope.measure}
    rows = await snapshot.rows("pyzn_site:periods", names=list(projects), **given)
    found = {name.decode(): Periods(_day(first_day), dict(json.loads(counts))) for name, first_day, counts in rows}
    return {each: found[each] for each in projects if each in found}


async def of_project(snapshot: Snapshot, project: str, scope: Scope) -> Periods:
    """Return the downloads of a project, or of ALL. Raises UnknownProjectError."""
    for found in (await by_period(snapshot, [project], scope)).values():
        return found
    raise UnknownProjectError(project)


def _day(column: bytes) -> date | None:
    return date.fromisoformat(column.decode()) if column else None
