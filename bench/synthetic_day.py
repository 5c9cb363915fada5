"""A synthetic day of all PyPI or a part of it, as BigQuery's Storage Read API would stream it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from pyzn_pipeline.breakdowns import KNOWN, KNOWN_COUNTS, Contents
from pyzn_pipeline.source.scan import Scan, schema

PROJECTS = 750_000  # a day of PyPI in 2026
BATCH_ROWS = 8_192
CONTENTS = {"five": Contents(), "all": Contents(KNOWN_COUNTS, KNOWN)}


@dataclass(frozen=True)
class SyntheticDay:
    """A day's rows in an Arrow IPC file. It is made before the measurement."""

    day: date
    path: Path
    breakdowns: str

    @classmethod
    def make(cls, day: date, size: float, folder: Path, breakdowns: str = "five") -> "SyntheticDay":
        """Make the day with `size` times the projects of PyPI, in this process. Needs gigabytes of memory."""
        projects, columns = round(PROJECTS * size), schema(CONTENTS[breakdowns])
        made = cls(day, folder / f"{day}_{projects}_{breakdowns}.arrow", breakdowns)
        *macros, query = duckdb.extract_statements(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
        with duckdb.connect() as connection, pa.ipc.new_file(str(made.path), columns) as writer:
            for macro in macros:
                connection.execute(macro)
            answer = connection.sql(query, params={"projects": projects, "day": day.toordinal()})
            for batch in answer.to_arrow_reader(BATCH_ROWS):
                writer.write_batch(batch.select(columns.names).cast(columns))
        return made

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, one batch in memory at a time."""
        with pa.OSFile(str(self.path)) as file:
            reader = pa.ipc.open_file(file)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)

    def scan(self) -> Scan:
        """Return the finished scan, as the pipeline gets it."""
        job, contents = f"pyzn_{self.day:%Y%m%d}_bench", CONTENTS[self.breakdowns]
        with pa.memory_map(str(self.path)) as file:  # of which it reads the metadata alone
            reader = pa.ipc.open_file(file)
            rows = sum(reader.get_batch(number).num_rows for number in range(reader.num_record_batches))
        return Scan(self.day, "synthetic", job, rows, 0, 0, self.batches(), contents=contents)
