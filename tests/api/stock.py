"""Days written to the tables as the pipeline would, in a hundredth of its time, and small enough to add up by hand."""

import json
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

import psycopg
from pydantic import SecretStr

from pyzn_pipeline.breakdowns import KNOWN, KNOWN_COUNTS
from pyzn_pipeline.rankings.rankings import rank
from pyzn_pipeline.store.database import engine
from tests.counted import expected
from tests.days import Download, scanned

NEWEST = date(2026, 7, 19)
AWKWARD = 'a"b\\c \u2028<é>\t{}'  # what JSON must escape, and what SQL or a format string might trip over


def by_pip(version: str, country: str | None, times: int, python: str = "3.12", *, ci: bool = False) -> Download:
    return Download("sampleproject", version, country, ci=ci, python=python, system="Linux", times=times)


def by_mirror(version: str | None, country: str | None, times: int, *, ci: bool = False) -> Download:
    return Download("sampleproject", version, country, installer="bandersnatch", ci=ci, times=times)


# The clock of most tests is at 2026-07-20. So a window's first day and the day before it are here for
# each window: a year 2025-07-20, four months 2026-03-20, v2 2026-04-01, 30 days 2026-06-20.
SAMPLE: dict[str, list[Download]] = {
    "2025-07-19": [by_pip("1.0", "US", 4), by_pip("1.0", "US", 1, "3.9")],
    "2025-07-20": [
        by_pip("1.0", "US", 20, ci=True),
        by_pip("1.0", "DE", 3, ci=True),
        by_pip("1.0", "DE", 7, "3.9", ci=True),
        by_mirror("1.0", "DE", 10, ci=True),
    ],
    "2026-03-19": [by_mirror("1.9", "FR", 7)],
    "2026-03-20": [by_mirror("1.9", "FR", 8)],
    "2026-03-31": [by_mirror("1.9", "FR", 9)],
    "2026-04-01": [
        by_pip("1.9", None, 2, "3.9", ci=True),
        by_pip("1.10", "US", 4, ci=True),
        by_pip("1.10", "US", 2),
        by_mirror("1.10", "US", 4),
    ],
    "2026-06-19": [by_mirror("1.10", "US", 11)],
    "2026-06-20": [by_mirror("1.10", "US", 12)],
    "2026-07-17": [
        by_pip("1.10", "US", 20, ci=True),
        by_pip("1.10", "US", 25),
        by_pip("1.10", "US", 15, "3.9"),
        by_mirror("1.10", "US", 35),
    ],
    "2026-07-19": [
        by_mirror(None, None, 3),
        by_pip("1.10", "US", 50, ci=True),
        by_pip("1.10", "US", 7),
        by_pip("1.10", "US", 3, "3.9"),
        by_pip("1.10", "DE", 10, "3.9"),
        by_pip("1.10", "FR", 10, "3.9"),
        by_mirror("1.10", "FR", 5),
        by_mirror("1.10", "XK", 15),
        by_pip("1.10.0", "DE", 1),
        by_pip("1.9", None, 10, ci=True),
        by_pip("2.0rc1", "DE", 4),
        by_mirror("snap10", None, 1),
        by_mirror("snap9", None, 1),
    ],
}
BUSY = [
    each._replace(project="busy", version="3.1")
    for each in (
        by_pip("", "US", 300, ci=True),
        by_pip("", "US", 225),
        by_pip("", "US", 175, "3.9"),
        by_mirror("", "US", 200),
        by_mirror("", "JP", 100),
    )
]
OLD = [
    *(by_mirror(AWKWARD, "", 1, ci=ci)._replace(project="awkward") for ci in (False, False, True)),
    by_mirror("%s", "", 1, ci=True)._replace(project="awkward"),
    by_mirror("0.1", "US", 1)._replace(project="quiet"),
]


def stock(owner_url: str) -> None:
    """`sampleproject` (the days above), `busy` (the same on every day), `quiet` and `awkward` (the oldest day)."""
    with psycopg.connect(owner_url) as connection:
        for text, sample in SAMPLE.items():
            day = date.fromisoformat(text)
            status = {"2026-07-19": "provisional", "2026-07-17": "suspect"}.get(text, "final")
            publish(connection, day, [*sample, *BUSY, *(OLD if text == "2025-07-19" else [])], status)
    store = engine(SecretStr(owner_url))
    rank(store, NEWEST)
    store.dispose()


def publish(connection: psycopg.Connection, day: date, downloads: Iterable[Download], status: str = "final") -> None:
    """Publish a day by all breakdowns, in one transaction."""
    pypi, *rows = expected(scanned(day, downloads), day, breakdowns=KNOWN)
    with connection.transaction():
        month, following = day.replace(day=1), (day.replace(day=1) + timedelta(days=31)).replace(day=1)
        partition = f"pyzn.project_days_{day:%Y_%m} PARTITION OF pyzn.project_days"
        bounds = f"FOR VALUES FROM ('{month}') TO ('{following}')"
        connection.execute(f"CREATE TABLE IF NOT EXISTS {partition} {bounds}".encode())
        for row in rows:
            packed = {name: value for name, value in row.items() if name not in {"replaced_rows", "by_hour"}}
            _insert(connection, "project_days", {"day": day} | packed)
            connection.execute(
                "INSERT INTO pyzn.projects VALUES (%(project)s, %(downloads)s) ON CONFLICT (project) DO UPDATE "
                "SET total_downloads = projects.total_downloads + excluded.total_downloads",
                row,
            )
        published_at = datetime.combine(day + timedelta(days=1), time(17, 20)).isoformat() + "Z"
        ledger = {count.column: pypi[count.column] for count in KNOWN_COUNTS} | {
            "day": day, "status": status, "revision": 1, "source_downloads": pypi["downloads"], "projects": len(rows),
            "by_hour": "{}", "checksum": "", "replaced_rows": 0, "source": "", "bigquery_job": "", "bytes_processed": 0,
            "bytes_billed": 0, "run_id": "", "published_at": published_at, "read_at": published_at,
            "recounted_at": published_at, "source_recount": pypi["downloads"],
        }  # fmt: skip
        _insert(connection, "days", ledger)
        for breakdown in KNOWN:
            documents = [json.loads(row[breakdown.document]) for row in rows]
            of_breakdown = {
                "day": day,
                "breakdown": breakdown.name,
                "source_downloads": pypi[breakdown.counted.column],
                "downloads": sum(sum(document.values()) for document in documents),
                "project_keys": sum(map(len, documents)),
                "pypi_totals": pypi[breakdown.document] if breakdown.common else None,
            }
            _insert(connection, "day_breakdowns", of_breakdown)


def _insert(connection: psycopg.Connection, table: str, row: dict[str, Any]) -> None:
    columns, values = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    connection.execute(f"INSERT INTO pyzn.{table} ({columns}) VALUES ({values})".encode(), row)
