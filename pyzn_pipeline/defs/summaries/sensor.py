"""The sensor that keeps the rankings of the last month up to date.

It reads the ledger, not Dagster's events. So it sees every published day, even one that Dagster did not publish, and
it does not rank again when a day was re-read and found unchanged.
"""

from datetime import UTC, date, datetime

from dagster import (
    AssetSelection,
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    define_asset_job,
    sensor,
)

from pyzn_pipeline.days import RANGE_END, RANGE_START
from pyzn_pipeline.defs.day.requests import UNFINISHED_RUNS
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.defs.summaries.assets import DAILY_TOTALS, TOP_PROJECTS
from pyzn_pipeline.store import rankings

RECENT = 31  # days; the API shows the latest, the others are its history, which a re-read can still change


def ranking_sensor(first_day: date) -> SensorDefinition:
    """The sensor, RUNNING by default. Only days from `first_day` on have partitions."""
    job = define_asset_job(
        "rank_projects",
        selection=AssetSelection.assets(TOP_PROJECTS, DAILY_TOTALS),
        description="Ranks the projects of days that are published already. Reads only Postgres, not BigQuery.",
    )

    @sensor(
        job=job,
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.RUNNING,
        description=f"Ranks the last {RECENT} days again when a day that they are computed from has changed.",
    )
    def rank_what_has_changed(context: SensorEvaluationContext, store: Store) -> RunRequest | SkipReason:
        # One run at a time: a backfill publishes day after day, and not each of them needs its own run.
        if context.instance.get_runs_count(RunsFilter(job_name=job.name, statuses=UNFINISHED_RUNS)):
            return SkipReason("a ranking run is not finished")
        with store.engine() as engine:
            stale = {day: source for day, source in rankings.stale(engine, RECENT).items() if day >= first_day}
        if not stale:
            return SkipReason("every ranking is up to date")
        # A changed day makes all later rankings stale too, so nearly every day from the first to the last is stale.
        first, last = min(stale), max(stale)
        return RunRequest(
            # The key limits retries: a failed ranking is tried again when a day is published, or in the next hour.
            run_key=f"{last} {stale[last]} {datetime.now(UTC):%Y-%m-%dT%H}",
            tags={
                RANGE_START: str(first),
                RANGE_END: str(last),
            },
        )

    return rank_what_has_changed
