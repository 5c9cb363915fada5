"""The index of an export, and the `day.json` of a day: their fields, and how each is checked.

The index names the `day.json` of each day by path and SHA-256, and that names the Parquet files in the same way. So
the index proves every byte. Only the index is ever replaced; all other files never change.
"""

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from pyzn_pipeline.breakdowns import COUNT_COLUMNS, FILES, FILES_WITHOUT_MIRRORS, KNOWN, Contents
from pyzn_pipeline.errors import printable
from pyzn_pipeline.exports.storage import WAY_OUT, DamagedExport, Storage, StorageError

INDEX = "index.json"
LARGEST_INDEX = 16 * 2**20  # bytes; 20,000 days need 9 million
LARGEST_FILE = 2**27  # bytes; the largest Parquet file of all PyPI has about 20 million

# In the ranges of Postgres.
Count = Annotated[int, Field(ge=0, lt=2**63)]
PositiveCount = Annotated[int, Field(gt=0, lt=2**63)]
Revision = Annotated[int, Field(gt=0, lt=2**31)]
Moment = Annotated[AwareDatetime, Field(gt=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))]
Text = Annotated[str, AfterValidator(lambda text: printable(" ".join(text.split()), 1000))]
Checksum = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
RelativePath = Annotated[str, Field(pattern=r"^[0-9a-z][0-9a-z_-]*([./][0-9a-z_-]+)*$")]  # never out of the storage

T = TypeVar("T", bound=BaseModel)


class Record(BaseModel):
    """A record of a file. Unknown fields are skipped: a later PyZn may have more."""

    model_config = ConfigDict(frozen=True)


class File(Record):
    """A file: its path from the index, its size in bytes, its SHA-256."""

    path: RelativePath
    bytes: Annotated[int, Field(ge=0, le=LARGEST_FILE)]
    sha256: Digest


class RowsFile(File):
    """A Parquet file and its number of rows."""

    rows: Count


class BreakdownFile(Record):
    """A breakdown of a day as in `pyzn.day_breakdowns`, and its file. `pypi_totals` is by key."""

    source_downloads: Count
    downloads: Count
    project_keys: Count
    pypi_totals: dict[str, Count] | None
    file: RowsFile


class LedgerColumns(Record):
    """The columns of `pyzn.days` that both the index and `day.json` have."""

    day: date
    revision: Revision
    checksum: Checksum
    status: Literal["final", "provisional", "suspect"]
    downloads: PositiveCount
    source_recount: Count
    recounted_at: Moment


class Day(LedgerColumns):
    """The content of a `day.json`: the day's row of the ledger, as far as it is about the day, and its files.

    `counts` are those of all rows, by column; a day without a count of files lacks it. `source` is where the exporter
    read the day; it ends with EMULATED if the downloads are none of PyPI's. `events` are rows of `pyzn.events`.
    """

    format: Literal[1] = 1
    source: Text
    source_downloads: PositiveCount
    counts: dict[str, Count]
    by_hour: dict[str, Count]
    replaced_rows: Count
    published_at: Moment
    suspect_because: Text | None
    accepted_because: Text | None
    events: list[dict[str, JsonValue]] = []
    projects: RowsFile
    breakdowns: Annotated[dict[str, BreakdownFile], Field(min_length=1)]

    def contents(self) -> Contents:
        """Return the counts and breakdowns of the day. Raises DamagedExport if this PyZn does not count the same."""
        breakdowns = self.breakdowns.keys() - {breakdown.name for breakdown in KNOWN}
        not_of_every_day = {FILES.column, FILES_WITHOUT_MIRRORS.column}
        if strange := [*breakdowns, *((self.counts.keys() ^ set(COUNT_COLUMNS)) - not_of_every_day)]:
            raise DamagedExport(
                f"day {self.day}: {printable(', '.join(sorted(strange)), 200)}: this PyZn does not count the same: "
                "install the version that exported the day"
            )
        return Contents.of(self.counts, self.breakdowns)

    def by_view(self) -> dict[str, RowsFile]:
        """Return the Parquet files by the view whose rows they have."""
        files = {breakdown.view: self.breakdowns[breakdown.name].file for breakdown in self.contents().breakdowns}
        return {"downloads_by_project": self.projects} | files


class Entry(LedgerColumns):
    """A day's line in the index. `events` are the ids of those in its file."""

    file: File
    events: list[Text] = []


