"""Wishes: which days somebody, or the calendar, has asked for, how often they were tried, and when again.

A wish is here from the moment it is made, not from the moment its work begins: `record` takes over what Dagster's
own storage holds of backfills and runs, whatever became of them. It ends when the day has been read since, or when
the person who asked takes it back; after MOST_ATTEMPTS the day is given up, and its row says why.

Belongs here: who wants which day, and the attempts at it. Does not: what Dagster knows of backfills and runs
(defs/requests.py), and which published days the source is asked about again (recounts.py).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from pyzn_pipeline import calendar
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import StoreError, store_errors

MOST_ATTEMPTS = 8  # about 18 hours of trying; then the day is given up, with its reason
OVERLAP = timedelta(days=1)  # in which a request may become visible after a younger one, or a clock may be wrong


@dataclass(frozen=True)
class Request:
    """A backfill or a run that Dagster was asked for, as it is now.

    `id` is 'backfill <id>' or 'run <id>'. `asker` is whose wish it carries out: its own id, that of the backfill
    that a run belongs to, or None for a run that the ledger itself has asked for.
    """

    id: str
    days: Sequence[date]
    asked_at: datetime
    asker: str | None
    ended: bool
    taken_back: str | None = None
    """How a person took it back, or None: what Dagster cancels by itself is not taken back."""
    failure: str | None = None
    """Why Dagster ended it before its work was done."""


@dataclass(frozen=True)
class Known:
    """What the ledger knows of requests: by id, whether they had ended; and since when younger ones are looked for."""

    ended: dict[str, bool]
    since: datetime

    def open(self, kind: str) -> list[str]:
        """The ids, as Dagster has them, of the 'backfill's or 'run's that it may still change."""
        return [key.removeprefix(f"{kind} ") for key, ended in self.ended.items() if key.startswith(kind) and not ended]


def known_requests(engine: Engine) -> Known:
    """The requests that Dagster may still change, or that are younger than `since`. Raises StoreError."""
    with store_errors("requests"), engine.connect() as connection:
        newest: datetime | None = connection.execute(text("SELECT max(asked_at) FROM pyzn.requests")).scalar_one()
        since = newest - OVERLAP if newest else datetime(2016, 1, 1, tzinfo=UTC)
        rows = connection.execute(statement("known_requests"), {"since": since})
        return Known({row.id: row.ended for row in rows}, since)


def record(engine: Engine, requests: Sequence[Request], known: Known) -> None:
    """Take over what has changed of `requests`, all of it or nothing. Raises StoreError.

    A new one's days are wanted from now on, unless they have been read since it was made. The wish of one that a
    person took back is gone. Days that a failed run never took on have had an attempt.
    """
    with store_errors("requests"), engine.begin() as connection:
        for request in requests:
            before = known.ended.get(request.id)  # None: it is new
            if before and request.ended:
                continue
            days = list(request.days)
            if before is not False and request.asker == request.id:
                ask(connection, days, request.id, request.asked_at)
            if request.taken_back:
                taken_back = {"days": days, "asker": request.asker, "reason": request.taken_back}
                connection.execute(statement("take_back_days"), taken_back)
            elif request.failure and request.id.startswith("run "):
                run_id = request.id.removeprefix("run ")
                failed = {"days": days, "run_id": run_id, "reason": request.failure, "most": MOST_ATTEMPTS}
                connection.execute(statement("fail_unbegun"), failed)
            connection.execute(
                statement("record_request"),
                {
                    "id": request.id,
                    "asked_at": request.asked_at,
                    "ended": request.ended,
                    "failure": request.failure,
                },
            )


def ask(connection: Connection, days: Sequence[date], asker: str, asked_at: datetime) -> None:
    """`asker` has asked for `days` at `asked_at`."""
    connection.execute(statement("ask_for_days"), {"days": list(days), "asker": asker, "asked_at": asked_at})


def begin_run(engine: Engine, days: Sequence[date], run_id: str, asker: str | None) -> None:
    """The run is going to read `days`; `asker` as in Request: a run may begin before the ledger has heard of it."""
    with store_errors(f"days {days[0]} to {days[-1]}"), engine.begin() as connection:
        if asker is not None:
            ask(connection, days, asker, connection.execute(text("SELECT clock_timestamp()")).scalar_one())
        connection.execute(statement("begin_run"), {"days": list(days), "run_id": run_id, "most": MOST_ATTEMPTS})


@contextmanager
def attempt(engine: Engine, day: date, run_id: str) -> Iterator[None]:
    """The run works on `day` inside the block. An error that leaves the block is kept as the day's reason.

    A failure that a later try may mend leaves the time of the next attempt, see begin_attempt.sql.
    """
    with store_errors(f"day {day}"), engine.begin() as connection:
        connection.execute(statement("begin_attempt"), {"day": day, "run_id": run_id, "most": MOST_ATTEMPTS})
    try:
        yield
    except Exception as error:
        unexpected = f"day {day}: unexpected {type(error).__name__}: see the run's log"
        reason, again = (str(error), error.transient) if isinstance(error, PyznError) else (unexpected, True)
        failed = {"day": day, "run_id": run_id, "reason": reason, "again": again}
        try:
            with store_errors(f"day {day}"), engine.begin() as connection:
                connection.execute(statement("fail_attempt"), failed)
        except StoreError as also:
            error.add_note(f"the ledger does not know why: {also}")
        raise


def due_for_reading(engine: Engine, now: datetime, repair_from: date | None) -> list[date]:
    """The days to read at `now`, newest first.

    What the calendar and the re-counts ask for is wanted first: missing days from `repair_from` on, see
    ask_for_missing_days.sql, and days of which the source has more. Raises StoreError.
    """
    with store_errors("days due for reading"), engine.begin() as connection:
        missing = {"now": now, "repair_from": repair_from, "last": calendar.latest(now, calendar.MISSING_AT)}
        connection.execute(statement("ask_for_missing_days"), missing)
        connection.execute(statement("ask_for_late_rows"))
        return list(connection.execute(statement("due_for_reading"), {"now": now}).scalars())
