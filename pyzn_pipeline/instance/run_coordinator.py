"""The run coordinator: Dagster's queue, with the day first; it also tags the runs that a person cancels."""

from collections.abc import Callable
from datetime import date

from dagster import AssetKey, DagsterRun, QueuedRunCoordinator, SubmitRunContext
from dagster._core.execution.backfill import PartitionBackfill

from pyzn_pipeline.days import days_of_tags

READING_JOB = "daily_downloads"
READING_ASSET = AssetKey("project_days")
REPAIR = {"pyzn/repair": "true"}
"""The tag of runs that the ledger asked for."""

CANCELED = "pyzn/canceled"
BULK = {"pyzn/bulk": "true"}
"""The tag of runs that may take hours. `dagster.yaml` limits them to fewer than the pool of scans has slots."""


class DayFirstRunCoordinator(QueuedRunCoordinator):
    """Gives each run its place in the queue, whoever submits it, and tags each run that a person cancels.

    Dagster also cancels runs itself: those of a backfill that fails, and those that take too long. It does that
    without the coordinator, so the tag is the only difference. The ledger needs it, because only a person can cancel a
    request.
    """

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Tag the run with its priority, then queue it."""
        run = context.dagster_run
        self._instance.add_run_tags(run.run_id, queue_tags(run, self._instance.get_backfill))
        return super().submit_run(context)

    def cancel_run(self, run_id: str) -> bool:
        """Tag the run before it is canceled, so that the tag is there even if this process dies in between."""
        self._instance.add_run_tags(run_id, {CANCELED: "true"})
        return super().cancel_run(run_id)


def queue_tags(run: DagsterRun, get_backfill: Callable[[str], PartitionBackfill | None]) -> dict[str, str]:
    """Return the tags that give a run its place in the queue. A priority that somebody has set stays.

    A single day is first (2), then repairs and recounts (1), then rankings and exports (0), then backfills, the newest
    days first. A backfill of one day is a single day.
    """
    backfill = get_backfill(run.tags["dagster/backfill"]) if "dagster/backfill" in run.tags else None
    days = days_of_tags(run.tags).days
    reads = run.job_name == READING_JOB or READING_ASSET in (run.asset_selection or ())
    bulk = (backfill is not None and _partitions(backfill) > 1) or (reads and len(days) > 1)
    if REPAIR.items() <= run.tags.items():
        priority = 1
    elif bulk:
        priority = -(date.max - max(days, default=date.min)).days
    else:
        priority = 2 if len(days) == 1 else 0
    return {"dagster/priority": str(priority)} | (BULK if bulk else {}) | dict(run.tags)


def _partitions(backfill: PartitionBackfill) -> int:
    """Return how many partitions a backfill has."""
    if backfill.asset_backfill_data is None:
        return len(backfill.partition_names or ())
    subsets = backfill.asset_backfill_data.target_subset.partitions_subsets_by_asset_key.values()
    return max((len(subset) for subset in subsets), default=0)
