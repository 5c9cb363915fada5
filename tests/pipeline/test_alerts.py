"""Troubles reported to people and in the UI, each once: webhooks that are really called, and checks of the ledger."""

import json
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    DagsterInstance,
    SkipReason,
    build_run_status_sensor_context,
    build_sensor_context,
    job,
    op,
)
from pydantic import SecretStr
from sqlalchemy import Engine

from pyzn_local.ports import free_port
from pyzn_pipeline.days import ONE
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.monitoring.alerts import QUIET, AlertError, AlertState, News, beat, news, post
from pyzn_pipeline.monitoring.defs import alert_sensors, ledger_sensor
from pyzn_pipeline.settings import Settings
from pyzn_pipeline.wanted_days import wanted
from pyzn_pipeline.wanted_days.trouble import WantedDay, outcome
from tests.conftest import Database
from tests.days import some
from tests.store.publishing import publish
from tests.web import WebServer

DAY = date(2026, 7, 14)
NOW = datetime.combine(DAY + ONE, time(17, 5), UTC)
UI = "http://dagster.example"


class Monitor:
    """The alerts of one deployment, whose state is kept as JSON from one evaluation to the next."""

    state = "{}"

    def news(
        self,
        tried: list[WantedDay],
        *,
        newest: date | None = DAY,
        days_late: int = 0,
        at: datetime = NOW,
        **set_aside: str,
    ) -> News:
        found = news(tried, set_aside, newest, days_late, AlertState.from_json(self.state), at, UI)
        self.state = found.state.model_dump_json()
        return found


def tried(day: date = DAY, *, failed: bool = True, given_up: bool = False, attempts: int = 1) -> WantedDay:
    again = None if given_up else NOW + timedelta(minutes=4)
    return WantedDay(day, attempts, f"run-{day}", f"day {day}: BigQuery answered 503", again, failed, given_up)


def test_the_way_out_of_days_that_are_far_apart_bills_no_day_between() -> None:
    days = [DAY - timedelta(weeks=week) for week in range(7, 0, -1)]
    *_, way_out = outcome([tried(day, given_up=True) for day in (*days[:2], DAY - ONE, DAY)])
    assert way_out == (
        f"fix the cause, then: pyzn backfill {days[0]} {days[0]}; pyzn backfill {days[1]} {days[1]}; "
        f"pyzn backfill {DAY - ONE} {DAY}; or, if nobody needs them: pyzn backfill --withdraw {days[0]} {DAY}"
    )
    *_, way_out = outcome([tried(day, given_up=True) for day in days])
    assert f"pyzn backfill {days[4]} {days[4]}; and so on for 2 more; or, if" in way_out


def test_a_failing_day_is_reported_when_it_fails_when_it_is_given_up_and_when_it_is_published() -> None:
    monitor, given_up = Monitor(), tried(attempts=8, given_up=True)
    course = [[tried()], [tried(failed=False)], [tried(attempts=2)], [given_up], [given_up], [], []]
    shown = [
        monitor.news(now_tried, at=NOW + QUIET * hour / 2).message.splitlines() for hour, now_tried in enumerate(course)
    ]
    assert [bool(lines) for lines in shown] == [True, False, False, True, False, True, False]
    assert shown[0] == [
        f"PyZn: 1 day could not be read, tried again from 2026-07-15 17:09 UTC: {DAY}.",
        f"day {DAY}: BigQuery answered 503",
        "Nothing to do yet, unless the reason needs it",
        f"{UI}/runs/run-{DAY}",
    ]
    assert shown[3][0] == f"PyZn: 1 day given up, not tried again unless you ask: {DAY}."
    unneeded = f"or, if nobody needs them: pyzn backfill --withdraw {DAY} {DAY}"
    assert shown[3][2] == f"Fix the cause, then: pyzn backfill {DAY} {DAY}; {unneeded}"
    assert shown[5] == [f"PyZn: no longer failing: {DAY}."]


def test_a_hundred_failing_days_are_a_message_an_hour() -> None:
    monitor = Monitor()
    failing = [tried(DAY - ONE * n) for n in range(100)]
    found = [monitor.news(failing[minute::-1], at=NOW + timedelta(minutes=minute)).message for minute in range(100)]
    _, second = (message.splitlines()[0] for message in found if message)
    assert second.startswith("PyZn: 60 days could not be read")
    assert second.endswith(f": {DAY - ONE * 60} to {DAY - ONE}.")


def test_late_data_is_reported_once_and_so_is_its_end_and_a_heartbeat_is_for_each_new_day_in_time() -> None:
    monitor, last = Monitor(), DAY + ONE * 3
    course: list[tuple[date | None, int, str, bool]] = [
        (None, 1, "", False),  # an empty ledger is not late
        (DAY, 0, "", True),
        (DAY, 1, f"PyZn: the data is late, the newest published day is {DAY}", False),
        (DAY + ONE, 2, "", False),
        (last, 0, f"PyZn: the data is up to date again: {last} is published", True),
        (last, 0, "", False),
    ]
    for newest, days_late, message, newer in course:
        found = monitor.news([], newest=newest, days_late=days_late)
        assert (found.message.split(".")[0], found.newer_day) == (message, newer)


def test_a_request_that_is_set_aside_is_reported_once() -> None:
    monitor, why = Monitor(), "'2026-9-5' is not a day: write it as 2026-07-14"
    message = f"PyZn: run_abc asks for days that cannot be read; they are set aside: {why}"
    assert [monitor.news([], run_abc=why).message for _ in range(2)] == [message, ""]


@pytest.mark.parametrize("cursor", ["", "null", "yesterday", '{"failing": 3}', '{"newest": "2026-9-5"}'])
def test_a_cursor_that_is_not_ours_begins_anew(cursor: str) -> None:
    assert AlertState.from_json(cursor) == AlertState()


