"""BigQuery, or an emulator, as the source."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.source.count import Counts, Price, count_days, price
from pyzn_pipeline.source.scan import Scan, estimate, scan


@dataclass(frozen=True)
class BigQuery:
    """A table in the shape of file_downloads, and the bytes that one day's scan may bill. The methods are Source's."""

    clients: Clients
    table: str
    maximum_bytes_billed: int

    @property
    def name(self) -> str:
        """The table, see Clients.of."""
        return self.clients.of(self.table)

    @contextmanager
    def scanned(self, day: date) -> Iterator[Scan]:
        """One scan of the day."""
        yield scan(self.clients, self.table, day, self.maximum_bytes_billed)

    def price(self, first: date, last: date) -> int:
        """By a dry run."""
        return estimate(self.clients, self.table, first, last)

    def count(self, published: Mapping[date, int]) -> Counts:
        """See count.py."""
        return count_days(self.clients, self.table, published, self.maximum_bytes_billed)

    def price_of_count(self, days: Sequence[date]) -> Price:
        """By dry runs."""
        return price(self.clients, self.table, days)
