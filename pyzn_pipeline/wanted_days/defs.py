"""Dagster's side of wanted days: its backfills and runs for the ledger, and the sensor that requests runs for them.

Dagster commits a backfill or a run before it starts working on it, and never deletes one itself. So every request
can be read here even after its process died. It is lost only if a person deletes it.

The sensor is the only retry mechanism: it requests a new run for days whose run died or failed. There are no run
retries and no retry policy, because their attempts would multiply with these.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunRecord,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from sqlalchemy import Engine

from pyzn_pipeline import calendar
from pyzn_pipeline.days import RANGE_END, RANGE_START, DaySelection, days_of_keys, days_of_tags, spans
from pyzn_pipeline.defs.partitions import DAYS_A_RUN
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.defs.runs import UNFINISHED_RUNS, asker_of
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports.following import followed_at
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.instance.run_coordinator import CANCELED, READING_ASSET, REPAIR
from pyzn_pipeline.reading.defs import READ
from pyzn_pipeline.recounts.defs import RECOUNT
from pyzn_pipeline.recounts.recounts import due_for_recount
from pyzn_pipeline.wanted_days import wanted
from pyzn_pipeline.wanted_days.wanted import LedgerRequests, Request

UNFINISHED_BACKFILLS = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]


def requests_since(instance: DagsterInstance, known: LedgerRequests, first_day: date) -> list[Request]:
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
    """Return the days that are being read: by unfinished `runs`, and by backfills that may not have all runs yet."""
    backfills = instance.get_backfills(filters=BulkActionsFilter(statuses=UNFINISHED_BACKFILLS))
    days = {day for run in runs for day in days_of_run(run, first_day).days}
    return days | {day for backfill in backfills for day in _still_to_do(backfill, first_day)}


def days_of_run(run: DagsterRun, first_day: date = date.min) -> DaySelection:
    """Return the days that a run reads; none for a run that does not read days."""
    if run.job_name != READ.name and READING_ASSET not in (run.asset_selection or ()):
        return DaySelection([])
    return days_of_tags(run.tags, first_day)


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
        canceled=f"run {run.run_id} was canceled" if canceled else None,
        failure=f"run {run.run_id} failed before it began the day" if failed else None,
    )


def _of_backfill(backfill: PartitionBackfill, first_day: date) -> Request:
    name, status = f"backfill {backfill.backfill_id}", backfill.status
    asked = days_of_keys(_target(backfill), first_day)
    canceled = status in {BulkActionStatus.CANCELING, BulkActionStatus.CANCELED}  # by a person; if it fails: FAILING
    failed = status in {BulkActionStatus.FAILING, BulkActionStatus.FAILED}
    why = backfill.error.message.strip().splitlines()[0] if backfill.error else "Dagster names no reason"
    return Request(
        id=name,
        days=asked.days,
        set_aside=asked.set_aside,
        asked_at=datetime.fromtimestamp(backfill.backfill_timestamp, UTC),
        asker=name,
        ended=status not in UNFINISHED_BACKFILLS,
        canceled=f"{name} was canceled" if canceled else None,
        failure=f"{name} failed: {why}" if failed else None,
    )


def _deleted(request_id: str) -> Request:
    """Return a request that was deleted in Dagster: it has ended, and its days stay wanted."""
    return Request(request_id, [], datetime.now(UTC), None, ended=True)


def _target(backfill: PartitionBackfill) -> Sequence[str]:
    """Return the partitions that a backfill reads."""
    data = backfill.asset_backfill_data
    if data is None:
        return backfill.partition_names or [] if backfill.job_name == READ.name else []
    if READING_ASSET not in data.target_subset.asset_keys:
        return []
    return list(data.target_subset.get_partitions_subset(READING_ASSET).get_partition_keys())


def _still_to_do(backfill: PartitionBackfill, first_day: date) -> set[date]:
    """Return the days of a backfill that it will still read: without those that it has read, or that failed in it."""
    data, days = backfill.asset_backfill_data, set(days_of_keys(_target(backfill), first_day).days)
    if data is None:
        return days
    for ended in (data.materialized_subset, data.failed_and_downstream_subset):
        if READING_ASSET in ended.asset_keys:
            days -= set(days_of_keys(ended.get_partitions_subset(READING_ASSET).get_partition_keys(), first_day).days)
    return days


REPAIRS_AT_ONCE = 2  # runs; other due days wait, which leaves room for the daily run and people's backfills


def repair_sensor(first_day: date, repair_from: date | None, mirror: Mirror | None) -> SensorDefinition:
    """Return the sensor, RUNNING by default. It asks for missing days from `repair_from` on, and follows the mirror.

    Only days from `first_day` on have partitions.
    """

    @sensor(
        name="keep_days_true",
        jobs=[READ, RECOUNT],
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.RUNNING,
        description=(
            "Records in the ledger who has asked for which days, and requests runs for wanted days: those whose run or "
            "backfill died or failed (after 1, 4, 16, … minutes, at most eight attempts), missing days, and days for "
            f"which the source has more rows now. At {calendar.recount_times()} it requests a recount of the days "
            "that are not final; with a mirror, whenever its index has changed. Newest first, two runs at once. "
            "It never requests a day that is being read by another run or backfill, or that a person canceled."
        ),
    )
    def keep_days_true(context: SensorEvaluationContext, store: Store) -> Iterator[RunRequest | SkipReason]:
        now, instance = datetime.now(UTC), context.instance
        with store.engine() as engine:
            known = wanted.known_requests(engine)
            requests = requests_since(instance, known, first_day)
            wanted.record(engine, requests, known)
            unfinished = instance.get_runs(RunsFilter(statuses=UNFINISHED_RUNS))
            busy = in_hand(instance, unfinished, first_day)
            # Of a mirror, late rows are a newer revision.
            due = wanted.due_for_reading(engine, now, repair_from, first_day, late_rows=mirror is None)
            due = [day for day in due if day not in busy]
            if mirror is not None:
                recount = _news(context, mirror, engine, now)
            else:
                recount = f"{now:%Y-%m-%dT%H}" if due_for_recount(engine, now) else None
        for request in requests:
            if request.set_aside and request.id not in known.ended:
                context.log.warning(f"{request.id} is set aside in part or whole: {request.set_aside}")
        room = REPAIRS_AT_ONCE - sum(REPAIR.items() <= run.tags.items() for run in unfinished)
        yield from _readings(due, room)
        if recount:
            # The key allows one run an hour, even if it fails.
            yield RunRequest(job_name=RECOUNT.name, run_key=f"recount {recount}", tags=REPAIR)
        if not due and not recount:
            yield SkipReason(f"no day is due; {len(busy)} days wait for a run or are being read")

    return keep_days_true


def _news(context: SensorEvaluationContext, mirror: Mirror, engine: Engine, now: datetime) -> str | None:
    """Return the mirror's index, unless it was followed already, and the hour. It is fetched every MIRROR_INTERVAL."""
    try:
        looked_at = datetime.fromisoformat(context.cursor or "2016-01-01T00:00Z")
    except ValueError:  # the UI lets people edit it
        looked_at = datetime(2016, 1, 1, tzinfo=UTC)
    if timedelta(0) <= now - looked_at < calendar.MIRROR_INTERVAL:
        return None
    context.update_cursor(now.isoformat())
    try:
        written_at = mirror.index().written_at
    except PyznError as error:  # it is the reason of the readings too; here it must not stop them
        context.log.warning(str(error))
        return None
    return None if written_at == followed_at(engine, mirror.name) else f"{written_at.isoformat()} {now:%Y-%m-%dT%H}"


def _readings(days: list[date], most: int) -> Iterator[RunRequest]:
    """Run requests for `days`, at most `most`, newest first. Each reads consecutive days."""
    runs = [
        (max(first, last - timedelta(days=n + DAYS_A_RUN - 1)), last - timedelta(days=n))
        for first, last in reversed(spans(days))
        for n in range(0, (last - first).days + 1, DAYS_A_RUN)
    ]
    for first, last in runs[: max(most, 0)]:
        span = {RANGE_START: str(first), RANGE_END: str(last)}
        if first == last:
            yield RunRequest(job_name=READ.name, partition_key=str(first), tags=REPAIR)
        else:
            yield RunRequest(job_name=READ.name, tags=REPAIR | span)
