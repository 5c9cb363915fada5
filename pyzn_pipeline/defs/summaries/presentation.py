"""The metadata of a day's rankings and totals in the UI. Do not rename numbers, as in defs/presentation.py."""

from datetime import date

import pandas as pd
from dagster import MetadataValue
from sqlalchemy import Engine

from pyzn_pipeline.days import ranges
from pyzn_pipeline.defs.presentation import Metadata, table
from pyzn_pipeline.store.rankings import Ranking, totals


def ranking_metadata(ranking: Ranking, seconds: float) -> Metadata:
    """The metadata of one ranking: the first places of each period, and the largest changes since the week before."""
    which = {"which are missing": MetadataValue.text(ranges(ranking.missing))} if ranking.missing else {}
    return {
        "days missing": MetadataValue.int(len(ranking.missing)),  # from the month
        **which,
        "seconds to rank": MetadataValue.float(seconds),
        "top projects": table(ranking.top),
        "top movers": table(ranking.movers),  # compared with the same weekday of the week before
    }


def totals_metadata(engine: Engine, day: date) -> Metadata:
    """The metadata of one day's totals, and those of the week before."""
    of_day = totals(engine, day, day).iloc[-1]
    numbers = {
        "downloads": of_day["downloads"],
        "downloads a week before": of_day["downloads_week_before"],
        "pip downloads": of_day["pip_downloads"],
        "CI downloads": of_day["ci_downloads"],
        "downloads without mirrors": of_day["downloads_without_mirrors"],
        "projects": of_day["projects"],
    }
    return {
        "status": MetadataValue.text(of_day["status"]),
        **{name: MetadataValue.int(int(number)) for name, number in numbers.items() if not pd.isna(number)},
    }
