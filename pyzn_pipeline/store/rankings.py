"""Rankings: the most downloaded projects of a day, week and month, computed from what is published."""

from dataclasses import dataclass
from datetime import date

import pandas as pd
from sqlalchemy import Engine, text

from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import StoreError, store_errors
from pyzn_pipeline.store.locks import day_locked

RANKS = 1000
"""Places kept a period: the API's largest `limit`. All 0.75 million would double what a day takes on disk."""

SHOWN = 10  # rows of the tables that people look at


@dataclass(frozen=True)
class Ranking:
    """One day's rankings.

    `missing` are the days of its month that are not counted: not published, or retired. `top` has rank,
    day, week, month; `movers` has project, downloads, week_before, change.
    """

    day: date
    missing: list[date]
    top: pd.DataFrame
    movers: pd.DataFrame


class NotPublished(StoreError):
    """A day without rows, missing or retired, cannot be ranked."""


def stale(engine: Engine, recent: int) -> dict[date, str]:
    """Of the `recent` days up to the latest published one, those to be ranked (again), oldest first.

    Each with what it would be computed from, as a text that differs when the content of a day in it does.
    """
    with store_errors("rankings"), engine.connect() as connection:
        return {row.day: row.source for row in connection.execute(statement("stale_rankings"), {"recent": recent})}


def rank(engine: Engine, day: date) -> Ranking:
    """Rank the 1, 7 and 30 days that end with `day`, in place of what was ranked of it, in one transaction.

    The result depends on the published days alone: on their content, not on when or in which order they came.
    Raises NotPublished, or StoreError.
    """
    with store_errors(f"day {day}: ranking"), day_locked(engine, day) as connection:
        # One snapshot: a day that is published meanwhile is in none of the statements, and the ranking is stale.
        connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            connection.execute(text("SET LOCAL work_mem = '256MB'"))  # 0.75 million projects are hashed in memory
            connection.execute(text("DELETE FROM pyzn.rankings WHERE day = :day"), {"day": day})
            written = connection.execute(statement("write_ranking"), {"day": day}).one_or_none()
            if written is None:
                raise NotPublished(
                    f"day {day} is not published, so it has no ranking: materialize downloads_by_version of it first"
                )
            connection.execute(statement("count_windows"), {"day": day})
            connection.execute(text("ANALYZE counted"))
            connection.execute(statement("rank_windows"), {"day": day, "ranks": RANKS})
            shown: dict[str, date | int] = {"day": day, "rows": SHOWN}
            top = pd.read_sql(statement("top_ranked"), connection, params=shown)
            movers = pd.read_sql(statement("top_movers"), connection, params=shown)
    return Ranking(day, written.missing, top, movers)


def totals(engine: Engine, first: date, last: date) -> pd.DataFrame:
    """The rows of pyzn.daily_totals from `first` to `last`, in order; a day that is not published has none."""
    with store_errors("daily totals"), engine.connect() as connection:
        rows = pd.read_sql(statement("daily_totals"), connection, params={"first": first, "last": last})
    return rows.convert_dtypes()  # counts stay integers beside the NA of a week before
