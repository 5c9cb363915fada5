"""Reads the requests for days, which are backfills and runs, from Dagster's storage, for the ledger.

Dagster commits a backfill or a run before it starts working on it, and never deletes one itself. So every request
can be read here even after its process died. It is lost only if a person deletes it.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from dagster import AssetKey, DagsterInstance, DagsterRun, DagsterRunStatus, RunRecord, RunsFilter
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill

from pyzn_pipeline.breakdowns import VERSION
from pyzn_pipeline.days import DaySelection, days_of_keys, days_of_tags
from pyzn_pipeline.defs.day.job import READ
from pyzn_pipeline.instance.run_coordinator import CANCELED, REPAIR
from pyzn_pipeline.store.wanted import Known, Request

ASSET = AssetKey(VERSION.view)
UNFINISHED_RUNS = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
UNFINISHED_BACKFILLS = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]


def requests_since(instance: DagsterInstance, known: Known, first_day: date) -> list[Request]:
    """Return the requests for days that are new or may have changed, backfills before runs.

    Their tags are input from outside: days that no run can read are set aside, and do not stop the others.
    """
    backfills, runs = known.open("backfill"), known.open("run")
    of_backfills = [BulkActionsFilter(created_after=known.since), BulkActionsFilter(statuses=UNFINISHED_BACKFILLS)]
    of_backfills += [BulkActionsFilter(backfill_ids=backfills)] if backfills else []  # an empty list is no filter
    of_runs = [RunsFilter(created_after=known.since)] + ([RunsFilter(run_ids=runs)] if runs else [])
    found = {b.backfill_id: b for each in of_backfills for b in instance.get_backfills(filters=each)}
    records = {r.dagster_run.run_id: r for each in of_runs for r in instance.get_run_records(each)}
    asked = [_of_backfill(backfill, first_day) for backfill in found.values()]
    asked += [_of_run(record, first_day) for record in records.values()]
    gone = {request_id for request_id, ended in known.ended.items() if not ended} - {request.id for request in asked}
    return [each for each in asked if each.days or each.set_aside] + [_deleted(request_id) for request_id in gone]


def in_hand(instance: DagsterInstance, runs: Iterable[DagsterRun], first_day: date) -> set[date]:
    """The days that are being read: by unfinished `runs`, and by backfills that may not have all their runs yet."""
    backfills = instance.get_backfills(filters=BulkActionsFilter(statuses=UNFINISHED_BACKFILLS))
    days = {day for run in runs for day in days_of_run(run, first_day).days}
    return days | {day for backfill in backfills for day in _still_to_do(backfill, first_day)}


def days_of_run(run: DagsterRun, first_day: date = date.min) -> DaySelection:
    """The days that a run reads; none for a run that does not read days."""
    if run.job_name != READ.name and ASSET not in (run.asset_selection or ()):
        return DaySelection([])
    return days_of_tags(run.tags, first_day)


def asker_of(run: DagsterRun) -> str | None:
    """Who wants the days of the run, as in Request.asker."""
    if REPAIR.items() <= run.tags.items():
        return None
    backfill = run.tags.get("dagster/backfill")
    return f"backfill {backfill}" if backfill else f"run {run.run_id}"


def _of_run(record: RunRecord, first_day: date) -> Request:
    run = record.dagster_run
    asked = days_of_run(run, first_day)
    canceled = run.is_finished and not run.is_success and CANCELED in run.tags
    failed = run.status is DagsterRunStatus.FAILURE
    return Request(
        id=f"run {run.run_id}",
        days=asked.days,
        set_aside=asked.set_aside,
        asked_at=record.create_timestamp.replace(tzinfo=UTC),
        asker=asker_of(run),
        ended=run.is_finished,
        taken_back=f"run {run.run_id} was canceled" if canceled else None,
        failure=f"run {run.run_id} failed before it began the day" if failed else None,
    )


def _of_backfill(backfill: PartitionBackfill, first_day: date) -> Request:
    name, status = f"backfill {backfill.backfill_id}", backfill.status
    asked = days_of_keys(_target(backfill), first_day)
    canceled = status in {BulkActionStatus.CANCELING, BulkActionStatus.CANCELED}  # by a person; if it fails: FAILING
    failed = status in {BulkActionStatus.FAILING, BulkActionStatus.FAILED}
    why = backfill.error.message.strip().splitlines()[0] if backfill.error else "Dagster does not say why"
    return Request(
        id=name,
        days=asked.days,
        set_aside=asked.set_aside,
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


def _still_to_do(backfill: PartitionBackfill, first_day: date) -> set[date]:
    """The days of a backfill that it will still read: without those that it has read, and those that failed in it."""
    data, days = backfill.asset_backfill_data, set(days_of_keys(_target(backfill), first_day).days)
    if data is None:
        return days
    for ended in (data.materialized_subset, data.failed_and_downstream_subset):
        if ASSET in ended.asset_keys:
            days -= set(days_of_keys(ended.get_partitions_subset(ASSET).get_partition_keys(), first_day).days)
    return days
