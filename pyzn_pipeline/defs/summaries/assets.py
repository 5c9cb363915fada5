"""The assets that are computed from published days: `top_projects` and `daily_totals`."""

import time
import warnings
from collections.abc import Iterator
from datetime import date

from dagster import (
    AssetDep,
    AssetExecutionContext,
    AssetMaterialization,
    AssetsDefinition,
    AssetSpec,
    BetaWarning,
    DailyPartitionsDefinition,
    Failure,
    MetadataValue,
    TimeWindowPartitionMapping,
    multi_asset,
)
from sqlalchemy import Engine

from pyzn_pipeline.breakdowns import BREAKDOWNS, VERSION
from pyzn_pipeline.days import days_of_tags, ranges
from pyzn_pipeline.defs.partitions import BACKFILL_POLICY
from pyzn_pipeline.defs.presentation import GROUP, OWNERS, picture
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.defs.summaries.presentation import ranking_metadata, totals_metadata
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store import rankings

TOP_PROJECTS = "top_projects"
DAILY_TOTALS = "daily_totals"


def summary_assets(partitions: DailyPartitionsDefinition, first_day: date, api_url: str) -> AssetsDefinition:
    """One op that ranks each day and reports its totals."""

    @multi_asset(
        name="summaries_of_a_day",
        specs=[
            AssetSpec(
                TOP_PROJECTS,
                deps=[AssetDep(VERSION.view, partition_mapping=_the_days_before(59))],
                kinds={"postgres"},
                description=(
                    f"The {rankings.RANKS:,} most downloaded projects of the 1, 7 and 30 days that end with the "
                    "partition: rank, project, downloads, and the places gained since the 1, 7 or 30 days before "
                    "those. `/api/v4/top` reads it.\n\n"
                    "Computed only from the published days, so ranking a day again gives the same rows until the "
                    "content of one of its 60 days changes. The sensor `rank_what_has_changed` then ranks the days of "
                    "the last month automatically. Older days are ranked when you materialize them."
                ),
                metadata={
                    "dagster/table_name": "pyzn.top_projects",
                    "SQL": MetadataValue.md(
                        "```sql\nSELECT rank, project, downloads, change\nFROM pyzn.top_projects\n"
                        "WHERE day = '2026-07-14' AND period = 'week'\nORDER BY rank LIMIT 20;\n```"
                    ),
                },
                skippable=True,  # the op logs each day's materialization itself
                partitions_def=partitions,
                group_name=GROUP,
                owners=OWNERS,
            ),
            AssetSpec(
                DAILY_TOTALS,
                deps=[AssetDep(breakdown.view) for breakdown in BREAKDOWNS],
                kinds={"postgres", "view"},
                description=(
                    "All of PyPI by day: downloads, by pip, by CI, projects, and the same weekday of the week "
                    "before.\n\nA **view** of the ledger: always up to date, nothing is computed. A "
                    "materialization only records the day's figures for the plots, when the day is ranked."
                ),
                metadata={
                    "dagster/table_name": "pyzn.daily_totals",
                    "now": picture(api_url, "range=month"),
                    "SQL": MetadataValue.md(
                        "```sql\nSELECT day, downloads, downloads_week_before\n"
                        "FROM pyzn.daily_totals\nORDER BY day DESC LIMIT 14;\n```"
                    ),
                },
                skippable=True,
                partitions_def=partitions,
                group_name=GROUP,
                owners=OWNERS,
            ),
        ],
        backfill_policy=BACKFILL_POLICY,
    )
    def summaries_of_a_day(context: AssetExecutionContext, store: Store) -> Iterator[AssetMaterialization]:
        asked = days_of_tags(context.run.tags, first_day)
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
        if failures:
            raise Failure("\n".join(failures), allow_retries=False)
        if missing == len(asked.days):
            raise Failure(
                f"none of the days is published: {ranges(asked.days)}; materialize {VERSION.view} of them first",
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
    yield AssetMaterialization(TOP_PROJECTS, partition=str(day), metadata=ranking_metadata(ranking, seconds))
    yield AssetMaterialization(DAILY_TOTALS, partition=str(day), metadata=totals_metadata(engine, day))
