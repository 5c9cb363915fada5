"""The index of an export, and the `day.json` of a day: what they say, and how each is checked.

The index names the `day.json` of each day by path and SHA-256, and that names the Parquet files in the same way. So
whoever has the index can prove every byte. Only the index is ever replaced; all other files never change.
"""

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from pyzn_pipeline.breakdowns import BREAKDOWNS, COUNT_COLUMNS, Breakdown
from pyzn_pipeline.exports.errors import WAY_OUT, DamagedExport
from pyzn_pipeline.exports.places import Place

INDEX = "index.json"
FORMAT: Literal[1] = 1

LARGEST_INDEX = 16 * 2**20  # bytes; MOST_DAYS need 9 million
LARGEST_DAY = 4 * 2**20  # bytes of a day.json; a day of all PyPI needs about 50,000
LARGEST_FILE = 2**30  # bytes of a Parquet file; the largest of all PyPI has about 20 million
MOST_ROWS = 10**8  # of a Parquet file; that of all PyPI by version has some millions
MOST_DAYS = 20_000  # 54 years
MOST_KEYS = 20_000  # of a breakdown of all PyPI, which has some hundreds

Status = Literal["final", "provisional", "suspect"]
Checksum = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
RelativePath = Annotated[
    str, Field(pattern=r"^[0-9a-z][0-9a-z_-]*([./][0-9a-z_-]+)*$")
]  # below the place, never out of it

T = TypeVar("T", bound=BaseModel)
V = TypeVar("V")

# As Postgres can store them.
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
PositiveCount = Annotated[Count, Field(gt=0)]
Revision = Annotated[int, Field(gt=0, le=2**31 - 1)]
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
Moment = Annotated[AwareDatetime, Field(gt=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))]

ByKey = Annotated[dict[str, V], Field(max_length=MOST_KEYS, fail_fast=True)]


class _Record(BaseModel):
    """A record of a file that somebody else wrote. Checking must not cost much more memory than the file has bytes.

    pydantic keeps every error, and one is a thousand times as large as the `{}` that it is about. So the first error in
    a list or by a key is the last, and unknown fields, which would each be an error, are skipped.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


class File(_Record):
    """A file: its path from the index, its size in bytes, its SHA-256."""

    path: RelativePath
    bytes: Count
    sha256: Digest


class Rows(File):
    """A Parquet file and its number of rows."""

    bytes: Annotated[int, Field(ge=0, le=LARGEST_FILE)]
    rows: Annotated[int, Field(ge=0, le=MOST_ROWS)]


class Held(_Record):
    """A breakdown of a day as in `pyzn.day_breakdowns`, and its file. `whole` is all of PyPI by key."""

    source_downloads: Count
    downloads: Count
    project_keys: Count
    whole: ByKey[Count] | None
    file: Rows


class Known(_Record):
    """What index and `day.json` both say of a day; the columns of `pyzn.days`."""

    day: date
    revision: Revision
    checksum: Checksum
    status: Status
    downloads: PositiveCount
    source_recount: Count
    recounted_at: Moment


class Day(Known):
    """The content of a `day.json`: the day's row of the ledger, as far as it is about the day, and its files.

    `counts` are the four counts of all rows, by column. `source` is where the exporter read the day.
    """

    format: Literal[1] = FORMAT
    source: Text
    source_downloads: PositiveCount
    counts: ByKey[Count]
    by_hour: ByKey[Count]
    replaced_rows: Count
    published_at: Moment
    suspect_because: Text | None
    accepted_because: Text | None
    projects: Rows
    breakdowns: Annotated[ByKey[Held], Field(min_length=1)]

    def held(self) -> list[Breakdown]:
        """The breakdowns that the day has. Raises DamagedExport if this PyZn does not know one, or counts otherwise."""
        known = {breakdown.name: breakdown for breakdown in BREAKDOWNS}
        if strange := [
            *(self.breakdowns.keys() - known.keys()),
            *(self.counts.keys() ^ set(COUNT_COLUMNS)),
        ]:
            raise DamagedExport(
                f"day {self.day}: {', '.join(sorted(strange))}: this PyZn does not count the same: install the version "
                "that exported the day"
            )
        return [breakdown for name, breakdown in known.items() if name in self.breakdowns]


class Entry(Known):
    """A day's line in the index."""

    file: File


