"""What keeps published days true without hands: one sensor that reads the ledger and asks for what it lacks.

It is the one retry mechanism: it asks again for days whose run died or failed, so there are no run
retries and no retry policy beside it, which would multiply.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from dagster import (
    AssetKey,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from pyzn_pipeline.breakdowns import VERSION
from pyzn_pipeline.defs.jobs import READ, RECOUNT
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.store import attempts
from pyzn_pipeline.store.repairs import due_for_reading, due_for_recount

REPAIRS_AT_ONCE = 2  # runs; the rest of what is due waits, and leaves room for the daily run and people's backfills
REPAIR = {"pyzn/repair": "true"}
UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def repair_sensor(heal_from: date | None) -> SensorDefinition:
    """The sensor, RUNNING from the start. Missing days are asked for from `heal_from` on, see due_for_reading.sql."""

    @sensor(
        name="keep_days_true",
        jobs=[READ, RECOUNT],
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.RUNNING,
        description=(
            "Reads the ledger and asks for what it lacks: days that are missing, days whose run died or failed (again "
            "after 1, 4, 16, … minutes, eight times at the most), days of which the source has more now; and, at D+1, "
            "D+3 and D+7, for a re-count of what is not final yet. Newest first, two days at once; never a day that a "
            "run or a backfill has in hand."
        ),
    )
    def keep_days_true(context: SensorEvaluationContext, store: Store) -> Iterator[RunRequest | SkipReason]:
        now = datetime.now(UTC)
        unfinished = [
            record.dagster_run for record in context.instance.get_run_records(RunsFilter(statuses=UNFINISHED))
        ]
        in_hand = {day for run in unfinished for day in _days_of(run)} | _days_of_backfills(context.instance)
        room = REPAIRS_AT_ONCE - sum(REPAIR.items() <= run.tags.items() for run in unfinished)
        with store.engine() as engine:
            wanted = [day for day in due_for_reading(engine, now, heal_from) if str(day.day) not in in_hand]
            for day, run_id in wanted:
                canceled = run_id is not None and _was_canceled(context.instance, run_id)
                if canceled:  # by a person, who does not want it back
                    attempts.give_up(engine, day, f"day {day}: run {run_id} was canceled")
                elif room > 0:
                    room -= 1
                    yield RunRequest(job_name=READ.name, partition_key=str(day), tags=REPAIR)
            recounts = due_for_recount(engine, now)
        if recounts:
            # The key lets one run through an hour, whatever comes of it.
            yield RunRequest(job_name=RECOUNT.name, run_key=f"recount {now:%Y-%m-%dT%H}", tags=REPAIR)
        if not wanted and not recounts:
            yield SkipReason("the ledger lacks nothing")

    return keep_days_true


def _days_of(run: DagsterRun) -> list[str]:
    """The days that a run is to read; none for a run that reads none."""
    if run.job_name != READ.name and AssetKey(VERSION.view) not in (run.asset_selection or ()):
        return []
    if "dagster/partition" in run.tags:
        return [run.tags["dagster/partition"]]
    if "dagster/asset_partition_range_start" not in run.tags:
        return []
    first, last = (date.fromisoformat(run.tags[f"dagster/asset_partition_range_{end}"]) for end in ("start", "end"))
    return [str(first + timedelta(days=n)) for n in range((last - first).days + 1)]


def _days_of_backfills(instance: DagsterInstance) -> set[str]:
    """The days of the asset backfills that Dagster has not finished: their runs may not be there yet."""
    targets = [
        backfill.asset_backfill_data.target_subset.get_partitions_subset(AssetKey(VERSION.view))
        for backfill in instance.get_backfills(limit=100)
        if backfill.status.name in {"REQUESTED", "CANCELING"} and backfill.asset_backfill_data
    ]
    return {key for target in targets for key in target.get_partition_keys()}


def _was_canceled(instance: DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and run.status is DagsterRunStatus.CANCELED
