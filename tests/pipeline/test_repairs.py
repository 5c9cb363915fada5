"""Published days stay true automatically: recounts, and the sensor that requests runs for wanted days."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    DagsterRunStatus,
    Definitions,
    ExecuteInProcessResult,
    RunRequest,
)
from sqlalchemy import Engine, text

from pyzn_local.bigquery.server import Server
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.recounts.recounts import due_for_recount
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.store.errors import StoreError
from pyzn_pipeline.wanted_days import wanted
from pyzn_pipeline.wanted_days.wanted import due_for_reading
from tests import ledger
from tests.conftest import Database
from tests.days import Download, raw_rows, some
from tests.pipeline.conftest import TABLE, code_location
from tests.pipeline.sensor import a_month_passes, asked, carried_out, days_asked, repaired
from tests.store.publishing import publish

TODAY = datetime.now(UTC).date()
OLD = TODAY - timedelta(days=10)
DOWNLOADS = [Download("requests"), Download("requests", "2.0"), Download("numpy", country=None)]


@pytest.fixture
def defs(bigquery: Server, database: Database) -> Definitions:
    """The code location; nothing is asked for by the calendar."""
    return code_location(bigquery, database, repair_from=date.max)


@pytest.fixture
def healing_defs(bigquery: Server, database: Database) -> Definitions:
    """The code location that asks for the six days before today."""
    return code_location(bigquery, database, repair_from=TODAY - timedelta(days=6))


def change(store: Engine, statement: str, **parameters: Any) -> None:
    with store.begin() as connection:
        connection.execute(text(statement), parameters)


def give_up_recent(store: Engine, first: int, last: int) -> None:
    """Nobody is to try the days from `first` to `last` days ago again."""
    for n in range(first, last + 1):
        change(store, "INSERT INTO pyzn.wanted (day, asked_at) VALUES (:day, now())", day=TODAY - timedelta(days=n))


def read(clients: Clients, store: Engine, *days: date) -> None:
    for day in days:
        ingest_day(day, BigQuery(clients, TABLE, 2**40), store, "run-1")


def an_hour_passes(store: Engine) -> None:
    change(
        store,
        "UPDATE pyzn.days SET published_at = published_at - interval '61 minutes',"
        " recounted_at = recounted_at - interval '61 minutes'",
    )


def held(store: Engine, *days: date) -> list[pd.Series]:
    """The days' rows of the ledger."""
    return [ledger.days(store, day, day).iloc[0] for day in days]


def recount(defs: Definitions, instance: DagsterInstance, store: Engine) -> ExecuteInProcessResult:
    an_hour_passes(store)
    (request,) = [request for request in asked(defs, instance) if request.job_name == "recount"]
    (result,) = carried_out(defs, instance, [request])
    assert result.success
    return result


def test_missing_days_are_asked_for_newest_first_in_runs_of_days_that_follow_one_another(
    healing_defs: Definitions, instance: DagsterInstance, bigquery: Server, store: Engine
) -> None:
    days = [TODAY - timedelta(days=n) for n in (2, 4, 5, 6)]
    for day in days:
        bigquery.load(raw_rows(day, DOWNLOADS))
    give_up_recent(store, 1, 1)
    give_up_recent(store, 3, 3)

    assert repaired(healing_defs, instance) == [days[0], *days[:0:-1]]
    assert set(ledger.days(store, days[-1], days[1])["status"]) == {"provisional"}


def test_no_more_than_two_runs_of_a_month_are_asked_for_at_once(bigquery: Server, database: Database) -> None:
    defs = code_location(bigquery, database, repair_from=TODAY - timedelta(days=100))
    with DagsterInstance.ephemeral() as instance:
        runs = [days_asked([request]) for request in asked(defs, instance)]
    assert [len(days) for days in runs] == [31, 31]
    assert runs[1][-1] < runs[0][0]


