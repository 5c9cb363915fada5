"""Rankings: the most downloaded projects of a day, week and month, computed from the published days."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import Engine, text

from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import StoreError, store_errors
from pyzn_pipeline.store.locks import days_locked

RANKS = 15_000
"""How many places are kept for each period: the API's largest `limit`, and what readers of top lists are used to."""

PERIODS = ("day", "week", "month")
SHOWN = 10  # rows of the tables that people look at


@dataclass(frozen=True)
class Ranking:
    """One day's rankings.

    `missing` lists the days of its month that are not counted, because they are not published or are retired. `counts`
    has for each period what it is ranked by, files or downloads. `top` has rank, day, week, month; `movers` has
    project, downloads, week_before, change.
    """

    day: date
    missing: list[date]
    counts: dict[str, str]
    rows: int
    top: pd.DataFrame
    movers: pd.DataFrame


class NotPublished(StoreError):
    """The day cannot be ranked, because it has no rows: it is missing or retired."""


def stale(engine: Engine, recent: int) -> dict[date, str]:
    """The days to rank (again) among the `recent` days up to the latest published one, oldest first.

    Each has its source: a text that changes when the content of one of the days that it counts changes.
    """
    with store_errors("rankings"), engine.connect() as connection:
        return {
            row.day: row.source for row in connection.execute(statement("stale_rankings", __file__), {"recent": recent})
        }


def rank(engine: Engine, day: date) -> Ranking:
    """Rank the 1, 7 and 30 days that end with `day` and replace its earlier ranking, in one transaction.

    The result depends only on the content of the published days, not on when or in which order they were published.
    Raises NotPublished, or StoreError.
    """
    with store_errors(f"day {day}: ranking"), days_locked(engine, day, day) as connection:
        # One snapshot: no statement sees a day that is published meanwhile. The ranking is then stale, and made again.
        connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            connection.execute(text("SET LOCAL work_mem = '256MB'"))  # enough to hash 0.75 million projects in memory
            connection.execute(text("DELETE FROM pyzn.rankings WHERE day = :day"), {"day": day})
            written = connection.execute(statement("write_ranking", __file__), {"day": day}).one_or_none()
            if written is None:
                raise NotPublished(
                    f"day {day} is not published, so it has no ranking: materialize project_days of it first"
                )
            connection.execute(statement("count_windows", __file__), {"day": day})
            connection.execute(text("ANALYZE counted"))
            rows = connection.execute(statement("rank_windows", __file__), {"day": day, "ranks": RANKS}).rowcount
            shown: dict[str, date | int] = {"day": day, "rows": SHOWN}
            top = pd.read_sql(statement("top_ranked", __file__), connection, params=shown)
            movers = pd.read_sql(statement("top_movers", __file__), connection, params=shown)
    return Ranking(day, written.missing, written.counts, rows, top, movers)


def faulty(engine: Engine, check: str, days: list[date]) -> list[date]:
    """Return the days among `days` that `check` finds, a statement of this topic, in order. Raises StoreError."""
    with store_errors(f"check {check}"), engine.connect() as connection:
        return list(connection.execute(statement(check, __file__), {"days": days}).scalars())


def totals(engine: Engine, day: date) -> dict[str, Any]:
    """Return the row of pyzn.daily_totals of a published day."""
    query = text("SELECT * FROM pyzn.daily_totals WHERE day = :day")
    with store_errors("daily totals"), engine.connect() as connection:
        return dict(connection.execute(query, {"day": day}).mappings().one())
