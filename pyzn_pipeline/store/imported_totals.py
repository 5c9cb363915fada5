"""Imports all-time totals that were counted before PyZn: the downloads of each project up to and including a day."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain, islice
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Engine, text

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.names import is_name, normalise
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors

HEADER = ["project", "total_downloads"]
MOST = 10**15  # a thousand times what any project has; a bigint has room for centuries of days after it


class ImportRefused(PyznError):
    """No total was imported. The message names the line or the reason."""


@dataclass(frozen=True)
class Outcome:
    """Changes of the totals by an import: how many projects gain, lose and keep how many downloads."""

    gaining: int
    gained: int
    losing: int
    lost: int
    keeping: int
    kept: int
    worst: str | None  # the project that loses most; its totals follow
    worst_before: int | None
    worst_after: int | None


def import_totals(
    engine: Engine,
    lines: Iterable[str],
    as_of: date,
    *,
    replace_all: bool = False,
    agree: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Import the totals in `lines` (CSV with HEADER), which count up to and including `as_of`.

    Afterwards the total of a project in the file is its number there plus every published day after `as_of`.
    Other projects keep their total; with `replace_all` they start at 0 after `as_of`, and so does every project
    that is still unknown. Imports everything or nothing; importing the same file again changes nothing. Rows are
    streamed; memory does not grow with the file.

    `agree` gets the outcome before anything changes, while nothing is locked, and may raise to prevent the
    import. If a publication changes the outcome meanwhile, `agree` is called again. Raises ImportRefused or
    StoreError.
    """
    agreed: Outcome | None = None
    with engine.connect() as connection:
        with store_errors("import of totals"), connection.begin():
            connection.execute(statement("create_imported"))
            _copy(connection, lines)
            if repeated := connection.execute(statement("repeated_import")).one_or_none():
                raise ImportRefused(
                    f"line {repeated.second}: project {repeated.project!r} is on line {repeated.first} already; names "
                    "are compared in their PEP 503 form"
                )
        while True:
            with store_errors("import of totals"), connection.begin():
                if agreed is not None:
                    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('pyzn.totals'))"))
                outcome = _weigh(connection, as_of, replace_all)
                if outcome == agreed:
                    connection.execute(statement("apply_import"), {"as_of": as_of})
                    changed = outcome.gaining + outcome.losing > 0
                    if changed or replace_all:
                        found = {"as_of": as_of if replace_all else None, "changed": changed}
                        connection.execute(statement("write_baseline"), found)
                    return outcome
            agree(outcome)
            agreed = outcome


def _weigh(connection: Connection, as_of: date, replace_all: bool) -> Outcome:
    """Fill the temporary table with the new totals, and return the outcome of applying it. Raises ImportRefused."""
    query = text("SELECT max(day) FROM pyzn.days WHERE retired_at IS NOT NULL")
    retired: date | None = connection.execute(query).scalar_one()
    if retired is not None and retired > as_of:
        raise ImportRefused(
            f"--as-of {as_of}: days up to {retired} are retired, their downloads by project are only in the totals: "
            f"import totals that count up to {retired} or later"
        )
    if replace_all:
        connection.execute(statement("import_nothing_of_others"))
    connection.execute(text("ANALYZE imported"))
    connection.execute(statement("weigh_import"), {"as_of": as_of})
    connection.execute(text("ANALYZE weighed"))
    found = connection.execute(statement("import_outcome")).mappings().one()
    numbers: dict[str, Any] = {name: int(n) if isinstance(n, Decimal) else n for name, n in found.items()}
    return Outcome(**numbers)


def _copy(connection: Connection, lines: Iterable[str]) -> None:
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    with driver.cursor() as cursor, cursor.copy("COPY imported FROM STDIN") as copy:
        for row in _rows(lines):
            copy.write_row(row)


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, str, int]]:
    """(line, normalised name, total) of every row. Raises ImportRefused with the line and what is wrong with it.

    Blank lines are ignored, and so is the byte order mark that Excel writes.
    """
    lines = iter(lines)
    reader = csv.reader(chain((line.removeprefix("\ufeff") for line in islice(lines, 1)), lines), strict=True)
    found = 0
    try:
        header = next(reader, None)
        if header != HEADER:
            raise ImportRefused(f"line 1: the header is {_shown(header)}, expected {','.join(HEADER)}")
        for row in filter(None, reader):
            where = f"line {reader.line_num}"
            if len(row) != len(HEADER):
                raise ImportRefused(f"{where}: {_shown(row)} has {len(row)} columns, expected {','.join(HEADER)}")
            name, total = row
            if not is_name(name):
                raise ImportRefused(f"{where}: {_shown(name)} is not a project's name")
            if not (total.isascii() and total.isdigit() and len(total) <= 19 and int(total) <= MOST):
                raise ImportRefused(f"{where}: total_downloads of {name[:80]} is {_shown(total)}, expected 0 to {MOST}")
            found += 1
            yield reader.line_num, normalise(name), int(total)
    except csv.Error as error:
        raise ImportRefused(f"line {reader.line_num}: {error}") from error
    if not found:
        raise ImportRefused(f"line {reader.line_num}: the file ends before any project")


def _shown(value: object) -> str:
    return ascii(value)[:80]
