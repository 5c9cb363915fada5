"""How late the newest day is, and what was asked for and not read, reaches the UI without a run."""

from datetime import UTC, date, datetime, timedelta

import pytest
from dagster import AssetCheckEvaluation, DagsterInstance, build_sensor_context
from sqlalchemy import Engine

from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.monitoring.defs import ledger_sensor
from pyzn_pipeline.store.errors import StoreError
from pyzn_pipeline.store.ledger import freshness
from pyzn_pipeline.wanted_days import wanted
from tests.conftest import Database
from tests.days import Download
from tests.store.publishing import publish

NOON = datetime(2026, 7, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "newest", "late"),
    [
        ("2026-07-15 19:59", date(2026, 7, 13), 0),
        ("2026-07-15 20:00", date(2026, 7, 13), 1),
        ("2026-07-15 20:00", date(2026, 7, 14), 0),
        ("2026-07-20 21:00", date(2026, 7, 14), 5),
    ],
)
def test_a_day_is_late_from_20_utc_of_the_next(store: Engine, now: str, newest: date, late: int) -> None:
    assert freshness(store, datetime.now(UTC)) == (None, 1)
    publish(store, newest, [Download("requests")])
    publish(store, newest - timedelta(days=400), [Download("requests")])  # an old day makes nothing fresh
    assert freshness(store, datetime.fromisoformat(now + "Z")) == (newest, late)


def test_the_verdict_is_reported_once_and_again_when_it_changes(store: Engine, database: Database) -> None:
    resources = {"store": Store(database_url=database.owner_url)}
    with DagsterInstance.ephemeral() as instance:

        def reported(cursor: str | None) -> tuple[dict[str, bool], str | None]:
            tick = ledger_sensor(lambda: NOON).evaluate_tick(
                build_sensor_context(instance=instance, cursor=cursor, resources=resources)
            )
            found = [event for event in tick.asset_events if isinstance(event, AssetCheckEvaluation)]
            return {each.check_name: each.passed for each in found}, tick.cursor

        first, cursor = reported(None)
        assert first == {
            "newest_day_is_fresh": False, "what_was_asked_for_is_read": True, "counts_what_is_published": True,
        }  # fmt: skip
        assert reported(cursor)[0] == {}
        publish(store, datetime.now(UTC).date() - timedelta(days=1), [Download("requests")])
        assert reported(cursor)[0] == {"newest_day_is_fresh": True, "what_was_asked_for_is_read": True}
        with pytest.raises(StoreError), wanted.attempt(store, date(2026, 1, 5), "run-1"):
            raise StoreError("as if")
        assert reported(cursor)[0] == {"newest_day_is_fresh": True, "what_was_asked_for_is_read": False}
