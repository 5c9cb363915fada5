"""What keeps published days true automatically: one sensor that reads the ledger and asks for what it lacks.

It is the one retry mechanism: it asks again for days whose run died or failed, so there are no run
retries and no retry policy beside it, which would multiply.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from dagster import (
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from pyzn_pipeline import calendar
from pyzn_pipeline.days import spans
from pyzn_pipeline.defs.day.job import READ
from pyzn_pipeline.defs.day.requests import REPAIR, UNFINISHED_RUNS, in_hand, requests_since
from pyzn_pipeline.defs.partitions import DAYS_A_RUN
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.defs.source.recount import RECOUNT
from pyzn_pipeline.store import wanted
from pyzn_pipeline.store.recounts import due_for_recount

REPAIRS_AT_ONCE = 2  # runs; the rest of what is due waits, and leaves room for the daily run and people's backfills


def repair_sensor(repair_from: date | None) -> SensorDefinition:
    """The sensor, RUNNING from the start; missing days are asked for from `repair_from` on."""

    @sensor(
        name="keep_days_true",
        jobs=[READ, RECOUNT],
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.RUNNING,
        description=(
            "Takes over into the ledger who has asked for which days, and asks for what it lacks: days that are wanted "
            "and whose run or backfill died or failed (again after 1, 4, 16, … minutes, eight times at the most), days "
            f"that are missing, days of which the source has more now; and, at {calendar.recounts_said()}, for a "
            "recount of what is not final yet. Newest first, two runs at once; never a day that a run or a backfill "
            "has in hand, nor one that a person canceled."
        ),
    )
    def keep_days_true(context: SensorEvaluationContext, store: Store) -> Iterator[RunRequest | SkipReason]:
        now, instance = datetime.now(UTC), context.instance
        with store.engine() as engine:
            known = wanted.known_requests(engine)
            wanted.record(engine, requests_since(instance, known), known)
            unfinished = instance.get_runs(RunsFilter(statuses=UNFINISHED_RUNS))
            busy = in_hand(instance, unfinished)
            due = [day for day in wanted.due_for_reading(engine, now, repair_from) if day not in busy]
            recounts = due_for_recount(engine, now)
        room = REPAIRS_AT_ONCE - sum(REPAIR.items() <= run.tags.items() for run in unfinished)
        yield from _readings(due, room)
        if recounts:
            # The key lets one run through an hour, whatever comes of it.
            yield RunRequest(job_name=RECOUNT.name, run_key=f"recount {now:%Y-%m-%dT%H}", tags=REPAIR)
        if not due and not recounts:
            yield SkipReason(f"nothing is due; {len(busy)} days wait for a run or are being read")

    return keep_days_true


def _readings(days: list[date], most: int) -> Iterator[RunRequest]:
    """Runs for `days`, newest first, `most` of them; each reads days that follow one another."""
    runs = [
        (max(first, last - timedelta(days=n + DAYS_A_RUN - 1)), last - timedelta(days=n))
        for first, last in reversed(spans(days))
        for n in range(0, (last - first).days + 1, DAYS_A_RUN)
    ]
    for first, last in runs[: max(most, 0)]:
        span = {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)}
        if first == last:
            yield RunRequest(job_name=READ.name, partition_key=str(first), tags=REPAIR)
        else:
            yield RunRequest(job_name=READ.name, tags=REPAIR | span)
