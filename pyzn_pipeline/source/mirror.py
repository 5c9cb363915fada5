"""A mirror as the source: days that another PyZn has exported. Nothing is billed.

Every byte is checked before a row is given: the index by its own SHA-256, and through it each file. The rows are given
as a scan gives them, and are then tallied, audited and compared with the exporter's checksum (reading/).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pyzn_pipeline.breakdowns import Breakdown
from pyzn_pipeline.exports import tidy
from pyzn_pipeline.exports.errors import WAY_OUT, DamagedExport
from pyzn_pipeline.exports.index import INDEX, Day, Index, Rows, by_view, check_bytes, read_day, read_index
from pyzn_pipeline.exports.places import place_of, sha256_of
from pyzn_pipeline.exports.scratch import scratch_folder
from pyzn_pipeline.source.count import MIRROR, Counts, Price
from pyzn_pipeline.source.errors import SourceError
from pyzn_pipeline.source.scan import BY_HOUR, REPLACED, SCHEMA, Mirrored, Scan

ROWS = 65_536  # tidy rows that are read at once
ROW_BYTES, FILE_BYTES = 256, 2**20  # what a file may have uncompressed: a row of PyPI has about 20, in plain text 60


class Mirror:
    """The exported days at a URL; the methods are Source's. Connects when it is asked for something."""

    def __init__(self, url: str) -> None:
        self._place = place_of(url)
        self.name = self._place.name

    def index(self) -> Index:
        """The current index. Raises SourceError, PlaceError or DamagedExport."""
        index = read_index(self._place)
        if index is None:
            raise SourceError(f"{self.name}/{INDEX}: there is no such file: name the folder that was exported to")
        return index

    @contextmanager
    def scanned(self, day: date) -> Iterator[Scan]:
        """The day's files are copied to this machine and checked first."""
        began_at = datetime.now(UTC)
        index = self.index()
        line = index.by_day().get(day)
        if line is None:
            newest = index.days[-1].day if index.days else "none"
            raise SourceError(
                f"day {day}: {self.name} does not have it; its newest day is {newest}: wait until it is exported, or "
                "use another source"
            )
        said = read_day(self._place, line)
        breakdowns = said.held()
        with scratch_folder() as folder:
            files = {view: self._fetched(rows, folder) for view, rows in by_view(said).items()}
            yield Scan(
                day=day,
                source=self.name,
                job_id=None,
                rows=said.projects.rows + 1,
                bytes_processed=0,
                bytes_billed=0,
                batches=self._batches(said, files, breakdowns),
                began_at=began_at,
                breakdowns=tuple(breakdowns),
                mirrored=Mirrored(
                    written_at=index.written_at,
                    revision=line.revision,
                    checksum=line.checksum,
                    status=line.status,
                    suspect_because=said.suspect_because,
                    accepted_because=said.accepted_because,
                    source_recount=line.source_recount,
                    recounted_at=line.recounted_at,
                ),
            )

    def price(self, first: date, last: date) -> int:  # noqa: ARG002 - Source's
        """Nothing is billed."""
        return 0

    def count(self, published: Mapping[date, int]) -> Counts:
        """What the exporter's source counted last."""
        lines = self.index().by_day()
        counts = {day: lines[day].source_recount if day in lines else 0 for day in published}
        return Counts(counts, dict.fromkeys(counts, MIRROR), 0)

    def price_of_count(self, days: Sequence[date]) -> Price:  # noqa: ARG002 - Source's
        """Nothing is billed."""
        return Price(0, 0)

    def _fetched(self, rows: Rows, folder: Path) -> Path:
        """A local copy of a Parquet file, checked."""
        file = folder / Path(rows.path).name
        self._place.fetch(rows.path, file, rows.bytes)
        check_bytes(f"{self.name}/{rows.path}", rows, file.stat().st_size, sha256_of(file))
        return file

    def _batches(
        self, said: Day, files: Mapping[str, Path], breakdowns: Sequence[Breakdown]
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a scan: the day as a whole, and then its projects."""
        try:
            _check_hours(said)
            yield _whole(said)
            schemas = {b.name: tidy.tidy_schema(b) for b in breakdowns}
            readers = {
                b.name: tidy.Reader(
                    _parquet(said.breakdowns[b.name].file, files[b.view], schemas[b.name]).iter_batches(ROWS),
                    schemas[b.name],
                )
                for b in breakdowns
            }
            shares = {b.name: tidy.Shares(b, said.breakdowns[b.name].whole or {}) for b in breakdowns if b.common}
            schema = tidy.projects_schema(breakdowns)
            for batch in _parquet(said.projects, files[tidy.PROJECTS], schema).iter_batches(tidy.PROJECTS_AT_ONCE):
                projects = tidy.strict(batch, schema)
                keys = {b.name: readers[b.name].take(pc.sum(projects[b.plural]).as_py()) for b in breakdowns}
                for name, share in shares.items():
                    share.add(keys[name])
                yield _as_scanned(tidy.packed(projects, keys, breakdowns))
            for reader in readers.values():
                reader.end()
            for share in shares.values():
                share.end()
        except (pa.ArrowException, OSError, EOFError, ValueError, OverflowError) as error:
            raise DamagedExport(
                f"{self.name}: day {said.day}: its files do not fit: {str(error)[:300]}: {WAY_OUT}"
            ) from error


def _parquet(rows: Rows, file: Path, schema: pa.Schema) -> pq.ParquetFile:
    """The file, opened. Raises ValueError unless it has the columns of `schema` and `rows.rows` rows.

    A few kilobytes can be gigabytes of text, by compression and by a text that is repeated. The first is refused here,
    as far as the file says it. For the second, texts stay encoded as dictionaries: see tidy.strict.
    """
    found = pq.read_schema(file)
    if (found.names, found.types) != (schema.names, schema.types):
        columns = ", ".join(f"{field.name} {field.type}" for field in found)
        raise ValueError(f"{rows.path} has the columns {columns:.200}")
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    parquet = pq.ParquetFile(file, read_dictionary=texts)
    said = parquet.metadata
    if said.num_rows != rows.rows:
        raise ValueError(f"{rows.path} has {said.num_rows:,} rows, {rows.rows:,} were exported")
    size = sum(said.row_group(n).total_byte_size for n in range(said.num_row_groups))
    if size > (most := FILE_BYTES + ROW_BYTES * rows.rows):
        raise ValueError(f"{rows.path} has {size:,} bytes uncompressed, {rows.rows:,} rows need less than {most:,}")
    return parquet


def _check_hours(said: Day) -> None:
    """Raise ValueError unless the downloads by hour are the day's."""
    if strange := said.by_hour.keys() - set(map(str, range(24))):
        raise ValueError(f"by_hour has the hour {min(strange)[:50]!r}")
    if said.by_hour and (found := sum(said.by_hour.values())) != said.source_downloads:
        raise ValueError(f"by_hour has {found:,} downloads, the source counts {said.source_downloads:,}")


def _whole(said: Day) -> pa.RecordBatch:
    """The row of the day as a whole, with the source's own counts."""
    row: dict[str, object] = {name: "[]" if name[:3] != "by_" else "{}" for name in SCHEMA.names}
    row |= {"project": None, REPLACED: said.replaced_rows, BY_HOUR: tidy.document(said.by_hour)}
    row |= said.counts | {"downloads": said.source_downloads}
    row |= {f"by_{name}": tidy.document(held.whole) for name, held in said.breakdowns.items() if held.whole is not None}
    return pa.RecordBatch.from_pylist([row], schema=SCHEMA)


def _as_scanned(packed: pa.Table) -> pa.RecordBatch:
    """Packed rows with all columns of a scan; the documents of a breakdown that the day does not have are NULL."""
    rows = packed.num_rows
    columns = {name: packed[name].combine_chunks() for name in packed.schema.names}
    columns |= {REPLACED: pa.repeat(pa.scalar(0, pa.int64()), rows), BY_HOUR: pa.repeat("{}", rows)}
    return pa.RecordBatch.from_arrays(
        [columns.get(field.name, pa.nulls(rows, field.type)) for field in SCHEMA], schema=SCHEMA
    )
