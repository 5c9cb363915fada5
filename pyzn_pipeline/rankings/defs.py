"""Rankings in Dagster: the assets `top_projects` and `daily_totals`, and the sensor that keeps them up to date.

The sensor reads the ledger, not Dagster's events. So it sees every published day, even one that Dagster did not
publish, and it does not rank again when a day was re-read and found unchanged.
"""

import time
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime

from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetDep,
    AssetExecutionContext,
    AssetMaterialization,
    AssetsDefinition,
    AssetSelection,
    BetaWarning,
    DailyPartitionsDefinition,
    DefaultSensorStatus,
    Failure,
    MetadataValue,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    TimeWindowPartitionMapping,
    define_asset_job,
    multi_asset,
    sensor,
)
from sqlalchemy import Engine

from pyzn_pipeline.breakdowns import COUNT_COLUMNS
from pyzn_pipeline.days import RANGE_END, RANGE_START, days_of_tags, ranges
from pyzn_pipeline.defs.partitions import BACKFILL_POLICY, ensure_partitions
from pyzn_pipeline.defs.presentation import (
    CODE_VERSION,
    SCHEMA,
    Metadata,
    asset_spec,
    code_version,
    columns,
    picture,
    table,
)
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.defs.runs import UNFINISHED_RUNS
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.instance.run_coordinator import READING_ASSET
from pyzn_pipeline.rankings import rankings
from pyzn_pipeline.rankings.rankings import PERIODS, Ranking, totals
from pyzn_pipeline.store.database import text_of

TOP_PROJECTS = "top_projects"
DAILY_TOTALS = "daily_totals"
STATEMENTS = ("count_windows", "rank_windows")
RANKING_VERSION = code_version(*(text_of(name, rankings.__file__).decode() for name in STATEMENTS))
CHECKS = {
    "places_have_no_gaps": (TOP_PROJECTS, "The places of each period are 1, 2, 3, … with ever fewer downloads."),
    "totals_equal_the_versions": (DAILY_TOTALS, "The downloads of a day are those that its versions add up to."),
}
"""The asset of each check, and its description. Named as the statement that finds the days which fail it."""


def summary_assets(partitions: DailyPartitionsDefinition, first_day: date, api_url: str) -> AssetsDefinition:
    """Return one op that ranks each day and reports its totals."""

    @multi_asset(
        name="summaries_of_a_day",
        specs=[
            asset_spec(
                TOP_PROJECTS,
                deps=[AssetDep(READING_ASSET, partition_mapping=_the_days_before(59))],
                kinds={"postgres"},
                description=(
                    f"The {rankings.RANKS:,} most downloaded projects of the 1, 7 and 30 days that end with the "
                    "partition: rank, project, downloads, and the places gained since the 1, 7 or 30 days before "
                    "those. `/api/v4/top` reads it. A period is ranked by files, if all of its days have them, else by "
                    "downloads: `pyzn.rankings.counts`.\n\n"
                    "Computed only from the published days, so ranking a day again gives the same rows until the "
                    "content of one of its 60 days changes. The sensor `rank_what_has_changed` then ranks the days of "
                    "the last month automatically. Older days are ranked when you materialize them."
                ),
                metadata={
                    "dagster/table_name": "pyzn.top_projects",
                    SCHEMA: columns(
                        day="date", period="text", rank="integer", project="text", downloads="bigint", change="integer"
                    ),
                },
                skippable=True,  # the op logs each day's materialization itself
                partitions_def=partitions,
                code_version=RANKING_VERSION,
            ),
            asset_spec(
                DAILY_TOTALS,
                deps=[READING_ASSET],
                kinds={"postgres", "view"},
                description=(
                    "All of PyPI by day: downloads, by pip, by CI, projects, and the same weekday of the week "
                    "before.\n\nA **view** of the ledger: always up to date, nothing is computed. A "
                    "materialization only records the day's figures, when the day is ranked."
                ),
                metadata={
                    "dagster/table_name": "pyzn.daily_totals",
                    SCHEMA: columns(
                        day="date",
                        status="text",
                        **dict.fromkeys((*COUNT_COLUMNS, "projects", "downloads_week_before"), "bigint"),
                    ),
                    "now": picture(api_url, "range=month"),
                },
                skippable=True,
                partitions_def=partitions,
                code_version=RANKING_VERSION,
            ),
        ],
        check_specs=[AssetCheckSpec(check, asset=asset, description=text) for check, (asset, text) in CHECKS.items()],
        backfill_policy=BACKFILL_POLICY,
        can_subset=True,  # so that one of them can be selected; both are recorded all the same
    )
    def summaries_of_a_day(
        context: AssetExecutionContext, store: Store
    ) -> Iterator[AssetMaterialization | AssetCheckResult]:
        asked = days_of_tags(context.run.tags, first_day)
        ensure_partitions(context)
        failures = [asked.set_aside] if asked.set_aside else []
        missing = 0
        with store.engine() as engine:
            for day in asked.days:  # newest last, because Dagster shows the latest event of an asset
                try:
                    yield from _summarise(engine, day)
                except rankings.NotPublished as error:
                    missing += 1
                    context.log.warning(str(error))
                except PyznError as error:  # the other days are ranked all the same
                    failures.append(str(error))
                    context.log.error(str(error))  # noqa: TRY400 - an expected error: the traceback adds nothing
            for asset, check in sorted(context.selected_asset_check_keys, key=str):
                found = rankings.faulty(engine, check, asked.days)
                yield AssetCheckResult(
                    check_name=check, asset_key=asset, passed=not found, metadata={"days": ranges(found) or "none"}
                )
        if failures:
            raise Failure("\n".join(failures), allow_retries=False)
        if missing == len(asked.days):
            raise Failure(
                f"none of the days is published: {ranges(asked.days)}; materialize project_days of them first",
                allow_retries=False,
            )

    return summaries_of_a_day


