"""What is published: the table `days` as this process last saw it, and what an answer may depend on.

Everything that the API says about a day, and every ETag, comes from this copy, so neither a 304 nor
`/api/v4/days` touches the projects' rows.
"""

import asyncio
import json
import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

from cachetools import LRUCache

from pyzn_api.database import Database, DatabaseAwayError, Row
from pyzn_api.windows import Window

Status = Literal["final", "provisional", "suspect"]

FRESH_SECONDS = 1.0  # how old the copy may be; a publication is visible this much later at most
_STATES_REMEMBERED = 1000  # windows; clients choose some of them


@dataclass(frozen=True, slots=True)
class Day:
    """One row of the ledger."""

    day: date
    status: Status
    revision: int
    downloads: int
    projects: int
    published_at: datetime
    breakdowns: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The latest ranking: it counts the windows that end with `day`, and leaves out the days in `missing`."""

    day: date
    computed_from: str  # differs when the content of a day in it does
    missing: tuple[date, ...]


class Basis(NamedTuple):
    """What an answer depends on, beside its route and parameters. Its ETag is a hash of all of it.

    The answer is rendered from a ledger that holds only what is named here, see `Ledger.shown`.
    """

    window: Window  # the days whose downloads are counted, unless it is a ranking that has counted them
    totals: bool = False  # all-time totals, the first day: every day published, and every import of totals
    days: bool = False  # each day of the window by name: missing, provisional, suspect or final
    ranking: bool = False  # the latest ranking


class Ledger:
    """The published days, oldest first; the latest ranking and import of totals, if any; and when a day is late.

    `edition` is what the tables said of themselves when the ledger was read, see edition.sql.
    """

    def __init__(
        self,
        days: Sequence[Day],
        ranking: Ranking | None = None,
        imported_at: bytes = b"",
        late_after: timedelta = timedelta(days=2),
        edition: bytes = b"",
    ) -> None:
        self.days = days
        self.ranking = ranking
        self.imported_at = imported_at
        self.edition = edition
        self._late_after = late_after  # from the beginning of a day
        self._dates = [row.day for row in days]
        self._states: LRUCache[Basis, str] = LRUCache(_STATES_REMEMBERED)

    @property
    def latest(self) -> date | None:
        """The latest published day, if any."""
        return self._dates[-1] if self._dates else None

    def expected(self, now: datetime) -> date:
        """The latest day that is to be published at `now`, by the pipeline's calendar."""
        return (now - self._late_after).date()

    def recent(self, count: int, today: date) -> Window:
        """The `count` days that end with the latest published one.

        Not with yesterday: until the day after it, yesterday is not counted yet, and a week would
        have six days.
        """
        end = self.latest or today - timedelta(days=1)
        return Window(end - timedelta(days=count - 1), end)

    def ranked(self, count: int, today: date) -> Window:
        """The `count` days that end with the latest ranked one; as `recent` before anything is ranked."""
        if self.ranking is None:
            return self.recent(count, today)
        return Window(self.ranking.day - timedelta(days=count - 1), self.ranking.day)

    def not_ranked(self, window: Window) -> Sequence[date]:
        """The days of a ranked window that are not counted in it, oldest first.

        Those that were missing when it was ranked: one that has been published since is still not in it.
        """
        return [day for day in window.days() if self.ranking is None or day in self.ranking.missing]

    def missing(self, window: Window, breakdown: str | None = None) -> Sequence[date]:
        """The days of that window that are not published, or not by `breakdown`, oldest first."""
        published = {row.day for row in self.within(window) if breakdown is None or breakdown in row.breakdowns}
        return [day for day in window.days() if day not in published]

    def within(self, window: Window) -> Sequence[Day]:
        """The published days of that window, oldest first."""
        return self.days[bisect_left(self._dates, window.start) : bisect_right(self._dates, window.end)]

    def state(self, basis: Basis) -> str:
        """A text that differs when, and only when, something has happened to what is named by `basis`.

        A re-read or a recount that finds the same content raises no revision, so it does not differ, unless it changes
        a status that the answer tells. An answer that names no day is the same over any window with the
        same days in it.
        """
        known = self._states.get(basis)
        if known is None:
            counted = self.within(basis.window)
            parts: list[object] = [self.ranking if basis.ranking else _contents(counted)]
            if basis.totals:
                parts += [_contents(self.days), self.imported_at]
            if basis.days:
                parts += [basis.window, [(row.day, row.status) for row in counted]]
            known = self._states[basis] = blake2b(repr(parts).encode(), digest_size=16).hexdigest()
        return known

    def shown(self, basis: Basis) -> "Ledger":
        """What an answer on that basis may show of it, and no more: so no route shows what its ETag is not made of."""
        days = self.within(basis.window) if basis.days else ()
        return Ledger(days, self.ranking if basis.ranking else None)