class Index(Record):
    """The days of an export, in order. `written_at` only ever grows. `sha256` is of the lines, joined by line ends."""

    format: Literal[1] = 1
    written_at: Moment
    sha256: Digest
    days: list[Entry]

    @classmethod
    def of(cls, days: list[Entry], written_at: datetime) -> "Index":
        """Return an index of these lines."""
        return cls(written_at=written_at, sha256=_digest(days), days=days)

    def by_day(self) -> dict[date, Entry]:
        """Return the lines by day."""
        return {entry.day: entry for entry in self.days}

    def with_day(self, entry: Entry) -> "Index":
        """Return the index with this line, in place of the day's line before."""
        days = self.by_day() | {entry.day: entry}
        return Index.of(
            [days[day] for day in sorted(days)], max(datetime.now(UTC), self.written_at + timedelta(microseconds=1))
        )


def _digest(days: list[Entry]) -> str:
    lines = "\n".join(entry.model_dump_json(exclude_defaults=True) for entry in days)
    return hashlib.sha256(lines.encode()).hexdigest()


def json_of(record: Record) -> bytes:
    """Return a record as a JSON file."""
    return record.model_dump_json(indent=1).encode() + b"\n"


def read_index(storage: Storage) -> Index | None:
    """Return the index of a storage; None if it has none. Raises StorageError and DamagedExport."""
    content = storage.read(INDEX, LARGEST_INDEX)
    if content is None:
        return None
    where = f"{storage.name}/{INDEX}"
    index = _parsed(Index, content, where)
    if index.sha256 != _digest(index.days):
        raise DamagedExport(f"{where}: its lines do not have the SHA-256 {index.sha256} that it names: {WAY_OUT}")
    return index


def existing_index(storage: Storage) -> Index:
    """Return the index of a storage. Raises StorageError if there is none, and DamagedExport."""
    index = read_index(storage)
    if index is None:
        raise StorageError(f"{storage.name}/{INDEX}: there is no such file: name the folder that was exported to")
    return index


def read_day(storage: Storage, entry: Entry) -> Day:
    """Return the `day.json` that a line of the index names. Raises StorageError and DamagedExport."""
    where = f"{storage.name}/{entry.file.path}"
    day = _parsed(Day, read_file(storage, entry.file), where)
    for name in LedgerColumns.model_fields:
        if (found := getattr(day, name)) != (expected := getattr(entry, name)):
            raise DamagedExport(f"{where}: its {name} is {found}, in the index {expected} for {entry.day}: {WAY_OUT}")
    return day


def read_file(storage: Storage, file: File) -> bytes:
    """Return the content of a file, with its size and SHA-256. Raises StorageError and DamagedExport."""
    where = f"{storage.name}/{file.path}"
    content = storage.read(file.path, file.bytes)
    if content is None:
        raise DamagedExport(f"{where}: there is no such file, although the export names it: {WAY_OUT}")
    if len(content) != file.bytes:
        raise DamagedExport(f"{where}: it has {len(content):,} bytes, {file.bytes:,} were exported: {WAY_OUT}")
    if (sha256 := hashlib.sha256(content).hexdigest()) != file.sha256:
        raise DamagedExport(f"{where}: it has the SHA-256 {sha256}, {file.sha256} was exported: {WAY_OUT}")
    return content


def check_files(storage: Storage, day: Day) -> None:
    """Raise DamagedExport unless all Parquet files of a day are there, with their sizes. Raises StorageError."""
    for file in day.by_view().values():
        size = storage.size(file.path)
        if size != file.bytes:
            found = "is not there" if size is None else f"has {size:,} bytes"
            raise DamagedExport(
                f"{storage.name}/{file.path}: it {found}, {file.bytes:,} bytes were exported: "
                f"pyzn export --check {day.day} {day.day} writes it again, while Postgres has the day"
            )


def exported_month(storage: Storage, month: date) -> dict[date, tuple[int, str]]:
    """Return revision and checksum of each day of the month in the index, all of whose files are there.

    Retention asks for it. Raises StorageError, and DamagedExport if a file is not there.
    """
    index = read_index(storage)
    entries = [entry for entry in index.days if entry.day.replace(day=1) == month] if index else []
    for entry in entries:
        check_files(storage, read_day(storage, entry))
    return {entry.day: (entry.revision, entry.checksum) for entry in entries}


def _parsed(kind: type[T], content: bytes, where: str) -> T:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise DamagedExport(f"{where}: {explain(error)}: {WAY_OUT}") from None


def explain(error: ValidationError) -> str:
    """Return the first field that is wrong, and how."""
    first = error.errors(include_input=False)[0]
    at = ".".join(map(str, first["loc"])) or "the file"
    return f"{printable(' '.join(at.split()), 200)}: {first['msg']}"
