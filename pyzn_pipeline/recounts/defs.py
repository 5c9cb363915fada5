"""The recount in Dagster: a check of the source table, its job, and an observation of each day."""

from datetime import UTC, datetime

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    AssetObservation,
    AssetSelection,
    ResourceParam,
    asset_check,
    define_asset_job,
)

from pyzn_pipeline import calendar
from pyzn_pipeline.days import ranges
from pyzn_pipeline.defs.presentation import DATA_VERSION, table
from pyzn_pipeline.defs.resources import AnySource, Store
from pyzn_pipeline.defs.table import NAME
from pyzn_pipeline.exports.following import follow
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.recounts.recounts import recount
from pyzn_pipeline.source.count import COUNT
from pyzn_pipeline.source.scan import usd

RECOUNT_CHECK = AssetCheckKey(AssetKey(NAME), "counts_what_is_published")
RECOUNT = define_asset_job(
    "recount",
    selection=AssetSelection.checks(RECOUNT_CHECK),
    description="Asks the source for its count of the published days that are due, and stores it in the ledger.",
)


def recount_check() -> AssetChecksDefinition:
    """The check that recounts the days that are due, and reports the counts to the ledger and to Dagster."""

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
        context: AssetCheckExecutionContext, source: ResourceParam[AnySource], store: Store
    ) -> AssetCheckResult:
        with store.engine() as engine, source.opened() as opened:
            now = datetime.now(UTC)
            days, counts = (
                follow(engine, opened.name, opened.index())
                if isinstance(opened, Mirror)
                else recount(opened, engine, now)
            )
        if counts.no_metadata is not None:
            context.log.warning(f"The days are counted by COUNT(*), which is not free: {counts.no_metadata}")
        for day, published, found, by, status in days.itertuples(index=False, name=None):
            context.op_execution_context.log_event(
                AssetObservation(
                    NAME,
                    partition=str(day),
                    metadata={"downloads": found, "published": published, "counted by": by, "status": status},
                    tags={DATA_VERSION: str(found)},
                )
            )
        differ = days[days["published"] != days["found"]]
        for day, why in counts.failed.items():
            context.log.error(f"day {day} is not counted: {why}")
        return AssetCheckResult(
            passed=differ.empty and not counts.failed,
            severity=AssetCheckSeverity.WARN,
            metadata={
                "days recounted": len(days),
                "days that differ": len(differ),
                "days not counted": ranges(sorted(counts.failed)) or "none",
                "days counted by COUNT(*)": int((days["counted by"] == COUNT).sum()),
                "bytes billed": counts.bytes_billed,
                "US dollars": round(usd(counts.bytes_billed, source.usd_per_tib), 6),
                "days": table((days if differ.empty else differ).astype({"day": str})),
                **({"why not by metadata": counts.no_metadata} if counts.no_metadata else {}),
            },
        )

    return counts_what_is_published
