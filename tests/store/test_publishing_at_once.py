"""Several publish and read at once: days are locked one by one, totals add up, and nobody sees half a day."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

from sqlalchemy import Engine

from pyzn_pipeline.store.locks import days_locked
from tests.days import Download
from tests.store.publishing import publish, rows, seen_meanwhile
from tests.waiting import LIMIT

DAY = date(2026, 7, 14)


def projects(number: int, times: int) -> list[Download]:
    return [Download(f"project-{n}", times=times) for n in range(number)]


def test_a_day_is_worked_on_by_one_at_a_time(store: Engine) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(LIMIT)
        with days_locked(store, DAY, DAY):
            order.append("second")

    waiting = threading.Thread(target=second)
    waiting.start()
    with days_locked(store, DAY, DAY):
        inside.set()
        with days_locked(store, DAY + timedelta(days=1), DAY + timedelta(days=1)):  # another day is nobody's business
            waiting.join(0.5)
        order.append("first")
    waiting.join(LIMIT)
    assert order == ["first", "second"]


def test_days_published_at_once_add_up_in_the_totals_of_the_projects_they_share(store: Engine) -> None:
    sizes = {DAY + timedelta(days=n): size for n, size in enumerate((100, 200, 400))}

    def publish_often(day: date) -> None:
        for times in (1, 2, 3, 4):
            publish(store, day, projects(sizes[day], times))

    with ThreadPoolExecutor(len(sizes)) as threads:
        list(threads.map(publish_often, sizes))
    found = rows(store, "SELECT sum(total_downloads)::int, (SELECT sum(revision) FROM pyzn.days) FROM pyzn.projects")
    assert found == [(4 * sum(sizes.values()), 4 * len(sizes))]


def test_readers_never_see_an_empty_or_a_half_day(store: Engine) -> None:
    publish(store, DAY, projects(200, 1))
    a_day_as_read = """
        SELECT (SELECT downloads FROM pyzn.days), (SELECT sum(downloads)::bigint FROM pyzn.downloads_by_version),
            (SELECT sum(total_downloads)::bigint FROM pyzn.projects), (SELECT count(*) FROM pyzn.downloads_by_country)
    """
    with seen_meanwhile(store, a_day_as_read) as seen:
        for times in range(2, 8):
            publish(store, DAY, projects(200, times))
    assert len(seen) > 1
    assert seen <= {(200 * times, 200 * times, 200 * times, 200) for times in range(1, 8)}
