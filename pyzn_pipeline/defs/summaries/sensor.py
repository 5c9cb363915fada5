"""The sensor that keeps the rankings of the last month true to what is published.

It asks the ledger, not Dagster's events: so it sees a day whoever published it, and a day that was re-read and found
unchanged is no reason to rank.
"""

from datetime import UTC, datetime

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

from pyzn_pipeline.defs.day.requests import UNFINISHED_RUNS
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.defs.summaries.assets import DAILY_TOTALS, TOP_PROJECTS
from pyzn_pipeline.store import rankings

RECENT = 31  # days; the latest ranking is the API's, the others are its history, which re-reads still change


def ranking_sensor() -> SensorDefinition:
    """The sensor, RUNNING from the start."""
    job = define_asset_job(
        "rank_projects",
        selection=AssetSelection.assets(TOP_PROJECTS, DAILY_TOTALS),
        description="Ranks the projects of days that are published already. Reads Postgres alone; costs no BigQuery.",
    )

    @sensor(
        job=job,
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.RUNNING,
        description=f"Ranks the last {RECENT} days again whenever what they are computed from has changed.",
    )
    def rank_what_has_changed(context: SensorEvaluationContext, store: Store) -> RunRequest | SkipReason:
        # One at a time: while a backfill publishes day after day, each is not a reason for one more.
        if context.instance.get_runs_count(RunsFilter(job_name=job.name, statuses=UNFINISHED_RUNS)):
            return SkipReason("a ranking is on its way")
        with store.engine() as engine:
            stale = rankings.stale(engine, RECENT)
        if not stale:
            return SkipReason("every ranking is of what is published")
        # A day that changes makes all later ones stale, so the range from the first to the last has few others in it.
        first, last = min(stale), max(stale)
        return RunRequest(
            # A ranking that fails is tried again when a day is published, or in the next hour: not for ever.
            run_key=f"{last} {stale[last]} {datetime.now(UTC):%Y-%m-%dT%H}",
            tags={
                "dagster/asset_partition_range_start": str(first),
                "dagster/asset_partition_range_end": str(last),
            },
        )

    return rank_what_has_changed