def test_a_day_that_a_run_has_in_hand_is_not_asked_for_again(
    healing_defs: Definitions, instance: DagsterInstance, store: Engine
) -> None:
    (request,) = asked(healing_defs, instance)
    job, ranking = (healing_defs.resolve_job_def(name) for name in ("daily_downloads", "rank_projects"))
    instance.create_run_for_job(job, status=DagsterRunStatus.STARTED, tags=dict(request.tags))
    assert not asked(healing_defs, instance)
    instance.report_run_failed(instance.get_runs()[0])
    instance.create_run_for_job(ranking, status=DagsterRunStatus.STARTED, tags=dict(request.tags))
    assert not asked(healing_defs, instance)  # a minute's grace
    a_month_passes(store)
    assert days_asked(asked(healing_defs, instance)) == days_asked([request])


def test_a_day_that_keeps_failing_is_given_up_with_its_reason(store: Engine) -> None:
    day, now = TODAY - timedelta(days=1), datetime.now(UTC) + timedelta(days=1)
    for _ in range(wanted.MOST_ATTEMPTS):
        assert day in due_for_reading(store, now, repair_from=day)
        with pytest.raises(StoreError), wanted.attempt(store, day, "run-1"):
            raise StoreError("the source is away")
        a_month_passes(store)
    assert day not in due_for_reading(store, now, repair_from=day)
    row = ledger.days(store, day, day).iloc[0]
    assert (row["wanted"], row["attempts"], row["failure"]) == ("given up", wanted.MOST_ATTEMPTS, "the source is away")


def at(store: Engine, published: str, counted: str) -> None:
    """Let the days be published, and counted last, at these times in UTC."""
    times = "published_at = CAST(:published AS timestamptz), recounted_at = CAST(:counted AS timestamptz)"
    change(store, f"UPDATE pyzn.days SET {times}", published=f"{published}Z", counted=f"{counted}Z")


def test_unless_told_from_when_a_new_deployment_heals_no_further_back_than_its_first_publication(store: Engine) -> None:
    now = datetime(2026, 7, 15, 18, 30, tzinfo=UTC)
    assert not due_for_reading(store, now, repair_from=None)
    publish(store, date(2020, 2, 2), some(a=1))
    for first_published, healed_from in (("2026-07-10 12:00", "2026-07-09"), ("2026-01-01 12:00", "2026-06-13")):
        at(store, first_published, first_published)
        change(store, "DELETE FROM pyzn.wanted")
        due = due_for_reading(store, now, repair_from=None)
        assert [str(due[0]), str(due[-1])] == ["2026-07-14", healed_from]


def test_the_days_of_a_run_that_died_are_asked_for_again_however_old_they_are(
    defs: Definitions, instance: DagsterInstance, bigquery: Server, store: Engine
) -> None:
    days = [date(2026, 1, 5), date(2026, 1, 6)]
    for day in days:
        bigquery.load(raw_rows(day, DOWNLOADS))
    run = instance.create_run_for_job(defs.resolve_job_def("daily_downloads"), status=DagsterRunStatus.FAILURE)
    wanted.begin_run(store, days, run.run_id, f"run {run.run_id}")
    assert not asked(defs, instance)  # a minute's grace
    a_month_passes(store)
    assert repaired(defs, instance) == days


def test_a_matching_recount_a_week_later_makes_days_final_by_the_metadata_alone(
    defs: Definitions, instance: DagsterInstance, clients: Clients, bigquery: Server, store: Engine
) -> None:
    days = [OLD, OLD - timedelta(days=2), OLD - timedelta(days=4)]
    for day in days:
        bigquery.load(raw_rows(day, DOWNLOADS))
    read(clients, store, *days)
    assert not [request for request in asked(defs, instance) if request.job_name == "recount"]  # too soon to tell
    result = recount(defs, instance, store)
    assert [(row["status"], row["recounted_by"]) for row in held(store, *days)] == [("final", "metadata")] * 3
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    assert check.metadata["US dollars"].value == round(10 * 2**20 / 2**40 * 6.25, 6)  # one minimum for all days
    assert check.metadata["days counted by COUNT(*)"].value == 0
    assert "why not by metadata" not in check.metadata
    observed = [each.asset_observation_data.asset_observation for each in result.get_asset_observation_events()]
    assert {each.partition for each in observed} == {str(day) for day in days}
    assert observed[0].metadata["counted by"].value == "metadata"
    assert instance.get_latest_data_version_record(AssetKey("file_downloads")) is not None
    an_hour_passes(store)
    assert not [request for request in asked(defs, instance) if request.job_name == "recount"]
    read(clients, store, OLD)  # a reading that finds it unchanged is its latest count
    assert [(row["revision"], row["recounted_by"]) for row in held(store, OLD)] == [(1, "scan")]


