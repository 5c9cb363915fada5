"""Wanted days: the days that somebody, or the calendar, has asked for; the attempts at each, and the next one.

A day is wanted from the moment it is asked for, not from the moment its run begins: `record` copies the backfills
and runs from Dagster's storage, even those that died. A day stays wanted until it is read, or until its request
is canceled or withdrawn. After MOST_ATTEMPTS the day is given up, and its row has the reason.

Belongs here: who wants which day, and the attempts. Does not: the backfills and runs in Dagster's storage
(defs.py), and which published days are recounted (recounts.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from pyzn_pipeline import calendar
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import StoreError, store_errors

PAUSES = [timedelta(minutes=min(4**n, 360)) for n in range(7)]  # after each attempt but the last: 1, 4, 16, … minutes
MOST_ATTEMPTS = len(PAUSES) + 1  # about 18 hours; then the day is given up
RECOUNT = "recount"  # that asks for days, as Request.asker
OVERLAP = timedelta(days=1)  # look this far back again: a request may become visible late, or a clock may be wrong


@dataclass(frozen=True)
class Request:
    """The current state of a backfill or run that was requested in Dagster.

    `id` is 'backfill <id>' or 'run <id>'. `asker` is its own id, or that of the backfill that the run belongs to, or
    None for a run that the ledger has asked for. `canceled` is how a person canceled it: if Dagster cancels something
    itself, that cancels no request. `failure` is why Dagster ended it before its work was done. `set_aside` is why
    days that it names are not asked for.
    """

    id: str
    days: Sequence[date]
    asked_at: datetime
    asker: str | None
    ended: bool
    canceled: str | None = None
    failure: str | None = None
    set_aside: str | None = None


@dataclass(frozen=True)
class LedgerRequests:
    """The requests in the ledger: by id, whether each had ended; and the time since when to look for new ones."""

    ended: dict[str, bool]
    since: datetime

    def open(self, kind: str) -> list[str]:
        """Return Dagster's ids of the requests of `kind`, 'backfill' or 'run', that have not ended."""
        return [key.removeprefix(f"{kind} ") for key, ended in self.ended.items() if key.startswith(kind) and not ended]


def known_requests(engine: Engine) -> LedgerRequests:
    """Return the requests that have not ended, or that are newer than `since`. Raises StoreError."""
    with store_errors("requests"), engine.connect() as connection:
        newest: datetime | None = connection.execute(text("SELECT max(asked_at) FROM pyzn.requests")).scalar_one()
        since = newest - OVERLAP if newest else datetime(2016, 1, 1, tzinfo=UTC)
        query = text("SELECT id, ended FROM pyzn.requests WHERE NOT ended OR asked_at > :since")
        rows = connection.execute(query, {"since": since})
        return LedgerRequests({row.id: row.ended for row in rows}, since)


def record(engine: Engine, requests: Sequence[Request], known: LedgerRequests) -> None:
    """Write what has changed in `requests` to the ledger, everything or nothing. Raises StoreError.

    The days of a new request become wanted, unless they were read after it was made. If a person canceled a request,
    its days are no longer wanted by it. For a failed run, the days that it never began count one attempt.
    """
    with store_errors("requests"), engine.begin() as connection:
        for request in requests:
            before = known.ended.get(request.id)  # None: a new request
            if before and request.ended:
                continue
            days = list(request.days)
            if before is not False and request.asker == request.id:
                ask(connection, dict.fromkeys(days, request.asked_at), request.id)
            if request.canceled:
                canceled = {"days": days, "asker": request.asker, "reason": request.canceled}
                connection.execute(statement("cancel_days", __file__), canceled)
            elif request.failure and request.id.startswith("run "):
                run_id = request.id.removeprefix("run ")
                failed = {"days": days, "run_id": run_id, "reason": request.failure, "pauses": PAUSES}
                connection.execute(statement("fail_unbegun", __file__), failed)
            connection.execute(statement("record_request", __file__), asdict(request))


def ask(connection: Connection, asked_at: Mapping[date, datetime], asker: str) -> None:
    """Record that `asker`, a request or RECOUNT, asked for each of these days at that time."""
    days = {"days": list(asked_at), "asked_at": list(asked_at.values()), "asker": asker}
    connection.execute(statement("ask_for_days", __file__), days)


def withdraw(engine: Engine, first: date, last: date) -> list[date]:
    """Cancel every request for those of the days that were given up; return them, in order. Raises StoreError."""
    with store_errors(f"days {first} to {last}"), engine.begin() as connection:
        given_up = {"first": first, "last": last}
        return sorted(connection.execute(statement("withdraw_days", __file__), given_up).scalars())


def begin_run(engine: Engine, days: Sequence[date], run_id: str, asker: str | None) -> None:
    """Record that the run will read `days`. `asker` as in Request: a run may begin before `record` has seen it."""
    with store_errors(f"days {days[0]} to {days[-1]}"), engine.begin() as connection:
        if asker is not None:
            now = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            ask(connection, dict.fromkeys(days, now), asker)
        begun = {"days": list(days), "run_id": run_id, "most": MOST_ATTEMPTS}
        connection.execute(statement("begin_run", __file__), begun)


@contextmanager
def attempt(engine: Engine, day: date, run_id: str) -> Iterator[None]:
    """Record an attempt to read `day` by the run inside the block. An error that leaves the block is its reason.

    If a retry may help, the time of the next attempt is kept as well, see begin_attempt.sql.
    """
    with store_errors(f"day {day}"), engine.begin() as connection:
        connection.execute(statement("begin_attempt", __file__), {"day": day, "run_id": run_id, "pauses": PAUSES})
    try:
        yield
    except Exception as error:
        unexpected = f"day {day}: unexpected {type(error).__name__}: see the run's log"
        reason, again = (str(error), error.transient) if isinstance(error, PyznError) else (unexpected, True)
        failed = {"day": day, "run_id": run_id, "reason": reason, "again": again}
        try:
            with store_errors(f"day {day}"), engine.begin() as connection:
                connection.execute(statement("fail_attempt", __file__), failed)
        except StoreError as also:
            error.add_note(f"the reason could not be written to the ledger: {also}")
        raise


def due_for_reading(
    engine: Engine, now: datetime, repair_from: date | None, first_day: date = date.min, late_rows: bool = True
) -> list[date]:
    """Return the days to read at `now`, newest first.

    Before that, it makes wanted what the calendar and the recounts ask for: missing days from `repair_from` on, see
    ask_for_missing_days.sql, and with `late_rows` days for which the source has more rows now. Days before `first_day`,
    which no run can read, are given up. Raises StoreError.
    """
    with store_errors("days due for reading"), engine.begin() as connection:
        missing = {"now": now, "repair_from": repair_from, "last": calendar.latest(now, calendar.MISSING_AT)}
        connection.execute(statement("ask_for_missing_days", __file__), missing)
        if late_rows:
            query = text("SELECT day, recounted_at FROM pyzn.days WHERE source_recount > source_downloads")
            ask(connection, {row.day: row.recounted_at for row in connection.execute(query)}, RECOUNT)
        connection.execute(statement("give_up_early_days", __file__), {"first_day": first_day})
        due = {"now": now, "today": now.astimezone(UTC).date()}
        return list(connection.execute(statement("due_for_reading", __file__), due).scalars())
