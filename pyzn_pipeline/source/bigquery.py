"""BigQuery, or an emulator, as the source."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import get_args

from pyzn_pipeline.breakdowns import BREAKDOWNS, KNOWN, Breakdown, known
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
    breakdowns: tuple[Breakdown, ...] = BREAKDOWNS

    @property
    def name(self) -> str:
        """The table, see Clients.of."""
        return self.clients.of(self.table)

    @contextmanager
    def scanned(self, day: date, held: Collection[str] = ()) -> Iterator[Scan]:
        """One scan of the day."""
        breakdowns = known({breakdown.name for breakdown in self.breakdowns} | set(held))
        yield scan(self.clients, self.table, day, self.maximum_bytes_billed, self.read_filenames, breakdowns)

    def price(self, first: date, last: date) -> ScanPrice:
        """Return the price, by at most five dry runs."""
        asked = cache(self._estimate)
        spans = list(spans_of_a_rule(first, last))
        prices: dict[str, int] = {
            read: sum(asked(*span, is_file(span[0], read, self.breakdowns), self.breakdowns) for span in spans)
            for read in get_args(ReadFilenames)
        }
        return ScanPrice(prices[self.read_filenames], prices["never"], prices["always"])

    def price_of_breakdowns(self, day: date) -> dict[str, int]:
        """Return the bytes, by a dry run for each, and one for what is chosen, all at once."""

        def price(names: set[str]) -> int:
            breakdowns = known(names)
            return self._estimate(day, day, is_file(day, self.read_filenames, breakdowns), breakdowns)

        chosen = {breakdown.name for breakdown in self.breakdowns}
        others = [breakdown.name for breakdown in KNOWN if breakdown not in BREAKDOWNS]
        with ThreadPoolExecutor() as threads:
            own, *prices = threads.map(price, [chosen, *(chosen ^ {name} for name in others)])
        return {name: abs(billed - own) for name, billed in zip(others, prices, strict=True)}

    def _estimate(self, first: date, last: date, condition: str | None, breakdowns: tuple[Breakdown, ...]) -> int:
        return estimate(self.clients, self.table, first, last, condition, breakdowns)

    def count(self, published: Mapping[date, int], metadata_alone: bool = False) -> Counts:
        """Return the counts of count.py."""
        return count_days(self.clients, self.table, published, self.maximum_bytes_billed, metadata_alone)

    def price_of_count(self, days: Sequence[date]) -> Price:
        """Return the price, by dry runs."""
        return price(self.clients, self.table, days)