def test_rows_that_come_late_are_found_by_a_recount_and_read(
    defs: Definitions, instance: DagsterInstance, clients: Clients, bigquery: Server, store: Engine
) -> None:
    bigquery.load(raw_rows(OLD, DOWNLOADS))
    read(clients, store, OLD)
    bigquery.load(raw_rows(OLD, [Download("late")]))

    result = recount(defs, instance, store)
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    (row,) = held(store, OLD)
    assert (row["status"], row["recounted_by"], row["source_recount"]) == ("provisional", "count", 4)

    assert repaired(defs, instance) == [OLD]
    (row,) = held(store, OLD)
    assert (row["revision"], row["downloads"], row["status"]) == (2, 4, "final")


def test_what_the_metadata_does_not_confirm_is_counted_before_anything_is_read(
    defs: Definitions, instance: DagsterInstance, clients: Clients, bigquery: Server, store: Engine
) -> None:
    bigquery.load(raw_rows(OLD, DOWNLOADS))
    read(clients, store, OLD)
    bigquery.inject({"deny_metadata": True})
    (check,) = recount(defs, instance, store).get_asset_check_evaluations()
    assert [(row["status"], row["recounted_by"]) for row in held(store, OLD)] == [("final", "count")]
    assert check.passed
    assert check.metadata["days counted by COUNT(*)"].value == 1
    assert "Access Denied" in str(check.metadata["why not by metadata"].value)
    assert not repaired(defs, instance)


def test_a_day_whose_last_reading_was_refused_is_read_again_once_the_source_has_more(
    defs: Definitions, instance: DagsterInstance, clients: Clients, bigquery: Server, store: Engine
) -> None:
    bigquery.load(raw_rows(OLD, DOWNLOADS))
    read(clients, store, OLD)
    change(store, "UPDATE pyzn.days SET source_downloads = 4, downloads = 4, source_recount = 4")
    (refused,) = carried_out(defs, instance, [RunRequest(job_name="daily_downloads", partition_key=str(OLD))])
    assert not refused.success
    assert "it has 3 downloads, 1 fewer; not published" in ledger.days(store, OLD, OLD)["failure"][0]

    bigquery.load(raw_rows(OLD, [Download("late")] * 2))
    recount(defs, instance, store)
    assert repaired(defs, instance) == [OLD]
    (row,) = held(store, OLD)
    assert (row["revision"], row["downloads"]) == (2, 5)
    assert row.isna()["failure"]


def test_fewer_rows_at_the_source_keep_a_day_from_being_final_and_are_not_read(
    defs: Definitions, instance: DagsterInstance, clients: Clients, bigquery: Server, store: Engine
) -> None:
    bigquery.load(raw_rows(OLD, DOWNLOADS))
    read(clients, store, OLD)
    change(store, "UPDATE pyzn.days SET source_downloads = 4, downloads = 4")
    recount(defs, instance, store)
    (row,) = held(store, OLD)
    assert (row["status"], row["source_downloads"], row["source_recount"]) == ("provisional", 4, 3)
    assert not repaired(defs, instance)


def test_recounts_are_due_at_23_utc_of_the_first_third_and_seventh_day(store: Engine) -> None:
    publish(store, date(2026, 7, 14), some(a=1))
    for now, counted, due in (
        ("2026-07-15 22:59", "2026-07-15 17:20", False),
        ("2026-07-15 23:00", "2026-07-15 17:20", True),
        ("2026-07-17 22:59", "2026-07-15 23:05", False),
        ("2026-07-17 23:00", "2026-07-15 23:05", True),
        ("2026-07-21 22:59", "2026-07-17 23:05", False),
        ("2026-07-21 23:00", "2026-07-17 23:05", True),
        ("2026-09-01 12:00", "2026-07-17 23:05", True),
        ("2026-09-01 12:00", "2026-07-21 23:05", False),
    ):
        at(store, "2026-07-15 17:20", counted)
        assert bool(due_for_recount(store, datetime.fromisoformat(now + "Z"))) is due, (now, counted)
