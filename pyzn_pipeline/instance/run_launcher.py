"""The run launcher: Dagster's default one, able to tell whether a run's process is still there."""

from dagster import DagsterRun, DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import GetCurrentRunsResult
from dagster._serdes import deserialize_value


class WatchedRunLauncher(DefaultRunLauncher):
    """Lets run monitoring end a run that died together with its code server.

    A code server reports a run whose process dies. When the server dies as well (its container is
    killed, the machine restarts), nobody does: under the default launcher, which cannot be asked,
    such a run stays STARTED until its time limit, and keeps its place in the pool. The server that
    comes back knows which runs are its own.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes: `check_run_worker_health` asks the code server."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """RUNNING or NOT_FOUND, as the run's code server says.

        Raises DagsterUserCodeUnreachableError while the server is away: that says nothing of the
        run, so run monitoring logs it and asks again.
        """
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]  # Dagster's own
        if client is None:  # it has ended since, or was never handed to a code server
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "no code server has it")
        answer = deserialize_value(client.get_current_runs(), GetCurrentRunsResult)
        if run.run_id in answer.current_runs:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "its process died together with its code server")
