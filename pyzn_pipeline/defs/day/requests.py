"""Reads the requests for days, which are backfills and runs, from Dagster's storage, for the ledger.

Dagster commits a backfill or a run before it starts working on it, and never deletes one itself. So every request
can be read here even after its process died. It is lost only if a person deletes it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from dagster import AssetKey, DagsterInstance, DagsterRun, DagsterRunStatus, RunRecord, RunsFilter
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill

from pyzn_pipeline.breakdowns import VERSION
from pyzn_pipeline.defs.day.job import READ
from pyzn_pipeline.instance.run_coordinator import TAKEN_BACK
from pyzn_pipeline.store.wanted import Known, Request

ASSET = AssetKey(VERSION.view)
REPAIR = {"pyzn/repair": "true"}
"""The tag of runs that the ledger asked for."""

UNFINISHED_RUNS = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
UNFINISHED_BACKFILLS = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]


def requests_since(instance: DagsterInstance, known: Known) -> list[Request]:
    """The requests for days that are new or may have changed, backfills before runs."""
    backfills, runs = known.open("backfill"), known.open("run")
    of_backfills = [BulkActionsFilter(created_after=known.since), BulkActionsFilter(statuses=UNFINISHED_BACKFILLS)]
    of_backfills += [BulkActionsFilter(backfill_ids=backfills)] if backfills else []  # an empty list is no filter
    of_runs = [RunsFilter(created_after=known.since)] + ([RunsFilter(run_ids=runs)] if runs else [])
    found = {b.backfill_id: b for each in of_backfills for b in instance.get_backfills(filters=each)}
    records = {r.dagster_run.run_id: r for each in of_runs for r in instance.get_run_records(each)}
    asked = [*map(_of_backfill, found.values()), *map(_of_run, records.values())]
    gone = {request_id for request_id, ended in known.ended.items() if not ended} - {request.id for request in asked}
    return [request for request in asked if request.days] + [_deleted(request_id) for request_id in gone]


def in_hand(instance: DagsterInstance, runs: Iterable[DagsterRun]) -> set[date]:
    """The days that are being read: by unfinished `runs`, and by backfills that may not have all their runs yet."""
    backfills = instance.get_backfills(filters=BulkActionsFilter(statuses=UNFINISHED_BACKFILLS))
    return {day for run in runs for day in days_of_run(run)} | {day for b in backfills for day in _still_to_do(b)}


def days_of_run(run: DagsterRun) -> list[date]:
    """The days that a run reads; empty for a run that does not read days."""
    if run.job_name != READ.name and ASSET not in (run.asset_selection or ()):
        return []
    if "dagster/partition" in run.tags:
        return list(_days([run.tags["dagster/partition"]]))
    if "dagster/asset_partition_range_start" not in run.tags:
        return []
    first, last = (date.fromisoformat(run.tags[f"dagster/asset_partition_range_{end}"]) for end in ("start", "end"))
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def asker_of(run: DagsterRun) -> str | None:
    """Who wants the days of the run, as in Request.asker."""
    if REPAIR.items() <= run.tags.items():
        return None
    backfill = run.tags.get("dagster/backfill")
    return f"backfill {backfill}" if backfill else f"run {run.run_id}"


def _of_run(record: RunRecord) -> Request:
    run = record.dagster_run
    canceled = run.is_finished and not run.is_success and TAKEN_BACK in run.tags
    failed = run.status is DagsterRunStatus.FAILURE
    return Request(
        id=f"run {run.run_id}",
        days=days_of_run(run),
        asked_at=record.create_timestamp.replace(tzinfo=UTC),
        asker=asker_of(run),
        ended=run.is_finished,
        taken_back=f"run {run.run_id} was canceled" if canceled else None,
        failure=f"run {run.run_id} failed before it began the day" if failed else None,
    )


def _of_backfill(backfill: PartitionBackfill) -> Request:
    name, status = f"backfill {backfill.backfill_id}", backfill.status
    canceled = status in {BulkActionStatus.CANCELING, BulkActionStatus.CANCELED}  # by a person; if it fails: FAILING
    failed = status in {BulkActionStatus.FAILING, BulkActionStatus.FAILED}
    why = backfill.error.message.strip().splitlines()[0] if backfill.error else "Dagster does not say why"
    return Request(
        id=name,
        days=list(_days(_target(backfill))),
        asked_at=datetime.fromtimestamp(backfill.backfill_timestamp, UTC),
        asker=name,
        ended=status not in UNFINISHED_BACKFILLS,
        taken_back=f"{name} was canceled" if canceled else None,
        failure=f"{name} failed: {why}" if failed else None,
    )


def _deleted(request_id: str) -> Request:
    """A request that was deleted in Dagster: it has ended, and its days stay wanted."""
    return Request(request_id, [], datetime.now(UTC), None, ended=True)


def _target(backfill: PartitionBackfill) -> Sequence[str]:
    """The partitions that a backfill reads."""
    data = backfill.asset_backfill_data
    if data is None:
        return backfill.partition_names or [] if backfill.job_name == READ.name else []
    if ASSET not in data.target_subset.asset_keys:
        return []
    return list(data.target_subset.get_partitions_subset(ASSET).get_partition_keys())


def _still_to_do(backfill: PartitionBackfill) -> set[date]:
    """The days of a backfill that it will still read: without those that it has read, and those that failed in it."""
    data, days = backfill.asset_backfill_data, set(_days(_target(backfill)))
    if data is None:
        return days
    for ended in (data.materialized_subset, data.failed_and_downstream_subset):
        if ASSET in ended.asset_keys:
            days -= set(_days(ended.get_partitions_subset(ASSET).get_partition_keys()))
    return days


def _days(keys: Iterable[str]) -> Iterator[date]:
    return (date.fromisoformat(key) for key in keys)
