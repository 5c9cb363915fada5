"""A day is published whole, replaced whole, or not at all."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from pyzn_pipeline.breakdowns import BREAKDOWNS, UNKNOWN
from pyzn_pipeline.reading.audits import AuditFailed
from pyzn_pipeline.reading.judgement import WorseReading
from pyzn_pipeline.source.scan import schema
from pyzn_pipeline.store import staging
from pyzn_pipeline.store.errors import StoreError
from tests.counted import counts_for, key_of
from tests.days import Download, raw_row, scan_of, some
from tests.store.publishing import change, everything, held, publish, receive, rows, totals, unchanged

DAY = date(2026, 7, 14)
DOWNLOADS = [
    Download("requests", "2.31.0", "US", ci=True),
    Download("requests", "2.31.0", "DE"),
    Download("requests", "2.32.0", "US", installer=None),
    Download("numpy", None, None),
]
NO_NAMES = ["", "\\N", '"', "a,b", "\r\n", "a\n", "A", "a_b", "-a", "a-", "\u0131python", "reque\u017fts", "x" * 256]


def test_the_tidy_views_hold_what_the_source_counted(store: Engine) -> None:
    publish(store, DAY, DOWNLOADS)
    assert rows(store, "SELECT * FROM pyzn.downloads_by_version ORDER BY project, version") == [
        (DAY, "numpy", UNKNOWN, 1, 1, 0, 1),
        (DAY, "requests", "2.31.0", 2, 2, 1, 2),
        (DAY, "requests", "2.32.0", 1, 0, 0, 1),
    ]
    assert rows(store, "SELECT * FROM pyzn.downloads_by_country ORDER BY project, country") == [
        (DAY, "numpy", UNKNOWN, 1),
        (DAY, "requests", "DE", 1),
        (DAY, "requests", "US", 2),
    ]
    assert rows(store, "SELECT * FROM pyzn.downloads_by_project ORDER BY project") == [
        (DAY, "numpy", 1, 1, 0, 1, 1, None),
        (DAY, "requests", 3, 2, 1, 2, 3, None),
    ]


def test_the_ledger_describes_the_day(store: Engine) -> None:
    publish(store, DAY, DOWNLOADS)
    row = held(store, DAY)
    expected = {
        "day": DAY, "status": "provisional", "revision": 1, "downloads": 4, "source_downloads": 4, "pip_downloads": 3,
        "ci_downloads": 1, "downloads_without_mirrors": 3, "files": 4, "projects": 2, "run_id": "run-1",
        "bytes_processed": 1000,
        "project_keys": {"version": 3, "country": 3, "installer": 3, "python": 2, "system": 2},
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["published_at"] == row["recounted_at"]


def test_a_reread_of_the_same_day_changes_nothing_but_when_it_was_last_counted(store: Engine) -> None:
    publish(store, DAY, DOWNLOADS)
    before, row = everything(store), held(store, DAY)

    again = publish(store, DAY, list(reversed(DOWNLOADS)))

    assert (again.publication.revision, again.publication.changed) == (1, False)
    assert everything(store)[1:] == before[1:]
    after = held(store, DAY)
    assert (after["revision"], after["published_at"]) == (1, row["published_at"])
    assert after["recounted_at"] > row["recounted_at"]


def test_a_changed_day_replaces_the_old_one_and_moves_the_totals_by_the_difference(store: Engine) -> None:
    publish(store, date(2026, 8, 1), some(requests=10))
    publish(store, DAY, DOWNLOADS)

    later = publish(store, DAY, [Download("requests", "3.0", times=6), Download("flask")])

    assert (later.publication.revision, later.publication.changed) == (2, True)
    versions = "SELECT project, version FROM pyzn.downloads_by_version WHERE day = :day ORDER BY project"
    assert rows(store, versions, day=DAY) == [("flask", "1.0"), ("requests", "3.0")]
    assert totals(store) == {"flask": 1, "numpy": 0, "requests": 16}


def test_a_day_is_final_when_it_is_read_twice_the_same_a_week_after_it_or_later(store: Engine) -> None:
    for age, statuses in ((6, ["provisional", "provisional"]), (7, ["provisional", "final"])):
        day = datetime.now(UTC).date() - timedelta(days=age)
        assert [publish(store, day, DOWNLOADS).publication.status for _ in range(2)] == statuses


def test_fewer_downloads_than_are_published_are_refused_unless_they_are_asked_for(store: Engine) -> None:
    publish(store, DAY, DOWNLOADS)
    worse = r"revision 1 with its 4 downloads: it has 3 downloads, 1 fewer; not published"
    with unchanged(store), pytest.raises(WorseReading, match=worse):
        publish(store, DAY, DOWNLOADS[1:])
    assert publish(store, DAY, DOWNLOADS[1:], accept_worse=True).publication.revision == 2


@pytest.mark.parametrize(
    ("downloads", "reported", "message"),
    [
        ([], {}, r"day 2026-07-14: the source has no rows for it; not published"),
        (DOWNLOADS, {"rows": 9}, r"day 2026-07-14: BigQuery reports 9 rows, 3 arrived; not published"),
    ],
    ids=["empty day", "lost page"],
)
def test_a_day_that_fails_a_hard_audit_leaves_the_tables_untouched(
    store: Engine, downloads: list[Download], reported: dict[str, Any], message: str
) -> None:
    publish(store, DAY, some(requests=1))
    with unchanged(store), pytest.raises(AuditFailed, match=message):
        receive(store, scan_of(DAY, downloads, **reported))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("downloads", 5, r"source says 4 downloads \(3 pip, 1 ci, 4 files\), version documents sum to 4 downloads"),
        ("downloads_without_mirrors", 1, "python documents sum to 3 downloads without mirrors, 1 do not add up"),
        ("by_version", '{"2.31.0":3,"2.32.0":1}', "version documents sum to 5 downloads"),
        ("by_country", '{"DE":1,"US":1}', "source says 4 downloads, country documents sum to 3 downloads"),
        ("by_system", "{}", "system documents sum to 1 downloads without mirrors"),
        ("pip_by_version", "[2,1]", r"version documents sum to 4 downloads \(4 pip, 1 ci, 4 files\)"),
        ("ci_by_version", "[1]", "1 do not add up to their project's counts"),
        ("files", None, r"source says 4 downloads \(3 pip, 1 ci, 4 files\), .*, 1 do not add up to their project's"),
        ("files_by_version", None, r"version documents sum to 4 downloads \(3 pip, 1 ci, 1 files\), 1 do not add up"),
        ("by_version", '{"2.31.0":2,"\\\\\\u0000":1}', "1 have a NUL character"),
        ("project", "requests\0", 'day 2026-07-14: Postgres: invalid byte sequence for encoding "UTF8": 0x00'),
        ("by_version", '{"2.31.0":', "Postgres: invalid input syntax for type json"),
        ("project", "numpy", "Postgres: duplicate key value"),
        *(("project", name, "project_is_a_name") for name in NO_NAMES),
    ],
)
def test_a_source_that_disagrees_with_itself_is_refused(
    shared_store: Engine, column: str, value: object, message: str
) -> None:
    scanned = scan_of(DAY, DOWNLOADS)
    table = next(scanned.batches).to_pylist()
    next(row for row in table if row["project"] == "requests")[column] = value
    batches = iter([pa.RecordBatch.from_pylist(table, schema=schema(scanned.contents))])
    with pytest.raises((AuditFailed, StoreError), match=message):
        receive(shared_store, replace(scanned, batches=batches))
    assert everything(shared_store) == [[], [], [], []]


@pytest.mark.parametrize(("published_before", "at_once"), [(False, 1), (True, staging.AT_ONCE)])
def test_the_rows_may_come_in_any_order_and_any_batches(
    store: Engine, monkeypatch: pytest.MonkeyPatch, published_before: bool, at_once: int
) -> None:
    monkeypatch.setattr(staging, "AT_ONCE", at_once)
    if published_before:
        publish(store, DAY, some(requests=1))
    scanned = scan_of(DAY, DOWNLOADS)
    (batch,) = scanned.batches
    receive(store, replace(scanned, batches=(batch.slice(n, 1) for n in reversed(range(batch.num_rows)))))
    other = DAY + timedelta(days=1)
    publish(store, other, DOWNLOADS)
    query = "SELECT project, version, downloads FROM pyzn.downloads_by_version WHERE day = :day ORDER BY 1, 2"
    assert rows(store, query, day=DAY) == rows(store, query, day=other)
    assert rows(store, "SELECT count(DISTINCT pyzn.day_checksum(day))::int FROM pyzn.days") == [(1,)]


def test_a_stream_that_breaks_midway_publishes_nothing(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "AT_ONCE", 1)  # or nothing is sent before it breaks
    publish(store, DAY, DOWNLOADS)
    scanned = scan_of(DAY, [*DOWNLOADS, Download("flask")])

    def breaking() -> Iterator[pa.RecordBatch]:
        yield next(scanned.batches)
        raise ConnectionResetError("cut")

    with unchanged(store), pytest.raises(ConnectionResetError):
        receive(store, replace(scanned, batches=breaking()))


FULL = """
    CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON pyzn.{} FOR EACH STATEMENT EXECUTE FUNCTION public.full_disk();
