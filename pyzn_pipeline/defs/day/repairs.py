"""The sensor that repairs days automatically: it reads the ledger and requests runs for the wanted days.

It is the only retry mechanism: it requests a new run for days whose run died or failed. There are no run
retries and no retry policy, because their attempts would multiply with these.
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
from sqlalchemy import Engine

from pyzn_pipeline import calendar
from pyzn_pipeline.days import RANGE_END, RANGE_START, spans
from pyzn_pipeline.defs.day.job import READ
from pyzn_pipeline.defs.day.requests import UNFINISHED_RUNS, in_hand, requests_since
from pyzn_pipeline.defs.partitions import DAYS_A_RUN
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.defs.source.recount import RECOUNT
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports.following import followed_at
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.instance.run_coordinator import REPAIR
from pyzn_pipeline.store import wanted
from pyzn_pipeline.store.recounts import due_for_recount

REPAIRS_AT_ONCE = 2  # runs; other due days wait, which leaves room for the daily run and people's backfills


def repair_sensor(first_day: date, repair_from: date | None, mirror: Mirror | None) -> SensorDefinition:
    """The sensor, RUNNING by default. It asks for missing days from `repair_from` on, and follows the mirror.

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
            f"which the source has more rows now. At {calendar.recounts_said()} it requests a recount of the days "
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
            # A mirror tells of late rows by a newer revision.
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
    """The mirror's index, unless it was followed already, and the hour. It is fetched every MIRROR_LOOKED_AT_EVERY."""
    try:
        looked_at = datetime.fromisoformat(context.cursor or "2016-01-01T00:00Z")
    except ValueError:  # the UI lets people edit it
        looked_at = datetime(2016, 1, 1, tzinfo=UTC)
    if timedelta(0) <= now - looked_at < calendar.MIRROR_LOOKED_AT_EVERY:
        return None
    context.update_cursor(now.isoformat())
    try:
        written_at = mirror.index().written_at
    except PyznError as error:  # readings say the same, as their reason; here it must not stop them
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
