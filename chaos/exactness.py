"""Compares every table with the source, exactly. Counts raw rows in DuckDB, with SQL that the product does not use."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import psycopg
import pyarrow as pa

_OF_RAW_ROWS = """
    SELECT coalesce(regexp_replace(lower(file.project), '[-_.]+', '-', 'g'), '(unknown)') AS project,
           coalesce({key}, '(unknown)'), count(*),
           count(*) FILTER (details.installer.name = 'pip'), count(*) FILTER (details.ci)
    FROM rows GROUP BY ALL
"""


@dataclass(frozen=True)
class Content:
    """A day: (downloads, by pip, by CI) of each (project, version), and downloads of each (project, country)."""

    versions: Mapping[tuple[str, str], tuple[int, int, int]]
    countries: Mapping[tuple[str, str], int]

    def ledger(self) -> tuple[int, ...]:
        """The expected ledger row, in the order of _LEDGER."""
        downloads, pip, ci = (sum(counts[at] for counts in self.versions.values()) for at in range(3))
        projects = len({project for project, _ in self.versions})
        return (downloads, downloads, pip, ci, projects, len(self.versions), len(self.countries))

    def by_project(self) -> Counter[str]:
        """The downloads of each project."""
        totals: Counter[str] = Counter()
        for (project, _), (downloads, _, _) in self.versions.items():
            totals[project] += downloads
        return totals


_LEDGER = """
    SELECT source_downloads, downloads, pip_downloads, ci_downloads, projects, project_versions, project_countries,
           checksum = pyzn.day_checksum(day)
    FROM pyzn.days WHERE day = %s
"""


def counted(rows: pa.Table) -> Content:
    """The content of a day, counted from its raw rows."""
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        by_version = connection.execute(_OF_RAW_ROWS.format(key="file.version")).fetchall()
        by_country = connection.execute(_OF_RAW_ROWS.format(key="country_code")).fetchall()
    return Content(
        {(project, version): (n, pip, ci) for project, version, n, pip, ci in by_version},
        {(project, country): n for project, country, n, *_ in by_country},
    )


def reader(api_url: str) -> psycopg.Connection:
    """A connection to read with, as `defects` needs it."""
    connection = psycopg.connect(api_url, autocommit=True)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return connection


def published(connection: psycopg.Connection, day: date) -> Content:
    """The content of a day, read from the tidy views."""
    by_version = connection.execute(
        "SELECT project, version, downloads, pip_downloads, ci_downloads FROM pyzn.downloads_by_version WHERE day = %s",
        [day],
    ).fetchall()
    by_country = connection.execute(
        "SELECT project, country, downloads FROM pyzn.downloads_by_country WHERE day = %s", [day]
    ).fetchall()
    return Content(
        {(project, version): (n, pip, ci) for project, version, n, pip, ci in by_version},
        {(project, country): n for project, country, n in by_country},
    )


NOTHING = Content({}, {})
"""The content of a day that is not published."""


def defects(api: str | psycopg.Connection, accepted: Mapping[date, Sequence[Content]], whole: bool = True) -> list[str]:
    """All defects that a reader can see, a line each, in one snapshot with the API's role.

    `api` is the API's URL, or a connection with its role and the isolation level REPEATABLE READ.

    Each day must be equal to one of its accepted contents, in both tables, in the ledger and by its checksum. The
    all-time totals must be the sum of the published days. With `whole`, no other day may exist.
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
                "SELECT day FROM pyzn.days UNION SELECT day FROM pyzn.packed_by_version "
                "UNION SELECT day FROM pyzn.packed_by_country"
            ).fetchall()
            found += [f"day {day}: published, and not in the source" for (day,) in others if day not in accepted]
        found += _totals_defects(connection)
    return found


def _defects_of(connection: psycopg.Connection, day: date, contents: Sequence[Content]) -> list[str]:
    content = published(connection, day)
    of_ledger = connection.execute(_LEDGER, [day]).fetchone()
    if content not in contents:
        return [f"day {day}: {_difference(content, contents[-1])}"]
    if content == NOTHING:
        return [f"day {day}: a ledger row without the day"] if of_ledger else []
    if of_ledger is None:
        return [f"day {day}: rows without a ledger row"]
    *sums, intact = of_ledger
    found = [] if tuple(sums) == content.ledger() else [f"day {day}: the ledger says {sums}, not {content.ledger()}"]
    if not intact:
        found.append(f"day {day}: the checksum is not that of the rows")
    by_project = connection.execute(
        "SELECT project, downloads FROM pyzn.downloads_by_project WHERE day = %s", [day]
    ).fetchall()
    if len(by_project) != len(dict(by_project)) or dict(by_project) != content.by_project():
        found.append(f"day {day}: downloads_by_project is not the sum of the versions")
    return found


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
    """How many rows of both tables are lost, too many, or counted wrongly."""
    parts = []
    for table, have, want in (
        ("version", found.versions, expected.versions),
        ("country", found.countries, expected.countries),
    ):
        lost, extra = len(want.keys() - have.keys()), len(have.keys() - want.keys())
        wrong = sum(have[key] != want[key] for key in have.keys() & want.keys())
        parts.append(f"by {table} {lost:,} rows lost, {extra:,} too many, {wrong:,} wrong of {len(want):,}")
    return "; ".join(parts)


class Watched:
    """A day under test, with the contents that a reader may see, oldest first."""

    def __init__(self, api_url: str, day: date) -> None:
        self._api_url = api_url
        self.day = day
        self._accepted = [NOTHING]

    def expect(self, content: Content) -> None:
        """Accept `content` from now on, too."""
        self._accepted.append(content)

    def look_for_the_newest(self) -> list[str]:
        """The defects that a reader sees if the day must have the last expected content."""
        del self._accepted[:-1]
        return self.look()

    def look(self, connection: psycopg.Connection | None = None) -> list[str]:
        """The defects that a reader sees. Contents older than the one it saw are not accepted any more.

        Connects, unless there is a `connection`.
        """
        if connection is None:
            with reader(self._api_url) as connected:
                return self.look(connected)
        found = defects(connection, {self.day: self._accepted}, whole=False)
        now = published(connection, self.day)
        if now in self._accepted:
            del self._accepted[: self._accepted.index(now)]
        return found
