"""A mirror as the source: days that another PyZn has exported. Nothing is billed.

Every byte is proven before a row is read: the index by its own SHA-256, and through it each file. The rows are in the
form of a scan, and are tallied, audited and compared with the exporter's checksum.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pyzn_pipeline.breakdowns import Breakdown, Contents
from pyzn_pipeline.errors import printable
from pyzn_pipeline.exports import tidy
from pyzn_pipeline.exports.following import compare_with_exporter
from pyzn_pipeline.exports.index import Day, Index, existing_index, read_day, read_file
from pyzn_pipeline.exports.storage import WAY_OUT, DamagedExport, storage_at
from pyzn_pipeline.source.connection import EMULATED
from pyzn_pipeline.source.count import MIRROR, Counts, Price
from pyzn_pipeline.source.errors import SourceError
from pyzn_pipeline.source.protocol import ScanPrice
from pyzn_pipeline.source.scan import BY_HOUR, REPLACED, ExporterRow, Scan, schema

ROWS = 65_536  # tidy rows that are read at once
PROJECTS = 8_192  # in a batch, as BigQuery sends them


class Mirror:
    """The exported days at a URL; the methods are Source's. Connects when it is asked for something."""

    def __init__(self, url: str) -> None:
        self._storage = storage_at(url)
        self.name = self._storage.name

    def index(self) -> Index:
        """Return the current index. Raises StorageError or DamagedExport."""
        return existing_index(self._storage)

    @contextmanager
    def scanned(self, day: date, held: Collection[str] = ()) -> Iterator[Scan]:  # noqa: ARG002 - Source's
        """Read and prove the day's files, and return their rows."""
        index = self.index()
        entry = index.by_day().get(day)
        if entry is None:
            newest = index.days[-1].day if index.days else "none"
            raise SourceError(
                f"day {day}: {self.name} does not have it; its newest day is {newest}: wait until it is exported, or "
                "use another source"
            )
        found = read_day(self._storage, entry)
        contents = found.contents()
        files = {view: read_file(self._storage, file) for view, file in found.by_view().items()}
        yield Scan(
            day=day,
            source=self.name + EMULATED * found.source.endswith(EMULATED),
            job_id=None,
            rows=found.projects.rows + 1,
            bytes_processed=0,
            bytes_billed=0,
            batches=self._batches(found, files, contents),
            contents=contents,
            exporter=ExporterRow(
                revision=found.revision,
                status=found.status,
                suspect_because=found.suspect_because,
                accepted_because=found.accepted_because,
                source_recount=found.source_recount,
                recounted_at=found.recounted_at,
                compare=partial(compare_with_exporter, self.name, index.written_at, self.index, found),
            ),
        )

    def price(self, first: date, last: date) -> ScanPrice:  # noqa: ARG002 - Source's
        """Return 0: nothing is billed."""
        return ScanPrice(0, 0, 0)

    def price_of_breakdowns(self, day: date) -> dict[str, int]:  # noqa: ARG002 - Source's
        """Return nothing: a mirrored day has what its exporter has read."""
        return {}

    def count(self, published: Mapping[date, int], metadata_alone: bool = False) -> Counts:
        """Return the latest counts of the exporter's source."""
        if metadata_alone:
            return Counts({}, {}, 0)  # a day is final when the exporter's is
        entries = self.index().by_day()
        counts = {day: entries[day].source_recount for day in published if day in entries}
        gone = {day: f"{self.name} has it no longer" for day in published if day not in entries}
        return Counts(counts, dict.fromkeys(counts, MIRROR), 0, failed=gone)

    def price_of_count(self, days: Sequence[date]) -> Price:  # noqa: ARG002 - Source's
        """Return 0: nothing is billed."""
        return Price(0, 0)

    def _batches(self, day: Day, files: Mapping[str, bytes], contents: Contents) -> Iterator[pa.RecordBatch]:
        """Return the rows of a scan: the PyPI totals, and then the projects."""
        try:
            columns = schema(contents)
            yield _totals(day, columns)
            readers = {}
            for breakdown in contents.breakdowns:
                rows = day.breakdowns[breakdown.name].file
                batches = _rows_of(rows.path, files[breakdown.view], tidy.tidy_schema(breakdown), ROWS)
                readers[breakdown] = tidy.Reader(breakdown, batches)
            of_project = tidy.projects_schema(contents)
            for batch in _rows_of(day.projects.path, files["downloads_by_project"], of_project, PROJECTS):
                projects = tidy.checked(batch, of_project)
                rows_of = {b: reader.take(pc.sum(projects[b.plural]).as_py()) for b, reader in readers.items()}
                yield _packed(projects, contents, rows_of, columns)
            for breakdown, reader in readers.items():
                reader.end(day.breakdowns[breakdown.name].pypi_totals or {})
        except (pa.ArrowException, OSError, EOFError, ValueError) as error:
            reason = printable(" ".join(str(error).split()), 300)
            raise DamagedExport(f"{self.name}: day {day.day}: its files do not fit: {reason}: {WAY_OUT}") from None


def _rows_of(path: str, content: bytes, schema: pa.Schema, rows: int) -> Iterator[pa.RecordBatch]:
    """Rows of a Parquet file, at most so many at once. Raises ValueError unless it has the columns of `schema`."""
    parquet = pq.ParquetFile(pa.BufferReader(content))
    found = parquet.schema_arrow
    if (found.names, found.types) != (schema.names, schema.types):
        columns = ", ".join(f"{field.name} {field.type}" for field in found)
        raise ValueError(f"{path} has the columns {columns}")
    yield from parquet.iter_batches(rows)


def _totals(day: Day, columns: pa.Schema) -> pa.RecordBatch:
    """Return the row of the PyPI totals, with the source's counts. Raises ValueError unless the hours are the day's."""
    if strange := day.by_hour.keys() - set(map(str, range(24))):
        raise ValueError(f"by_hour has the hour {min(strange)[:50]!r}")
    if day.by_hour and (found := sum(day.by_hour.values())) != day.source_downloads:
        raise ValueError(f"by_hour has {found:,} downloads, the source counts {day.source_downloads:,}")
    row: dict[str, object] = {name: "{}" if name.startswith("by_") else "[]" for name in columns.names}
    row |= {"project": None, REPLACED: day.replaced_rows, BY_HOUR: tidy.document(day.by_hour)}
    row |= day.counts | {"downloads": day.source_downloads}
    totals = {name: own.pypi_totals for name, own in day.breakdowns.items() if own.pypi_totals is not None}
    row |= {f"by_{name}": tidy.document(counts) for name, counts in totals.items()}
    return pa.RecordBatch.from_pylist([row], schema=columns)


def _packed(
    projects: pa.Table, contents: Contents, rows_of: Mapping[Breakdown, pa.Table], columns: pa.Schema
) -> pa.RecordBatch:
    """Return the rows of a scan, of projects and all their tidy rows."""
    number = projects.num_rows
    found = {name: projects[name].combine_chunks() for name in ("project", *contents.count_columns)}
    found |= {REPLACED: pa.repeat(pa.scalar(0, pa.int64()), number), BY_HOUR: pa.repeat("{}", number)}
    for breakdown, rows in rows_of.items():
        documents = tidy.documents(breakdown, projects[breakdown.plural], rows)
        found |= dict(zip(breakdown.columns, documents, strict=True))
    return pa.RecordBatch.from_arrays([found[name] for name in columns.names], schema=columns)
