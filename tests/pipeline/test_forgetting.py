"""Old runs of the hourly checks are deleted; runs of days are not."""

from datetime import UTC, datetime, timedelta

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.utils import make_new_run_id

from pyzn_pipeline.defs.forgetting import KEPT, forget_runs
from pyzn_pipeline.defs.freshness import freshness_schedule
from pyzn_pipeline.defs.jobs import READ, RECOUNT


def test_only_old_runs_that_left_nothing_to_look_up_are_deleted() -> None:
    freshness = freshness_schedule().job_name
    now = datetime.now(UTC)
    with DagsterInstance.ephemeral() as instance:
        for name in (freshness, READ.name, RECOUNT.name):
            for age in (KEPT + timedelta(days=1), KEPT - timedelta(days=1)):
                run = DagsterRun(job_name=name, run_id=make_new_run_id(), status=DagsterRunStatus.SUCCESS)
                instance.run_storage.add_historical_run(run, run_creation_time=now - age)

        assert forget_runs.execute_in_process(instance=instance).success

        kept = {
            name: instance.get_runs_count(RunsFilter(job_name=name)) for name in (freshness, READ.name, RECOUNT.name)
        }
    assert kept == {freshness: 1, READ.name: 2, RECOUNT.name: 2}
