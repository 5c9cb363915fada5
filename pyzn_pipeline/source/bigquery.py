"""BigQuery, or an emulator, as the source."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import get_args

from pyzn_pipeline.settings import ReadFilenames
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.source.count import Counts, Price, count_days, price
from pyzn_pipeline.source.file_names import is_file, spans_of_a_rule
from pyzn_pipeline.source.protocol import ScanPrice
from pyzn_pipeline.source.scan import Scan, estimate, scan


@dataclass(frozen=True)
class BigQuery:
    """A table in the shape of file_downloads, and the bytes that one day's scan may bill. The methods are Source's."""

    clients: Clients
    table: str
    maximum_bytes_billed: int
    read_filenames: ReadFilenames = "auto"

    @property
    def name(self) -> str:
        """The table, see Clients.of."""
        return self.clients.of(self.table)

    @contextmanager
    def scanned(self, day: date) -> Iterator[Scan]:
        """One scan of the day."""
        yield scan(self.clients, self.table, day, self.maximum_bytes_billed, self.read_filenames)

    def price(self, first: date, last: date) -> ScanPrice:
        """By at most five dry runs."""
        asked = cache(lambda first, last, condition: estimate(self.clients, self.table, first, last, condition))
        spans = list(spans_of_a_rule(first, last))
        prices: dict[str, int] = {
            read: sum(asked(*span, is_file(span[0], read)) for span in spans) for read in get_args(ReadFilenames)
        }
        return ScanPrice(prices[self.read_filenames], prices["never"], prices["always"])

    def count(self, published: Mapping[date, int], metadata_alone: bool = False) -> Counts:
        """See count.py."""
        return count_days(self.clients, self.table, published, self.maximum_bytes_billed, metadata_alone)

    def price_of_count(self, days: Sequence[date]) -> Price:
        """By dry runs."""
        return price(self.clients, self.table, days)
