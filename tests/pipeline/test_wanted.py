"""A day that was asked for stays wanted, whatever dies and whenever, until it is read or a person cancels it.

Dagster's storage holds here what each death leaves in it; tests/deployment/survival.py kills the processes themselves.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Self

import pytest
from dagster import DagsterRun, DagsterRunStatus
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from pyzn_pipeline.backfills.launch import RUNNING
from pyzn_pipeline.days import PARTITION
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.store import ledger
from pyzn_pipeline.wanted_days import trouble, wanted
from pyzn_pipeline.wanted_days.defs import UNFINISHED_BACKFILLS
from tests.days import some
from tests.pipeline.conftest import Pipeline, days_of, span
from tests.store.publishing import rows

FIRST, LAST = date(2026, 1, 5), date(2026, 1, 7)
DAYS = [FIRST + timedelta(days=n) for n in range(3)]
BACKFILL = "abcdefgh"


@pytest.fixture
def pipeline(pipeline: Pipeline) -> Pipeline:
    """The deployment, whose source has DAYS."""
    pipeline.load(some(requests=1), *DAYS)
    return pipeline


def backfill(pipeline: Pipeline, status: BulkActionStatus) -> None:
    """A backfill of DAYS that Dagster has taken, and its state."""
    pipeline.add_backfill(FIRST, LAST, BACKFILL, status)


def taken(pipeline: Pipeline) -> PartitionBackfill:
    """Dagster's record of that backfill."""
    found = pipeline.instance.get_backfill(BACKFILL)
    assert found is not None
    return found


def change_backfill(pipeline: Pipeline, status: BulkActionStatus) -> None:
    pipeline.instance.update_backfill(taken(pipeline)._replace(status=status))


def run(pipeline: Pipeline, status: DagsterRunStatus, **tags: str) -> DagsterRun:
    """A run of DAYS in that state."""
    return pipeline.add_run(status, span(FIRST, LAST) | tags)


