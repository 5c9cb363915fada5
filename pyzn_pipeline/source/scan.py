"""Scans one UTC day: its price, the query, and the rows as a stream."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache

import pyarrow as pa
from google.api_core.exceptions import BadRequest
from google.cloud.bigquery.table import RowIterator
from sqlalchemy import Connection

from pyzn_pipeline import names
from pyzn_pipeline.breakdowns import (
    BREAKDOWNS,
    DOWNLOADS,
    FILES,
    FILES_WITHOUT_MIRRORS,
    KNOWN_COUNTS,
    UNKNOWN,
    WITHOUT_MIRRORS,
    Breakdown,
    Contents,
    Count,
)
from pyzn_pipeline.settings import ReadFilenames
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.source.errors import CostLimitExceeded, SourceError, exceeds_resources, source_errors
from pyzn_pipeline.source.file_names import is_file
from pyzn_pipeline.source.queries import MIN_BYTES_BILLED, RETRY, Query, bounds, rows_of, sql_of

MARK = "\ufffd"
"""Replaces U+0000, the one character that Postgres cannot store."""

BY_HOUR = "by_hour"
REPLACED = "replaced_rows"


@dataclass(frozen=True)
class ExporterRow:
    """A mirrored day in the ledger of its exporter.

    `compare` takes the staged rows' checksum, and whether an older day is accepted; it raises unless they are the
    exporter's day.
    """

    revision: int
    status: str
    suspect_because: str | None
    accepted_because: str | None
    source_recount: int
    recounted_at: datetime
    compare: Callable[[Connection, str, bool], None]


@dataclass(frozen=True)
class Scan:
    """A finished scan: its figures, and its rows as a stream of batches of `schema`, which can be read once.

    `source` is the table, or the URL of a mirror; `exporter` is a mirrored day's row there, and None for BigQuery's,
    which has a job. The bytes include those of a failed first job. `in_order` is false if sorting the rows exceeded
    BigQuery's resources.
    """

    day: date
    source: str
    job_id: str | None
    rows: int
    bytes_processed: int
    bytes_billed: int
    batches: Iterator[pa.RecordBatch]
    in_order: bool = True
    contents: Contents = field(default_factory=Contents)
    """The counts and breakdowns that its rows have: a mirror has days from before a breakdown existed."""
    exporter: ExporterRow | None = None


def contents_of(is_file: str | None, breakdowns: tuple[Breakdown, ...]) -> Contents:
    """The contents of a scan by these breakdowns: no files if their condition is None."""
    lacking = set() if is_file else {FILES}
    if all(breakdown.counted != FILES_WITHOUT_MIRRORS for breakdown in breakdowns):
        lacking.add(FILES_WITHOUT_MIRRORS)
    counts = {count.column: True for count in KNOWN_COUNTS if count not in lacking}
    return Contents.of(counts, {breakdown.name for breakdown in breakdowns})


def schema(contents: Contents) -> pa.Schema:
    """Return the columns of a scan's result, see scan_day.sql."""
    documents = [column for breakdown in contents.breakdowns for column in breakdown.columns]
    return pa.schema(
        [
            ("project", pa.string()),
            *((column, pa.int64()) for column in (*contents.count_columns, REPLACED)),
            *((column, pa.string()) for column in (*documents, BY_HOUR)),
        ]
    )


@cache
def scan_query(table: str, is_file: str | None, breakdowns: tuple[Breakdown, ...] = BREAKDOWNS) -> str:
    """The SQL of scan_day.sql for `table` and these breakdowns, with `is_file` of file_names.py."""
    contents = contents_of(is_file, breakdowns)
    counts, columns = contents.counts, contents.count_columns
    keys = [breakdown.name for breakdown in breakdowns]
    of_files = {FILES: f"{is_file}", FILES_WITHOUT_MIRRORS: f"{is_file} AND {WITHOUT_MIRRORS.condition}"}
    conditions = {count: of_files.get(count, count.condition) for count in counts}
    results = {name: f"SUM(IF(k.breakdown = 'total', k.{name}, 0))" for name in (*columns, REPLACED)}
    for breakdown in contents.breakdowns:
        results |= _packed(breakdown.name, breakdown.counts, breakdown.columns)
    results |= _packed("hour", [DOWNLOADS], [BY_HOUR])
    return sql_of(
        "scan_day.sql",
        table=table,
        unknown=UNKNOWN,
        mark=MARK,
        name=names.PATTERN,
        invalid=names.INVALID,
        keys=",\n    ".join(f"{b.expression} AS {b.name}" for b in breakdowns),
        conditions=",\n    ".join(f"{condition} AS is_{count.name}" for count, condition in conditions.items()),
        carried=", ".join(f"REGEXP_REPLACE(f.{name}, r'\\x00', '{MARK}') AS {name}" for name in keys),
        flags=", ".join(f"f.is_{count.name}" for count in counts),
        texts=", ".join(f"f.{name}" for name in keys),
        names=", ".join(keys),
        counts=",\n    ".join(f"COUNTIF(is_{count.name}) AS {count.column}" for count in counts),
        columns=", ".join(columns),
        sets=", ".join(
            [f"(project, {name})" for name in keys]
            + [f"({breakdown.name})" for breakdown in breakdowns if breakdown.common]
        ),
        cases=" ".join(f"WHEN {name} IS NOT NULL THEN '{name}'" for name in keys),
        results=",\n  ".join(f"{results[name]} AS {name}" for name in schema(contents).names[1:]),
    )


