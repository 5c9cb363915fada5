"""Published days stay true automatically: recounts, and the sensor that requests runs for wanted days."""

from datetime import UTC, date, datetime, timedelta

import pytest
from dagster import AssetKey, DagsterRunStatus, ExecuteInProcessResult, RunRequest
from sqlalchemy import Engine

from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.recounts.recounts import due_for_recount
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.store.errors import StoreError
from pyzn_pipeline.wanted_days import wanted
from pyzn_pipeline.wanted_days.wanted import due_for_reading
from tests.days import some
from tests.pipeline.conftest import Pipeline, carried_out, days_of
from tests.store.publishing import change, held, publish

TODAY = datetime.now(UTC).date()
OLD = TODAY - timedelta(days=10)
DOWNLOADS = some(requests=2, numpy=1)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture
def healing(pipeline: Pipeline) -> Pipeline:
    """The deployment whose calendar asks for the six days before today."""
    return pipeline.with_settings(repair_from=ago(6))


@pytest.fixture
def old(pipeline: Pipeline, source: BigQuery) -> Pipeline:
    """The deployment that has published OLD."""
    read(pipeline, source, OLD)
    return pipeline


def read(pipeline: Pipeline, source: BigQuery, *days: date) -> None:
    """The days get rows and are read."""
    pipeline.load(DOWNLOADS, *days)
    for day in days:
        ingest_day(day, source, pipeline.store, "run-1")


def an_hour_passes(store: Engine) -> None:
    change(
        store,
        "UPDATE pyzn.days SET published_at = published_at - interval '61 minutes',"
        " recounted_at = recounted_at - interval '61 minutes'",
    )


def recount(pipeline: Pipeline) -> ExecuteInProcessResult:
    an_hour_passes(pipeline.store)
    (result,) = carried_out(pipeline.defs, pipeline.instance, pipeline.requests("recount"))
    assert result.success
    return result


def test_missing_days_are_asked_for_newest_first_in_runs_of_days_that_follow_one_another(healing: Pipeline) -> None:
    days = [ago(n) for n in (2, 4, 5, 6)]
    healing.load(DOWNLOADS, *days)
    for given_up in (1, 3):
        change(healing.store, "INSERT INTO pyzn.wanted (day, asked_at) VALUES (:day, now())", day=ago(given_up))
    assert healing.repaired() == [days[0], *days[:0:-1]]
    assert {held(healing.store, day)["status"] for day in days} == {"provisional"}


def test_no_more_than_two_runs_of_a_month_are_asked_for_at_once(pipeline: Pipeline) -> None:
    later, earlier = map(days_of, ([run] for run in pipeline.with_settings(repair_from=ago(100)).requests()))
    assert (len(later), len(earlier)) == (31, 31)
    assert earlier[-1] < later[0]


def test_a_day_that_a_run_has_in_hand_is_not_asked_for_again(healing: Pipeline) -> None:
    (request,) = healing.requests()
    reading = healing.add_run(DagsterRunStatus.STARTED, dict(request.tags))
    assert not healing.requests()
    healing.instance.report_run_failed(reading)
    healing.add_run(DagsterRunStatus.STARTED, dict(request.tags), "rank_projects")
    assert healing.days_requested_later() == days_of([request])


def test_a_day_that_keeps_failing_is_given_up_with_its_reason(pipeline: Pipeline) -> None:
    store, day, now = pipeline.store, ago(1), datetime.now(UTC) + timedelta(days=1)
    for _ in range(wanted.MOST_ATTEMPTS):
        assert day in due_for_reading(store, now, repair_from=day)
        with pytest.raises(StoreError), wanted.attempt(store, day, "run-1"):
            raise StoreError("the source is away")
        pipeline.a_month_passes()
    assert day not in due_for_reading(store, now, repair_from=day)
    row = held(store, day)
    assert (row["wanted"], row["attempts"], row["failure"]) == ("given up", wanted.MOST_ATTEMPTS, "the source is away")


def at(store: Engine, published: str, counted: str) -> None:
    """Let the days be published, and counted last, at these times in UTC."""
    times = "published_at = CAST(:published AS timestamptz), recounted_at = CAST(:counted AS timestamptz)"
    change(store, f"UPDATE pyzn.days SET {times}", published=f"{published}Z", counted=f"{counted}Z")


