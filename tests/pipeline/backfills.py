"""Backfills and the origin of runs, as Dagster's storage holds them."""

from datetime import UTC, date, datetime

from dagster import DagsterInstance, Definitions
from dagster._core.definitions.selector import PartitionRangeSelector, PartitionsByAssetSelector, PartitionsSelector
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from pyzn_pipeline.instance.run_coordinator import READING_ASSET

LOCATION = GrpcServerCodeLocationOrigin("127.0.0.1", port=9, location_name="pyzn")  # nothing is sent there
ORIGIN = RemoteJobOrigin(RemoteRepositoryOrigin(LOCATION, "__repository__"), "daily_downloads")  # of a queued run


def backfill(
    defs: Definitions,
    instance: DagsterInstance,
    first: date,
    last: date,
    backfill_id: str,
    status: BulkActionStatus = BulkActionStatus.REQUESTED,
) -> None:
    """A backfill of these days that Dagster has taken, and what has become of it."""
    days = PartitionsSelector(ranges=[PartitionRangeSelector(start=str(first), end=str(last))])
    made = PartitionBackfill.from_partitions_by_assets(
        backfill_id=backfill_id,
        asset_graph=defs.get_repository_def().asset_graph,
        backfill_timestamp=datetime.now(UTC).timestamp(),
        tags={},
        dynamic_partitions_store=instance,
        partitions_by_assets=[PartitionsByAssetSelector(asset_key=READING_ASSET, partitions=days)],
        title=None,
        description=None,
        run_config=None,
    )
    instance.add_backfill(made._replace(status=status))
