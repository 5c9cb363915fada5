"""The ledger of published days, as this process last read it, and the parts of it that an answer depends on.

Everything that the API answers about a day, and every ETag, comes from this copy, so neither a 304 nor
`/api/v4/days` touches the projects' rows.
"""

import asyncio
import json
import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

from cachetools import LRUCache
from pydantic import TypeAdapter

from pyzn_api.database import Database, DatabaseAwayError
from pyzn_api.errors import BadParameterError
from pyzn_api.models import DayStatus
from pyzn_api.windows import DEFAULT_DAYS, LONGEST, Granularity, Window
from pyzn_pipeline.breakdowns import DOWNLOADS, FILES

FRESH_SECONDS = 1.0  # how old the copy may be; a publication is visible this much later at most
_STATES_REMEMBERED = 1000  # windows; clients choose some of them


class Day(NamedTuple):
    """One row of the ledger."""

    day: date
    status: DayStatus
    revision: int
    downloads: int
    files: int | None  # None: read without file names
    projects: int
    published_at: datetime
    suspect_because: str | None
    accepted_because: str | None
    breakdowns: tuple[str, ...]


class Event(NamedTuple):
    """A row of pyzn.events. Without a last day it is a change that stays, or its end is unknown."""

    id: str
    kind: str
    first: date
    last: date | None
    touches: tuple[str, ...]
    effect: str
    sources: tuple[str, ...]
    own: bool
    changed_at: datetime


class Ranking(NamedTuple):
    """The latest ranking: it counts the windows that end with `day`, and leaves out the days in `missing`."""

    day: date
    computed_from: str  # differs when the content of a day in it does
    missing: tuple[date, ...]
    counts: dict[str, str]  # by period, what it is ranked by: files or downloads


class Basis(NamedTuple):
    """The data that an answer depends on, beside its route and parameters. Its ETag is a hash of all of it.

    The answer is rendered from a ledger that holds only what is named here, see `Ledger.shown`.
    """

    window: Window  # the days whose downloads are counted, unless it is a ranking that has counted them
    totals: bool = False  # all-time totals, the first day: every day published, and every import of totals
    days: bool = False  # each day of the window by name, its status and the reason for that; and the events
    events: bool = False  # the events that touch the window, and nothing else of it
    ranking: bool = False  # the latest ranking


@dataclass
class Ledger:
    """The published days, oldest first; the latest ranking; the events; and more that ledger.sql returns."""

    days: Sequence[Day]
    ranking: Ranking | None = None
    events: Sequence[Event] = ()
    imported_at: datetime | None = None  # the last import of totals that changed one
    late_after: timedelta = timedelta(days=2)  # from the beginning of a day
    synthetic: bool = False  # whether a day was read from a BigQuery emulator, and so is none of PyPI's
    snapshot_id: bytes = b""  # what snapshot_id.sql returned when the ledger was read

    def __post_init__(self) -> None:
        self._dates = [row.day for row in self.days]
        self._states: LRUCache[Basis, bytes] = LRUCache(_STATES_REMEMBERED)

    @property
    def latest(self) -> date | None:
        """The latest published day, if any."""
        return self._dates[-1] if self._dates else None

    def expected(self, now: datetime) -> date:
        """Return the latest day that is to be published at `now`, by the pipeline's calendar."""
        return (now - self.late_after).date()

    def recent(self, count: int, today: date) -> Window:
        """Return the `count` days that end with the latest published one.

        Not with yesterday: until the day after it, yesterday is not counted yet, and a week would
        have six days.
        """
        end = self.latest or today - timedelta(days=1)
        return Window(end - timedelta(days=count - 1), end)

    def ranked(self, count: int, today: date) -> Window:
        """Return the `count` days that end with the latest ranked one; as `recent` before anything is ranked."""
        if self.ranking is None:
            return self.recent(count, today)
        return Window(self.ranking.day - timedelta(days=count - 1), self.ranking.day)

    def requested(self, start: date | None, end: date | None, granularity: Granularity, today: date) -> Window:
        """Return the requested days; without `end` up to the latest published one, without `start` 30 of them.

        Raises BadParameterError for a range that is backwards, too long or in the future.
        """
        latest = self.recent(1, today).end
        last = end or latest
        if last > max(today, latest):  # latest is after today, if the clock of this server is behind
            raise BadParameterError("end", last, f"{today} (today, UTC) at the latest")
        first = start or max(last, date.min + timedelta(days=DEFAULT_DAYS - 1)) - timedelta(days=DEFAULT_DAYS - 1)
        if first > last:
            raise BadParameterError("start", first, f"{last} (the end) at the latest")
        longest = LONGEST[granularity]
        if (last - first).days >= longest:
            earliest = f"{last - timedelta(days=longest - 1)} at the earliest: by {granularity}"
            raise BadParameterError("start", first, f"{earliest}, a range ending {last} has at most {longest} days")
        return Window(first, last)

    def ranked_by(self, period: str) -> str:
        """Return the count that the latest ranking has ranked the period by."""
        return self.ranking.counts[period] if self.ranking else DOWNLOADS.name

    def not_ranked(self, window: Window) -> list[date]:
        """Return the days of a ranked window that are not counted in it, oldest first.

        Those that were missing when it was ranked: one that has been published since is still not in it.
        """
        return [day for day in window.days() if self.ranking is None or day in self.ranking.missing]

    def missing(self, window: Window, breakdown: str | None = None, count: str | None = None) -> list[date]:
        """Return the days of that window that are not published, or not by `breakdown` or `count`, oldest first."""
        published = {
            row.day
            for row in self.within(window)
            if (breakdown is None or breakdown in row.breakdowns) and (count != FILES.name or row.files is not None)
        }
        return [day for day in window.days() if day not in published]

    def uncertain(self, window: Window, missing: list[date] | None = None) -> dict[str, list[date]]:
        """Return the days of that window whose numbers may change, by `missing`, `provisional`, `suspect`.

        Unless given, those that are not published are missing.
        """
        found = {"missing": self.missing(window) if missing is None else missing}
        for status in ("provisional", "suspect"):
            counted = (row.day for row in self.within(window) if row.status == status)
            found[status] = [day for day in counted if day not in found["missing"]]
        return found

    def within(self, window: Window) -> Sequence[Day]:
        """Return the published days of that window, oldest first."""
        return self.days[bisect_left(self._dates, window.start) : bisect_right(self._dates, window.end)]

    def events_in(self, window: Window) -> list[Event]:
        """Return the events that touch that window; one without a last day touches its first."""
        return [each for each in self.events if each.first <= window.end and (each.last or each.first) >= window.start]

    def state(self, basis: Basis) -> bytes:
        """Return a digest that differs when, and only when, something has happened to what is named by `basis`.

        A re-read or a recount that finds the same content raises no revision, so it does not differ, unless it changes
        a status that the answer shows. An answer that names no day is the same over any window with the
        same days in it.
        """
        state = self._states.get(basis)
        if state is None:
            counted = self.within(basis.window)
            parts: list[object] = [self.ranking if basis.ranking else None if basis.events else _contents(counted)]
            if basis.totals:
                parts += [_contents(self.days), self.imported_at]
            if basis.days:
                parts += [basis.window]
                parts += [(row.day, row.status, row.suspect_because, row.accepted_because) for row in counted]
            if basis.days or basis.events:
                parts += self.events_in(basis.window)
            state = self._states[basis] = blake2b(repr(parts).encode(), digest_size=16).digest()
        return state

    def shown(self, basis: Basis) -> "Ledger":
        """Return what an answer on that basis may show, and no more: so no route shows what its ETag is not made of."""
        days = self.within(basis.window) if basis.days else ()
        events = self.events_in(basis.window) if basis.days or basis.events else ()
        return Ledger(days, self.ranking if basis.ranking else None, events, synthetic=self.synthetic)


