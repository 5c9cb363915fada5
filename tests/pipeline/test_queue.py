"""The order of Dagster's queue, by its own daemon and with our dagster.yaml: the day, repairs, then backfills."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
import yaml
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, SubmitRunContext
from dagster._core.workspace.context import BaseWorkspaceRequestContext
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._serdes import ConfigurableClassData

from pyzn_pipeline.days import PARTITION
from pyzn_pipeline.instance.run_coordinator import REPAIR, DayFirstRunCoordinator
from tests.deployment.compose import ROOT
from tests.pipeline.conftest import Pipeline, memory_instance, span

CONFIG = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
MONTHS = [(date(2026, month, 1), date(2026, month, 28)) for month in range(1, 5)]
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """A Dagster instance in memory with the queue of the deployment."""
    own = CONFIG["run_coordinator"]
    queue = ConfigurableClassData(own["module"], own["class"], yaml.safe_dump(own["config"])).rehydrate(
        DayFirstRunCoordinator
    )
    with memory_instance(tmp_path, queue, concurrency=CONFIG["concurrency"]) as made:
        yield made


def submit(pipeline: Pipeline, tags: dict[str, str], backfill: str | None = None, job: str = "daily_downloads") -> str:
    """Queue a run, as every door of Dagster does it; returns its id."""
    tags = tags | ({"dagster/backfill": backfill} if backfill else {})
    run = pipeline.add_run(DagsterRunStatus.NOT_STARTED, tags, job)
    nowhere = cast("BaseWorkspaceRequestContext", None)  # the queue does not look at it
    return pipeline.instance.run_coordinator.submit_run(SubmitRunContext(run, nowhere)).run_id


def submit_months(pipeline: Pipeline) -> list[str]:
    """Queue the runs of a backfill of four months."""
    pipeline.add_backfill(MONTHS[0][0], MONTHS[-1][1], "long")
    return [submit(pipeline, span(first, last), "long") for first, last in MONTHS]


def next_runs(instance: DagsterInstance) -> list[str]:
    """The runs that the daemon would start now, in its order."""
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=5)
    found: list[DagsterRun] = daemon._get_runs_to_dequeue(instance, instance.get_concurrency_config(), None)
    return [run.run_id for run in found]


def test_the_day_is_first_then_repairs_then_backfills_newest_first(pipeline: Pipeline) -> None:
    months = submit_months(pipeline)
    ranking = submit(pipeline, span(date(2026, 1, 1), date(2026, 1, 31)), job="rank_projects")
    repair = submit(pipeline, REPAIR | {PARTITION: "2026-02-03"})
    the_day = submit(pipeline, {PARTITION: str(YESTERDAY)})
    assert next_runs(pipeline.instance) == [the_day, repair, ranking, months[-1], months[-2]]


def test_a_backfill_never_has_every_slot_and_the_day_gets_one_at_once(pipeline: Pipeline) -> None:
    limits = CONFIG["concurrency"]
    (of_backfills,) = limits["runs"]["tag_concurrency_limits"]
    assert of_backfills["limit"] < limits["pools"]["default_limit"] <= limits["runs"]["max_concurrent_runs"]
    submit_months(pipeline)
    for run_id in next_runs(pipeline.instance):
        run = pipeline.instance.get_run_by_id(run_id)
        assert run is not None
        pipeline.instance.report_run_canceling(run)  # in progress, as the queue counts
    assert next_runs(pipeline.instance) == []  # of the backfill
    pipeline.add_backfill(YESTERDAY, YESTERDAY, "one-day")
    one_day = submit(pipeline, {PARTITION: str(YESTERDAY)}, "one-day")
    by_hand = submit(pipeline, {PARTITION: "2026-03-04"})
    assert next_runs(pipeline.instance) == [one_day, by_hand]


def test_a_backfill_of_single_days_is_still_a_backfill(pipeline: Pipeline) -> None:
    pipeline.add_backfill(*MONTHS[0], "days")
    days = [submit(pipeline, {PARTITION: f"2026-01-{n:02}"}, "days") for n in (3, 1, 4, 2)]
    assert next_runs(pipeline.instance) == [days[2], days[0]]


def test_a_priority_that_somebody_has_set_stays_and_a_bad_partition_is_queued_like_any_run(pipeline: Pipeline) -> None:
    bad = submit(pipeline, {PARTITION: "2026-9-5"})
    urgent = submit(pipeline, {PARTITION: "2026-09-05", "dagster/priority": "99"})
    assert next_runs(pipeline.instance) == [urgent, bad]
