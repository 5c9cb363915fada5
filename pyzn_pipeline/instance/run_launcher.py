"""The run launcher: Dagster's default one, which can also check whether a run's process still exists."""

from dagster import DagsterRun, DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import GetCurrentRunsResult
from dagster._serdes import deserialize_value


class HealthCheckedRunLauncher(DefaultRunLauncher):
    """Lets run monitoring end a run that died together with its code server.

    A code server reports a run whose process dies. If the server dies as well (its container is killed, the
    machine restarts), nothing reports it. The default launcher cannot check a run, so it would stay STARTED
    until its time limit and keep its slot in the pool. The restarted server lists the runs that it has started.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Return True: `check_run_worker_health` asks the code server."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Return RUNNING or NOT_FOUND, according to the run's code server.

        Raises DagsterUserCodeUnreachableError while the server is away. That is no answer about the run,
        so run monitoring logs it and asks again.
        """
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]  # Dagster's own
        if client is None:  # the run has ended since, or never reached a code server
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "no code server has this run")
        answer = deserialize_value(client.get_current_runs(), GetCurrentRunsResult)
        if run.run_id in answer.current_runs:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "its process died together with its code server")