def test_a_reading_serves_the_requests_before_it_though_this_machines_clock_is_behind(
    pipeline: Pipeline, source: BigQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Behind(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) - timedelta(minutes=1)

    for module in ("reading.day", "source.scan"):
        monkeypatch.setattr(f"pyzn_pipeline.{module}.datetime", Behind)
    wanted.begin_run(pipeline.store, DAYS, "run-1", "run run-1")
    ingest_day(FIRST, source, pipeline.store, "run-1")
    assert rows(pipeline.store, "SELECT day FROM pyzn.wanted ORDER BY day") == [(day,) for day in DAYS[1:]]


def die(pipeline: Pipeline, dead: DagsterRun, asked_by: str) -> None:
    """The process of a run ends in mid scan."""
    wanted.begin_run(pipeline.store, DAYS, dead.run_id, asked_by)
    with pytest.raises(KeyboardInterrupt), wanted.attempt(pipeline.store, FIRST, dead.run_id):
        raise KeyboardInterrupt


def column(pipeline: Pipeline, name: str) -> list[Any]:
    return [row[name] for row in ledger.days(pipeline.store, FIRST, LAST)]


@pytest.mark.parametrize(
    ("seen_before", "end"), [(True, BulkActionStatus.FAILED), (False, BulkActionStatus.COMPLETED_FAILED)]
)
def test_a_backfill_that_dagster_ends_before_a_run_of_it_exists(
    pipeline: Pipeline, end: BulkActionStatus, seen_before: bool
) -> None:
    backfill(pipeline, BulkActionStatus.REQUESTED)
    if seen_before:
        assert not pipeline.requests()  # it is being read
        assert column(pipeline, "asked_by") == [[f"backfill {BACKFILL}"]] * 3
    change_backfill(pipeline, BulkActionStatus.FAILING)
    if seen_before:
        assert not pipeline.requests()  # its runs are still being canceled
    change_backfill(pipeline, end)
    assert pipeline.requested_days() == DAYS


def test_a_failing_backfill_whose_run_dagster_cancels_in_mid_scan(pipeline: Pipeline) -> None:
    backfill(pipeline, BulkActionStatus.REQUESTED)
    started = run(pipeline, DagsterRunStatus.STARTED, **{"dagster/backfill": BACKFILL})
    die(pipeline, started, f"backfill {BACKFILL}")
    change_backfill(pipeline, BulkActionStatus.FAILING)
    pipeline.instance.report_run_canceling(started)  # as Dagster's own daemon does it, past the coordinator
    pipeline.instance.report_run_canceled(started)
    change_backfill(pipeline, BulkActionStatus.FAILED)
    assert not pipeline.requests()
    pipeline.a_month_passes()
    assert pipeline.repaired() == DAYS
    assert set(column(pipeline, "status")) == {"final"}


@pytest.mark.parametrize(
    ("seen_before", "status"), [(True, DagsterRunStatus.QUEUED), (False, DagsterRunStatus.STARTING)]
)
def test_a_run_that_dies_before_it_begins(pipeline: Pipeline, status: DagsterRunStatus, seen_before: bool) -> None:
    dead = run(pipeline, status)
    if seen_before:
        assert not pipeline.requests()
    pipeline.instance.report_run_failed(dead)
    assert pipeline.days_requested_later() == DAYS


def test_a_run_that_dies_in_mid_scan(pipeline: Pipeline) -> None:
    dead = run(pipeline, DagsterRunStatus.STARTED)
    die(pipeline, dead, f"run {dead.run_id}")
    pipeline.instance.report_run_failed(dead)
    assert pipeline.days_requested_later() == DAYS


def test_a_day_whose_run_dies_between_its_publication_and_the_event_is_not_read_twice(pipeline: Pipeline) -> None:
    dead = run(pipeline, DagsterRunStatus.STARTED)
    assert not pipeline.requests()
    assert pipeline.run(FIRST).success  # but no event under the id of the dead run
    pipeline.instance.report_run_failed(dead)
    assert pipeline.days_requested_later() == DAYS[1:]


def test_a_day_that_was_read_before_the_ledger_heard_of_the_request_is_not_read_again(pipeline: Pipeline) -> None:
    backfill(pipeline, BulkActionStatus.REQUESTED)
    assert pipeline.run(FIRST).success
    change_backfill(pipeline, BulkActionStatus.FAILED)
    assert pipeline.requested_days() == DAYS[1:]


def test_a_reading_that_began_before_the_request_does_not_serve_it(pipeline: Pipeline) -> None:
    assert pipeline.run(FIRST, LAST).success
    backfill(pipeline, BulkActionStatus.FAILED)
    assert pipeline.requested_days() == DAYS


def test_a_backfill_that_a_person_cancels_is_not_asked_for_again(pipeline: Pipeline) -> None:
    backfill(pipeline, BulkActionStatus.REQUESTED)
    canceled = run(pipeline, DagsterRunStatus.QUEUED, **{"dagster/backfill": BACKFILL})
    assert not pipeline.requests()
    change_backfill(pipeline, BulkActionStatus.CANCELING)
    pipeline.instance.report_run_canceled(canceled)
    change_backfill(pipeline, BulkActionStatus.CANCELED)
    assert pipeline.days_requested_later() == []
    assert column(pipeline, "failure") == [f"day {day}: backfill {BACKFILL} was canceled" for day in DAYS]
    assert trouble.days_tried(pipeline.store) == []  # what a person cancels is no trouble


def test_a_run_that_a_person_cancels_is_not_asked_for_again_but_what_others_want_is(pipeline: Pipeline) -> None:
    backfill(pipeline, BulkActionStatus.REQUESTED)
    assert pipeline.instance.run_coordinator.cancel_run(run(pipeline, DagsterRunStatus.QUEUED).run_id)
    assert not pipeline.requests()
    change_backfill(pipeline, BulkActionStatus.FAILED)
    assert pipeline.requested_days() == DAYS


def test_a_run_of_the_ledger_that_a_person_cancels_is_not_asked_for_again(pipeline: Pipeline) -> None:
    pipeline = pipeline.with_settings(repair_from=datetime.now(UTC).date() - timedelta(days=2))
    (request, *_) = pipeline.requests()
    key = {PARTITION: request.partition_key} if request.partition_key else {}
    queued = pipeline.add_run(DagsterRunStatus.QUEUED, key | dict(request.tags))
    assert pipeline.instance.run_coordinator.cancel_run(queued.run_id)
    assert not set(pipeline.days_requested_later()) & set(days_of([request]))


def test_a_canceled_day_that_a_person_asks_for_again_is_wanted_again(pipeline: Pipeline) -> None:
    backfill(pipeline, BulkActionStatus.CANCELED)
    assert pipeline.days_requested_later() == []
    pipeline.instance.report_run_failed(run(pipeline, DagsterRunStatus.STARTING))
    assert pipeline.days_requested_later() == DAYS


def test_a_run_that_never_begins_is_given_up_in_the_end_with_its_reason(pipeline: Pipeline) -> None:
    tries, tags = 0, span(FIRST, LAST)
    while tags:
        tries += 1
        dead = pipeline.add_run(DagsterRunStatus.STARTING, tags)
        pipeline.instance.report_run_failed(dead)
        assert not pipeline.requests()
        pipeline.a_month_passes()
        tags = next((dict(request.tags) for request in pipeline.requests()), {})
    found = trouble.days_tried(pipeline.store)
    assert tries == wanted.MOST_ATTEMPTS
    assert [(day.day, day.given_up) for day in found] == [(day, True) for day in DAYS]
    assert found[0].reason == f"day {FIRST}: run {dead.run_id} failed before it began the day"


def test_a_tick_that_dies_halfway_changes_nothing_when_it_is_repeated(pipeline: Pipeline) -> None:
    backfill(pipeline, BulkActionStatus.FAILED)
    (first,) = pipeline.requests()  # and the daemon dies before it has made the run
    (second,) = pipeline.requests()
    assert first.tags == second.tags
    assert rows(pipeline.store, "SELECT max(attempts), count(*) FROM pyzn.wanted") == [(0, 3)]


def test_a_request_that_becomes_visible_after_a_younger_one_is_not_lost(pipeline: Pipeline) -> None:
    pipeline.instance.report_run_failed(run(pipeline, DagsterRunStatus.STARTING))
    assert not pipeline.requests()
    backfill(pipeline, BulkActionStatus.FAILED)
    late = taken(pipeline)
    pipeline.instance.update_backfill(late._replace(backfill_timestamp=late.backfill_timestamp - 3600))
    assert pipeline.requested_days() == DAYS


def test_a_backfill_under_way_is_seen_behind_any_number_of_younger_ones(pipeline: Pipeline) -> None:
    backfill(pipeline, BulkActionStatus.FAILING)
    for n in range(101):
        younger = taken(pipeline)._replace(backfill_id=f"young{n:03}", status=BulkActionStatus.COMPLETED_SUCCESS)
        pipeline.instance.add_backfill(younger)
    assert not pipeline.requests()


def test_an_old_backfill_that_is_under_way_again_is_seen_though_newer_ones_are_known(pipeline: Pipeline) -> None:
    pipeline.add_backfill(FIRST, LAST, BACKFILL, BulkActionStatus.CANCELED, ago=timedelta(days=365))
    pipeline.add_backfill(FIRST, LAST, "newer", BulkActionStatus.CANCELED)
    pipeline.requests()
    pipeline.instance.update_backfill(taken(pipeline)._replace(status=BulkActionStatus.REQUESTED))
    pipeline.requests()
    assert column(pipeline, "asked_by") == [[f"backfill {BACKFILL}"]] * 3


def test_the_command_and_the_sensor_agree_on_which_backfills_are_unfinished() -> None:
    assert {status.value for status in UNFINISHED_BACKFILLS} == RUNNING
