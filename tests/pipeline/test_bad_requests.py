"""Requests for days that no run can read: each is set aside by name, and stops nothing else."""

from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner
from dagster import DagsterRunStatus
from sqlalchemy import Engine

from pyzn_cli import pyzn
from pyzn_pipeline.days import PARTITION, RANGE_END, RANGE_START, DaysRefused, day_of, days_of_tags
from pyzn_pipeline.rankings.rankings import rank
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.store.errors import StoreError
from pyzn_pipeline.wanted_days import trouble
from tests.days import some
from tests.pipeline.conftest import Pipeline, failure_of, span
from tests.store.publishing import change, held, publish, rows

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
GOOD, NEXT = date(2026, 1, 5), date(2026, 1, 6)
REQUESTS = some(requests=1)
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
def pipeline(pipeline: Pipeline) -> Pipeline:
    """The deployment, whose source has two days."""
    pipeline.load(REQUESTS, GOOD, NEXT)
    return pipeline


def test_bad_requests_are_set_aside_by_name_and_stop_no_repair(pipeline: Pipeline) -> None:
    bad = [
        pipeline.add_run(status, tags).run_id
        for tags in BAD.values()
        for status in (DagsterRunStatus.FAILURE, DagsterRunStatus.STARTED)
    ]
    pipeline.add_run(DagsterRunStatus.FAILURE, {PARTITION: str(GOOD)})
    assert not pipeline.requests()  # a minute's grace
    pipeline.a_month_passes()
    assert pipeline.repaired() == [GOOD]
    found = trouble.set_aside(pipeline.store)
    assert found.keys() == {f"run {run_id}" for run_id in bad}
    assert all(found.values())
    assert rows(pipeline.store, "SELECT FROM pyzn.wanted") == []


def test_a_range_that_is_longer_than_the_days_there_are_asks_for_those_there_are() -> None:
    found = days_of_tags({RANGE_START: "0001-01-01", RANGE_END: "9999-12-31"}, TODAY - timedelta(days=3))
    assert found.days == [TODAY - timedelta(days=n) for n in (3, 2, 1)]
    assert found.set_aside is not None
    assert "day 9999-12-31 is not over yet in UTC" in found.set_aside
    assert "PYZN_FIRST_DAY" in found.set_aside


def test_a_bad_request_is_named_in_the_sensors_log_once(pipeline: Pipeline, capfd: pytest.CaptureFixture[str]) -> None:
    bad = pipeline.add_run(DagsterRunStatus.FAILURE, BAD["not padded"])
    for _ in range(2):
        pipeline.requests()
    shown = f"run {bad.run_id} is set aside in part or whole: '2026-9-5' is not a day: write it as 2026-07-14"
    assert capfd.readouterr().err.count(shown) == 1


def test_a_wanted_day_before_the_first_day_is_given_up_and_one_that_is_not_over_waits(pipeline: Pipeline) -> None:
    early = GOOD - timedelta(days=1)
    query = "INSERT INTO pyzn.wanted (day, asked_by, next_attempt_at) VALUES (:day, '{backfill x}', now())"
    for day in (early, GOOD, TODAY):
        change(pipeline.store, query, day=day)
    assert pipeline.with_settings(repair_from=date.max, first_day=GOOD).requested_days() == [GOOD]
    (tried,) = trouble.days_tried(pipeline.store)
    assert (tried.day, tried.given_up) == (early, True)
    assert "set PYZN_FIRST_DAY" in str(tried.reason)
    assert held(pipeline.store, TODAY)["wanted"] == "waiting"


def test_a_day_that_was_given_up_is_withdrawn_by_a_person_and_troubles_nobody_any_more(
    store: Engine, command: CliRunner
) -> None:
    change(
        store,
        "INSERT INTO pyzn.wanted (day, asked_by, attempts, failed_at, reason, next_attempt_at) VALUES "
        "('2016-03-06', '{backfill x,run y}', 1, now(), 'no rows', NULL), "
        "('2016-03-07', '{run y}', 1, now(), '', now())",
    )
    withdraw = ["backfill", "--withdraw", "2016-03-01", "2016-03-31"]
    assert command.invoke(pyzn, withdraw).output == "not wanted any more: 2016-03-06\n"
    assert [day.day for day in trouble.days_tried(store)] == [date(2016, 3, 7)]
    assert "canceled: no rows (attempt 1)" in command.invoke(pyzn, ["days", "2016-03-06", "2016-03-07"]).output
    again = command.invoke(pyzn, withdraw)
    assert "no day from 2016-03-01 to 2016-03-31 is given up: `pyzn days" in str(again.exception)
    assert "--withdraw reads nothing" in command.invoke(pyzn, [*withdraw, "--dry-run"]).output


@pytest.mark.parametrize("name", ["daily_downloads", "rank_projects"])
def test_a_run_without_a_partition_fails_with_that_as_its_reason(pipeline: Pipeline, name: str) -> None:
    assert "the run names no partition: choose days" in failure_of(pipeline.execute(name))


def test_today_is_not_read_whoever_launches_it(pipeline: Pipeline, source: BigQuery) -> None:
    pipeline.load(REQUESTS, YESTERDAY, TODAY)
    result = pipeline.execute("daily_downloads", tags=span(YESTERDAY, TODAY))
    assert f"day {TODAY} is not over yet in UTC" in failure_of(result)
    with pytest.raises(DaysRefused, match=f"day {TODAY} is not over yet in UTC: the latest day that can be read is"):
        ingest_day(TODAY, source, pipeline.store, "run-1")
    with pytest.raises(StoreError, match="over_when_it_was_read"):
        publish(pipeline.store, TODAY, REQUESTS)
    assert held(pipeline.store, YESTERDAY)["status"] == "provisional"
    today = held(pipeline.store, TODAY)
    assert (today["status"], today["wanted"]) == ("missing", None)


def test_a_day_that_breaks_the_code_does_not_stop_the_other_days_of_its_run(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(day: date, *arguments: object) -> object:  # a fault that nobody thought of: no real part has it
        if day == GOOD:
            raise ZeroDivisionError
        return ingest_day(day, *arguments)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr("pyzn_pipeline.reading.defs.ingest_day", breaks)
    assert not pipeline.run(GOOD, NEXT).success
    good, other = held(pipeline.store, GOOD), held(pipeline.store, NEXT)
    assert (good["status"], other["status"]) == ("missing", "final")
    assert good["failure"] == f"day {GOOD}: unexpected ZeroDivisionError: see the run's log"


def test_an_unpublished_day_or_one_that_is_no_day_does_not_stop_the_ranking_of_the_others(pipeline: Pipeline) -> None:
    publish(pipeline.store, YESTERDAY, REQUESTS)
    assert not pipeline.execute("rank_projects", tags=span(YESTERDAY - timedelta(days=1), TODAY)).success
    assert rows(pipeline.store, "SELECT day FROM pyzn.rankings") == [(YESTERDAY,)]
    rank(pipeline.store, YESTERDAY)


@pytest.mark.parametrize("written", ["2026-7-4", "20260704", "2026-W28-1", "2026-02-30", "", " 2026-07-04"])
def test_a_day_is_written_in_one_form(written: str) -> None:
    with pytest.raises(DaysRefused, match="is not a day: write it as 2026-07-14"):
        day_of(written)