class LedgerReader:
    """Reads the ledger at most once a second, and remembers it while Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ledger: Ledger | None = None
        self._fingerprint: Row | None = None
        self._checked = -float("inf")  # monotonic seconds
        self._failure: DatabaseAwayError | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def latest(self) -> date | None:
        """The latest published day of the ledger that was read last; does not ask Postgres."""
        return None if self._ledger is None else self._ledger.latest

    async def read(self) -> tuple[Ledger, bool]:
        """The ledger, and whether it is fresh: at most a second old, read from a Postgres that answers.

        Raises DatabaseAwayError when there is none, fresh or not.
        """
        if time.monotonic() - self._checked >= FRESH_SECONDS:
            if self._reading is None:
                self._reading = asyncio.create_task(self._read())
            # While Postgres is known to be away, only the attempt itself waits for it.
            if self._failure is None:
                await asyncio.shield(self._reading)
        if self._ledger is None:
            raise self._failure or DatabaseAwayError("the ledger has not been read yet")
        return self._ledger, self._failure is None

    async def read_again(self) -> tuple[Ledger, bool]:
        """As `read`, however short ago that was: nothing that was committed before the call is missing."""
        if self._reading is not None:  # begun before the call
            await asyncio.shield(self._reading)
        self._checked = -float("inf")
        return await self.read()

    async def wanted(self) -> dict[str, object]:
        """How many days were asked for and are not read, and which are given up, now. Raises DatabaseAwayError."""
        ((*row, _),) = await self._database.rows("wanted")
        wanted, given_up, days = map(json.loads, row)
        return {"days_wanted": wanted, "days_given_up": given_up, "given_up": days}

    async def _read(self) -> None:
        try:
            (fingerprint,) = await self._database.rows("ledger_fingerprint")
            if fingerprint != self._fingerprint:
                (row,) = await self._database.rows("ledger")
                days, ranking, imported_at, late_after, edition = row
                self._ledger = Ledger(
                    [_day(each) for each in json.loads(days)],
                    _ranking(ranking),
                    imported_at,
                    timedelta(seconds=int(late_after)),
                    edition,
                )
                self._fingerprint = fingerprint
            self._failure = None
        except DatabaseAwayError as failure:
            self._failure = failure
        finally:
            self._checked = time.monotonic()
            self._reading = None


def _contents(days: Sequence[Day]) -> str:
    """Differs when the content of one of the days does."""
    return ",".join([f"{row.day} {row.revision} {row.published_at}" for row in days])


def _day(row: list[Any]) -> Day:
    """A row of ledger.sql."""
    day, status, revision, downloads, projects, published_at, breakdowns = row
    held = _same(frozenset(breakdowns or ()))
    published = datetime.fromisoformat(published_at)
    return Day(date.fromisoformat(day), status, revision, downloads, projects, published, held)


@cache
def _same(breakdowns: frozenset[str]) -> frozenset[str]:
    """One object for all days that hold the same."""
    return breakdowns


def _ranking(column: bytes) -> Ranking | None:
    """The second column of ledger.sql."""
    if not column:
        return None
    day, computed_from, missing = json.loads(column)
    return Ranking(date.fromisoformat(day), computed_from, tuple(map(date.fromisoformat, missing)))
