"""Requests for days that no run can read: each is set aside by name, and stops nothing else."""

from datetime import UTC, date, datetime, timedelta

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, Definitions
from sqlalchemy import Engine, text

from pyzn_local.bigquery.server import Server
from pyzn_pipeline.days import PARTITION, RANGE_END, RANGE_START, DaysRefused, day_of, days_of_tags
from pyzn_pipeline.rankings.rankings import rank
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.store.errors import StoreError
from pyzn_pipeline.wanted_days import trouble
from tests import ledger
from tests.conftest import Database
from tests.days import Download, raw_rows
from tests.pipeline.conftest import TABLE, code_location, run
from tests.pipeline.sensor import a_month_passes, asked, days_asked, repaired
from tests.store.publishing import publish

FIRST_DAY = date(2026, 1, 1)  # of the code location
TODAY = datetime.now(UTC).date()
GOOD = date(2026, 1, 5)
BAD = {
    "tomorrow": {PARTITION: str(TODAY + timedelta(days=1))},
    "today": {PARTITION: str(TODAY)},
    "years ahead": {PARTITION: "2230-01-01"},
    "before the first day": {PARTITION: "2025-12-31"},
    "not padded": {PARTITION: "2026-9-5"},
    "another form": {PARTITION: "20260905"},
    "no date": {PARTITION: "2026-02-30"},
    "no text": {PARTITION: "\x00"},
    "only its first day": {RANGE_START: "2026-09-05"},
    "only its last day": {RANGE_END: "2026-09-05"},
    "reversed": {RANGE_START: "2026-09-06", RANGE_END: "2026-09-05"},
    "an end that is no day": {RANGE_START: "2026-09-05", RANGE_END: "2026-9-6"},
    "all of the future": {RANGE_START: "9998-01-01", RANGE_END: "9999-12-31"},
    "no partition": {},
}


@pytest.fixture
def defs(bigquery: Server, database: Database) -> Definitions:
    """The code location, on a source that has GOOD; nothing is asked for by the calendar."""
    bigquery.load(raw_rows(GOOD, [Download("requests")]))
    return code_location(bigquery, database, repair_from=date.max, first_day=FIRST_DAY)


def test_bad_requests_are_set_aside_by_name_and_stop_no_repair(
    defs: Definitions, instance: DagsterInstance, store: Engine
) -> None:
    job = defs.resolve_job_def("daily_downloads")
    bad = [
        instance.add_run(DagsterRun(job.name, status=status, tags=tags)).run_id
        for tags in BAD.values()
        for status in (DagsterRunStatus.FAILURE, DagsterRunStatus.STARTED)
    ]
    instance.create_run_for_job(job, status=DagsterRunStatus.FAILURE, tags={PARTITION: str(GOOD)})
    assert not asked(defs, instance)  # a minute's grace
    a_month_passes(store)
    assert repaired(defs, instance) == [GOOD]
    found = trouble.set_aside(store)
    assert found.keys() == {f"run {run_id}" for run_id in bad}
    assert all(found.values())
    with store.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM pyzn.wanted")).scalar_one() == 0


def test_a_range_that_is_longer_than_the_days_there_are_asks_for_those_there_are() -> None:
    found = days_of_tags({RANGE_START: "0001-01-01", RANGE_END: "9999-12-31"}, TODAY - timedelta(days=3))
    assert found.days == [TODAY - timedelta(days=n) for n in (3, 2, 1)]
    assert found.set_aside is not None
    assert "day 9999-12-31 is not over yet in UTC" in found.set_aside
    assert "PYZN_FIRST_DAY" in found.set_aside


