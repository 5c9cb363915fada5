"""One calendar: pipeline, API, database, descriptions and documents name the same hours."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from pyzn_pipeline import calendar
from pyzn_pipeline.store.database import with_driver
from pyzn_pipeline.store.ledger import freshness
from pyzn_pipeline.store.schema import migrate
from tests.api.conftest import Clock, serving, settings
from tests.conftest import Database
from tests.days import some
from tests.store.publishing import publish

NEWEST = date(2026, 7, 14)
ROOT = Path(__file__).parents[1]


def test_a_day_is_late_from_20_utc_of_the_next_to_the_api_and_to_the_check(store: Engine, database: Database) -> None:
    clock = Clock()
    assert freshness(store, clock.now) == (None, 1)
    publish(store, NEWEST, some(requests=1))
    with serving(settings(database.api_url), clock) as client:
        for days_after in (1, 2, 6):
            for hour in ("16:59", "17:00", "19:59", "20:00", "23:59"):
                clock.now = datetime.fromisoformat(f"{NEWEST + timedelta(days=days_after)} {hour}Z")
                late = max(days_after - 1 if hour >= "20:00" else days_after - 2, 0)
                assert freshness(store, clock.now) == (NEWEST, late), clock.now
                status = client.get("/api/v4/status").json()
                assert (status["days_late"], len(status["missing"])) == (late, late), clock.now
    publish(store, NEWEST - timedelta(days=400), some(requests=1))
    assert freshness(store, clock.now) == (NEWEST, late)  # an old day makes nothing fresh


def test_another_calendar_reaches_the_api_with_the_next_migrate(
    store: Engine, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, NEWEST, some(requests=1))
    now = datetime.combine(NEWEST + timedelta(days=2), calendar.LATE_AT, UTC)
    found = []
    for late_at in (calendar.LATE_AT, (now + timedelta(minutes=30)).time()):
        monkeypatch.setattr(calendar, "LATE_AT", late_at)
        migrate(store, with_driver(SecretStr(database.api_url)))
        with serving(settings(database.api_url), Clock(now)) as client:
            found.append((client.get("/api/v4/status").json()["days_late"], freshness(store, now)[1]))
    assert found == [(1, 1), (0, 0)]


def test_documents_name_the_calendars_hours() -> None:
    read, packed, late = map(calendar.clock_time, (calendar.READ_AT, calendar.PACKED_AT, calendar.LATE_AT))
    phrases = {
        "docs/architecture.md": [
            f"schedule at {read}", f"At {calendar.recount_times()}", f", {packed})", f"late from {late}",
            f"D+{calendar.SETTLED_AFTER} or later",
        ],
        "docs/ui.md": [f"| {read}: reads the day before"],
        "docs/operations.md": [f"at {late} yesterday is not published"],
        "docs/api.md": [f"at {read} of", f"late from {late} on"],
        "pyzn_api/models.py": [f"late from {late} of D+1 on"],
    }  # fmt: skip
    for path, words in phrases.items():
        page = (ROOT / path).read_text(encoding="utf-8")
        assert [phrase for phrase in words if phrase not in page] == [], path


def test_no_hour_of_the_calendar_stands_anywhere_else_in_the_pipeline() -> None:
    hour = re.compile(r"""\d+ \d+ \* \* \*|time '\d\d|\d\d:\d\d UTC|\bD\+\d|_HOUR = \d""")
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for folder in ("pyzn_pipeline", "pyzn_cli.py")
        for path in sorted({ROOT / folder, *(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.sql")})
        if path.is_file() and path.name != "calendar.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if hour.search(line)
    }
    assert found == set()
