"""The checksum of a day: adds up its rows as `pyzn.day_checksum` does, before they are in Postgres."""

from collections.abc import Sequence
from functools import cache
from hashlib import md5
from string import Template

import duckdb

from pyzn_pipeline.breakdowns import COUNT_COLUMNS, Breakdown
from pyzn_pipeline.store.database import text_of


class Checksum:
    """The checksum of the batches added so far, over these breakdowns; their order does not matter."""

    def __init__(self, breakdowns: Sequence[Breakdown]) -> None:
        self._query = _query(tuple(breakdowns))
        self._sum = 0

    def add(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Add the rows that the connection knows as `projects`."""
        # fetchall, because DuckDB keeps `projects` in use until its last row was asked for.
        ((checksum,),) = connection.execute(self._query).fetchall()
        self._sum += int(checksum)

    @property
    def value(self) -> str:
        """The value of pyzn.day_checksum(day) for these rows."""
        return md5(str(self._sum).encode(), usedforsecurity=False).hexdigest()


@cache
def _query(breakdowns: tuple[Breakdown, ...]) -> str:
    """The SQL of checksum.sql for the columns of `breakdowns`."""
    columns = [
        "project",
        *COUNT_COLUMNS,
        *(column for breakdown in breakdowns for column in breakdown.columns),
    ]
    template = Template(text_of("checksum", __file__).decode())
    return template.substitute(columns=", ".join(columns))
