"""The source's current count of downloads by day. Does not read the rows.

BigQuery's metadata has the number of rows of each partition, and costs next to nothing to ask. Where it is refused, or
has another number than the ledger, `COUNT(*)` decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from pyzn_pipeline.days import spans
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.source.errors import CostLimitExceeded, SourceError, source_errors
from pyzn_pipeline.source.queries import Query, bounds, rows_of, sql_of

SCAN, METADATA, COUNT, MIRROR = "scan", "metadata", "count", "mirror"
"""Origin of a count: a reading, the metadata of the day's partition, `COUNT(*)`, or the index of a mirror."""

_NEEDS = "bigquery.tables.get and bigquery.tables.list on the table's dataset"


class DayCount(NamedTuple):
    """A published day's downloads, the source's count and its origin, and the day's status after it."""

    day: date
    published: int
    found: int
    counted_by: str
    status: str


@dataclass(frozen=True)
class Counts:
    """The source's count of each day, 0 included; what gave it; and the bytes billed for all.

    `no_metadata` is the reason why the metadata was of no use for any day; None if it was of use.
    """

    downloads: dict[date, int]
    counted_by: dict[date, str]
    bytes_billed: int
    no_metadata: str | None = None
    failed: dict[date, str] = field(default_factory=dict)
    """Why a day could not be counted."""


@dataclass(frozen=True)
class Price:
    """Bytes that counting days bills: for the metadata, and for `COUNT(*)` of all days if the metadata is not enough.

    `no_metadata` is the reason why the metadata cannot be asked: then it costs nothing, and all days are counted.
    """

    metadata: int
    count: int
    no_metadata: str | None = None

    @property
    def least(self) -> int:
        """Bytes billed in any case."""
        return self.metadata if self.no_metadata is None else self.count


def count_days(
    clients: Clients,
    table: str,
    published: Mapping[date, int],
    maximum_bytes_billed: int,
    metadata_alone: bool = False,
) -> Counts:
    """Count the days in `published`, which has the ledger's count of each.

    The metadata is asked by one query for all days, 10 MiB. The days for which it has another number than the ledger
    are counted by one `COUNT(*)` for each range of consecutive days, 8 bytes a row; with `metadata_alone` they are left
    out.

    A range that cannot be counted is in `failed`, and does not stop the others. Raises SourceError if no day can be
    counted, and CostLimitExceeded before a `COUNT(*)` is billed that would bill more than `maximum_bytes_billed` a day.
    """
    if not published:
        return Counts({}, {}, 0)
    stored, billed, no_metadata = _stored_rows(clients, table, sorted(published), maximum_bytes_billed)
    counted: dict[date, int] = {}
    failed: dict[date, str] = {}
    unconfirmed = [day for day in published if stored.get(day) != published[day]]
    for first, last in spans([] if metadata_alone else unconfirmed):
        try:
            found, also_billed = _count(clients, table, first, last, maximum_bytes_billed)
        except SourceError as error:  # the other days are counted all the same
            failed |= {day: str(error) for day in published if first <= day <= last}
            if failed.keys() == published.keys():
                raise
        else:
            counted |= found
            billed += also_billed
    confirmed = published.keys() - set(unconfirmed)
    return Counts(
        {day: published[day] for day in confirmed} | counted,
        dict.fromkeys(confirmed, METADATA) | dict.fromkeys(counted, COUNT),
        billed,
        no_metadata,
        failed,
    )


def price(clients: Clients, table: str, days: Sequence[date]) -> Price:
    """Return the price of `count_days`, by dry runs, which are free. Raises SourceError."""
    if not days:
        return Price(0, 0)
    count = _price_of_count(clients, table, days)
    try:
        with source_errors(f"cost of the partitions' metadata of {days[0]} to {days[-1]}", _NEEDS):
            return Price(_metadata_query(table, days).price(clients), count)
    except SourceError as error:
        return Price(0, count, str(error))


def _stored_rows(
    clients: Clients, table: str, days: Sequence[date], maximum_bytes_billed: int
) -> tuple[dict[date, int], int, str | None]:
    """The rows in each day's partition by the metadata, the bytes billed, and why the metadata is of no use, if so.

    A day without a partition is left out; all are, while rows are in no partition yet: they may be of any day.
    """
    try:
        with source_errors(f"partitions' metadata of {days[0]} to {days[-1]}", _NEEDS):
            job = _metadata_query(table, days).start(clients, maximum_bytes_billed * len(days))
            found = [(row.partition_id, int(row.total_rows or 0)) for row in rows_of(job)]
    except SourceError as error:
        return {}, 0, str(error)
    billed = int(job.total_bytes_billed or 0)
    if streamed := sum(count for partition, count in found if partition == "__UNPARTITIONED__"):
        return {}, billed, f"partitions' metadata: {streamed:,} rows of {table} are in no partition yet"
    by_day = {f"{day:%Y%m%d}": day for day in days}
    return {by_day[partition]: count for partition, count in found if partition in by_day}, billed, None


def _count(
    clients: Clients, table: str, first: date, last: date, maximum_bytes_billed: int
) -> tuple[dict[date, int], int]:
    """Return the COUNT(*) of each day from `first` to `last`, 0 included, and the bytes billed for all of them."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    estimated, limit = _price_of_count(clients, table, days), maximum_bytes_billed * len(days)
    if estimated > limit:
        raise CostLimitExceeded(
            f"recount of {first} to {last}: it would bill {estimated:,} bytes, the limit is {limit:,}; not run. "
            "Raise PYZN_MAXIMUM_BYTES_BILLED to allow it"
        )
    with source_errors(f"recount of {first} to {last}"):
        job = _count_query(table, first, last).start(clients, limit)
        counts = dict.fromkeys(days, 0) | {row.day: row.downloads for row in rows_of(job)}
    return counts, int(job.total_bytes_billed or 0)


def _price_of_count(clients: Clients, table: str, days: Sequence[date]) -> int:
    """Bytes that COUNT(*) of these days would bill, by dry runs."""
    estimated = 0
    for first, last in spans(days):
        with source_errors(f"cost of a recount of {first} to {last}"):
            estimated += _count_query(table, first, last).price(clients)
    return estimated


def _metadata_query(table: str, days: Sequence[date]) -> Query:
    dataset, _, name = table.rpartition(".")
    parameters = {"table": name, "first": f"{days[0]:%Y%m%d}", "last": f"{days[-1]:%Y%m%d}"}
    return Query("stored", sql_of("stored_rows.sql", dataset=dataset), parameters)


def _count_query(table: str, first: date, last: date) -> Query:
    return Query("count", sql_of("count_days.sql", table=table), bounds(first, last))
