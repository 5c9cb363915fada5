"""Counts of a project per period, as charts and tables of a page show them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pyzn_api.cache import Snapshot
from pyzn_api.errors import UnknownProjectError
from pyzn_api.ledger import Ledger
from pyzn_api.windows import Granularity, Window
from pyzn_pipeline.breakdowns import BREAKDOWNS, CI, COUNTRY, VERSION
from pyzn_site.periods import Ci, first_of
from pyzn_site.series import MOST as SERIES
from pyzn_site.series import Count

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


async def by_key(
    snapshot: Snapshot,
    project: str,
    window: Window,
    granularity: Granularity,
    by: str,
    most: int,
    ci: Ci = "include",
) -> Keys:
    """Return the counts by a breakdown, of `most` bytes at most. Raises UnknownProjectError."""
    knows_ci = any(CI in each.subsets for each in BREAKDOWNS if each.name == by)
    parts = _MINORS if by == VERSION.name else SERIES + 2  # one more than are shown, and the unknown
    limit = _PLACES if by == COUNTRY.name else _LARGEST
    given = {**window._asdict(), "granularity": granularity, "parts": parts, "limit": limit, "most": most}
    ci = ci if knows_ci else "include"
    row = await snapshot.project_row(f"pyzn_site:breakdown by {by}", project, ci=ci, **given)
    size, first_day, counts, largest = row
    if not counts:
        return Keys(int(size), _day(first_day), None)
    return Keys(int(size), _day(first_day), [tuple(each) for each in json.loads(counts)], **json.loads(largest))


async def by_period(
    snapshot: Snapshot, projects: Sequence[str], window: Window, granularity: Granularity, ci: Ci = "include"
) -> dict[str, Periods]:
    """Return the downloads of each project that exists, in the order of `projects`."""
    rows = await snapshot.rows("pyzn_site:periods", names=list(projects), granularity=granularity, **window._asdict())
    found = {
        name.decode(): Periods(_day(first_day), {period: _of(ci, *both) for period, *both in json.loads(counts)})
        for name, first_day, counts in rows
    }
    return {each: found[each] for each in projects if each in found}


async def of_project(
    snapshot: Snapshot, project: str, window: Window, granularity: Granularity, ci: Ci = "include"
) -> Periods:
    """Return the downloads of a project. Raises UnknownProjectError."""
    for found in (await by_period(snapshot, [project], window, granularity, ci)).values():
        return found
    raise UnknownProjectError(project)


def of_pypi(ledger: Ledger, window: Window, granularity: Granularity) -> Periods:
    """Return the downloads of all of PyPI, which the ledger has."""
    days, downloads = ledger.within(window), Counter[str]()
    for row in days:
        downloads[str(first_of(row.day, granularity))] += row.downloads
    return Periods(days[0].day if days else None, downloads)


def _of(ci: Ci, downloads: int, by_ci: int) -> int:
    return {"include": downloads, "exclude": downloads - by_ci, "only": by_ci}[ci]


def _day(column: bytes) -> date | None:
    return date.fromisoformat(column.decode()) if column else None
