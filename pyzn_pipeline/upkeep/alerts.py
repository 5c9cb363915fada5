"""Alerts: what people are told of the ledger, once; and the two URLs it goes to. Knows nothing of Dagster."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import requests
from pydantic import SecretStr, TypeAdapter

from pyzn_pipeline.days import ranges
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.trouble import Tried

QUIET = timedelta(hours=1)  # between two messages about failing days: a bad night is a few messages, not hundreds
TIMEOUT = 10  # seconds


class AlertError(PyznError):
    """A webhook did not take a message; the text names its host only, since the rest of its URL is a secret."""


@dataclass(frozen=True)
class Told:
    """What people know already: the failing days by whether they were given up, and the newest day."""

    failing: dict[date, bool] = field(default_factory=dict)
    failing_at: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    newest: date | None = None
    late: bool = False

    def to_json(self) -> str:
        """For a sensor's cursor."""
        return TypeAdapter(Told).dump_json(self).decode()

    @staticmethod
    def from_json(text: str | None) -> "Told":
        """The same back; nothing was told when there is no text."""
        return TypeAdapter(Told).validate_json(text) if text else Told()


@dataclass(frozen=True)
class News:
    """A message, empty if there is none; whether there is a newest day, published in time; what is known then."""

    message: str
    newer_day: bool
    told: Told


def news(tried: list[Tried], newest: date | None, days_late: int, told: Told, now: datetime, dagster_url: str) -> News:
    """What to tell now; `newest` and `days_late` are as the ledger's `freshness` gives them.

    A failing day is told twice at the most, when it first fails and when it is given up, and once more when
    it is published after all; days that fail within an hour of a message wait for the next. Late data is
    told once, and its end.
    """
    fresh = [
        day for day in tried if day.failed and (day.day not in told.failing or day.given_up > told.failing[day.day])
    ]
    if now - told.failing_at < QUIET:
        fresh = []
    mended = sorted(told.failing.keys() - {day.day for day in tried})
    late = newest is not None and days_late > 0  # of a ledger with no day nothing is expected yet
    said = [_failing(days, dagster_url) for days in _by_outcome(fresh)]
    if mended:
        said.append(f"PyZn: no longer failing: {ranges(mended)}.")
    if late and not told.late:
        said.append(
            f"PyZn: the data is late, the newest published day is {newest}. "
            f"Is the daemon healthy, and the schedule on? {dagster_url}/deployment/daemons"
        )
    if told.late and not late:
        said.append(f"PyZn: the data is up to date again: {newest} is published.")
    known = {day: hopeless for day, hopeless in told.failing.items() if day not in mended}
    newer = newest is not None and (told.newest is None or newest > told.newest)
    return News(
        "\n".join(said),
        newer and not late,
        Told(
            known | {day.day: day.given_up for day in fresh},
            now if fresh else told.failing_at,
            newest if newer else told.newest,
            late,
        ),
    )


def _by_outcome(days: list[Tried]) -> list[list[Tried]]:
    """Those that are tried again, and those that are not."""
    outcomes = [[day for day in days if day.given_up == given_up] for given_up in (False, True)]
    return [outcome for outcome in outcomes if outcome]


def _failing(tried: list[Tried], dagster_url: str) -> str:
    """A message about days of one outcome; the reason and the run are the newest day's."""
    days, last = [day.day for day in tried], tried[-1]
    count = "1 day" if len(days) == 1 else f"{len(days)} days"
    if again := min((day.next_attempt_at for day in tried if day.next_attempt_at), default=None):
        what = (
            f"{count} could not be read, tried again from {again.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {ranges(days)}."
        )
        way_out = "Nothing to do yet, unless the reason says otherwise."
    else:
        what = f"{count} given up, not tried again without you: {ranges(days)}."
        way_out = f"Mend the cause, then: pyzn backfill {days[0]} {days[-1]}"
    reason = last.reason or f"day {last.day}: its run died without a word, {last.attempts} times"
    return f"PyZn: {what}\n{reason}\n{way_out}\n{dagster_url}/runs/{last.run_id}"


def post(webhook: SecretStr, message: str) -> None:
    """Send `message` as {"text": …}, which Slack and its like take. Raises AlertError."""
    _call("alert webhook", "POST", webhook, {"text": message})


def beat(heartbeat: SecretStr) -> None:
    """Tell a monitor that all is well; it raises the alarm when this stays away. Raises AlertError."""
    _call("heartbeat", "GET", heartbeat, None)


def _call(name: str, method: str, url: SecretStr, body: dict[str, str] | None) -> None:
    host = urlsplit(url.get_secret_value()).hostname
    try:
        answer = requests.request(method, url.get_secret_value(), json=body, timeout=TIMEOUT)
    except requests.RequestException as error:  # its message and its trace hold the whole URL
        raise AlertError(f"{name} at {host}: {type(error).__name__}: check that it is reachable from here") from None
    if not answer.ok:
        raise AlertError(f"{name} at {host}: answered {answer.status_code}: check its URL")
