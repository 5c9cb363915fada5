"""Days as the pipeline would publish them, small enough to add up by hand."""

import json
from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from pydantic import SecretStr

from pyzn_pipeline.breakdowns import BREAKDOWNS, COUNTS
from pyzn_pipeline.rankings.rankings import rank
from pyzn_pipeline.store.database import engine

NEWEST = date(2026, 7, 19)


class Count(NamedTuple):
    """Downloads of a version: all, those by pip, those by CI."""

    downloads: int
    pip: int = 0
    ci: int = 0


Versions = dict[str, Count]
Countries = dict[str, int]

# The clock of most tests says 2026-07-20. So a window's first day and the day before it are here for
# each window: a year 2025-07-20, four months 2026-03-20, v2 2026-04-01, 30 days 2026-06-20.
SAMPLE: dict[str, tuple[Versions, Countries]] = {
    "2025-07-19": ({"1.0": Count(5, 5)}, {"US": 5}),
    "2025-07-20": ({"1.0": Count(40, 30, 40)}, {"DE": 20, "US": 20}),
    "2026-03-19": ({"1.9": Count(7)}, {"FR": 7}),
    "2026-03-20": ({"1.9": Count(8)}, {"FR": 8}),
    "2026-03-31": ({"1.9": Count(9)}, {"FR": 9}),
    "2026-04-01": ({"1.10": Count(10, 6, 4), "1.9": Count(2, 2, 2)}, {"(unknown)": 2, "US": 10}),
    "2026-06-19": ({"1.10": Count(11)}, {"US": 11}),
    "2026-06-20": ({"1.10": Count(12)}, {"US": 12}),
    "2026-07-17": ({"1.10": Count(95, 60, 20)}, {"US": 95}),
    "2026-07-19": (
        {
            "(unknown)": Count(3),
            "1.10": Count(100, 80, 50),
            "1.10.0": Count(1, 1),
            "1.9": Count(10, 10, 10),
            "2.0rc1": Count(4, 4),
            "snap10": Count(1),
            "snap9": Count(1),
        },
        {"(unknown)": 15, "DE": 15, "US": 60, "XK": 15, "FR": 15},
    ),
}
AWKWARD = 'a"b\\c \u2028<é>\t{}'  # what JSON must escape, and what SQL or a format string might trip over
BUSY: tuple[Versions, Countries] = ({"3.1": Count(1000, 700, 300)}, {"US": 900, "JP": 100})


def publish(
    connection: psycopg.Connection,
    day: date,
    projects: dict[str, tuple[Versions, Countries]],
    status: str = "final",
) -> None:
    """One day in one transaction, in place of what was published of it."""
    with connection.transaction():
        first = day.replace(day=1)
        connection.execute(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS pyzn.{} PARTITION OF pyzn.project_days FOR VALUES FROM ({}) TO ({})"
            ).format(
                sql.Identifier(f"project_days_{first:%Y_%m}"),
                sql.Literal(first),
                sql.Literal((first + timedelta(days=31)).replace(day=1)),
            )
        )
        connection.execute(
            "UPDATE pyzn.projects SET total_downloads = total_downloads - downloads "
            "FROM pyzn.project_days AS packed WHERE packed.project = projects.project AND day = %s",
            [day],
        )
        connection.execute("DELETE FROM pyzn.project_days WHERE day = %s", [day])
        rows = [_row(day, project, *sample) for project, sample in projects.items()]
        for row in rows:
            _insert(connection, "project_days", row)
            connection.execute(
                "INSERT INTO pyzn.projects VALUES (%s, %s) ON CONFLICT (project) DO UPDATE "
                "SET total_downloads = projects.total_downloads + excluded.total_downloads",
                [row["project"], row["downloads"]],
            )
        sums = {count.column: sum(row[count.column] for row in rows) for count in COUNTS}
        published_at = datetime.combine(day + timedelta(days=1), time(17, 20), tzinfo=None).isoformat() + "Z"
        ledger = sums | {
            "day": day, "status": status, "revision": 1, "source_downloads": sums["downloads"], "projects": len(rows),
            "by_hour": "{}", "checksum": "", "replaced_rows": 0, "source": "", "bigquery_job": "", "bytes_processed": 0,
            "bytes_billed": 0, "run_id": "", "published_at": published_at, "read_at": published_at,
            "recounted_at": published_at, "source_recount": sums["downloads"],
        }  # fmt: skip
        _insert(
            connection,
            "days",
            ledger,
            " ON CONFLICT (day) DO UPDATE SET status = excluded.status, revision = days.revision + 1,"
            " source_downloads = excluded.downloads, downloads = excluded.downloads, projects = excluded.projects,"
            " published_at = now()",
        )
        connection.execute("DELETE FROM pyzn.day_breakdowns WHERE day = %s", [day])
        for breakdown in BREAKDOWNS:
            totals: Counter[str] = Counter()
            for row in rows:
                totals.update(json.loads(row[breakdown.document]))
            _insert(
                connection,
                "day_breakdowns",
                {
                    "day": day,
                    "breakdown": breakdown.name,
                    "source_downloads": sums[breakdown.counted.column],
                    "downloads": totals.total(),
                    "project_keys": sum(len(json.loads(row[breakdown.document])) for row in rows),
                    "pypi_totals": packed(totals) if breakdown.common else None,
                },
            )


