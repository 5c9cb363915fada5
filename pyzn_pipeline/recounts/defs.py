"""The recount in Dagster: a check of the source table, its job, and an observation of each day."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    AssetObservation,
    AssetSelection,
    OpExecutionContext,
    asset_check,
    define_asset_job,
)

from pyzn_pipeline import calendar
from pyzn_pipeline.days import ranges
from pyzn_pipeline.defs.presentation import DATA_VERSION, table
from pyzn_pipeline.defs.resources import DaySource, Store
from pyzn_pipeline.defs.table import NAME
from pyzn_pipeline.exports.following import follow
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.recounts.recounts import due_for_recount, recount
from pyzn_pipeline.source.count import COUNT, Counts, DayCount
from pyzn_pipeline.source.queries import usd

RECOUNT_CHECK = AssetCheckKey(AssetKey(NAME), "counts_what_is_published")
RECOUNT = define_asset_job(
    "recount",
    selection=AssetSelection.checks(RECOUNT_CHECK),
    description="Asks the source for its count of the published days that are due, and stores it in the ledger.",
)


def recount_check() -> AssetChecksDefinition:
    """Return the check that recounts the days that are due, and reports the counts to the ledger and to Dagster."""

    @asset_check(
        asset=NAME,
        name=RECOUNT_CHECK.name,
        description=(
            f"Counts the published days that are due at the source: at {calendar.recount_times()}, and an hour after "
            "a later publication. BigQuery's metadata of the partitions has the number of rows for next to nothing. "
            "Where that is refused or differs from the ledger, `COUNT(*)` decides, which bills 8 bytes a row. "
            f"The same count at D+{calendar.SETTLED_AFTER} makes a day `final`. If there are more rows, the day is "
            "re-read. If there are fewer, the published day stays unchanged."
        ),
        pool="bigquery",
    )
    def counts_what_is_published(
        context: AssetCheckExecutionContext, source: DaySource, store: Store
    ) -> AssetCheckResult:
        with store.engine() as engine, source.opened() as opened:
            if isinstance(opened, Mirror):
                days, counts = follow(engine, opened.name, opened.index()), Counts({}, {}, 0)
            else:
                days, counts = recount(opened, engine, due_for_recount(engine, datetime.now(UTC)))
        if counts.no_metadata is not None:
            context.log.warning(f"The days are counted by COUNT(*), which is not free: {counts.no_metadata}")
        observe(context.op_execution_context, days)
        differ = [day for day in days if day.published != day.found]
        for day, why in counts.failed.items():
            context.log.error(f"day {day} is not counted: {why}")
        return AssetCheckResult(
            passed=not differ and not counts.failed,
            severity=AssetCheckSeverity.WARN,
            metadata={
                "days recounted": len(days),
                "days that differ": len(differ),
                "days not counted": ranges(sorted(counts.failed)) or "none",
                "days counted by COUNT(*)": sum(day.counted_by == COUNT for day in days),
                "bytes billed": counts.bytes_billed,
                "US dollars": round(usd(counts.bytes_billed, source.usd_per_tib), 6),
                "days": table(pd.DataFrame(differ or days, columns=DayCount._fields).astype({"day": str})),
                **({"why not by metadata": counts.no_metadata} if counts.no_metadata else {}),
            },
        )

    return counts_what_is_published


def observe(context: OpExecutionContext, days: Sequence[DayCount]) -> None:
    """Log an observation of the source table for each recounted day: its data version is the count."""
    for day in days:
        metadata: dict[str, int | str] = {
            "dagster/row_count": day.found,
            "downloads": day.found,
            "published": day.published,
            "counted by": day.counted_by,
            "status": day.status,
        }
        tags = {DATA_VERSION: str(day.found)}
        context.log_event(AssetObservation(NAME, partition=str(day.day), metadata=metadata, tags=tags))