"""  # as Postgres raises it when a disk becomes full


@pytest.mark.parametrize("table", ["project_days", "projects", "days", "day_breakdowns"])
def test_a_full_disk_is_named_and_changes_nothing_and_with_room_the_day_is_published(store: Engine, table: str) -> None:
    publish(store, DAY, some(requests=1))
    change(store, FULL.format(table))
    with unchanged(store), pytest.raises(StoreError, match=f"day {DAY}.*No space left on device"):
        publish(store, DAY, DOWNLOADS)
    change(store, "DROP FUNCTION public.full_disk CASCADE")
    publish(store, DAY, DOWNLOADS)
    assert totals(store) == {"requests": 3, "numpy": 1}


SPELLINGS = st.none() | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8
)
SPELLED = st.builds(
    Download,
    times=st.just(1),
    project=st.sampled_from(["a", "b-c", "z"]),
    version=SPELLINGS,
    country=SPELLINGS,
    installer=SPELLINGS | st.just("pip"),
    python=SPELLINGS | st.sampled_from(["3.9.1", "3.14"]),
    system=SPELLINGS,
    ci=st.booleans(),
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SPELLED, min_size=1, max_size=30))
def test_any_spelling_of_a_key_comes_back_as_it_was(store: Engine, downloads: list[Download]) -> None:
    publish(store, DAY, downloads, accept_worse=True)
    for breakdown in BREAKDOWNS:
        counted = (row for row in map(raw_row, downloads) if counts_for(breakdown.counted, row))
        found = rows(store, f"SELECT project, {breakdown.name}, downloads FROM pyzn.{breakdown.view}")
        assert {(project, key): count for project, key, count in found} == Counter(
            (row["project"], key_of(breakdown, row)) for row in counted
        )
    assert rows(store, "SELECT checksum = pyzn.day_checksum(day) FROM pyzn.days") == [(True,)]


def test_predicates_on_the_tidy_views_reach_the_index_and_only_their_month(store: Engine) -> None:
    for month in (6, 7, 8):
        publish(store, date(2026, month, 14), [Download(f"project-{n}") for n in range(500)])
    change(store, "ANALYZE")
    july = "WHERE project = 'project-7' AND day BETWEEN '2026-07-01' AND '2026-07-31'"
    for view in ("downloads_by_version", "downloads_by_country", "downloads_by_project"):
        plan = "\n".join(row[0] for row in rows(store, f"EXPLAIN SELECT * FROM pyzn.{view} {july}"))
        assert re.search(r"Index Cond.*project-7", plan), plan
        assert set(re.findall(r"_2026_\d\d", plan)) == {"_2026_07"}


def usual(times: int) -> list[Download]:
    """Fifty projects with that many downloads each."""
    return [Download(f"project-{n}", times=times) for n in range(50)]


@pytest.fixture
def weeks(store: Engine) -> Engine:
    """The store with the same weekday of the three weeks before DAY, of 1,000 downloads each."""
    for week in (1, 2, 3):
        publish(store, DAY - timedelta(weeks=week), usual(20))
    return store


def test_a_day_unlike_its_weekday_is_suspect_until_a_better_reading_replaces_it(weeks: Engine) -> None:
    for _ in range(2):  # published, and re-read unchanged
        short = publish(weeks, DAY, usual(8))
        assert (short.publication.status, short.publication.revision) == ("suspect", 1)
        (finding,) = [finding for finding in short.findings if not finding.passed]
        assert finding.message.startswith("400 files, -60.0% against 1,000")
        assert held(weeks, DAY)["suspect_because"] == f"downloads like weekday: {finding.message}"

    doubled = publish(weeks, DAY, usual(40))
    assert (doubled.publication.status, doubled.publication.revision) == ("suspect", 2)
    assert publish(weeks, DAY, usual(20)).publication.status == "provisional"
    assert held(weeks, DAY)["suspect_because"] is None


def test_a_reading_that_fails_an_audit_never_replaces_one_that_passes_it(weeks: Engine) -> None:
    publish(weeks, DAY, usual(20))
    with pytest.raises(WorseReading, match=r"revision 1 with its 1,000 downloads: 2,000 files, \+100.0% against 1,000"):
        publish(weeks, DAY, usual(40))
    assert publish(weeks, DAY, usual(40), accept_worse=True).publication.status == "suspect"
