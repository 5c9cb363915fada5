"""What the index of a mirror changes between readings: counts, final days, and the days to be read again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from pyzn_pipeline.exports.index import INDEX, Index, made, written
from pyzn_pipeline.source.mirror import Mirror
from pyzn_pipeline.store.following import OlderIndex
from pyzn_pipeline.upkeep.following import follow
from tests.days import Download, scan_of
from tests.exports.conftest import DAY, DAYS, Served, content, downloads, exported, mirror
from tests.store.publishing import publish, rows


def test_following_brings_counts_final_days_and_asks_for_newer_revisions(
    published: Engine, second_store: Engine, folder: Path
) -> None:
    exported(published, folder)
    mirror(second_store, str(folder), *DAYS)
    assert follow(Mirror(str(folder)), second_store)[0].empty
    with published.begin() as connection:
        counted = "UPDATE pyzn.days SET recounted_at = now(), {} WHERE day = :day"
        connection.execute(text(counted.format("status = 'final'")), {"day": DAYS[0]})
        connection.execute(text(counted.format("source_recount = source_recount + 1")), {"day": DAYS[1]})
    publish(published, scan_of(DAY, [*downloads(DAY), Download("late")]))
    exported(published, folder)
    found, _ = follow(Mirror(str(folder)), second_store)
    assert list(found["day"]) == DAYS
    assert list(found["status"]) == ["final", "provisional", "provisional"]
    assert list(found["found"] - found["published"]) == [0, 1, 1]
    assert rows(second_store, "SELECT day, asked_by FROM pyzn.wanted") == [(DAY, ["recount"])]
    mirror(second_store, str(folder), DAY)
    assert rows(second_store, "SELECT day FROM pyzn.wanted") == []
    assert follow(Mirror(str(folder)), second_store)[0].empty
    assert content(second_store) == content(published)


def test_a_day_that_the_exporter_accepts_or_doubts_later_is_read_again(
    published: Engine, second_store: Engine, folder: Path
) -> None:
    def at_exporter(change: str) -> None:
        with published.begin() as connection:
            connection.execute(text(f"UPDATE pyzn.days SET {change} WHERE day = '{DAY}'"))
        exported(published, folder)

    def status_here() -> list[tuple[Any, ...]]:
        follow(Mirror(str(folder)), second_store)
        mirror(second_store, str(folder), *[day for (day,) in rows(second_store, "SELECT day FROM pyzn.wanted")])
        return rows(
            second_store, f"SELECT status, suspect_because, accepted_because FROM pyzn.days WHERE day = '{DAY}'"
        )

    at_exporter("status = 'provisional'")
    mirror(second_store, str(folder), *DAYS)
    at_exporter("status = 'suspect', suspect_because = 'a quiet hour'")
    assert status_here() == [("suspect", "a quiet hour", None)]
    at_exporter("status = 'provisional', accepted_because = 'a holiday'")
    assert status_here() == [("provisional", None, "a holiday")]
    assert rows(second_store, "SELECT FROM pyzn.wanted") == []


def test_what_was_mirrored_under_another_url_or_read_from_bigquery_is_followed_too(
    published: Engine, second_store: Engine, folder: Path, web: Served
) -> None:
    exported(published, folder)
    mirror(second_store, str(folder), *DAYS[1:])
    publish(second_store, scan_of(DAYS[0], downloads(DAYS[0])))
    for day in DAYS:
        publish(published, scan_of(day, [*downloads(day), Download("late")]))
    exported(published, folder)
    follow(Mirror(web.url), second_store)
    assert rows(second_store, "SELECT day FROM pyzn.wanted ORDER BY day") == [(day,) for day in DAYS]
    mirror(second_store, web.url, *DAYS)
    mirror(second_store, str(folder), DAY)  # the same content: what it came from is now this
    assert rows(second_store, "SELECT source FROM pyzn.days ORDER BY day") == [(web.url,), (web.url,), (str(folder),)]
    assert follow(Mirror(web.url), second_store)[0].empty


def test_an_index_from_the_future_is_refused(published: Engine, second_store: Engine, folder: Path) -> None:
    exported(published, folder)
    index = Index.model_validate_json((folder / INDEX).read_bytes())
    (folder / INDEX).write_bytes(written(made(index.days, datetime.now(UTC) + timedelta(hours=2))))
    with pytest.raises(OlderIndex, match=r"recount: the index of .* which is in the future; not used"):
        follow(Mirror(str(folder)), second_store)
    with pytest.raises(OlderIndex, match=f"day {DAY}: the index of .* which is in the future; not used"):
        mirror(second_store, str(folder), DAY, accept_worse=True)


def test_a_day_that_was_given_up_is_tried_again_when_it_is_exported_anew(
    published: Engine, second_store: Engine, folder: Path
) -> None:
    with second_store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO pyzn.wanted (day, asked_by, attempts, failed_at, reason) "
                "VALUES (:day, '{calendar}', 8, now() - interval '1 day', 'it was not there')"
            ),
            {"day": DAY},
        )
        connection.execute(
            text(
                "INSERT INTO pyzn.wanted (day, asked_by, attempts, failed_at, reason, next_attempt_at) "
                "VALUES (:waits, '{calendar}', 3, now(), 'late', now() + interval '4 hours'), "
                "       (:worse, '{calendar}', 1, now(), 'worse', NULL), (:taken_back, '{}', 8, now(), '', NULL)"
            ),
            {"waits": DAYS[0], "worse": DAYS[1], "taken_back": DAYS[1] + timedelta(days=10)},
        )
    exported(published, folder)
    follow(Mirror(str(folder)), second_store)
    assert rows(
        second_store, "SELECT day, attempts, state, next_attempt_at <= now() FROM pyzn.wanted_days ORDER BY day LIMIT 3"
    ) == [(DAYS[0], 3, "waiting", True), (DAYS[1], 1, "given up", None), (DAY, 0, "waiting", True)]
