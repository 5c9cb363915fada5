"""The external source table: what it is, and what it counts now of days that are published."""

from datetime import UTC, datetime

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    AssetObservation,
    AssetSpec,
    DailyPartitionsDefinition,
    MetadataValue,
    asset_check,
)

from pyzn_pipeline import calendar
from pyzn_pipeline.defs.presentation import DATA_VERSION, GROUP, OWNERS, table
from pyzn_pipeline.defs.resources import BigQuerySource, Store
from pyzn_pipeline.recount import recount
from pyzn_pipeline.source.scan import usd

NAME = "file_downloads"
RECOUNT_CHECK = AssetCheckKey(AssetKey(NAME), "counts_what_is_published")


def source_table(partitions: DailyPartitionsDefinition, name: str, stand_in: bool) -> AssetSpec:
    """The BigQuery table, which PyZn reads and never writes."""
    where = "a local stand-in with the same columns: not PyPI's real downloads" if stand_in else "Google BigQuery"
    return AssetSpec(
        NAME,
        partitions_def=partitions,
        group_name=GROUP,
        kinds={"bigquery"},
        owners=OWNERS,
        description=(
            f"`{name}`: each file download is one row, partitioned by the UTC day of `timestamp`.\n\n"
            f"Read from **{where}**.\n\nAn observation of a day is a re-count of it: its data version is the count."
        ),
        metadata={
            "dagster/table_name": name,
            "documentation": MetadataValue.url("https://docs.pypi.org/api/bigquery/"),
        },
    )


def recount_check() -> AssetChecksDefinition:
    """The check that asks the source about the days that are due, and tells the ledger and Dagster what it counts."""

    @asset_check(
        asset=NAME,
        name=RECOUNT_CHECK.name,
        description=(
            f"Asks for `COUNT(*)` of the published days that are due: at {calendar.recounts_said()}, and an hour "
            f"after a later publication. The same count at D+{calendar.SETTLED_AFTER} makes a day `final`; more rows, "
            "and it is re-read; fewer, and what is published stays."
        ),
        pool="bigquery",
    )
    def counts_what_is_published(
        context: AssetCheckExecutionContext, source: BigQuerySource, store: Store
    ) -> AssetCheckResult:
        with store.engine() as engine, source.clients() as clients:
            days, billed = recount(clients, source.table, source.maximum_bytes_billed, engine, datetime.now(UTC))
        for day, published, found, status in days.itertuples(index=False, name=None):
            context.op_execution_context.log_event(
                AssetObservation(
                    NAME,
                    partition=str(day),
                    metadata={"downloads": found, "published": published, "status": status},
                    tags={DATA_VERSION: str(found)},
                )
            )
        differ = days[days["published"] != days["found"]]
        return AssetCheckResult(
            passed=differ.empty,
            severity=AssetCheckSeverity.WARN,
            metadata={
                "days re-counted": len(days),
                "days that differ": len(differ),
                "US dollars": round(usd(billed, source.usd_per_tib), 6),
                "days": table((days if differ.empty else differ).astype({"day": str})),
            },
        )

    return counts_what_is_published
