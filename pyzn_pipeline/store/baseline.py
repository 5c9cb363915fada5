"""The baseline of the all-time totals: a file of what was counted before PyZn, up to and including a day."""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import cast

import psycopg
from sqlalchemy import Connection, Engine, text

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors

HEADER = ["project", "total_downloads"]
NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)  # PEP 508
MOST = 2**63 - 1  # a Postgres bigint


class ImportRefused(PyznError):
    """The totals were not imported, none of them; the message names the line, or the reason."""


def import_totals(engine: Engine, lines: Iterable[str], as_of: date) -> tuple[int, int]:
    """Make the totals in `lines` (CSV with HEADER) the baseline up to and including `as_of`, all of them or none.

    Afterwards a project's total is its number in the file, 0 if it is not there, and every published
    day after `as_of`. The same file again changes nothing. Rows stream through; memory does not grow
    with the file. Returns how many projects the file has, and of how many the total has changed.
    Raises ImportRefused or StoreError.
    """
    with store_errors("import of totals"), engine.begin() as connection:
        connection.execute(statement("create_imported"))
        projects = _copy(connection, lines)
        if repeated := connection.execute(statement("repeated_import")).one_or_none():
            raise ImportRefused(
                f"line {repeated.second}: project {repeated.project!r} is on line {repeated.first} already; names are "
                "compared in their PEP 503 form"
            )
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('pyzn.totals'))"))
        query = text("SELECT max(day) FROM pyzn.days WHERE retired_at IS NOT NULL")
        retired: date | None = connection.execute(query).scalar_one()
        if retired is not None and retired > as_of:
            raise ImportRefused(
                f"--as-of {as_of}: days up to {retired} are retired, what they counted by project is known from the "
                f"totals alone: the baseline must count up to {retired} or later"
            )
        changed = connection.execute(statement("apply_import"), {"as_of": as_of}).rowcount
        connection.execute(statement("write_baseline"), {"as_of": as_of, "changed": changed > 0})
    return projects, changed


def _copy(connection: Connection, lines: Iterable[str]) -> int:
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    rows = 0
    with driver.cursor() as cursor, cursor.copy("COPY imported FROM STDIN") as copy:
        for row in _rows(lines):
            copy.write_row(row)
            rows += 1
    return rows


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, str, int]]:
    """(line, normal name, total) of every row. Raises ImportRefused, which names the line and what is wrong with it."""
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, None)
        if header != HEADER:
            raise ImportRefused(f"line 1: the header is {_shown(header)}, expected {','.join(HEADER)}")
        for row in reader:
            where = f"line {reader.line_num}"
            if len(row) != len(HEADER):
                raise ImportRefused(f"{where}: {_shown(row)} has {len(row)} columns, expected {','.join(HEADER)}")
            name, total = row
            if not NAME.fullmatch(name):
                raise ImportRefused(f"{where}: {_shown(name)} is not a project's name")
            if not (total.isascii() and total.isdigit() and len(total) <= 19 and int(total) <= MOST):
                raise ImportRefused(f"{where}: total_downloads of {name[:80]} is {_shown(total)}, expected 0 to {MOST}")
            yield reader.line_num, re.sub(r"[-_.]+", "-", name).lower(), int(total)
    except csv.Error as error:
        raise ImportRefused(f"line {reader.line_num}: {error}") from error


def _shown(value: object) -> str:
    return ascii(value)[:80]
