"""Launches backfills over the GraphQL of a running Dagster, and follows them in the ledger."""

import time
from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

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


class Progress(NamedTuple):
    """The days that were published or found unchanged, those that failed, with the reasons, and how Dagster ended."""

    done: set[date]
    failed: dict[date, str]
    ended: str | None


def launch(dagster_url: str, engine: Engine, days: list[date], accept_worse: bool = False) -> tuple[str, datetime]:
    """Launch a backfill of `days`; return its id, and the time before it by Postgres' clock.

    Raises DagsterError when Dagster is away, BackfillError when it refuses.
    """
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
    return answer["backfillId"], since


def follow(
    dagster_url: str, engine: Engine, days: list[date], backfill_id: str, since: datetime, poll_seconds: float = 0.5
) -> Iterator[Progress]:
    """Yield the progress of a backfill of consecutive days, until each has an outcome or Dagster has ended.

    Raises DagsterError if Dagster stays away.
    """
    heard = time.monotonic()
    while True:
        try:
            status = ask(dagster_url, STATUS, id=backfill_id)["partitionBackfillOrError"]
            heard = time.monotonic()
        except DagsterError:  # the webserver may restart while days are being read
            if time.monotonic() - heard > SILENCE_SECONDS:
                raise
            status = {"status": "REQUESTED"}
        rows = ledger.days(engine, days[0], days[-1])
        failed = {row["day"]: row["failure"] for row in rows if row["failed_at"] and row["failed_at"] >= since}
        done = {row["day"] for row in rows if row["read_at"] and row["read_at"] >= since} - failed.keys()
        reason = (status.get("error") or status).get("message") or ""
        running = status.get("status") in RUNNING
        ended = None if running else f"{status.get('status', status.get('__typename'))} {reason}".strip()
        yield Progress(done, failed, ended)
        if not running or len(done) + len(failed) == len(days):
            return
        time.sleep(poll_seconds)