def packed(value: object) -> str:
    """Compact JSON, as BigQuery writes it."""
    return json.dumps(value, separators=(",", ":"))


def _insert(connection: psycopg.Connection, table: str, row: dict[str, Any], conflict: str = "") -> None:
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier("pyzn", table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(map(sql.Placeholder, row)),
    )
    connection.execute(sql.SQL("{}{}").format(statement, sql.SQL(conflict)), row)


def _row(day: date, project: str, versions: Versions, countries: Countries) -> dict[str, Any]:
    """A row of project_days. What is not by pip is by a mirror; a quarter of pip runs on Python 3.9, all on Linux."""
    ordered = dict(sorted(versions.items()))
    total, pip, ci = (sum(counts) for counts in zip(*ordered.values(), strict=True))
    assert sum(countries.values()) == total, f"{project} {day}: the countries do not sum to the versions"
    documents = {
        "by_version": {version: count.downloads for version, count in ordered.items()},
        "by_country": dict(sorted(countries.items())),
        "by_installer": {"bandersnatch": total - pip, "pip": pip},
        "by_python": {"3.12": pip - pip // 4, "3.9": pip // 4},
        "by_system": {"Linux": pip},
    }
    return {
        "day": day,
        "project": project,
        "downloads": total,
        "pip_downloads": pip,
        "ci_downloads": ci,
        "downloads_without_mirrors": pip,
        "files": total,
        "pip_by_version": packed([count.pip for count in ordered.values()]),
        "ci_by_version": packed([count.ci for count in ordered.values()]),
        "files_by_version": packed([count.downloads for count in ordered.values()]),
        **{name: packed({key: n for key, n in document.items() if n}) for name, document in documents.items()},
    }


def stock(owner_url: str) -> None:
    """`sampleproject` (the days above), `busy` (the same on every day), `quiet` and `awkward` (one old day)."""
    with psycopg.connect(owner_url) as connection:
        for text, sample in SAMPLE.items():
            day = date.fromisoformat(text)
            projects = {"sampleproject": sample, "busy": BUSY}
            if text == "2025-07-19":
                projects["awkward"] = ({AWKWARD: Count(3, 0, 1), "%s": Count(1, 0, 1)}, {"": 4})
                projects["quiet"] = ({"0.1": Count(1)}, {"US": 1})
            status = {"2026-07-19": "provisional", "2026-07-17": "suspect"}.get(text, "final")
            publish(connection, day, projects, status)
    rank(engine(SecretStr(owner_url)), date(2026, 7, 19))