def test_a_bad_request_is_named_in_the_sensors_log_once(
    defs: Definitions, instance: DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    job = defs.resolve_job_def("daily_downloads")
    bad = instance.create_run_for_job(job, status=DagsterRunStatus.FAILURE, tags=BAD["not padded"])
    for _ in range(2):
        asked(defs, instance)
    shown = f"run {bad.run_id} is set aside in part or whole: '2026-9-5' is not a day: write it as 2026-07-14"
    assert capfd.readouterr().err.count(shown) == 1


def test_a_wanted_day_before_the_first_day_is_given_up_and_one_that_is_not_over_waits(
    bigquery: Server, database: Database, instance: DagsterInstance, store: Engine
) -> None:
    early = GOOD - timedelta(days=1)
    with store.begin() as connection:
        for day in (early, GOOD, TODAY):
            connection.execute(
                text("INSERT INTO pyzn.wanted (day, asked_by, next_attempt_at) VALUES (:day, '{backfill x}', now())"),
                {"day": day},
            )
    defs = code_location(bigquery, database, repair_from=date.max, first_day=GOOD)
    assert days_asked(asked(defs, instance)) == [GOOD]
    (tried,) = trouble.days_tried(store)
    assert (tried.day, tried.given_up) == (early, True)
    assert "set PYZN_FIRST_DAY" in str(tried.reason)
    assert ledger.days(store, TODAY, TODAY)["wanted"][0] == "waiting"


def test_today_is_not_read_whoever_launches_it(
    defs: Definitions, instance: DagsterInstance, bigquery: Server, clients: Clients, store: Engine
) -> None:
    yesterday = TODAY - timedelta(days=1)
    for day in (yesterday, TODAY):
        bigquery.load(raw_rows(day, [Download("requests")]))
    job = defs.resolve_job_def("daily_downloads")
    tags = {RANGE_START: str(yesterday), RANGE_END: str(TODAY)}
    result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert f"day {TODAY} is not over yet in UTC" in str(failure.step_failure_data.error)
    with pytest.raises(DaysRefused, match=f"day {TODAY} is not over yet in UTC: the latest day that can be read is"):
        ingest_day(TODAY, BigQuery(clients, TABLE, 2**40), store, "run-1")
    with pytest.raises(StoreError, match="over_when_it_was_read"):
        publish(store, TODAY, [Download("requests")])
    found = ledger.days(store, yesterday, TODAY)
    assert list(found["status"]) == ["provisional", "missing"]
    assert found.iloc[1].isna()["wanted"]


def test_a_day_that_breaks_the_code_does_not_stop_the_other_days_of_its_run(
    defs: Definitions, instance: DagsterInstance, bigquery: Server, store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (GOOD, GOOD + timedelta(days=1)):
        bigquery.load(raw_rows(day, [Download("requests")]))

    def breaks(day: date, *arguments: object) -> object:  # a fault that nobody thought of: no real part has it
        if day == GOOD:
            raise ZeroDivisionError
        return ingest_day(day, *arguments)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr("pyzn_pipeline.reading.defs.ingest_day", breaks)
    result = run(defs, instance, GOOD, GOOD + timedelta(days=1))
    assert not result.success
    rows = ledger.days(store, GOOD, GOOD + timedelta(days=1))
    assert list(rows["status"]) == ["missing", "final"]
    assert rows["failure"][0] == f"day {GOOD}: unexpected ZeroDivisionError: see the run's log"


def test_an_unpublished_day_or_one_that_is_no_day_does_not_stop_the_ranking_of_the_others(
    defs: Definitions, instance: DagsterInstance, store: Engine
) -> None:
    yesterday = TODAY - timedelta(days=1)
    publish(store, yesterday, [Download("requests")])
    job = defs.resolve_job_def("rank_projects")
    tags = {RANGE_START: str(yesterday - timedelta(days=1)), RANGE_END: str(TODAY)}
    result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    assert not result.success
    with store.connect() as connection:
        assert connection.execute(text("SELECT array_agg(day) FROM pyzn.rankings")).scalar_one() == [yesterday]
    rank(store, yesterday)


@pytest.mark.parametrize("written", ["2026-7-4", "20260704", "2026-W28-1", "2026-02-30", "", " 2026-07-04"])
def test_a_day_is_written_in_one_form(written: str) -> None:
    with pytest.raises(DaysRefused, match="is not a day: write it as 2026-07-14"):
        day_of(written)
