"""Protocol of a source, which gives a day's rows and counts. BigQuery is one (bigquery.py), a mirror another."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import NamedTuple, Protocol

from pyzn_pipeline.source.count import Counts, Price
from pyzn_pipeline.source.scan import Scan


class ScanPrice(NamedTuple):
    """Bytes that reading days would bill: as PYZN_READ_FILENAMES is set, without file names, and with those of all days
    on which they are needed.
    """

    billed: int
    without_filenames: int
    with_filenames: int


class Source(Protocol):
    """A source of days. All methods raise SourceError, or another PyznError that names the day or the file."""

    @property
    def name(self) -> str:
        """Name of the source in the ledger."""

    def scanned(self, day: date, held: Collection[str] = ()) -> AbstractContextManager[Scan]:
        """The rows of a day, by the breakdowns that are chosen and those that it holds already, by name.

        They can be read inside the block. Raises CostLimitExceeded before it bills anything.
        """

    def price(self, first: date, last: date) -> ScanPrice:
        """Return the price of reading each day from `first` to `last`. Asking is free."""

    def price_of_breakdowns(self, day: date) -> dict[str, int]:
        """Return the bytes that each breakdown adds to the price of a day, which are not read by default."""

    def count(self, published: Mapping[date, int], metadata_alone: bool = False) -> Counts:
        """Return the current downloads of the days in `published`, which has the ledger's count of each.

        With `metadata_alone` only those days whose count is confirmed for next to nothing.
        """

    def price_of_count(self, days: Sequence[date]) -> Price:
        """Return the price of `count`. Asking is free."""
