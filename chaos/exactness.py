"""Compares every table with the source, exactly. Raw rows are counted in plain Python: `tests/counted.py`."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Any

import psycopg
import pyarrow as pa

from pyzn_pipeline.breakdowns import KNOWN, KNOWN_COUNTS
from tests.counted import expected

Counts = tuple[int, ...]


@dataclass(frozen=True)
class Content:
    """A day by every breakdown: the counts of each project, and by each breakdown those of each (project, key…).

    The counts are in the order of KNOWN_COUNTS, and of the breakdown's counts.
    """

    projects: Mapping[str, Counts]
    by: Mapping[str, Mapping[tuple[str, ...], Counts]]

    def ledger(self) -> Counts:
        """Return the expected ledger row, in the order of _LEDGER."""
        downloads, *others = map(sum, zip(*self.projects.values(), strict=True))
        return (downloads, downloads, *others, len(self.projects))

    def pypi(self, breakdown: str) -> Counter[str]:
        """Return the downloads of all of PyPI by the keys of a breakdown."""
        totals: Counter[str] = Counter()
        for (_, *keys), (downloads, *_) in self.by[breakdown].items():
            totals[" ".join(keys)] += downloads
        return totals


_LEDGER = """
    SELECT source_downloads, {columns}, projects, checksum = pyzn.day_checksum(day) FROM pyzn.days WHERE day = %s
"""
_OF_VIEW = "SELECT project, {columns} FROM pyzn.{view} WHERE day = %s"
_BREAKDOWNS = """
    SELECT breakdown, source_downloads, downloads, project_keys, pypi_totals FROM pyzn.day_breakdowns WHERE day = %s
