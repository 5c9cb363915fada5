"""Attempts: which days were asked for, how often they were tried, and when they are tried again.

Written before the work begins, so that a run that dies without a word has left its trace; publication
deletes a day's row.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

from sqlalchemy import Engine

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import StoreError, store_errors

MOST_ATTEMPTS = 8  # about 18 hours of trying; then the day stays as it is, with its reason


def request(engine: Engine, days: Sequence[date], run_id: str) -> None:
    """The run is going to read `days`."""
    with store_errors(f"days {days[0]} to {days[-1]}"), engine.begin() as connection:
        connection.execute(statement("request_days"), {"days": list(days), "run_id": run_id, "most": MOST_ATTEMPTS})


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
        unforeseen = f"day {day}: {type(error).__name__}, which nobody foresaw: see the run's log"
        reason, again = (str(error), error.passes) if isinstance(error, PyznError) else (unforeseen, True)
        failed = {"day": day, "run_id": run_id, "reason": reason, "again": again}
        try:
            with store_errors(f"day {day}"), engine.begin() as connection:
                connection.execute(statement("fail_attempt"), failed)
        except StoreError as also:
            error.add_note(f"the ledger does not know why: {also}")
        raise


def give_up(engine: Engine, day: date, reason: str) -> None:
    """Nobody is to try `day` again without hands."""
    with store_errors(f"day {day}"), engine.begin() as connection:
        connection.execute(statement("give_up"), {"day": day, "reason": reason})
