"""Launches backfills over the GraphQL of a running Dagster, and follows them in the ledger."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, text

from pyzn_pipeline.backfills.dagster_client import DagsterError, ask
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store import ledger

READING_ASSET = "project_days"
LAUNCH = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
    ... on PartitionKeysNotFoundError { message }
  }
}
"""
STATUS = """
query Status($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill { status error { message } }
    ... on PythonError { message }
    ... on BackfillNotFoundError { message }
  }
}
"""
SILENCE_SECONDS = 120  # how long the webserver may be away during a backfill
RUNNING = {"REQUESTED", "CANCELING", "FAILING"}


class BackfillError(PyznError):
    """Dagster refused the backfill. The message has its answer."""


@dataclass
class Progress:
    """The progress of a backfill: the days published or found unchanged, and the days that failed with the reasons."""

    requested: list[date]
    backfill_id: str
    since: datetime
    done: set[date] = field(default_factory=set)
    failed: dict[date, str] = field(default_factory=dict)
    ended: str | None = None

    @property
    def finished(self) -> bool:
        """Return whether every requested day has an outcome, or Dagster has ended the backfill."""
        return self.ended is not None or len(self.done | self.failed.keys()) == len(self.requested)


def launch(dagster_url: str, engine: Engine, days: list[date], accept_worse: bool = False) -> Progress:
    """Launch a backfill of `days`. Raises DagsterError when Dagster is away, BackfillError when it refuses."""
    with engine.connect() as connection:
        since: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    answer = ask(
        dagster_url,
        LAUNCH,
        params={
            "assetSelection": [{"path": [READING_ASSET]}],
            "partitionNames": [str(day) for day in days],
            "title": f"{days[0]} to {days[-1]}",
            "runConfigData": {"ops": {READING_ASSET: {"config": {"accept_worse": accept_worse}}}},
        },
    )["launchPartitionBackfill"]
    if "backfillId" not in answer:
        raise BackfillError(f"Dagster refused the backfill: {answer.get('message', answer['__typename'])}")
    return Progress(days, answer["backfillId"], since)


def follow(dagster_url: str, engine: Engine, progress: Progress, poll_seconds: float = 0.5) -> Iterator[None]:
    """Update `progress` until every day has an outcome. Raises DagsterError if Dagster stays away."""
    heard = time.monotonic()
    while True:
        try:
            status = ask(dagster_url, STATUS, id=progress.backfill_id)["partitionBackfillOrError"]
            heard = time.monotonic()
        except DagsterError:  # the webserver may restart while days are being read
            if time.monotonic() - heard > SILENCE_SECONDS:
                raise
            status = {"status": "REQUESTED"}
        _update(progress, engine)
        if status.get("status") not in RUNNING:
            progress.ended = _ending(status)
        yield
        if progress.finished:
            return
        time.sleep(poll_seconds)


def _update(progress: Progress, engine: Engine) -> None:
    requested, since = set(progress.requested), progress.since
    rows = ledger.days(engine, min(requested), max(requested))
    wanted = [row for row in rows if row["day"] in requested]
    progress.failed = {row["day"]: row["failure"] for row in wanted if row["failed_at"] and row["failed_at"] >= since}
    progress.done = {row["day"] for row in wanted if row["read_at"] and row["read_at"] >= since}
    progress.done -= progress.failed.keys()


def _ending(status: dict[str, Any]) -> str:
    error = status.get("error") or status
    return f"{status.get('status', status['__typename'])} {error.get('message') or ''}".strip()