def _packed(name: str, counts: Sequence[Count], columns: Sequence[str]) -> dict[str, str]:
    """SQL for the columns of a breakdown: the document, and an array for each subset. Only keys that count are in."""
    numbers = [f"CAST(k.{count.column} AS STRING)" for count in counts]
    entries = [f"CONCAT(TO_JSON_STRING(k.key), ':', {numbers[0]})", *numbers[1:]]
    counted = f"k.breakdown = '{name}' AND k.{counts[0].column} > 0"
    texts = [f"IFNULL(STRING_AGG(IF({counted}, {entry}, NULL), ',' ORDER BY k.key), '')" for entry in entries]
    return {
        column: f"CONCAT('{{', {text}, '}}')" if column == columns[0] else f"CONCAT('[', {text}, ']')"
        for column, text in zip(columns, texts, strict=True)
    }


def estimate(
    clients: Clients,
    table: str,
    day: date,
    last: date,
    is_file: str | None,
    breakdowns: tuple[Breakdown, ...] = BREAKDOWNS,
) -> int:
    """Bytes that a scan of each day from `day` to `last` would bill. Asks by one dry run, which is free.

    Each day below BigQuery's minimum may bill up to that minimum more than estimated. Raises SourceError.
    """
    with source_errors(f"day {day}: cost estimate"):
        billed = _query(table, day, last, is_file, breakdowns).price(clients)
    return max(billed, MIN_BYTES_BILLED * ((last - day).days + 1))


def scan(
    clients: Clients,
    table: str,
    day: date,
    maximum_bytes_billed: int,
    read_filenames: ReadFilenames = "auto",
    breakdowns: tuple[Breakdown, ...] = BREAKDOWNS,
) -> Scan:
    """Run the query for `day` until it has finished. The rows are fetched later, from the returned Scan.

    One worker sorts the whole result. If that exceeds BigQuery's resources, the query is run once more without
    sorting: any order is correct, but slower to load. A query that fails is not billed
    (https://cloud.google.com/bigquery/pricing), so `maximum_bytes_billed` holds for both together.

    Raises SourceError, and CostLimitExceeded before anything is billed if the dry run is over
    `maximum_bytes_billed`; the job has the same limit.
    """
    condition = is_file(day, read_filenames, breakdowns)
    contents = contents_of(condition, breakdowns)
    estimated = estimate(clients, table, day, day, condition, breakdowns)
    if estimated > maximum_bytes_billed:
        raise CostLimitExceeded(
            f"day {day}: the scan would bill {estimated:,} bytes, the limit is {maximum_bytes_billed:,}; not run. "
            "Raise PYZN_MAXIMUM_BYTES_BILLED to allow it"
        )
    query = _query(table, day, day, condition, breakdowns)
    with source_errors(f"day {day}: scan"):
        jobs = [query.start(clients, maximum_bytes_billed)]
        try:
            rows = rows_of(jobs[0])
        except BadRequest as error:
            if not exceeds_resources(error):
                raise
            jobs[0].reload(retry=RETRY)  # for its bytes
            unsorted = replace(query, sql=query.sql.rpartition("\nORDER BY ")[0])  # of the whole result
            jobs.append(unsorted.start(clients, maximum_bytes_billed))
            rows = rows_of(jobs[1])
    return Scan(
        day=day,
        source=clients.of(table),
        job_id=str(jobs[-1].job_id),
        rows=int(rows.total_rows or 0),
        bytes_processed=sum(int(job.total_bytes_processed or 0) for job in jobs),
        bytes_billed=sum(int(job.total_bytes_billed or 0) for job in jobs),
        batches=_batches(clients, rows, day, schema(contents)),
        in_order=len(jobs) == 1,
        contents=contents,
    )


def _query(table: str, day: date, last: date, is_file: str | None, breakdowns: tuple[Breakdown, ...]) -> Query:
    return Query(f"{day:%Y%m%d}", scan_query(table, is_file, breakdowns), bounds(day, last))


def _batches(clients: Clients, rows: RowIterator, day: date, expected: pa.Schema) -> Iterator[pa.RecordBatch]:
    with source_errors(f"day {day}: reading the scan's rows"):
        for batch in rows.to_arrow_iterable(bqstorage_client=clients.storage, max_stream_count=1):
            if batch.schema.names != expected.names:
                raise SourceError(f"day {day}: the scan returned {batch.schema.names}, expected {expected.names}")
            yield batch.cast(expected)
