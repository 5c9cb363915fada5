"""Computes what a backfill would cost, before it is launched. This is free."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Engine

from pyzn_pipeline.days import spans
from pyzn_pipeline.settings import TIB
from pyzn_pipeline.source.protocol import ScanPrice, Source
from pyzn_pipeline.source.queries import usd
from pyzn_pipeline.store import ledger


@dataclass(frozen=True)
class BackfillCost:
    """The number of days, how many of them are published already and would be re-read, and the price.

    `lacking` of the published ones have no count of files, or miss a breakdown, which reading them again can add.
    `retired` days are refused before anything is billed, so they cost nothing. `by_breakdown` has the bytes of the last
    day that each breakdown adds which is not read by default.
    """

    first: date
    last: date
    days: int
    published: int
    lacking: int
    retired: int
    price: ScanPrice
    by_breakdown: Mapping[str, int]
    usd_per_tib: float

    def __str__(self) -> str:
        """One line of text."""
        known = f", {self.published:,} of them published already (read and billed again)" if self.published else ""
        known += f", {self.lacking:,} of those lack a breakdown or the count of files" if self.lacking else ""
        known += f", {self.retired:,} retired (refused)" if self.retired else ""
        line = f"{self.first} to {self.last}: {self.days:,} days{known}; about {self._priced(self.price.billed)}"
        without, with_ = self.price.without_filenames, self.price.with_filenames
        if without < self.price.billed:
            line += f"; without file names (PYZN_READ_FILENAMES=never) {self._priced(without)}"
        if with_ > self.price.billed:
            line += f"; with those of all days (PYZN_READ_FILENAMES=always) {self._priced(with_)}"
        if self.by_breakdown:
            added = (f"{name} {_size(billed)}" for name, billed in self.by_breakdown.items())
            line += f"; of one day, PYZN_BREAKDOWNS can add {', '.join(added)}"
        return line

    @property
    def dollars(self) -> float:
        """US dollars for the bytes that are billed."""
        return usd(self.price.billed, self.usd_per_tib)

    def _priced(self, billed: int) -> str:
        dollars = usd(billed, self.usd_per_tib)
        return f"{_size(billed)} ({billed:,} bytes), " + (
            f"{dollars:,.2f} US dollars" if dollars >= 0.01 else "less than a cent"
        )


def _size(billed: int) -> str:
    tib = billed / TIB
    return f"{tib:,.2f} TiB" if tib >= 0.1 else f"{1024 * tib:,.2f} GiB"


def backfill_cost(
    source: Source, engine: Engine, days: list[date], usd_per_tib: float, breakdowns: Collection[str]
) -> BackfillCost:
    """Return the cost of reading `days`, which are consecutive and in order, by a few dry runs for any number.

    Raises SourceError or StoreError.
    """
    rows = ledger.days(engine, days[0], days[-1])
    readable = [row for row in rows if row["retired_at"] is None]
    published = [row for row in readable if row["status"] != "missing"]
    prices = [source.price(first, last) for first, last in spans([row["day"] for row in readable])]
    return BackfillCost(
        first=days[0],
        last=days[-1],
        days=len(days),
        published=len(published),
        lacking=sum(row["files"] is None or not set(breakdowns) <= row["project_keys"].keys() for row in published),
        retired=len(rows) - len(readable),
        price=ScanPrice(*map(sum, zip((0, 0, 0), *prices, strict=True))),
        by_breakdown=source.price_of_breakdowns(readable[-1]["day"]) if readable else {},
        usd_per_tib=usd_per_tib,
    )