_LEDGER = TypeAdapter(Ledger)


class LedgerReader:
    """Reads the ledger at most once a second, and keeps it while Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ledger: Ledger | None = None
        self._fingerprint = b""
        self._checked = -float("inf")  # monotonic seconds
        self._failure: DatabaseAwayError | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def latest(self) -> date | None:
        """The latest published day of the ledger that was read last; does not ask Postgres."""
        return None if self._ledger is None else self._ledger.latest

    async def read(self) -> tuple[Ledger, bool]:
        """Return the ledger, and whether it is fresh: at most a second old, read from a Postgres that answers.

        Raises DatabaseAwayError when there is none, fresh or not.
        """
        if time.monotonic() - self._checked >= FRESH_SECONDS:
            if self._reading is None:
                self._reading = asyncio.create_task(self._read())
            # After a failure, only the next attempt itself waits for Postgres.
            if self._failure is None:
                await asyncio.shield(self._reading)
        if self._ledger is None:
            raise self._failure or DatabaseAwayError("the ledger has not been read yet")
        return self._ledger, self._failure is None

    async def read_again(self) -> tuple[Ledger, bool]:
        """Return the ledger as `read` does, with everything that was committed before the call."""
        if self._reading is not None:  # begun before the call
            await asyncio.shield(self._reading)
        self._checked = -float("inf")
        return await self.read()

    async def wanted(self) -> dict[str, Any]:
        """Return how many days are wanted, and which of them are given up, now. Raises DatabaseAwayError."""
        ((*row, _),) = await self._database.rows("wanted")
        wanted, given_up, days = map(json.loads, row)
        return {"days_wanted": wanted, "days_given_up": given_up, "given_up": days}

    async def _read(self) -> None:
        try:
            ((fingerprint, document, snapshot_id),) = await self._database.rows(
                "ledger", {"fingerprint": self._fingerprint.decode()}
            )
            if document:
                self._ledger, self._fingerprint = _LEDGER.validate_json(document), fingerprint
            if self._ledger:
                self._ledger.snapshot_id = snapshot_id
            self._failure = None
        except DatabaseAwayError as failure:
            self._failure = failure
        finally:
            self._checked = time.monotonic()
            self._reading = None


def _contents(days: Sequence[Day]) -> str:
    """Return a text that differs when the content of one of the days does."""
    return ",".join([f"{row.day} {row.revision} {row.published_at}" for row in days])
