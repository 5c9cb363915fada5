"""Compares every table with the source, exactly. Raw rows are counted in plain Python: `tests/counted.py`."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import product
from typing import Any

import psycopg
import pyarrow as pa

from pyzn_pipeline.breakdowns import KNOWN, KNOWN_COUNTS
from tests.counted import expected

Content = Mapping[str, Mapping[tuple[Any, ...], tuple[Any, ...]]]
"""A day in every table: its rows by their keys. See TABLES."""

FIRST = date(2026, 7, 6)
COUNTS = [count.column for count in KNOWN_COUNTS]
TABLES = {
    "ledger": ("days", [], ["source_downloads", *COUNTS, "projects", "checksum = pyzn.day_checksum(day)"]),
    "ledger by breakdown": (
        "day_breakdowns", ["breakdown"], ["source_downloads", "downloads", "project_keys", "pypi_totals"],
    ),
    "project": ("downloads_by_project", ["project"], COUNTS),
}  # fmt: skip
"""Table or view, keys and other columns of each."""
for _one in KNOWN:
    _keys, _counts = (key.name for key in _one.keys), (subset.column for subset in _one.subsets)
    TABLES[_one.name] = (_one.view, ["project", *_keys], ["downloads", *_counts])
OTHER_DAYS = """
    SELECT day FROM (
        SELECT day FROM pyzn.days UNION SELECT day FROM pyzn.day_breakdowns UNION SELECT day FROM pyzn.project_days
    ) AS published
    WHERE day <> ALL (%s)
"""
NOTHING: Content = {table: {} for table in TABLES}
"""The content of a day that is not published."""


def content_of(rows: pa.Table) -> Content:
    """Count the content of a day from its raw rows."""
    raw = rows.to_pylist()
    _, *projects = expected(raw, raw[0]["timestamp"].date(), breakdowns=KNOWN)
    content: dict[str, dict[tuple[Any, ...], tuple[Any, ...]]] = {table: {} for table in TABLES}
    content["project"] = {(row["project"],): tuple(row[column] for column in COUNTS) for row in projects}
    for row, breakdown in product(projects, KNOWN):
        document, *subsets = (json.loads(row[column]) for column in breakdown.columns)
        for (key, downloads), *others in zip(document.items(), *subsets, strict=True):
            keys = key.split(" ", len(breakdown.keys) - 1)
            content[breakdown.name][row["project"], *keys] = (downloads, *others)
    for breakdown in KNOWN:
        totals: Counter[str] = Counter()
        for (_, *keys), (downloads, *_) in content[breakdown.name].items():
            totals[" ".join(keys)] += downloads
        pypi = dict(totals) if breakdown.common else None
        content["ledger by breakdown"][breakdown.name,] = (totals.total(),) * 2 + (len(content[breakdown.name]), pypi)
    sums = tuple(map(sum, zip(*content["project"].values(), strict=True)))
    content["ledger"] = {(): (sums[0], *sums, len(projects), True)}
    return content


def reader(api_url: str) -> psycopg.Connection:
    """Connect with the isolation level that `defects` needs."""
    connection = psycopg.connect(api_url, autocommit=True)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return connection


def published(connection: psycopg.Connection, day: date) -> Content:
    """Read the content of a day from the ledger and the tidy views."""
    return {
        table: {
            tuple(row[: len(keys)]): tuple(row[len(keys) :])
            for row in connection.execute(
                f"SELECT {', '.join([*keys, *columns])} FROM pyzn.{name} WHERE day = %s".encode(), [day]
            )
        }
        for table, (name, keys, columns) in TABLES.items()
    }


def day_defects(connection: psycopg.Connection, day: date, contents: Sequence[Content]) -> list[str]:
    """Return a line for each table of a day that is not in the accepted contents; compared with the last of them."""
    content = published(connection, day)
    if content in contents:
        return []
    return [
        f"day {day}: {line}" for table in TABLES for line in _differences(table, content[table], contents[-1][table])
    ]


def totals_defects(connection: psycopg.Connection) -> list[str]:
    """Return whether the all-time totals are the sum of the published days, as a line if not."""
    totals, sums = (
        {(project,): (int(total),) for project, total in connection.execute(query.encode()) if total}
        for query in (
            "SELECT project, total_downloads FROM pyzn.projects",
            "SELECT project, sum(downloads) FROM pyzn.downloads_by_project GROUP BY project",
        )
    )
    return list(_differences("all-time total", totals, sums))


def _differences(
    table: str, found: Mapping[tuple[Any, ...], object], right: Mapping[tuple[Any, ...], object]
) -> Iterable[str]:
    """Yield how many rows are lost, too many, or wrong, with the first of them; nothing if all are as they must be."""
    lost, extra = right.keys() - found.keys(), found.keys() - right.keys()
    wrong = {key for key in right.keys() & found.keys() if found[key] != right[key]}
    if differing := lost | extra | wrong:
        first = min(differing)
        counts = f"{len(lost):,} rows lost, {len(extra):,} too many, {len(wrong):,} wrong of {len(right):,}"
        yield f"{table}: {counts}; {first} is {found.get(first)}, not {right.get(first)}"


class Day:
    """A day with the contents that a reader may see, oldest first."""

    def __init__(self, api_url: str, date: date) -> None:
        self._api_url = api_url
        self.date = date
        self.accepted = [NOTHING]

    def expect(self, content: Content) -> None:
        """Accept `content` from now on, too."""
        self.accepted.append(content)

    def newest_defects(self) -> list[str]:
        """Return the defects that a reader sees, if only the last expected content is accepted."""
        del self.accepted[:-1]
        return self.defects()

    def defects(self) -> list[str]:
        """Return the defects that a reader sees. Contents older than the one it saw are not accepted any more."""
        with reader(self._api_url) as connection, connection.transaction():
            found = day_defects(connection, self.date, self.accepted) + totals_defects(connection)
            now = published(connection, self.date)
        if now in self.accepted:
            del self.accepted[: self.accepted.index(now)]
        return found


def first_days(api_url: str, number: int) -> list[Day]:
    """Return so many days from FIRST on."""
    return [Day(api_url, FIRST + timedelta(days=n)) for n in range(number)]


def defects(api_url: str, days: Sequence[Day]) -> list[str]:
    """Return all defects that a reader can see in one snapshot with the API's role, a line each.

    Each day must have its last expected content, in all views, in the ledger and by its checksum, no other day may
    exist, and the all-time totals must be the sum of the published days.
    """
    with reader(api_url) as connection, connection.transaction():
        found = [line for day in days for line in day_defects(connection, day.date, day.accepted[-1:])]
        others = connection.execute(OTHER_DAYS, [[day.date for day in days]]).fetchall()
        found += [f"day {day}: published, and not in the source" for (day,) in others]
        return found + totals_defects(connection)
