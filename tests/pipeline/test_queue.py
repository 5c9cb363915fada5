"""Who is first in Dagster's queue, by its own daemon and with our dagster.yaml: the day, repairs, then backfills."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
import yaml
from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    Definitions,
    SubmitRunContext,
)
from dagster._core.workspace.context import BaseWorkspaceRequestContext
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._serdes import ConfigurableClassData

from pyzn_local.bigquery.server import Server
from pyzn_pipeline.days import PARTITION, RANGE_END, RANGE_START
from pyzn_pipeline.instance.run_coordinator import REPAIR, DayFirstRunCoordinator
from tests.conftest import Database
from tests.deployment.compose import ROOT
from tests.pipeline.backfills import ORIGIN, backfill
from tests.pipeline.conftest import code_location, memory_instance

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


@pytest.fixture
def defs(bigquery: Server, database: Database) -> Definitions:
    return code_location(bigquery, database)


def submit(instance: DagsterInstance, job_name: str = "daily_downloads", **tags: str) -> str:
    """Queue a run, as every door of Dagster does it; returns its id."""
    run = instance.add_run(
        DagsterRun(job_name, status=DagsterRunStatus.NOT_STARTED, tags=tags, remote_job_origin=ORIGIN)
    )
    nowhere = cast("BaseWorkspaceRequestContext", None)  # the queue does not look at it
    return instance.run_coordinator.submit_run(SubmitRunContext(run, nowhere)).run_id


def next_runs(instance: DagsterInstance) -> list[str]:
    """The runs that the daemon would start now, in its order."""
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=5)
    found: list[DagsterRun] = daemon._get_runs_to_dequeue(instance, instance.get_concurrency_config(), None)
    return [run.run_id for run in found]


def test_the_day_is_first_then_repairs_then_backfills_newest_first(
    defs: Definitions, instance: DagsterInstance
) -> None:
    backfill(defs, instance, MONTHS[0][0], MONTHS[-1][1], "long")
    months = [
        submit(instance, **{"dagster/backfill": "long", RANGE_START: str(first), RANGE_END: str(last)})
        for first, last in MONTHS
    ]
    ranking = submit(instance, "rank_projects", **{RANGE_START: "2026-01-01", RANGE_END: "2026-01-31"})
    repair = submit(instance, **REPAIR, **{PARTITION: "2026-02-03"})
    the_day = submit(instance, **{PARTITION: str(YESTERDAY)})
    assert next_runs(instance) == [the_day, repair, ranking, months[-1], months[-2]]


def test_a_backfill_never_has_every_slot_and_the_day_gets_one_at_once(
    defs: Definitions, instance: DagsterInstance
) -> None:
    pool, limit = (
        CONFIG["concurrency"]["pools"]["default_limit"],
        CONFIG["concurrency"]["runs"]["tag_concurrency_limits"],
    )
    assert limit[0]["limit"] < pool <= CONFIG["concurrency"]["runs"]["max_concurrent_runs"]
    backfill(defs, instance, MONTHS[0][0], MONTHS[-1][1], "long")
    for first, last in MONTHS:
        submit(instance, **{"dagster/backfill": "long", RANGE_START: str(first), RANGE_END: str(last)})
    for run_id in next_runs(instance):
        run = instance.get_run_by_id(run_id)
        assert run is not None
        instance.report_run_canceling(run)  # in progress, as the queue counts
    assert next_runs(instance) == []  # of the backfill
    backfill(defs, instance, YESTERDAY, YESTERDAY, "one-day")
    one_day = submit(instance, **{"dagster/backfill": "one-day", PARTITION: str(YESTERDAY)})
    by_hand = submit(instance, **{PARTITION: "2026-03-04"})
    assert next_runs(instance) == [one_day, by_hand]


def test_a_backfill_of_single_days_is_still_a_backfill(defs: Definitions, instance: DagsterInstance) -> None:
    backfill(defs, instance, MONTHS[0][0], MONTHS[0][1], "days")
    days = [submit(instance, **{"dagster/backfill": "days", PARTITION: f"2026-01-{n:02}"}) for n in (3, 1, 4, 2)]
    assert next_runs(instance) == [days[2], days[0]]


def test_a_priority_that_somebody_has_set_stays_and_a_bad_partition_is_queued_like_any_run(
    instance: DagsterInstance,
) -> None:
    bad = submit(instance, **{PARTITION: "2026-9-5"})
    urgent = submit(instance, **{PARTITION: "2026-09-05", "dagster/priority": "99"})
    assert next_runs(instance) == [urgent, bad]
