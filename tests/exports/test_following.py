"""What the index of a mirror changes between readings: counts, final days, and the days to be read again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from pyzn_pipeline.exports.following import follow
from tests.exports.conftest import DAY, DAYS, content, downloads, exported, index_of, late, mirror, sql
from tests.store.publishing import publish, rows
from tests.web import WebServer


def test_following_brings_counts_final_days_and_asks_for_newer_revisions(
    store: Engine, second: Engine, folder: Path
) -> None:
    exported(store, folder)
    mirror(second, folder, *DAYS)
    assert follow(second, str(folder), index_of(folder)) == []
    counted = "UPDATE pyzn.days SET recounted_at = now(), {} WHERE day = '{}'"
    sql(store, counted.format("status = 'final'", DAYS[0]))
    sql(store, counted.format("source_recount = source_recount + 1", DAYS[1]))
    late(store)
    exported(store, folder)
    found = follow(second, str(folder), index_of(folder))
    assert [(day.day, day.status, day.found - day.published) for day in found] == [
        (DAYS[0], "final", 0), (DAYS[1], "provisional", 1), (DAYS[2], "provisional", 1),
    ]  # fmt: skip
    assert rows(second, "SELECT day, asked_by FROM pyzn.wanted") == [(DAY, ["recount"])]
    mirror(second, folder, DAY)
    assert rows(second, "SELECT day FROM pyzn.wanted") == []
    assert follow(second, str(folder), index_of(folder)) == []
    assert content(second) == content(store)


def test_a_day_that_the_exporter_accepts_or_doubts_later_is_read_again(
    store: Engine, second: Engine, folder: Path
) -> None:
    def at_exporter(change: str) -> None:
        sql(store, f"UPDATE pyzn.days SET {change} WHERE day = '{DAY}'")
        exported(store, folder)

    def status_here() -> list[tuple[Any, ...]]:
        follow(second, str(folder), index_of(folder))
        mirror(second, folder, *[day for (day,) in rows(second, "SELECT day FROM pyzn.wanted")])
        return rows(second, f"SELECT status, suspect_because, accepted_because FROM pyzn.days WHERE day = '{DAY}'")

    at_exporter("status = 'provisional'")
    mirror(second, folder, *DAYS)
    at_exporter("status = 'suspect', suspect_because = 'a quiet hour'")
    assert status_here() == [("suspect", "a quiet hour", None)]
    at_exporter("status = 'provisional', accepted_because = 'a holiday'")
    assert status_here() == [("provisional", None, "a holiday")]
    assert rows(second, "SELECT FROM pyzn.wanted") == []


def test_what_was_mirrored_under_another_url_or_read_from_bigquery_is_followed_too(
    store: Engine, second: Engine, folder: Path, web: WebServer
) -> None:
    exported(store, folder)
    mirror(second, folder, *DAYS[1:])
    publish(second, DAYS[0], downloads(DAYS[0]))
    for day in DAYS:
        late(store, day)
    exported(store, folder)
    follow(second, web.url, index_of(folder))
    assert rows(second, "SELECT day FROM pyzn.wanted ORDER BY day") == [(day,) for day in DAYS]
    mirror(second, web.url, *DAYS)
    mirror(second, folder, DAY)  # the same content: what it came from is now this
    assert rows(second, "SELECT source FROM pyzn.days ORDER BY day") == [(web.url,), (web.url,), (str(folder),)]
    assert follow(second, web.url, index_of(folder)) == []


def test_a_day_that_was_given_up_is_tried_again_when_it_is_exported_anew(
    store: Engine, second: Engine, folder: Path
) -> None:
    sql(
        second,
        "INSERT INTO pyzn.wanted (day, asked_by, attempts, failed_at, reason, next_attempt_at) VALUES "
        "(:gone, '{calendar}', 8, now() - interval '1 day', 'it was not there', NULL), "
        "(:waits, '{calendar}', 3, now(), 'late', now() + interval '4 hours'), "
        "(:worse, '{calendar}', 1, now(), 'worse', NULL), (:canceled, '{}', 8, now(), '', NULL)",
        gone=DAY,
        waits=DAYS[0],
        worse=DAYS[1],
        canceled=DAYS[1] + timedelta(days=10),
    )
    exported(store, folder)
    follow(second, str(folder), index_of(folder))
    assert rows(
        second, "SELECT day, attempts, state, next_attempt_at <= now() FROM pyzn.wanted_days ORDER BY day LIMIT 3"
    ) == [(DAYS[0], 3, "waiting", True), (DAYS[1], 1, "given up", None), (DAY, 0, "waiting", True)]
