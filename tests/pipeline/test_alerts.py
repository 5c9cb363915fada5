"""What people are state, and what not: each trouble once, to webhooks that are really called."""

import json
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from dagster import DagsterInstance, SkipReason, build_run_status_sensor_context, build_sensor_context, job, op
from pydantic import SecretStr
from sqlalchemy import Engine

from pyzn_local.ports import free_port
from pyzn_pipeline.days import ONE
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.monitoring.alerts import QUIET, AlertError, AlertState, beat, news, post
from pyzn_pipeline.monitoring.defs import alert_sensors
from pyzn_pipeline.settings import Settings
from pyzn_pipeline.wanted_days import wanted
from pyzn_pipeline.wanted_days.trouble import WantedDay, outcome
from tests.conftest import Database
from tests.web import WebServer

DAY = date(2026, 7, 14)
NOW = datetime.combine(DAY + timedelta(days=1), time(17, 5), UTC)
UI = "http://dagster.example"


def tried(day: date = DAY, *, failed: bool = True, given_up: bool = False, attempts: int = 1) -> WantedDay:
    again = None if given_up else NOW + timedelta(minutes=4)
    return WantedDay(day, attempts, f"run-{day}", f"day {day}: BigQuery answered 503", again, failed, given_up)


@dataclass
class Webhook:
    """A server that takes what it is sent, or answers `status`."""

    url: SecretStr
    status: int = 200
    taken: list[tuple[str, str, object]] = field(default_factory=list)


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
    state, shown = AlertState(), []
    course = [
        [tried()],
        [tried(failed=False)],
        [tried(attempts=2)],
        [tried(attempts=8, given_up=True)],
        [tried(attempts=8, given_up=True)],
        [],
        [],
    ]
    for hour, now_tried in enumerate(course):
        found = news(now_tried, {}, DAY, 0, state, NOW + QUIET * hour / 2, UI)
        state = AlertState.from_json(found.state.model_dump_json())
        shown.append(found.message.splitlines())
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
    state, messages = AlertState(), []
    for minute in range(100):
        failing = [tried(DAY - timedelta(days=n)) for n in reversed(range(minute + 1))]
        found = news(failing, {}, DAY, 0, state, NOW + timedelta(minutes=minute), UI)
        state = found.state
        messages += [found.message.splitlines()[0]] if found.message else []
    assert len(messages) == 2
    assert messages[1].startswith("PyZn: 60 days could not be read")
    assert messages[1].endswith(f": {DAY - timedelta(days=60)} to {DAY - timedelta(days=1)}.")


def test_late_data_is_reported_once_and_so_is_its_end_and_a_heartbeat_is_for_each_new_day_in_time() -> None:
    state, shown = AlertState(), []
    for newest, days_late in (
        (None, 1),
        (DAY, 0),
        (DAY, 1),
        (DAY + timedelta(days=1), 2),
        (DAY + timedelta(days=3), 0),
    ):
        found = news([], {}, newest, days_late, state, NOW, UI)
        state = found.state
        shown.append((found.message.split(".")[0], found.newer_day))
    assert shown == [
        ("", False),  # an empty ledger is not late
        ("", True),
        (f"PyZn: the data is late, the newest published day is {DAY}", False),
        ("", False),
        ("PyZn: the data is up to date again: 2026-07-17 is published", True),
    ]
    assert not news([], {}, date(2026, 7, 17), 0, state, NOW, UI).newer_day


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


def fail(store: Engine, day: date, run_id: str) -> None:
    """A run that tries `day` and finds no source."""
    with pytest.raises(AlertError), wanted.attempt(store, day, run_id):
        raise AlertError(f"day {day}: as if")


def tick(settings: Settings, database: Database, cursor: str | None) -> tuple[str, str | None]:
    """One evaluation of the sensor of days: what it says, and its cursor after it."""
    sensor = alert_sensors(settings)[0]
    with build_sensor_context(resources={"store": Store(database_url=database.owner_url)}, cursor=cursor) as context:
        result = sensor(context)
        assert isinstance(result, SkipReason)
        return str(result.skip_message), context.cursor


def test_the_sensor_reports_the_ledger_and_reports_again_what_was_not_taken(
    settings: Settings, database: Database, store: Engine, webhook: Webhook
) -> None:
    fail(store, DAY, "run-1")
    webhook.status = 500
    _, cursor = tick(settings, database, None)
    webhook.status = 200
    shown, cursor = tick(settings, database, cursor)
    assert shown == webhook.taken[1][2]["text"]  # type: ignore[index]  # the JSON that was posted
    assert shown.startswith("PyZn: 1 day could not be read")
    assert f"{UI}/runs/run-1" in shown
    assert tick(settings, database, cursor) == ("nothing new", cursor)
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
    settings: Settings, database: Database, store: Engine, webhook: Webhook
) -> None:
    sensor = alert_sensors(settings)[1]

    def evaluate(run_id: str) -> None:
        result = maintenance.execute_in_process(instance=instance, run_id=run_id, raise_on_error=False)
        (failure,) = [event for event in result.all_events if event.is_run_failure]
        with build_run_status_sensor_context(
            sensor.name,
            failure,
            instance,
            result.dagster_run,
            resources={"store": Store(database_url=database.owner_url)},
        ) as context:
            sensor(context.for_run_failure())

    known, unknown, again = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(3))
    fail(store, DAY, known)
    with DagsterInstance.ephemeral() as instance:
        evaluate(known)
        assert webhook.taken == []
    with DagsterInstance.ephemeral() as instance:
        evaluate(unknown)
        evaluate(again)
    ((_, _, body),) = webhook.taken
    assert isinstance(body, dict)
    assert body["text"].startswith("PyZn: a run of maintenance failed: ")
    assert body["text"].endswith(f"\n{UI}/runs/{unknown}")


def test_a_request_that_is_set_aside_is_reported_once() -> None:
    why = {"run abc": "'2026-9-5' is not a day: write it as 2026-07-14"}
    first = news([], why, DAY, 0, AlertState(), NOW, UI)
    assert first.message == f"PyZn: run abc asks for days that cannot be read; they are set aside: {why['run abc']}"
    assert news([], why, DAY, 0, AlertState.from_json(first.state.model_dump_json()), NOW, UI).message == ""


@pytest.mark.parametrize("cursor", ["", "null", "yesterday", '{"failing": 3}', '{"newest": "2026-9-5"}'])
def test_a_cursor_that_is_not_ours_begins_anew(cursor: str) -> None:
    assert AlertState.from_json(cursor) == AlertState()