@dataclass
class Webhook:
    """A server that keeps the requests that it gets, or answers `status`."""

    url: SecretStr
    status: int = 200
    taken: list[tuple[str, str, Any]] = field(default_factory=list)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            taken.taken.append((self.command, self.path, json.loads(body) if body else None))
            self.send_response(taken.status)
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - http.server's name

    with WebServer(Handler) as server:
        taken = Webhook(SecretStr(f"{server.url}/secret-path"))
        yield taken


def test_the_webhooks_get_what_slack_and_monitors_take_and_their_errors_have_no_secret(webhook: Webhook) -> None:
    post(webhook.url, "a\nmessage of <!channel> & \x1b[2J")
    beat(webhook.url)
    assert webhook.taken == [
        ("POST", "/secret-path", {"text": "a\nmessage of &lt;!channel&gt; &amp; \\x1b[2J"}),
        ("GET", "/secret-path", None),
    ]
    webhook.status = 404
    away = SecretStr(f"http://127.0.0.1:{free_port()}/secret-path")
    for url, cause in ((webhook.url, "answered 404"), (away, "ConnectionError")):
        with pytest.raises(AlertError, match=f"alert webhook at 127.0.0.1: {cause}") as caught:
            post(url, "x")
        assert "secret-path" not in "".join(traceback.format_exception(caught.value))


@pytest.fixture
def settings(webhook: Webhook, database: Database) -> Settings:
    return Settings(
        database_url=SecretStr(database.owner_url),
        bigquery_project="pyzn-test",
        alert_webhook_url=webhook.url,
        heartbeat_url=SecretStr(webhook.url.get_secret_value().replace("secret-path", "beat")),
        dagster_public_url=UI,
    )


@pytest.fixture
def resources(database: Database) -> dict[str, Any]:
    return {"store": Store(database_url=database.owner_url)}


def fail(store: Engine, day: date, run_id: str) -> None:
    """A run that tries `day` and finds no source."""
    with pytest.raises(AlertError), wanted.attempt(store, day, run_id):
        raise AlertError(f"day {day}: as if")


def test_the_sensor_reports_the_ledger_and_reports_again_what_was_not_taken(
    settings: Settings, resources: dict[str, Any], store: Engine, webhook: Webhook
) -> None:
    def tick(cursor: str | None) -> tuple[str, str | None]:
        with build_sensor_context(resources=resources, cursor=cursor) as context:
            result = alert_sensors(settings)[0](context)
            assert isinstance(result, SkipReason)
            return str(result.skip_message), context.cursor

    fail(store, DAY, "run-1")
    webhook.status = 500
    _, cursor = tick(None)
    webhook.status = 200
    shown, cursor = tick(cursor)
    assert shown == webhook.taken[1][2]["text"]
    assert shown.startswith("PyZn: 1 day could not be read")
    assert f"{UI}/runs/run-1" in shown
    assert tick(cursor) == ("nothing new", cursor)
    assert len(webhook.taken) == 2


def test_without_urls_there_are_no_sensors(settings: Settings) -> None:
    assert alert_sensors(settings.model_copy(update={"alert_webhook_url": None, "heartbeat_url": None})) == []


@op
def broken() -> None:
    raise ValueError("as if")


@job
def maintenance() -> None:
    broken()


def test_a_failed_run_is_reported_unless_the_ledger_reports_it_or_another_was_reported_within_the_hour(
    settings: Settings, resources: dict[str, Any], store: Engine, webhook: Webhook
) -> None:
    sensor = alert_sensors(settings)[1]

    def evaluate(instance: DagsterInstance, run_id: str) -> None:
        result = maintenance.execute_in_process(instance=instance, run_id=run_id, raise_on_error=False)
        (failure,) = [event for event in result.all_events if event.is_run_failure]
        with build_run_status_sensor_context(
            sensor.name, failure, instance, result.dagster_run, resources=resources
        ) as context:
            sensor(context.for_run_failure())

    known, unknown, again = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(3))
    fail(store, DAY, known)
    with DagsterInstance.ephemeral() as instance:
        evaluate(instance, known)
        assert webhook.taken == []
    with DagsterInstance.ephemeral() as instance:
        evaluate(instance, unknown)
        evaluate(instance, again)
    ((_, _, body),) = webhook.taken
    assert body["text"].startswith("PyZn: a run of maintenance failed: ")
    assert body["text"].endswith(f"\n{UI}/runs/{unknown}")


def test_a_check_of_the_ledger_reaches_the_ui_once_and_again_when_it_changes(
    store: Engine, resources: dict[str, Any]
) -> None:
    def reported(cursor: str | None) -> tuple[dict[str, bool], str | None]:
        context = build_sensor_context(instance=instance, cursor=cursor, resources=resources)
        tick = ledger_sensor(lambda: datetime(2026, 7, 15, 12, tzinfo=UTC)).evaluate_tick(context)
        found = [event for event in tick.asset_events if isinstance(event, AssetCheckEvaluation)]
        return {each.check_name: each.passed for each in found}, tick.cursor

    with DagsterInstance.ephemeral() as instance:
        first, cursor = reported(None)
        assert first == {
            "newest_day_is_fresh": False, "what_was_asked_for_is_read": True, "counts_what_is_published": True,
        }  # fmt: skip
        assert reported(cursor)[0] == {}
        publish(store, datetime.now(UTC).date() - ONE, some(requests=1))
        assert reported(cursor)[0] == {"newest_day_is_fresh": True, "what_was_asked_for_is_read": True}
        fail(store, date(2026, 1, 5), "run-1")
        assert reported(cursor)[0] == {"newest_day_is_fresh": True, "what_was_asked_for_is_read": False}
