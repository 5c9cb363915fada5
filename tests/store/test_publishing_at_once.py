"""Several publish and read at once: days are locked one by one, totals add up, and nobody sees half a day."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Engine, text

from pyzn_pipeline.store.locks import days_locked
from tests.days import Download
from tests.store.publishing import publish, rows
from tests.waiting import LIMIT

DAY = date(2026, 7, 14)

A_DAY_AS_READ = """
    SELECT (SELECT downloads FROM pyzn.days), (SELECT sum(downloads)::bigint FROM pyzn.downloads_by_version),
           (SELECT sum(total_downloads)::bigint FROM pyzn.projects), (SELECT count(*) FROM pyzn.downloads_by_country)
"""


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
            time.sleep(0.5)
        order.append("first")
    waiting.join(LIMIT)
    assert order == ["first", "second"]


def test_days_published_at_once_add_up_in_the_totals_of_the_projects_they_share(store: Engine) -> None:
    sizes = {DAY + timedelta(days=n): size for n, size in enumerate((100, 200, 400))}

    def publish_often(day: date) -> None:
        for count in (1, 2, 3, 4):
            publish(store, day, [Download(f"project-{n}") for n in range(sizes[day])] * count)

    with ThreadPoolExecutor(len(sizes)) as threads:
        list(threads.map(publish_often, sizes))
    assert rows(
        store, "SELECT sum(total_downloads)::int, (SELECT sum(revision) FROM pyzn.days) FROM pyzn.projects"
    ) == [(4 * sum(sizes.values()), 4 * len(sizes))]


def test_readers_never_see_an_empty_or_a_half_day(store: Engine) -> None:
    publish(store, DAY, [Download(f"project-{n}") for n in range(200)])
    done = threading.Event()

    def read() -> set[tuple[Any, ...]]:
        seen = set()
        with store.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not done.is_set():
                seen |= {tuple(row) for row in connection.execute(text(A_DAY_AS_READ))}
        return seen

    with ThreadPoolExecutor(1) as threads:
        reader = threads.submit(read)
        for count in range(2, 8):
            publish(store, DAY, [Download(f"project-{n}") for n in range(200)] * count)
        done.set()
        seen = reader.result()
    assert len(seen) > 1
    assert seen <= {(200 * count, 200 * count, 200 * count, 200) for count in range(1, 8)}
