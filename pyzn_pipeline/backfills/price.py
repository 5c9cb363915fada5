"""Computes what a backfill would cost, before it is launched. This is free."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Engine

from pyzn_pipeline.breakdowns import BREAKDOWNS
from pyzn_pipeline.days import spans
from pyzn_pipeline.settings import TIB
from pyzn_pipeline.source.protocol import Source
from pyzn_pipeline.source.scan import usd
from pyzn_pipeline.store import ledger


@dataclass(frozen=True)
class BackfillCost:
    """The number of days, how many of them are published already and would be re-read, and the price.

    `lacking` of the published ones are missing for a breakdown, which reading them again would add.
    `retired` days are refused before anything is billed, so they cost nothing.
    """

    first: date
    last: date
    days: int
    published: int
    lacking: int
    retired: int
    bytes_billed: int
    dollars: float

    def __str__(self) -> str:
        """One line of text."""
        known = f", {self.published:,} of them published already (read and billed again)" if self.published else ""
        known += f", {self.lacking:,} of those to add a breakdown that they are missing" if self.lacking else ""
        known += f", {self.retired:,} retired (refused)" if self.retired else ""
        tib = self.bytes_billed / TIB
        size = f"{tib:,.2f} TiB" if tib >= 0.1 else f"{1024 * tib:,.2f} GiB"
        price = f"{self.dollars:,.2f} US dollars" if self.dollars >= 0.01 else "less than a cent"
        range_ = f"{self.first} to {self.last}: {self.days:,} days{known}"
        return f"{range_}; about {size} ({self.bytes_billed:,} bytes), {price}"


def backfill_cost(source: Source, engine: Engine, days: list[date], usd_per_tib: float) -> BackfillCost:
    """The cost of reading `days`, which are consecutive and in order. Needs one or two dry runs for any number of days.

    Raises SourceError or StoreError.
    """
    rows = ledger.days(engine, days[0], days[-1])
    readable = [row for row in rows if row["retired_at"] is None]
    published = [row for row in readable if row["status"] != "missing"]
    billed = sum(source.price(first, last) for first, last in spans([row["day"] for row in readable]))
    return BackfillCost(
        first=days[0],
        last=days[-1],
        days=len(days),
        published=len(published),
        lacking=sum(any(b.name not in row["project_keys"] for b in BREAKDOWNS) for row in published),
        retired=len(rows) - len(readable),
        bytes_billed=billed,
        dollars=usd(billed, usd_per_tib),
    )
