"""The Dagster side: what a run of one day, or of a range, leaves in Dagster and in the tables."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from dagster import AssetKey, DefaultScheduleStatus, ScheduleDefinition, build_schedule_context
from dagster._core.storage.partition_status_cache import AssetPartitionStatus
from pydantic import SecretStr

from pyzn_pipeline.breakdowns import BREAKDOWNS
from pyzn_pipeline.definitions import build_defs
from pyzn_pipeline.defs.partitions import utc_days
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.settings import Settings
from tests.days import Download, some
from tests.pipeline.conftest import Pipeline, failure_of, materialized
from tests.store.publishing import held

FIRST_DAY = date(2026, 1, 1)  # of the code location
DAY = date(2026, 7, 14)
RECENT = datetime.now(UTC).date() - timedelta(days=6)
DOWNLOADS = [Download("requests", "2.31.0", "US"), Download("requests", "2.32.0", None, ci=True), Download("numpy")]


def test_a_days_run_publishes_all_assets_with_what_the_ui_plots_and_every_audit_is_a_check(pipeline: Pipeline) -> None:
    pipeline.load(DOWNLOADS, DAY)
    result = pipeline.run(DAY)

    assert result.success
    events = materialized(result)
    assert set(events) == {(name, str(DAY)) for name in ("project_days", *(b.view for b in BREAKDOWNS))}
    assert events["downloads_by_version", str(DAY)] == {
        "dagster/row_count": 3, "downloads": 3, "pip downloads": 3, "CI downloads": 1, "files": 3, "projects": 2,
    }  # fmt: skip
    metadata = events["project_days", str(DAY)]
    expected = {
        "dagster/row_count": 2, "downloads": 3, "pip downloads": 3, "CI downloads": 1, "revision": 1,
        "status": "provisional", "outcome": "published", "bytes billed": 10 * 2**20, "US dollars": 0.00006,
    }  # fmt: skip
    assert {name: metadata[name] for name in expected} == pytest.approx(expected, abs=1e-5)
    assert {f"seconds to {stage}" for stage in ("scan", "receive", "audit", "publish")} <= set(metadata)
    assert [record.data["project"] for record in metadata["top projects"].records] == ["requests", "numpy"]
    assert metadata["rows in project order"] is True
    evaluations = result.get_asset_check_evaluations()
    assert {e.asset_key.to_user_string() for e in evaluations} == {"project_days"}
    assert {e.check_name for e in evaluations if e.blocking} == {
        "every_row_received", "day_not_empty", "sum_equals_source"
    }  # fmt: skip
    assert {e.check_name for e in evaluations if not e.blocking} == {
        "downloads_like_weekday", "projects_like_weekday", "every_hour_there",
        *(name for b in BREAKDOWNS if b.common for name in (f"unknown_{b.name}_share", f"{b.name}_mix")),
    }  # fmt: skip
    assert all(evaluation.passed for evaluation in evaluations)
    assert held(pipeline.store, DAY)["run_id"] == result.run_id

    assert materialized(pipeline.run(DAY))["project_days", str(DAY)]["outcome"] == "re-read, unchanged"
    pipeline.load(some(flask=1), DAY)
    metadata = materialized(pipeline.run(DAY))["project_days", str(DAY)]
    assert (metadata["outcome"], metadata["revision"], metadata["downloads"]) == ("published", 2, 4)


def test_a_bad_day_in_a_range_is_red_in_one_check_and_stops_only_itself(pipeline: Pipeline) -> None:
    before, after = DAY - timedelta(days=1), DAY + timedelta(days=1)
    pipeline.load(DOWNLOADS, before, after)
    result = pipeline.run(before, after)

    assert not result.success
    days = (before, DAY, after)
    assert [held(pipeline.store, day)["status"] for day in days] == ["final", "missing", "final"]
    assert f"day {DAY}: the source has no rows for it; not published" in failure_of(result)
    (failed,) = [each for each in result.get_asset_check_evaluations() if not each.passed]
    assert failed.check_name == "day_not_empty"
    assert [each.data for each in failed.metadata["findings"].value.records] == [  # type: ignore[union-attr]  # a table's
        {"day": str(DAY), "finding": "the source has no rows for it"}
    ]
    keys, good = list(map(str, days)), AssetPartitionStatus.MATERIALIZED
    for name in ("project_days", *(breakdown.view for breakdown in BREAKDOWNS)):
        bad = AssetPartitionStatus.FAILED if name == "project_days" else None
        status = pipeline.instance.get_status_by_partition(AssetKey(name), keys, utc_days(FIRST_DAY))
        assert status == dict(zip(keys, (good, bad, good), strict=True))


def test_a_settled_day_that_the_metadata_confirms_is_final_at_once_by_one_question_for_all_days(
    pipeline: Pipeline,
) -> None:
    days = [DAY, DAY + timedelta(days=1), RECENT]
    pipeline.load(DOWNLOADS, *days)
    pipeline.run(DAY, days[1])
    pipeline.run(RECENT)
    assert [(row["status"], row["recounted_by"]) for row in (held(pipeline.store, day) for day in days)] == [
        ("final", "metadata"), ("final", "metadata"), ("provisional", "scan")
    ]  # fmt: skip
    observed = pipeline.instance.fetch_observations(AssetKey("file_downloads"), limit=10).records
    assert sorted(str(record.partition_key) for record in observed) == [str(day) for day in days[:2]]


def test_a_settled_day_that_the_metadata_does_not_confirm_waits_for_its_recount(pipeline: Pipeline) -> None:
    pipeline.load(DOWNLOADS, DAY)
    pipeline.bigquery.inject({"deny_metadata": True})
    assert pipeline.run(DAY).success
    row = held(pipeline.store, DAY)
    assert (row["status"], row["recounted_by"]) == ("provisional", "scan")


def test_a_settled_day_without_rows_is_given_up_at_once_and_a_recent_one_is_tried_again(pipeline: Pipeline) -> None:
    for day, state in ((DAY, "given up"), (RECENT, "failed")):
        assert not pipeline.run(day).success
        row = held(pipeline.store, day)
        assert (row["wanted"], row["attempts"]) == (state, 1)
        assert row["failure"] == f"day {day}: the source has no rows for it; not published"


def test_a_source_over_the_cost_limit_is_refused_before_it_is_read(pipeline: Pipeline) -> None:
    pipeline.load(DOWNLOADS, DAY)
    assert not pipeline.with_settings(maximum_bytes_billed=1000).run(DAY).success
    assert "PYZN_MAXIMUM_BYTES_BILLED" in held(pipeline.store, DAY)["failure"]


def test_missing_credentials_are_the_days_reason_and_neither_a_trace_nor_failed_checks(pipeline: Pipeline) -> None:
    url = pipeline.database.owner_url
    settings = Settings(database_url=SecretStr(url), bigquery_project="billed-project")
    result = replace(pipeline, defs=build_defs(settings, store=Store(database_url=url))).run(DAY)
    assert not result.success
    checks = result.get_asset_check_evaluations()
    assert len(checks) == 14  # all that Dagster has planned, or it would show the others as failed
    assert {(check.passed, check.metadata["days checked"].value) for check in checks} == {(True, 0)}
    assert held(pipeline.store, DAY)["failure"].startswith("Google credentials: no usable Google credentials")


def test_partitions_are_the_utc_days_from_the_first_day_to_yesterday(pipeline: Pipeline) -> None:
    partitions = pipeline.defs.resolve_asset_graph().get(AssetKey("project_days")).partitions_def
    assert partitions is not None
    keys = partitions.get_partition_keys()
    assert (keys[0], keys[-1]) == (str(FIRST_DAY), str(datetime.now(UTC).date() - timedelta(days=1)))


def test_the_schedule_runs_by_itself_at_17_utc_for_the_day_before(pipeline: Pipeline) -> None:
    schedule = next(each for each in pipeline.defs.schedules or [] if each.name == "daily_downloads_schedule")
    assert isinstance(schedule, ScheduleDefinition)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 17 * * *", "UTC")
    assert schedule.default_status is DefaultScheduleStatus.RUNNING
    context = build_schedule_context(
        scheduled_execution_time=datetime(2026, 7, 15, 17, tzinfo=UTC),
        repository_def=pipeline.defs.get_repository_def(),
    )
    tick = schedule.evaluate_tick(context)
    assert [request.partition_key for request in tick.run_requests or []] == ["2026-07-14"]
