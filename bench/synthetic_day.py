"""A synthetic day of all PyPI or a part of it, as BigQuery's Storage Read API would stream it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from pyzn_pipeline.breakdowns import Contents
from pyzn_pipeline.source.scan import Scan, schema

PROJECTS = 750_000  # a day of PyPI in 2026
BATCH_ROWS = 8_192
COLUMNS = schema(Contents())


@dataclass(frozen=True)
class SyntheticDay:
    """A day's rows in an Arrow IPC file. It is made before the measurement."""

    day: date
    path: Path
    rows: int

    @classmethod
    def make(cls, day: date, size: float, folder: Path) -> "SyntheticDay":
        """Make the day with `size` times the projects of PyPI, in this process. Needs gigabytes of memory."""
        projects = round(PROJECTS * size)
        queries = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
        with (
            duckdb.connect() as connection,
            pa.OSFile(str(_path(day, size, folder)), "wb") as file,
            pa.ipc.new_file(file, COLUMNS) as writer,
        ):
            *macros, query = connection.extract_statements(queries)
            for macro in macros:
                connection.execute(macro)
            answer = connection.sql(query, params={"projects": projects, "day": day.toordinal()})
            for batch in answer.to_arrow_reader(BATCH_ROWS):
                writer.write_batch(batch.cast(COLUMNS))
        return cls.made(day, size, folder)

    @classmethod
    def made(cls, day: date, size: float, folder: Path) -> "SyntheticDay":
        """Return the day that `make` made earlier."""
        path = _path(day, size, folder)
        with pa.OSFile(str(path)) as file:
            reader = pa.ipc.open_file(file)
            rows = sum(reader.get_batch(n).num_rows for n in range(reader.num_record_batches))
        return cls(day, path, rows)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, one batch in memory at a time."""
        with pa.OSFile(str(self.path)) as file:
            reader = pa.ipc.open_file(file)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)

    def scan(self) -> Scan:
        """Return the finished scan, as the pipeline gets it."""
        return Scan(self.day, "synthetic", f"pyzn_{self.day:%Y%m%d}_bench", self.rows, 0, 0, self.batches())


def _path(day: date, size: float, folder: Path) -> Path:
    return folder / f"{day}_{round(PROJECTS * size)}.arrow"


if __name__ == "__main__":
    day, size, folder = sys.argv[1:]
    SyntheticDay.make(date.fromisoformat(day), float(size), Path(folder))
