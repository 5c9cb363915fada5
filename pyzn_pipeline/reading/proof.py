"""Proves published days: compares the ledger with the tables and with the source. Changes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from string import Template
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, text

from pyzn_pipeline.breakdowns import Breakdown, Contents
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.reading.tally import Tally
from pyzn_pipeline.source.count import Counts
from pyzn_pipeline.source.protocol import Source
from pyzn_pipeline.store.database import statement, text_of
from pyzn_pipeline.store.errors import store_errors


@dataclass(frozen=True)
class Proof:
    """One day of the ledger, and every difference from it. Without differences the day is proven."""

    day: date
    downloads: int
    revision: int
    differences: list[str]


def verify(rows: list[dict[str, Any]], counts: Counts, engine: Engine, source: Source | None) -> Iterator[Proof]:
    """A proof for each published day in `rows` (from ledger.days), in order.

    `counts` are the source's current counts. With `source`, each day is also re-read in full and its
    content compared. A day that cannot be read is not proven, with the reason.
    """
    for row in rows:
        try:
            differences = _differences(row, counts, engine, source)
        except PyznError as error:  # the other days are proven all the same
            differences = [f"not proven: {error}"]
        yield Proof(row["day"], row["downloads"], row["revision"], differences)


def _differences(row: dict[str, Any], counts: Counts, engine: Engine, source: Source | None) -> list[str]:
    """Return the differences of one day from its row of the ledger."""
    day: date = row["day"]
    contents = Contents.of(row, row["project_keys"])
    with store_errors(f"day {day}"), engine.connect() as connection:
        held = dict(connection.execute(statement("day_in_tables", __file__), {"day": day}).mappings().one())
        differences = _compared(held, {column: row[column] for column in held})
        for breakdown in contents.breakdowns:
            differences += _differences_by(breakdown, connection, row)
    found, when_read = counts.downloads.get(day), row["source_downloads"]
    if found is None:
        differences.append(f"not proven: {counts.failed.get(day, 'the source could not count it')}")
    elif found != when_read:
        differences.append(f"downloads: the source counts {found:,} now, {when_read:,} when the day was read")
    if source is not None:
        with store_errors(f"day {day}"):
            checksum = _checksum_at_source(source, day, contents)
        if checksum != row["checksum"]:
            differences.append(f"checksum: the source gives {checksum} now, the ledger has {row['checksum']}")
    return differences


def _differences_by(breakdown: Breakdown, connection: Connection, row: dict[str, Any]) -> list[str]:
    """The differences between the documents of a breakdown and the day's row of the ledger."""
    held = dict(connection.execute(_in_tables(breakdown), {"day": row["day"]}).mappings().one())
    expected = {count.column: row[count.column] for count in breakdown.counts}
    expected["project_keys"] = row["project_keys"][breakdown.name]
    differences = _compared(held, expected, f" by {breakdown.name}")
    if not held["pypi_totals_are_right"]:
        differences.append(f"all of PyPI by {breakdown.name}: the tables have other counts than the ledger")
    return differences


@cache
def _in_tables(breakdown: Breakdown) -> TextClause:
    """The SQL of breakdown_in_tables.sql. The view calls the number that counts `downloads`, whatever it counts."""
    columns = {count.column: "downloads" if count == breakdown.counted else count.column for count in breakdown.counts}
    return text(
        Template(text_of("breakdown_in_tables", __file__).decode()).substitute(
            name=breakdown.name,
            key=breakdown.keys[0].name,
            view=breakdown.view,
            sums=", ".join(f"sum({of_view}) AS {of_view}" for of_view in columns.values()),
            totals=", ".join(f"coalesce(sum({of_view}), 0)::bigint AS {c}" for c, of_view in columns.items()),
        )
    )


def _checksum_at_source(source: Source, day: date, contents: Contents) -> str:
    """The checksum that the day would have if its `contents` were published from the current source."""
    with Tally(contents) as tally, source.scanned(day, [b.name for b in contents.breakdowns]) as scanned:
        if lacking := set(contents.counts) - set(scanned.contents.counts):
            raise PyznError(
                f"the source gives no {', '.join(c.label for c in lacking)} of it now (PYZN_READ_FILENAMES)"
            )
        for batch in scanned.batches:
            tally.add(batch)
        return tally.checksum


def _compared(held: Mapping[str, Any], expected: Mapping[str, Any], by: str = "") -> list[str]:
    return [
        f"{name.replace('_', ' ')}{by}: the tables have {_written(held[name])}, the ledger {_written(value)}"
        for name, value in expected.items()
        if held[name] != value
    ]


def _written(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