def test_by_default_a_new_deployment_heals_no_further_back_than_its_first_publication(store: Engine) -> None:
    now = datetime(2026, 7, 15, 18, 30, tzinfo=UTC)
    assert not due_for_reading(store, now, repair_from=None)
    publish(store, date(2020, 2, 2), some(a=1))
    for first_published, healed_from in (("2026-07-10 12:00", "2026-07-09"), ("2026-01-01 12:00", "2026-06-13")):
        at(store, first_published, first_published)
        change(store, "DELETE FROM pyzn.wanted")
        due = due_for_reading(store, now, repair_from=None)
        assert [str(due[0]), str(due[-1])] == ["2026-07-14", healed_from]


def test_a_matching_recount_a_week_later_makes_days_final_by_the_metadata_alone(
    pipeline: Pipeline, source: BigQuery
) -> None:
    days = [ago(10), ago(12), ago(14)]
    read(pipeline, source, *days)
    assert not pipeline.requests("recount")  # too soon to tell
    result = recount(pipeline)
    assert {(row["status"], row["recounted_by"]) for row in (held(pipeline.store, day) for day in days)} == {
        ("final", "metadata")
    }
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    assert check.metadata["US dollars"].value == round(10 * 2**20 / 2**40 * 6.25, 6)  # one minimum for all days
    assert check.metadata["days counted by COUNT(*)"].value == 0
    assert "why not by metadata" not in check.metadata
    observed = [each.asset_observation_data.asset_observation for each in result.get_asset_observation_events()]
    assert {each.partition for each in observed} == {str(day) for day in days}
    assert observed[0].metadata["counted by"].value == "metadata"
    assert pipeline.instance.get_latest_data_version_record(AssetKey("file_downloads")) is not None
    an_hour_passes(pipeline.store)
    assert not pipeline.requests("recount")
    ingest_day(OLD, source, pipeline.store, "run-2")  # a reading that finds it unchanged is its latest count
    row = held(pipeline.store, OLD)
    assert (row["revision"], row["recounted_by"]) == (1, "scan")


def test_rows_that_come_late_are_found_by_a_recount_and_read(old: Pipeline) -> None:
    old.load(some(late=1), OLD)
    (check,) = recount(old).get_asset_check_evaluations()
    assert not check.passed
    row = held(old.store, OLD)
    assert (row["status"], row["recounted_by"], row["source_recount"]) == ("provisional", "count", 4)

    assert old.repaired() == [OLD]
    row = held(old.store, OLD)
    assert (row["revision"], row["downloads"], row["status"]) == (2, 4, "final")


def test_what_the_metadata_does_not_confirm_is_counted_before_anything_is_read(old: Pipeline) -> None:
    old.bigquery.inject({"deny_metadata": True})
    (check,) = recount(old).get_asset_check_evaluations()
    row = held(old.store, OLD)
    assert (row["status"], row["recounted_by"]) == ("final", "count")
    assert check.passed
    assert check.metadata["days counted by COUNT(*)"].value == 1
    assert "Access Denied" in str(check.metadata["why not by metadata"].value)
    assert not old.repaired()


def test_a_day_whose_last_reading_was_refused_is_read_again_once_the_source_has_more(old: Pipeline) -> None:
    change(old.store, "UPDATE pyzn.days SET source_downloads = 4, downloads = 4, source_recount = 4")
    request = RunRequest(job_name="daily_downloads", partition_key=str(OLD))
    (refused,) = carried_out(old.defs, old.instance, [request])
    assert not refused.success
    assert "it has 3 downloads, 1 fewer; not published" in held(old.store, OLD)["failure"]

    old.load(some(late=2), OLD)
    recount(old)
    assert old.repaired() == [OLD]
    row = held(old.store, OLD)
    assert (row["revision"], row["downloads"], row["failure"]) == (2, 5, None)


def test_fewer_rows_at_the_source_keep_a_day_from_being_final_and_are_not_read(old: Pipeline) -> None:
    change(old.store, "UPDATE pyzn.days SET source_downloads = 4, downloads = 4")
    recount(old)
    row = held(old.store, OLD)
    assert (row["status"], row["source_downloads"], row["source_recount"]) == ("provisional", 4, 3)
    assert not old.repaired()


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
