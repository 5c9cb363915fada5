"""The run coordinator: Dagster's queue, which also tags the runs that a person cancels."""

from dagster import QueuedRunCoordinator

TAKEN_BACK = "pyzn/taken_back"


class AttentiveRunCoordinator(QueuedRunCoordinator):
    """Tags each run that is canceled through the UI or the API.

    Dagster also cancels runs itself: those of a backfill that fails, and those that take too long. It does that
    without the coordinator, so the tag is the only difference. The ledger needs it, because only a person can take a
    request back.
    """

    def cancel_run(self, run_id: str) -> bool:
        """Tag the run before it is canceled, so that the tag is there even if this process dies in between."""
        self._instance.add_run_tags(run_id, {TAKEN_BACK: "true"})
        return super().cancel_run(run_id)
