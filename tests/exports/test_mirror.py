"""A mirrored day is the exported day, row for row; and its mirror follows what the exporter learns later."""

import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pyzn_cli import pyzn
from pyzn_pipeline.exports import mirror as mirror_module
from pyzn_pipeline.exports.following import OlderIndex
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.reading.day import publish_scan
from pyzn_pipeline.reading.judgement import WorseReading
from pyzn_pipeline.store.locks import days_locked
from pyzn_pipeline.store.partitions import ensure_partition
from tests.conftest import Database
from tests.exports.conftest import DAY, DAYS, Pair, content, downloads, exported, file_of, late
from tests.store.publishing import change, publish, rows
from tests.web import WebServer

SOURCES = "SELECT source FROM pyzn.days ORDER BY day"


@pytest.mark.parametrize("way", ["from a folder", "over HTTP", "in many batches"])
def test_every_row_figure_and_checksum_is_the_exporters(
    pair: Pair, web: WebServer, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(
        pair.exporter,
        "UPDATE pyzn.days SET replaced_rows = 3, by_hour = CAST(format('{\"7\"\\:%s}', source_downloads) AS json);"
        f"UPDATE pyzn.days SET status = 'final' WHERE day = '{DAYS[0]}';"
        f"UPDATE pyzn.days SET accepted_because = 'a \"holiday\"' WHERE day = '{DAYS[1]}';"
        f"UPDATE pyzn.days SET status = 'suspect', suspect_because = 'a quiet hour' WHERE day = '{DAY}'",
    )
    pair.export()
    url = web.url if way == "over HTTP" else str(pair.folder)
    if way == "in many batches":
        monkeypatch.setattr(mirror_module, "PROJECTS", 1)
        monkeypatch.setattr(mirror_module, "ROWS", 2)
    pair.mirror(*DAYS, url=url)
    assert pair.is_equal()
    (again,) = pair.mirror(DAYS[1], url=url)
    assert (again.changed, again.revision) == (False, 1)
    late(pair.exporter, DAYS[1])
    pair.export()
    pair.mirror(DAYS[1], url=url)
    assert pair.is_equal()
    proven = "bool_and(checksum = pyzn.day_checksum(day)), sum(bytes_billed)::int, count(bigquery_job)"
    assert rows(pair.mirrored, f"SELECT {proven} FROM pyzn.days") == [(True, 0, 0)]
    query = "SELECT source, revision, mirrored_revision FROM pyzn.days ORDER BY day"
    assert rows(pair.mirrored, query) == [(url, 1, 1), (url, 2, 2), (url, 1, 1)]


def test_a_mirror_of_a_synthetic_day_is_synthetic_and_so_is_its_mirror(pair: Pair, web: WebServer) -> None:
    change(pair.exporter, f"UPDATE pyzn.days SET source = 'a.table of the emulator' WHERE day = '{DAY}'")
    pair.export()
    pair.mirror(*DAYS[1:], url=web.url)
    assert rows(pair.mirrored, SOURCES) == [(web.url,), (f"{web.url} of the emulator",)]
    again = pair.folder.with_name("again")
    exported(pair.mirrored, again)
    assert f'"source": "{web.url} of the emulator"' in file_of(again, "day.json").read_text()
    late(pair.exporter)  # follows its mirror as any other day
    pair.export()
    pair.follow(web.url)
    assert pair.wanted() == [DAY]
    pair.mirror(DAY, url=web.url)
    change(pair.exporter, "UPDATE pyzn.days SET revision = 1")
    shutil.rmtree(pair.folder)
    pair.export()
    with pytest.raises(OlderIndex, match="goes back in time: revision 2 was read before"):
        pair.mirror(DAY, url=web.url)


def test_a_day_is_published_though_another_has_used_a_newer_index_since_its_reading_began(pair: Pair) -> None:
    pair.export()
    ensure_partition(pair.mirrored, DAYS[0])
    with Mirror(str(pair.folder)).scanned(DAYS[0]) as scanned, days_locked(pair.mirrored, DAYS[0], DAYS[0]) as reading:
        late(pair.exporter)
        pair.export()
        pair.mirror(DAY)
        publish_scan(reading, scanned, datetime.now(UTC), "run-1", {})
    pair.mirror(DAYS[1])
    assert pair.is_equal()


def test_a_day_that_is_withdrawn_from_the_mirror_is_not_counted_as_zero(pair: Pair) -> None:
    pair.export()
    counts = Mirror(str(pair.folder)).count({DAY: 1, DAYS[0] - timedelta(days=1): 1})
    assert counts.downloads.keys() == {DAY}
    assert counts.failed == {DAYS[0] - timedelta(days=1): f"{pair.folder} has it no longer"}


def test_the_command_publishes_what_is_not_there(
    pair: Pair, second_database: Database, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYZN_HOME", str(pair.folder / "no-stack"))
    monkeypatch.setenv("PYZN_DATABASE_URL", second_database.owner_url)
    pair.export()
    done = CliRunner().invoke(pyzn, ["mirror", web.url, str(DAYS[0]), str(DAYS[1])])
    assert done.exit_code == 0, done.output
    assert done.stdout == (
        f"{DAYS[1]}  revision 1  provisional\n{DAYS[0]}  revision 1  provisional\n"
        "2 of 2 days published, 0 were there already\n"
    )
    file_of(pair.folder, "downloads_by_python").write_bytes(b"")
    failed = CliRunner().invoke(pyzn, ["mirror", web.url])
    assert failed.exit_code == 1
    assert "downloads_by_python.parquet: it has 0 bytes" in failed.stderr
    assert failed.stdout == "0 of 3 days published, 2 were there already\n"
    nothing = CliRunner().invoke(pyzn, ["mirror", web.url, "2026-01-01"])
    assert "has no day from 2026-01-01 to 2026-01-01: its index has 3 days from" in str(nothing.exception)
    assert pair.wanted() == []


def test_a_day_without_a_breakdown_or_a_count_is_mirrored_without_it_and_does_not_replace_one_with_it(
    pair: Pair,
) -> None:
    change(
        pair.exporter,
        f"UPDATE pyzn.project_days SET by_system = NULL WHERE day = '{DAYS[0]}';"
        f"DELETE FROM pyzn.day_breakdowns WHERE breakdown = 'system' AND day = '{DAYS[0]}';"
        f"UPDATE pyzn.days SET checksum = pyzn.day_checksum(day) WHERE day = '{DAYS[0]}'",
    )
    publish(pair.exporter, DAY, downloads(DAY), files=False, accept_worse=True)
    pair.export()
    counted = [
        day for day in DAYS if "files" in pq.read_schema(file_of(pair.folder, "downloads_by_project", day)).names
    ]
    assert counted == DAYS[:2]
    pair.mirror(*DAYS)
    assert pair.is_equal()
    for day, lacking in ((DAYS[0], "it has no downloads by system"), (DAY, "it has no count of files")):
        publish(pair.mirrored, day, downloads(day))
        before = content(pair.mirrored)
        with pytest.raises(WorseReading, match=f"worse than revision .*: {lacking}.*; not published"):
            pair.mirror(day)
        assert content(pair.mirrored) == before
        assert pair.mirror(day, accept_worse=True)[0].changed


# -- what the index changes between readings: counts, final days, and the days to be read again


def test_following_brings_counts_final_days_and_asks_for_newer_revisions(pair: Pair) -> None:
    pair.export()
    pair.mirror(*DAYS)
    assert pair.follow() == []
    counted = "UPDATE pyzn.days SET recounted_at = now(), {} WHERE day = '{}'"
    change(pair.exporter, counted.format("status = 'final'", DAYS[0]))
    change(pair.exporter, counted.format("source_recount = source_recount + 1", DAYS[1]))
    late(pair.exporter)
    pair.export()
    assert [(day.day, day.status, day.found - day.published) for day in pair.follow()] == [
        (DAYS[0], "final", 0), (DAYS[1], "provisional", 1), (DAYS[2], "provisional", 1),
    ]  # fmt: skip
    assert rows(pair.mirrored, "SELECT day, asked_by FROM pyzn.wanted") == [(DAY, ["recount"])]
    pair.mirror(DAY)
    assert pair.wanted() == []
    assert pair.follow() == []
    assert pair.is_equal()


def test_a_day_that_the_exporter_accepts_or_doubts_later_is_read_again(pair: Pair) -> None:
    def export(status: str) -> None:
        change(pair.exporter, f"UPDATE pyzn.days SET status = {status} WHERE day = '{DAY}'")
        pair.export()

    def mirrored_status() -> list[tuple[Any, ...]]:
        pair.follow()
        pair.mirror(*pair.wanted())
        columns = "status, suspect_because, accepted_because"
        return rows(pair.mirrored, f"SELECT {columns} FROM pyzn.days WHERE day = '{DAY}'")

    export("'provisional'")
    pair.mirror(*DAYS)
    export("'suspect', suspect_because = 'a quiet hour'")
    assert mirrored_status() == [("suspect", "a quiet hour", None)]
    export("'provisional', accepted_because = 'a holiday'")
    assert mirrored_status() == [("provisional", None, "a holiday")]
    assert pair.wanted() == []


def test_what_was_mirrored_under_another_url_or_read_from_bigquery_is_followed_too(pair: Pair, web: WebServer) -> None:
    pair.export()
    pair.mirror(*DAYS[1:])
    publish(pair.mirrored, DAYS[0], downloads(DAYS[0]))
    for day in DAYS:
        late(pair.exporter, day)
    pair.export()
    pair.follow(web.url)
    assert pair.wanted() == DAYS
    pair.mirror(*DAYS, url=web.url)
    pair.mirror(DAY)  # the same content: what it came from is now this
    assert rows(pair.mirrored, SOURCES) == [(web.url,), (web.url,), (str(pair.folder),)]
    assert pair.follow(web.url) == []


def test_a_day_that_was_given_up_is_tried_again_when_it_is_exported_anew(pair: Pair) -> None:
    change(
        pair.mirrored,
        "INSERT INTO pyzn.wanted (day, asked_by, attempts, failed_at, reason, next_attempt_at) VALUES "
        "(:gone, '{calendar}', 8, now() - interval '1 day', 'it was not there', NULL), "
        "(:waits, '{calendar}', 3, now(), 'late', now() + interval '4 hours'), "
        "(:worse, '{calendar}', 1, now(), 'worse', NULL), (:canceled, '{}', 8, now(), '', NULL)",
        gone=DAY, waits=DAYS[0], worse=DAYS[1], canceled=DAY + timedelta(days=9),
    )  # fmt: skip
    pair.export()
    pair.follow()
    states = "SELECT day, attempts, state, next_attempt_at <= now() FROM pyzn.wanted_days ORDER BY day LIMIT 3"
    assert rows(pair.mirrored, states) == [
        (DAYS[0], 3, "waiting", True), (DAYS[1], 1, "given up", None), (DAY, 0, "waiting", True),
    ]  # fmt: skip