"""


def content_of(rows: pa.Table) -> Content:
    """Count the content of a day from its raw rows."""
    known = rows.to_pylist()
    _, *projects = expected(known, known[0]["timestamp"].date(), breakdowns=KNOWN)
    by: dict[str, dict[tuple[str, ...], Counts]] = {breakdown.name: {} for breakdown in KNOWN}
    for row, breakdown in product(projects, KNOWN):
        document, *subsets = (json.loads(row[column]) for column in breakdown.columns)
        for (key, downloads), *others in zip(document.items(), *subsets, strict=True):
            keys = key.split(" ", len(breakdown.keys) - 1)
            by[breakdown.name][row["project"], *keys] = (downloads, *others)
    return Content({row["project"]: tuple(row[count.column] for count in KNOWN_COUNTS) for row in projects}, by)


def reader(api_url: str) -> psycopg.Connection:
    """Connect with the isolation level that `defects` needs."""
    connection = psycopg.connect(api_url, autocommit=True)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return connection


def published(connection: psycopg.Connection, day: date) -> Content:
    """Read the content of a day from the tidy views."""

    def found(view: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        query = _OF_VIEW.format(columns=", ".join(columns), view=view)
        return connection.execute(query.encode(), [day]).fetchall()

    by: dict[str, dict[tuple[str, ...], Counts]] = {}
    for breakdown in KNOWN:
        keys, columns = [key.name for key in breakdown.keys], [subset.column for subset in breakdown.subsets]
        rows = found(breakdown.view, [*keys, "downloads", *columns])
        by[breakdown.name] = {tuple(row[: 1 + len(keys)]): tuple(row[1 + len(keys) :]) for row in rows}
    projects = found("downloads_by_project", [count.column for count in KNOWN_COUNTS])
    return Content({project: tuple(counts) for project, *counts in projects}, by)


NOTHING = Content({}, {breakdown.name: {} for breakdown in KNOWN})
"""The content of a day that is not published."""


def defects(api: str | psycopg.Connection, accepted: Mapping[date, Sequence[Content]], whole: bool = True) -> list[str]:
    """Return all defects that a reader can see in one snapshot with the API's role, a line each.

    Each day must be equal to one of its accepted contents, in all views, in the ledger and by its checksum. The
    all-time totals must be the sum of the published days. With `whole`, no other day may exist. `api` is the API's
    URL, or a `reader`.
    """
    if isinstance(api, str):
        with reader(api) as connection:
            return defects(connection, accepted, whole)
    connection, found = api, []
    with connection.transaction():
        for day, contents in accepted.items():
            found += _defects_of(connection, day, contents)
        if whole:
            others = connection.execute(
                "SELECT day FROM pyzn.days UNION SELECT day FROM pyzn.day_breakdowns "
                "UNION SELECT day FROM pyzn.project_days"
            ).fetchall()
            found += [f"day {day}: published, and not in the source" for (day,) in others if day not in accepted]
        found += _totals_defects(connection)
    return found


def _defects_of(connection: psycopg.Connection, day: date, contents: Sequence[Content]) -> list[str]:
    content = published(connection, day)
    ledger = _LEDGER.format(columns=", ".join(count.column for count in KNOWN_COUNTS))
    of_ledger = connection.execute(ledger.encode(), [day]).fetchone()
    if content not in contents:
        return [f"day {day}: {_difference(content, contents[-1])}"]
    if content == NOTHING:
        return [f"day {day}: a ledger row without the day"] if of_ledger else []
    if of_ledger is None:
        return [f"day {day}: rows without a ledger row"]
    *sums, intact = of_ledger
    found = [] if tuple(sums) == content.ledger() else [f"day {day}: the ledger has {sums}, not {content.ledger()}"]
    if not intact:
        found.append(f"day {day}: the checksum is not that of the rows")
    of_breakdowns = {name: tuple(row) for name, *row in connection.execute(_BREAKDOWNS, [day])}
    for breakdown in KNOWN:
        pairs, totals = content.by[breakdown.name], content.pypi(breakdown.name)
        downloads = sum(totals.values())
        expected = (downloads, downloads, len(pairs), dict(totals) if breakdown.common else None)
        recorded = of_breakdowns.pop(breakdown.name, None)
        if recorded != expected:
            found.append(f"day {day}: the ledger has {recorded} by {breakdown.name}, not {expected}")
    return found + [f"day {day}: an unknown breakdown {name}" for name in of_breakdowns]


def _totals_defects(connection: psycopg.Connection) -> list[str]:
    totals: dict[str, int] = dict(connection.execute("SELECT project, total_downloads FROM pyzn.projects").fetchall())
    sums: dict[str, int] = dict(
        connection.execute(
            "SELECT project, sum(downloads)::bigint FROM pyzn.downloads_by_project GROUP BY project"
        ).fetchall()
    )
    wrong = [name for name in totals.keys() | sums.keys() if totals.get(name, 0) != sums.get(name, 0)]
    if not wrong:
        return []
    first = min(wrong)
    return [
        f"the totals of {len(wrong):,} projects are not the sum of their days, "
        f"{first}: {totals.get(first)} instead of {sums.get(first)}"
    ]


def _difference(found: Content, expected: Content) -> str:
    """Return how many rows of each view are lost, too many, or counted wrongly."""
    parts = []
    tables: list[tuple[str, Mapping[Any, Counts], Mapping[Any, Counts]]] = [
        ("project", found.projects, expected.projects)
    ]
    tables += [(name, found.by[name], expected.by[name]) for name in expected.by]
    for table, have, want in tables:
        lost, extra = len(want.keys() - have.keys()), len(have.keys() - want.keys())
        wrong = sum(have[key] != want[key] for key in have.keys() & want.keys())
        parts.append(f"by {table} {lost:,} rows lost, {extra:,} too many, {wrong:,} wrong of {len(want):,}")
    return "; ".join(parts)


class Watched:
    """A day with the contents that a reader may see, oldest first."""

    def __init__(self, api_url: str, day: date) -> None:
        self._api_url = api_url
        self.day = day
        self._accepted = [NOTHING]

    def expect(self, content: Content) -> None:
        """Accept `content` from now on, too."""
        self._accepted.append(content)

    def look_for_the_newest(self) -> list[str]:
        """Return the defects that a reader sees, if only the last expected content is accepted."""
        del self._accepted[:-1]
        return self.look()

    def look(self, connection: psycopg.Connection | None = None) -> list[str]:
        """Return the defects that a reader sees. Contents older than the one it saw are not accepted any more."""
        if connection is None:
            with reader(self._api_url) as connected:
                return self.look(connected)
        found = defects(connection, {self.day: self._accepted}, whole=False)
        now = published(connection, self.day)
        if now in self._accepted:
            del self._accepted[: self._accepted.index(now)]
        return found
