"""The run coordinator: Dagster's queue, which notes what a person has canceled."""

from dagster import QueuedRunCoordinator

TAKEN_BACK = "pyzn/taken_back"


class AttentiveRunCoordinator(QueuedRunCoordinator):
    """Tags each run that is canceled through the UI or the API.

    Dagster itself cancels runs as well: those of a backfill that fails, those that take too long. It does so
    without the coordinator, and afterwards nothing else tells the two apart; but only a person can take back
    a wish.
    """

    def cancel_run(self, run_id: str) -> bool:
        """Tag the run before it is canceled, so that no moment of dying loses the difference."""
        self._instance.add_run_tags(run_id, {TAKEN_BACK: "true"})
        return super().cancel_run(run_id)