def _the_days_before(days: int) -> TimeWindowPartitionMapping:
    """A partition and the `days` partitions before it, as far as they exist."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BetaWarning)  # the flag is beta; without it the first days have no lineage
        return TimeWindowPartitionMapping(start_offset=-days, allow_nonexistent_upstream_partitions=True)


def _summarise(engine: Engine, day: date) -> Iterator[AssetMaterialization]:
    start = time.monotonic()
    ranking = rankings.rank(engine, day)
    seconds = round(time.monotonic() - start, 3)
    tags = {CODE_VERSION: RANKING_VERSION}
    metadata = ranking_metadata(ranking, seconds)
    yield AssetMaterialization(TOP_PROJECTS, partition=str(day), metadata=metadata, tags=tags)
    yield AssetMaterialization(DAILY_TOTALS, partition=str(day), metadata=totals_metadata(engine, day), tags=tags)


def ranking_metadata(ranking: Ranking, seconds: float) -> Metadata:
    """The metadata of one ranking: the first places of each period, and the largest changes since the week before."""
    which = {"which are missing": MetadataValue.text(ranges(ranking.missing))} if ranking.missing else {}
    return {
        "dagster/row_count": MetadataValue.int(ranking.rows),
        "days missing": MetadataValue.int(len(ranking.missing)),  # from the month
        **which,
        "ranked by": MetadataValue.text(", ".join(f"{period}: {ranking.counts[period]}" for period in PERIODS)),
        "seconds to rank": MetadataValue.float(seconds),
        "top projects": table(ranking.top),
        "top movers": table(ranking.movers),  # compared with the same weekday of the week before
    }


def totals_metadata(engine: Engine, day: date) -> Metadata:
    """The metadata of one day's totals, and those of the week before."""
    row = totals(engine, day)
    numbers = {name: number for name, number in row.items() if isinstance(number, int)}
    labels = (name.replace("_week_", "_a_week_").replace("_", " ").replace("ci ", "CI ") for name in numbers)
    return {
        "dagster/row_count": MetadataValue.int(1),
        "status": MetadataValue.text(row["status"]),
        **dict(zip(labels, map(MetadataValue.int, numbers.values()), strict=True)),
    }


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
            tags={RANGE_START: str(first), RANGE_END: str(last)},
        )

    return rank_what_has_changed
