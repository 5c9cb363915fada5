"""A synthetic day of all PyPI or a part of it, as BigQuery's Storage Read API would stream it."""

import sys
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
    rows: int
    breakdowns: str = "five"

    @classmethod
    def make(cls, day: date, size: float, folder: Path, breakdowns: str = "five") -> "SyntheticDay":
        """Make the day with `size` times the projects of PyPI, in this process. Needs gigabytes of memory."""
        projects, columns = round(PROJECTS * size), schema(CONTENTS[breakdowns])
        queries = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
        with (
            duckdb.connect() as connection,
            pa.OSFile(str(_path(day, size, folder, breakdowns)), "wb") as file,
            pa.ipc.new_file(file, columns) as writer,
        ):
            *macros, query = connection.extract_statements(queries)
            for macro in macros:
                connection.execute(macro)
            answer = connection.sql(query, params={"projects": projects, "day": day.toordinal()})
            for batch in answer.to_arrow_reader(BATCH_ROWS):
                writer.write_batch(batch.select(columns.names).cast(columns))
        return cls.made(day, size, folder, breakdowns)

    @classmethod
    def made(cls, day: date, size: float, folder: Path, breakdowns: str = "five") -> "SyntheticDay":
        """Return the day that `make` made earlier."""
        path = _path(day, size, folder, breakdowns)
        with pa.OSFile(str(path)) as file:
            reader = pa.ipc.open_file(file)
            rows = sum(reader.get_batch(n).num_rows for n in range(reader.num_record_batches))
        return cls(day, path, rows, breakdowns)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, one batch in memory at a time."""
        with pa.OSFile(str(self.path)) as file:
            reader = pa.ipc.open_file(file)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)

    def scan(self) -> Scan:
        """Return the finished scan, as the pipeline gets it."""
        job, contents = f"pyzn_{self.day:%Y%m%d}_bench", CONTENTS[self.breakdowns]
        return Scan(self.day, "synthetic", job, self.rows, 0, 0, self.batches(), contents=contents)


def _path(day: date, size: float, folder: Path, breakdowns: str) -> Path:
    return folder / f"{day}_{round(PROJECTS * size)}_{breakdowns}.arrow"


if __name__ == "__main__":
    day, size, folder, breakdowns = sys.argv[1:]
    SyntheticDay.make(date.fromisoformat(day), float(size), Path(folder), breakdowns)