class Index(_Record):
    """The days of an export, in order. `written_at` only ever grows. `sha256` is of the lines, joined by line ends."""

    format: Literal[1] = FORMAT
    written_at: Moment
    sha256: Digest
    days: Annotated[list[Entry], Field(max_length=MOST_DAYS, fail_fast=True)]

    def by_day(self) -> dict[date, Entry]:
        """The lines by day."""
        return {entry.day: entry for entry in self.days}

    def with_day(self, entry: Entry) -> "Index":
        """The index with this line, in place of the day's line before."""
        days = self.by_day() | {entry.day: entry}
        return made(
            [days[day] for day in sorted(days)], max(datetime.now(UTC), self.written_at + timedelta(microseconds=1))
        )


def made(days: list[Entry], written_at: datetime) -> Index:
    """An index of these lines."""
    return Index(written_at=written_at, sha256=_digest(days), days=days)


def _digest(days: list[Entry]) -> str:
    return hashlib.sha256("\n".join(entry.model_dump_json() for entry in days).encode()).hexdigest()


def written(record: BaseModel) -> bytes:
    """The record as a JSON file."""
    return record.model_dump_json(indent=1).encode() + b"\n"


def read_index(place: Place) -> Index | None:
    """The index of a place; None if it has none. Raises PlaceError and DamagedExport."""
    content = place.read(INDEX, LARGEST_INDEX)
    if content is None:
        return None
    where = f"{place.name}/{INDEX}"
    index = _parsed(Index, content, where)
    if index.sha256 != _digest(index.days):
        raise DamagedExport(f"{where}: its lines do not have the SHA-256 {index.sha256} that it says: {WAY_OUT}")
    return index


def read_day(place: Place, entry: Entry) -> Day:
    """The `day.json` that a line of the index names. Raises PlaceError and DamagedExport."""
    content, where = place.read(entry.file.path, min(entry.file.bytes, LARGEST_DAY)), f"{place.name}/{entry.file.path}"
    if content is None:
        raise DamagedExport(f"{where}: there is no such file, and the index names it for {entry.day}: {WAY_OUT}")
    check_bytes(where, entry.file, len(content), hashlib.sha256(content).hexdigest())
    day = _parsed(Day, content, where)
    for name in Known.model_fields:
        said, expected = getattr(day, name), getattr(entry, name)
        if said != expected:
            raise DamagedExport(f"{where}: it says {name} {said}, the index {expected} for {entry.day}: {WAY_OUT}")
    return day


def check_bytes(where: str, file: File, size: int, sha256: str) -> None:
    """Raise DamagedExport unless a file has the size and SHA-256 that `file` says."""
    if size != file.bytes:
        raise DamagedExport(f"{where}: it has {size:,} bytes, {file.bytes:,} were exported: {WAY_OUT}")
    if sha256 != file.sha256:
        raise DamagedExport(f"{where}: it has the SHA-256 {sha256}, {file.sha256} was exported: {WAY_OUT}")


def _parsed(kind: type[T], content: bytes, where: str) -> T:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"])) or "the file"
        raise DamagedExport(f"{where}: {at}: {first['msg']}: {WAY_OUT}") from None


def by_view(day: Day) -> dict[str, Rows]:
    """The Parquet files of a day, by the view whose rows they have."""
    return {"downloads_by_project": day.projects} | {
        breakdown.view: day.breakdowns[breakdown.name].file for breakdown in day.held()
    }
