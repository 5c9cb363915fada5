"""Counts of projects per period, as charts and tables show them."""

import json
from collections.abc import Sequence
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
_ALL = 1000  # keys, where all are wanted; only all of PyPI has more, and these are nearly all of its downloads
_MINORS = 300  # minor versions, so that they can be added up to major ones


class Keys(NamedTuple):
    """The counts by a breakdown; too large ones, of more bytes than wanted, are not read."""

    size: int  # bytes
    first_day: date | None  # of the project in the window
    counts: list[Count] | None
    keys: Sequence[tuple[str, int]] = ()  # the largest, with their downloads
    number: int = 0  # of all keys
    downloads: int = 0  # of all keys


async def by_key(
    snapshot: Snapshot, project: str, scope: Scope, breakdown: Breakdown, most: int, *, every: bool = False
) -> Keys:
    """Return the counts by a breakdown, of `most` bytes at most; with `every`, all keys have their own counts.

    Raises UnknownProjectError.
    """
    size, first_day, counts, largest = await snapshot.project_row(
        f"pyzn_site:breakdown by {breakdown.name}",
        project,
        **scope.window._asdict(),
        granularity=scope.granularity,
        count=measure_of(breakdown, scope.measure),
        # Unless all are wanted, one more than are shown, and the unknown.
        parts=_ALL if every else _MINORS if breakdown is VERSION else SERIES + 2,
        limit=_ALL if every else _PLACES if breakdown is COUNTRY else _LARGEST,
        most=most,
    )
    if not counts:
        return Keys(int(size), _day(first_day), None)
    return Keys(int(size), _day(first_day), [tuple(each) for each in json.loads(counts)], **json.loads(largest))


async def by_period(snapshot: Snapshot, projects: Sequence[str], scope: Scope) -> dict[str, dict[str, int]]:
    """Return the downloads of each project that exists, in the order of `projects`, by the first day of the period."""
    parameters = {"granularity": scope.granularity, "several": True, "csv": False, "partial": True}
    ((known, rows),) = await snapshot.rows("series", names=list(projects), **scope.window._asdict(), **parameters)
    found: dict[str, dict[str, int]] = {each: {} for each in json.loads(known or b"[]")}
    for row in json.loads(b"[%b]" % rows):
        number = row["downloads"] - row["ci"] if scope.measure == "without_ci" else row[scope.measure]
        found[row["project"]][row["period"]] = number
    return found


async def of_project(snapshot: Snapshot, project: str, scope: Scope) -> dict[str, int]:
    """Return the downloads of a project, or of ALL, per period. Raises UnknownProjectError."""
    for found in (await by_period(snapshot, [project], scope)).values():
        return found
    raise UnknownProjectError(project)


def _day(column: bytes) -> date | None:
    return date.fromisoformat(column.decode()) if column else None
