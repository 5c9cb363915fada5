"""The checksum of a day: adds up its rows as `pyzn.day_checksum` does, before they are in Postgres."""

from hashlib import md5
from string import Template

import duckdb

from pyzn_pipeline.breakdowns import Contents
from pyzn_pipeline.store.database import text_of


class Checksum:
    """The checksum of the batches added so far, over these contents; their order does not matter."""

    def __init__(self, contents: Contents) -> None:
        template = Template(text_of("checksum", __file__).decode())
        self._query = template.substitute(columns=", ".join(contents.columns))
        self._sum = 0

    def add(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Add the rows that are registered on the connection as `projects`."""
        # fetchall, because DuckDB keeps `projects` in use until its last row was asked for.
        ((checksum,),) = connection.execute(self._query).fetchall()
        self._sum += int(checksum)

    @property
    def value(self) -> str:
        """The value of pyzn.day_checksum(day) for these rows."""
        return md5(str(self._sum).encode(), usedforsecurity=False).hexdigest()
