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
from tests.days import some
from tests.store.publishing import publish, rows, totals
from tests.waiting import LIMIT

KEEP = 366
JUNE, LAST_OF_JUNE, JULY = DAYS = [date(2026, 6, 1), date(2026, 6, 30), date(2026, 7, 1)]
DUE = LAST_OF_JUNE + timedelta(days=KEEP + 1)  # the first day on which all of June is old enough


@pytest.fixture
def store(store: Engine) -> Engine:
    """The store with days of two months."""
    for day in DAYS:
        publish(store, day, some(requests=3))
    return store


def retired(store: Engine) -> list[date]:
    return [day for (day,) in rows(store, "SELECT day FROM pyzn.days WHERE retired_at IS NOT NULL ORDER BY day")]


def test_a_month_goes_whole_when_its_last_day_is_old_enough(store: Engine) -> None:
    assert retire(store, DUE - timedelta(days=1), KEEP) == []
    assert retire(store, DUE, KEEP) == [JUNE]
    assert retire(store, DUE, KEEP) == []
    for view in ("downloads_by_version", "downloads_by_country"):
        assert rows(store, f"SELECT day FROM pyzn.{view}") == [(JULY,)]
    assert retired(store) == [JUNE, LAST_OF_JUNE]
    assert totals(store) == {"requests": 9}


def test_a_retired_day_is_not_read_again_published_or_not(store: Engine) -> None:
    retire(store, DUE, KEEP)
    for day in (LAST_OF_JUNE, date(2026, 6, 15)):
        with pytest.raises(RetiredDay, match=rf"day {day}: June 2026 was retired on .* would be counted twice"):
            publish(store, day, some(requests=4))
    assert totals(store) == {"requests": 9}


def test_nobody_asks_for_a_retired_day(store: Engine) -> None:
    retire(store, DUE, KEEP)
    now = datetime(2026, 7, 3, tzinfo=UTC) + timedelta(days=KEEP)
    due = {wanted.day for wanted in due_for_recount(store, now)}
    assert due & set(DAYS) == {JULY}
    assert min(due_for_reading(store, now, JUNE)) > JULY


@pytest.mark.parametrize(("table", "others", "read"), [("project_days", [], 3), ("project_days_2026_06_30", [JULY], 1)])
def test_a_reader_delays_the_drop_and_a_reader_that_never_ends_prevents_it_for_what_it_reads_alone(
    store: Engine, monkeypatch: pytest.MonkeyPatch, table: str, others: list[date], read: int
) -> None:
    with store.connect() as reader:
        query = text(f"SELECT count(*) FROM pyzn.{table}")
        reader.execute(query)
        monkeypatch.setattr(retention, "TIMEOUT_SECONDS", 0)
        with pytest.raises(RetirementFailed, match="June 2026 has been read without a pause"):
            retire(store, DUE + timedelta(days=31), KEEP)
        assert reader.execute(query).scalar_one() == read
        assert retired(store) == others

        monkeypatch.setattr(retention, "TIMEOUT_SECONDS", 60)
        waiting = threading.Thread(target=retire, args=(store, DUE + timedelta(days=31), KEEP))
        waiting.start()
        reader.rollback()
        waiting.join(LIMIT)
    assert retired(store) == DAYS
