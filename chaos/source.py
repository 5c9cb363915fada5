"""A source whose rows are all known: the emulator, and a copy of the rows that were loaded into it."""

from dataclasses import dataclass, field
from datetime import date
from functools import cache

import numpy as np
import pyarrow as pa

from chaos.exactness import Day, content_of
from pyzn_local import sample
from pyzn_local.bigquery import Server
from pyzn_local.bigquery.loads import conform
from pyzn_local.bigquery.tables import FILE_DOWNLOADS

TABLE = "bigquery-public-data.pypi.file_downloads"


@dataclass
class Source:
    """`rows` has the raw rows of each UTC day that the emulator holds."""

    server: Server
    rows: dict[date, pa.Table] = field(default_factory=dict)

    def more(self, day: Day, count: int) -> None:
        """Append the next `count` downloads of the day's synthetic sample."""
        start = self.rows[day.date].num_rows if day.date in self.rows else 0
        self._add(day, sample_rows(day.date, start, start + count))

    def replace(self, day: Day, rows: pa.Table) -> None:
        """Replace the raw rows of `day`."""
        self.server.forget(day.date)
        del self.rows[day.date]
        self._add(day, rows)

    def _add(self, day: Day, rows: pa.Table) -> None:
        rows = pa.Table.from_batches(conform(rows.to_batches(), rows.schema, FILE_DOWNLOADS))
        self.server.load(rows)
        self.rows[day.date] = pa.concat_tables([self.rows[day.date], rows]) if day.date in self.rows else rows
        day.expect(content_of(self.rows[day.date]))


def sample_rows(day: date, first: int, end: int) -> pa.Table:
    """Return rows [first, end) of the shuffled sample of `day`."""
    return _shuffled(day).take(list(range(first, end)))  # DuckDB refuses a slice of structs


@cache
def _shuffled(day: date) -> pa.Table:
    """20,000 rows of the synthetic sample of `day` in a random order that is always the same."""
    rows = sample.day(day)
    return rows.take(np.random.default_rng(day.toordinal()).permutation(rows.num_rows)[:20_000])
