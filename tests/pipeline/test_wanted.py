"""A day that was asked for stays wanted, whatever dies and whenever, until it is read or a person cancels it.

Dagster's storage holds here what each death leaves in it; tests/deployment/survival.py kills the processes themselves.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, Definitions
from dagster._core.execution.backfill import BulkActionStatus
from sqlalchemy import Engine, text

from pyzn_local.bigquery.server import Server
from pyzn_pipeline.backfills.launch import RUNNING
from pyzn_pipeline.wanted_days import trouble, wanted
from pyzn_pipeline.wanted_days.defs import UNFINISHED_BACKFILLS
from tests import ledger
from tests.conftest import Database
from tests.days import Download, raw_rows
from tests.pipeline import backfills
from tests.pipeline.backfills import ORIGIN
from tests.pipeline.conftest import code_location
from tests.pipeline.sensor import a_month_passes, asked, days_asked, repaired

FIRST, LAST = date(2026, 1, 5), date(2026, 1, 7)
DAYS = [FIRST + timedelta(days=n) for n in range(3)]
BACKFILL = "abcdefgh"
SPAN = {"dagster/asset_partition_range_start": str(FIRST), "dagster/asset_partition_range_end": str(LAST)}


@pytest.fixture
def defs(bigquery: Server, database: Database) -> Definitions:
    """The code location, on a source that has DAYS; nothing is asked for by the calendar."""
    for day in DAYS:
        bigquery.load(raw_rows(day, [Download("requests")]))
    return code_location(bigquery, database, repair_from=date.max)


def backfill(defs: Definitions, instance: DagsterInstance, status: BulkActionStatus) -> None:
    """A backfill of DAYS that Dagster has taken, and what has become of it."""
    backfills.backfill(defs, instance, FIRST, LAST, BACKFILL, status)


def change_backfill(instance: DagsterInstance, status: BulkActionStatus) -> None:
    found = instance.get_backfill(BACKFILL)
    assert found is not None
    instance.update_backfill(found._replace(status=status))


def run(defs: Definitions, instance: DagsterInstance, status: DagsterRunStatus, **tags: str) -> DagsterRun:
    """A run of DAYS in that state."""
    job = defs.resolve_job_def("daily_downloads")
    return instance.create_run_for_job(job, status=status, tags=SPAN | tags, remote_job_origin=ORIGIN)


def of_backfill(defs: Definitions, instance: DagsterInstance, status: DagsterRunStatus) -> DagsterRun:
    return run(defs, instance, status, **{"dagster/backfill": BACKFILL})


def asked_later(defs: Definitions, instance: DagsterInstance, store: Engine) -> list[date]:
    """The days that are asked for once every wait is over, and not before."""
    assert not asked(defs, instance)
    a_month_passes(store)
    return days_asked(asked(defs, instance))


def states(store: Engine) -> set[str]:
    return set(ledger.days(store, FIRST, LAST)["status"])


@pytest.mark.parametrize(
    ("seen_before", "end"), [(True, BulkActionStatus.FAILED), (False, BulkActionStatus.COMPLETED_FAILED)]
)
def test_a_backfill_that_dagster_ends_before_a_run_of_it_exists(
    defs: Definitions, instance: DagsterInstance, store: Engine, end: BulkActionStatus, seen_before: bool
) -> None:
    backfill(defs, instance, BulkActionStatus.REQUESTED)
    if seen_before:
        assert not asked(defs, instance)  # it is being read
        assert [list(each) for each in ledger.days(store, FIRST, LAST)["asked_by"]] == [[f"backfill {BACKFILL}"]] * 3
    change_backfill(instance, BulkActionStatus.FAILING)
    if seen_before:
        assert not asked(defs, instance)  # its runs are still being canceled
    change_backfill(instance, end)
    assert days_asked(asked(defs, instance)) == DAYS


def test_a_failing_backfill_whose_run_dagster_cancels_in_mid_scan(
    defs: Definitions, instance: DagsterInstance, store: Engine
) -> None:
    backfill(defs, instance, BulkActionStatus.REQUESTED)
    started = of_backfill(defs, instance, DagsterRunStatus.STARTED)
    wanted.begin_run(store, DAYS, started.run_id, f"backfill {BACKFILL}")
    with pytest.raises(KeyboardInterrupt), wanted.attempt(store, FIRST, started.run_id):
        raise KeyboardInterrupt
    change_backfill(instance, BulkActionStatus.FAILING)
    instance.report_run_canceling(started)  # as Dagster's own daemon does it, past the coordinator
    instance.report_run_canceled(started)
    change_backfill(instance, BulkActionStatus.FAILED)
    assert not asked(defs, instance)
    a_month_passes(store)
    assert repaired(defs, instance) == DAYS
    assert states(store) == {"final"}


@pytest.mark.parametrize(
    ("seen_before", "status"), [(True, DagsterRunStatus.QUEUED), (False, DagsterRunStatus.STARTING)]
)
def test_a_run_that_dies_before_it_begins(
    defs: Definitions, instance: DagsterInstance, store: Engine, status: DagsterRunStatus, seen_before: bool
) -> None:
    dead = run(defs, instance, status)
    if seen_before:
        assert not asked(defs, instance)
    instance.report_run_failed(dead)
    assert asked_later(defs, instance, store) == DAYS


def test_a_run_that_dies_in_mid_scan(defs: Definitions, instance: DagsterInstance, store: Engine) -> None:
    dead = run(defs, instance, DagsterRunStatus.STARTED)
    wanted.begin_run(store, DAYS, dead.run_id, f"run {dead.run_id}")
    with pytest.raises(KeyboardInterrupt), wanted.attempt(store, FIRST, dead.run_id):
        raise KeyboardInterrupt
    instance.report_run_failed(dead)
    assert asked_later(defs, instance, store) == DAYS


def test_a_day_whose_run_dies_between_its_publication_and_the_event_is_not_read_twice(
    defs: Definitions, instance: DagsterInstance, store: Engine
) -> None:
    dead = run(defs, instance, DagsterRunStatus.STARTED)
    assert not asked(defs, instance)
    job = defs.resolve_job_def("daily_downloads")
    assert job.execute_in_process(instance=instance, partition_key=str(FIRST)).success  # but no event under its id
    instance.report_run_failed(dead)
    assert asked_later(defs, instance, store) == DAYS[1:]


def test_a_day_that_was_read_before_the_ledger_heard_of_the_request_is_not_read_again(
    defs: Definitions, instance: DagsterInstance
) -> None:
    backfill(defs, instance, BulkActionStatus.REQUESTED)
    job = defs.resolve_job_def("daily_downloads")
    assert job.execute_in_process(instance=instance, partition_key=str(FIRST)).success
    change_backfill(instance, BulkActionStatus.FAILED)
    assert days_asked(asked(defs, instance)) == DAYS[1:]


def test_a_reading_that_began_before_the_request_does_not_serve_it(
    defs: Definitions, instance: DagsterInstance
) -> None:
    assert defs.resolve_job_def("daily_downloads").execute_in_process(instance=instance, tags=SPAN).success
    backfill(defs, instance, BulkActionStatus.FAILED)
    assert days_asked(asked(defs, instance)) == DAYS


def test_a_backfill_that_a_person_cancels_is_not_asked_for_again(
    defs: Definitions, instance: DagsterInstance, store: Engine
) -> None:
    backfill(defs, instance, BulkActionStatus.REQUESTED)
    canceled = of_backfill(defs, instance, DagsterRunStatus.QUEUED)
    assert not asked(defs, instance)
    change_backfill(instance, BulkActionStatus.CANCELING)
    instance.report_run_canceled(canceled)
    change_backfill(instance, BulkActionStatus.CANCELED)
    assert asked_later(defs, instance, store) == []
    assert set(ledger.days(store, FIRST, LAST)["failure"]) == {
        f"day {d}: backfill {BACKFILL} was canceled" for d in DAYS
    }
    assert trouble.days_tried(store) == []  # what a person cancels is no trouble


def test_a_run_that_a_person_cancels_is_not_asked_for_again_but_what_others_want_is(
    defs: Definitions, instance: DagsterInstance
) -> None:
    backfill(defs, instance, BulkActionStatus.REQUESTED)
    canceled = run(defs, instance, DagsterRunStatus.QUEUED)
    assert instance.run_coordinator.cancel_run(canceled.run_id)
    assert not asked(defs, instance)
    change_backfill(instance, BulkActionStatus.FAILED)
    assert days_asked(asked(defs, instance)) == DAYS


def test_a_run_of_the_ledger_that_a_person_cancels_is_not_asked_for_again(
    bigquery: Server, database: Database, instance: DagsterInstance, store: Engine
) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=2)
    defs = code_location(bigquery, database, repair_from=yesterday)
    (request, *_) = asked(defs, instance)
    tags = {"dagster/partition": request.partition_key, **request.tags} if request.partition_key else request.tags
    job = defs.resolve_job_def("daily_downloads")
    queued = instance.create_run_for_job(job, status=DagsterRunStatus.QUEUED, tags=dict(tags), remote_job_origin=ORIGIN)
    assert instance.run_coordinator.cancel_run(queued.run_id)
    canceled = days_asked([request])
    assert not asked(defs, instance)
    a_month_passes(store)
    assert not set(days_asked(asked(defs, instance))) & set(canceled)


def test_a_canceled_day_that_a_person_asks_for_again_is_wanted_again(
    defs: Definitions, instance: DagsterInstance, store: Engine
) -> None:
    backfill(defs, instance, BulkActionStatus.CANCELED)
    assert asked_later(defs, instance, store) == []
    instance.report_run_failed(run(defs, instance, DagsterRunStatus.STARTING))
    assert asked_later(defs, instance, store) == DAYS


def test_a_run_that_never_begins_is_given_up_in_the_end_and_says_why(
    defs: Definitions, instance: DagsterInstance, store: Engine
) -> None:
    instance.report_run_failed(run(defs, instance, DagsterRunStatus.STARTING))
    assert not asked(defs, instance)
    tries = 1
    a_month_passes(store)
    while requests := asked(defs, instance):
        tries += 1
        job = defs.resolve_job_def("daily_downloads")
        dead = instance.create_run_for_job(job, status=DagsterRunStatus.STARTING, tags=dict(requests[0].tags))
        instance.report_run_failed(dead)
        assert not asked(defs, instance)
        a_month_passes(store)
    found = trouble.days_tried(store)
    assert tries == wanted.MOST_ATTEMPTS
    assert [(day.day, day.given_up) for day in found] == [(day, True) for day in DAYS]
    assert found[0].reason == f"day {FIRST}: run {dead.run_id} failed before it began the day"


def test_a_tick_that_dies_halfway_changes_nothing_when_it_is_repeated(
    defs: Definitions, instance: DagsterInstance, store: Engine
) -> None:
    backfill(defs, instance, BulkActionStatus.FAILED)
    (first,) = asked(defs, instance)  # and the daemon dies before it has made the run
    (second,) = asked(defs, instance)
    assert first.tags == second.tags
    with store.connect() as connection:
        assert connection.execute(text("SELECT max(attempts), count(*) FROM pyzn.wanted")).one() == (0, 3)


def test_a_request_that_becomes_visible_after_a_younger_one_is_not_lost(
    defs: Definitions, instance: DagsterInstance
) -> None:
    instance.report_run_failed(run(defs, instance, DagsterRunStatus.STARTING))
    assert not asked(defs, instance)
    backfill(defs, instance, BulkActionStatus.REQUESTED)
    late = instance.get_backfill(BACKFILL)
    assert late is not None
    hour_ago = late.backfill_timestamp - 3600
    instance.update_backfill(late._replace(backfill_timestamp=hour_ago))
    change_backfill(instance, BulkActionStatus.FAILED)
    assert days_asked(asked(defs, instance)) == DAYS


def test_a_backfill_under_way_is_seen_behind_any_number_of_younger_ones(
    defs: Definitions, instance: DagsterInstance
) -> None:
    backfill(defs, instance, BulkActionStatus.FAILING)
    oldest = instance.get_backfill(BACKFILL)
    assert oldest is not None
    for n in range(101):
        instance.add_backfill(oldest._replace(backfill_id=f"young{n:03}", status=BulkActionStatus.COMPLETED_SUCCESS))
    assert not asked(defs, instance)


def test_the_command_and_the_sensor_agree_on_which_backfills_are_unfinished() -> None:
    assert {status.value for status in UNFINISHED_BACKFILLS} == RUNNING
