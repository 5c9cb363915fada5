"""A source whose rows are all known: the emulator, and a copy of the rows that were loaded into it."""

from dataclasses import dataclass, field
from datetime import date
from functools import cache

import numpy as np
import pyarrow as pa

from chaos.exactness import Content, content_of
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

    def add(self, day: date, rows: pa.Table) -> Content:
        """Append raw rows to `day`, and return its expected content from then on."""
        rows = pa.Table.from_batches(conform(rows.to_batches(), rows.schema, FILE_DOWNLOADS))
        self.server.load(rows)
        self.rows[day] = pa.concat_tables([self.rows[day], rows]) if day in self.rows else rows
        return self.content(day)

    def more(self, day: date, count: int) -> Content:
        """Append the next `count` downloads of the day's synthetic sample."""
        start = self.rows[day].num_rows if day in self.rows else 0
        return self.add(day, shuffled(day).take(list(range(start, start + count))))  # DuckDB refuses a slice of structs

    def replace(self, day: date, rows: pa.Table) -> Content:
        """Replace the raw rows of `day`."""
        self.server.forget(day)
        self.rows.pop(day, None)
        return self.add(day, rows)

    def content(self, day: date) -> Content:
        """Return the expected content of `day` when it is published."""
        return content_of(self.rows[day])


@cache
def shuffled(day: date) -> pa.Table:
    """20,000 rows of the synthetic sample of `day` in a random order that is always the same."""
    rows = sample.day(day)
    return rows.take(np.random.default_rng(day.toordinal()).permutation(rows.num_rows)[:20_000])
