"""Alerts: decides which news from the ledger to send, each once, and calls the webhook and the heartbeat URL."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from html import escape
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
from pydantic import BaseModel, SecretStr, ValidationError

from pyzn_pipeline.days import ranges
from pyzn_pipeline.errors import PyznError, printable
from pyzn_pipeline.wanted_days.trouble import WantedDay, outcome

QUIET = timedelta(hours=1)  # between two messages about failing days: a bad night is a few messages, not hundreds
TIMEOUT = 10  # seconds


class AlertError(PyznError):
    """A webhook did not accept a message. The text names only its host, because the rest of its URL is a secret."""


class AlertState(BaseModel, frozen=True):
    """Record of the alerts that were sent: the failing days, each with whether it was given up, and the newest day."""

    failing: dict[date, bool] = {}
    failing_at: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    newest: date | None = None
    late: bool = False
    set_aside: frozenset[str] = frozenset()

    @classmethod
    def from_json(cls, text: str | None) -> "AlertState":
        """Return the state in a sensor's cursor. Without a valid one, nothing was sent yet."""
        try:
            return cls.model_validate_json(text or "{}")
        except ValidationError:  # an earlier version's, or a person's: the UI lets people edit a cursor
            return cls()


class News(NamedTuple):
    """The message, empty if there is none; whether a new day was published in time; and the state after sending it."""

    message: str
    newer_day: bool
    state: AlertState


def news(
    tried: list[WantedDay],
    set_aside: Mapping[str, str],
    newest: date | None,
    days_late: int,
    state: AlertState,
    now: datetime,
    dagster_url: str,
) -> News:
    """Decide what to send now; `newest` and `days_late` come from the ledger's `freshness`, the others from trouble.py.

    A failing day is reported when it first fails, when it is given up, and when it is published after all. Days
    that fail within an hour of a message wait for the next one. Late data is reported when it begins and when it ends.
    """
    fresh = [
        day for day in tried if day.failed and (day.day not in state.failing or day.given_up > state.failing[day.day])
    ]
    if now - state.failing_at < QUIET:
        fresh = []
    recovered = sorted(state.failing.keys() - {day.day for day in tried})
    late = newest is not None and days_late > 0  # an empty ledger is not late
    newer = newest is not None and (state.newest is None or newest > state.newest)
    groups = [[day for day in fresh if day.given_up == given_up] for given_up in (False, True)]
    messages = [_failing(days, dagster_url) for days in groups if days]
    messages += [
        f"PyZn: {request} asks for days that cannot be read; they are set aside: {why}"
        for request, why in set_aside.items()
        if request not in state.set_aside
    ]
    if recovered:
        messages.append(f"PyZn: no longer failing: {ranges(recovered)}.")
    if late and not state.late:
        messages.append(
            f"PyZn: the data is late, the newest published day is {newest}. "
            f"Is the daemon healthy, and the schedule on? {dagster_url}/deployment/daemons"
        )
    if state.late and not late:
        messages.append(f"PyZn: the data is up to date again: {newest} is published.")
    failing = {day: given_up for day, given_up in state.failing.items() if day not in recovered}
    after = AlertState(
        failing=failing | {day.day: day.given_up for day in fresh},
        failing_at=now if fresh else state.failing_at,
        newest=newest if newer else state.newest,
        late=late,
        set_aside=frozenset(set_aside),
    )
    return News("\n".join(messages), newer and not late, after)


def _failing(failed: list[WantedDay], dagster_url: str) -> str:
    """Return a message about days with one outcome. Its run is that of the newest day."""
    what, reason, way_out = outcome(failed)
    run = f"\n{dagster_url}/runs/{failed[-1].run_id}" if failed[-1].run_id else ""
    return f"PyZn: {what}.\n{reason}\n{way_out[0].upper()}{way_out[1:]}{run}"


def post(webhook: SecretStr, message: str) -> None:
    """Send `message` as {"text": …}, which Slack and similar services accept. Raises AlertError.

    It has words from outside, and in Slack `<!channel>` calls everybody: so it is printable and escaped as Slack asks.
    """
    _call("alert webhook", "POST", webhook, {"text": escape(printable(message), quote=False)})


def beat(heartbeat: SecretStr) -> None:
    """Call the heartbeat URL. The monitor behind it raises an alarm when no call comes. Raises AlertError."""
    _call("heartbeat", "GET", heartbeat, None)


def _call(name: str, method: str, url: SecretStr, body: dict[str, str] | None) -> None:
    host = urlsplit(url.get_secret_value()).hostname
    try:
        answer = requests.request(method, url.get_secret_value(), json=body, timeout=TIMEOUT)
    except requests.RequestException as error:  # its message and traceback contain the whole URL
        raise AlertError(f"{name} at {host}: {type(error).__name__}: check that it is reachable from here") from None
    if not answer.ok:
        raise AlertError(f"{name} at {host}: answered {answer.status_code}: check its URL")
