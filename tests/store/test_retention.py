"""Old months lose their rows by day in one step, and stay in the totals and in the ledger."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from pyzn_pipeline.maintenance import retention
from pyzn_pipeline.maintenance.retention import RetirementFailed, retire
from pyzn_pipeline.recounts.recounts import due_for_recount
from pyzn_pipeline.store.partitions import RetiredDay
from pyzn_pipeline.wanted_days.wanted import due_for_reading
from tests.days import Download
from tests.store.publishing import publish, rows, totals
from tests.waiting import LIMIT

KEEP = 366
LAST_OF_JUNE, JULY = date(2026, 6, 30), date(2026, 7, 1)
DUE = LAST_OF_JUNE + timedelta(days=KEEP + 1)  # the first day on which all of June is old enough


@pytest.fixture
def two_months(store: Engine) -> Engine:
    for day in (date(2026, 6, 1), LAST_OF_JUNE, JULY):
        publish(store, day, [Download("requests")] * 3)
    return store


def test_a_month_goes_whole_when_its_last_day_is_old_enough(two_months: Engine) -> None:
    assert retire(two_months, DUE - timedelta(days=1), KEEP) == []
    assert retire(two_months, DUE, KEEP) == [date(2026, 6, 1)]
    assert retire(two_months, DUE, KEEP) == []
    assert rows(two_months, "SELECT day FROM pyzn.downloads_by_version") == [(JULY,)]
    assert rows(two_months, "SELECT day FROM pyzn.downloads_by_country") == [(JULY,)]
    assert rows(two_months, "SELECT retired_at IS NULL FROM pyzn.days ORDER BY day") == [(False,), (False,), (True,)]
    assert totals(two_months) == {"requests": 9}


def test_a_retired_day_is_not_read_again_published_or_not(two_months: Engine) -> None:
    retire(two_months, DUE, KEEP)
    for day in (LAST_OF_JUNE, date(2026, 6, 15)):
        with pytest.raises(RetiredDay, match=rf"day {day}: June 2026 was retired on .* would be counted twice"):
            publish(two_months, day, [Download("requests")] * 4)
    assert totals(two_months) == {"requests": 9}


def test_nobody_asks_for_a_retired_day(two_months: Engine) -> None:
    retire(two_months, DUE, KEEP)
    now = datetime(2026, 7, 3, tzinfo=UTC) + timedelta(days=KEEP)
    assert JULY in {wanted.day for wanted in due_for_recount(two_months, now)}
    assert LAST_OF_JUNE not in {wanted.day for wanted in due_for_recount(two_months, now)}
    assert min(due_for_reading(two_months, now, date(2026, 6, 1))) > JULY


def test_a_reader_delays_the_drop_and_a_reader_that_never_ends_prevents_it(
    two_months: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with two_months.connect() as reader:
        reader.execute(text("SELECT count(*) FROM pyzn.project_days"))
        monkeypatch.setattr(retention, "TIMEOUT_SECONDS", 0)
        with pytest.raises(RetirementFailed, match="June 2026 has been read without a pause"):
            retire(two_months, DUE, KEEP)
        assert reader.execute(text("SELECT count(*) FROM pyzn.project_days")).scalar_one() == 3
        assert len(rows(two_months, "SELECT day FROM pyzn.days WHERE retired_at IS NULL")) == 3

        monkeypatch.setattr(retention, "TIMEOUT_SECONDS", 60)
        waiting = threading.Thread(target=retire, args=(two_months, DUE, KEEP))
        waiting.start()
        reader.rollback()
        waiting.join(LIMIT)
    assert len(rows(two_months, "SELECT day FROM pyzn.days WHERE retired_at IS NULL")) == 1


def test_a_month_that_cannot_be_retired_does_not_stop_the_others(
    two_months: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "TIMEOUT_SECONDS", 0)
    with two_months.connect() as reader:
        reader.execute(text("SELECT count(*) FROM pyzn.project_days_2026_06_30"))
        with pytest.raises(RetirementFailed, match="June 2026 has been read without a pause"):
            retire(two_months, DUE + timedelta(days=31), KEEP)
    assert rows(two_months, "SELECT day FROM pyzn.days WHERE retired_at IS NOT NULL") == [(JULY,)]
