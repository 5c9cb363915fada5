"""Settled days of a month become one partition in project order, and nobody notices."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import psycopg
import pytest
from sqlalchemy import Engine

from pyzn_local.postgres import Postgres
from pyzn_pipeline.maintenance import packing
from pyzn_pipeline.maintenance.packing import PackingFailed, pack, pack_settled
from pyzn_pipeline.store.locks import days_locked
from pyzn_pipeline.store.partitions import partitions
from tests.conftest import Database, filled_database
from tests.days import Download, some
from tests.store.publishing import change, publish, rows, seen_meanwhile, unchanged

FIRST, FOLLOWING = date(2026, 6, 1), date(2026, 7, 1)
DAYS = [date(2026, 6, 18) + timedelta(days=n) for n in range(13)]
DAY = DAYS[2]
MORE = [Download("project-1", times=100)]
JUNE = "project_days_2026_06_01_to_2026_06_30"


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> Iterator[str]:
    """A month with some published days, up to its last."""

    def fill(store: Engine) -> None:
        for day in DAYS:
            publish(store, day, [Download(f"project-{n}") for n in range(day.day - 17, 30)])

    with filled_database(postgres, fill) as name:
        yield name


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packing waits for nobody."""
    monkeypatch.setattr(packing, "TIMEOUT_SECONDS", 0)


def spans(store: Engine) -> list[tuple[date, date]]:
    """The days that each partition holds."""
    with store.connect() as connection:
        return [(first, following) for _, first, following in partitions(connection, date.min, date.max)]


def assert_true(store: Engine) -> None:
    """Every day's rows have the ledger's checksum."""
    assert rows(store, "SELECT DISTINCT checksum = pyzn.day_checksum(day) FROM pyzn.days") == [(True,)]


def test_a_month_that_is_over_becomes_one_partition_with_the_same_content(store: Engine) -> None:
    with unchanged(store):
        assert list(pack_settled(store, date(2026, 7, 20))) == [(FIRST, FOLLOWING, 13)]
    assert spans(store) == [(FIRST, FOLLOWING)]
    order = f"SELECT array_agg(project ORDER BY ctid) = array_agg(project ORDER BY project, day) FROM pyzn.{JUNE}"
    assert rows(store, order) == [(True,)]
    assert list(pack_settled(store, date(2026, 7, 21))) == []


def test_a_day_of_a_packed_month_can_be_read_again_and_a_missing_one_be_published(store: Engine) -> None:
    pack(store, FIRST, FOLLOWING)
    assert publish(store, DAY, MORE).publication.revision == 2
    publish(store, date(2026, 6, 10), some(b=1))
    assert spans(store) == [(FIRST, FOLLOWING)]
    assert_true(store)
    assert rows(store, f"SELECT sum(downloads)::int FROM pyzn.downloads_by_version WHERE day = '{DAY}'") == [(100,)]


@pytest.fixture
def cold(postgres: Postgres) -> Iterator[str]:
    """A tablespace in which the owner may create."""
    with psycopg.connect(postgres.url(), autocommit=True) as superuser:
        superuser.execute("SET allow_in_place_tablespaces = on")
        superuser.execute("CREATE TABLESPACE cold LOCATION ''")
        superuser.execute("GRANT CREATE ON TABLESPACE cold TO pyzn")
        yield "cold"
        superuser.execute("DROP TABLESPACE cold")


def test_packed_months_and_their_indexes_are_in_the_tablespace_and_stay_true(cold: str, store: Engine) -> None:
    with unchanged(store):
        with pytest.raises(PackingFailed, match=r'June 2026: .*"default_tablespace": "none"'):
            list(pack_settled(store, date(2026, 7, 20), "none"))
        list(pack_settled(store, date(2026, 7, 20), cold))
    in_it = "SELECT relname FROM pg_class WHERE relname LIKE 'project%' AND reltablespace <> 0"
    assert {name for (name,) in rows(store, in_it)} == {JUNE, f"{JUNE}_pkey"}
    publish(store, DAY, MORE)
    publish(store, FOLLOWING, MORE)
    assert len(rows(store, in_it)) == 2
    assert_true(store)


def test_days_that_may_still_change_wait(store: Engine) -> None:
    list(pack_settled(store, date(2026, 7, 1)))
    assert len(spans(store)) == 13  # six days are not worth it yet
    list(pack_settled(store, date(2026, 7, 3)))
    assert spans(store)[:2] == [(FIRST, date(2026, 6, 26)), (date(2026, 6, 26), date(2026, 6, 27))]
    list(pack_settled(store, date(2026, 7, 8)))
    assert spans(store) == [(FIRST, FOLLOWING)]
    assert_true(store)


def test_a_publication_of_a_day_that_is_packed_waits_and_is_not_lost(store: Engine) -> None:
    with ThreadPoolExecutor(2) as threads:
        with days_locked(store, DAY, DAY):  # a run that reads the day
            packed = threads.submit(pack, store, FIRST, FOLLOWING)
            other = threads.submit(publish, store, DAYS[-1], MORE)
        packed.result()
        other.result()
    assert_true(store)
    assert rows(store, "SELECT max(revision) FROM pyzn.days") == [(2,)]


def test_a_packing_that_dies_leaves_the_month_as_it_was_and_the_next_one_packs_it(
    store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    before = spans(store)
    monkeypatch.setattr(packing, "_swap", die)
    with unchanged(store), pytest.raises(KeyboardInterrupt):
        pack(store, FIRST, FOLLOWING)
    assert spans(store) == before
    monkeypatch.undo()
    with unchanged(store):
        pack(store, FIRST, FOLLOWING)
    assert spans(store) == [(FIRST, FOLLOWING)]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("api", "SELECT * FROM pyzn.project_days LIMIT 1"),  # a reader who stays in the transaction
        ("owner", "SELECT pg_advisory_xact_lock(hashtext('pyzn.partitions'))"),  # a day that looks for its partition
    ],
)
def test_it_queues_nobody_behind_a_long_transaction_and_gives_up_by_name(
    store: Engine, database: Database, role: str, statement: str
) -> None:
    with psycopg.connect(getattr(database, f"{role}_url")) as other:
        other.execute(statement.encode())
        with unchanged(store), pytest.raises(PackingFailed, match=r"project_days_2026_06_18 to .* not packed"):
            pack(store, FIRST, FOLLOWING)
    pack(store, FIRST, FOLLOWING)


def test_a_reader_with_an_old_snapshot_sees_the_month_whole(store: Engine, database: Database) -> None:
    with psycopg.connect(database.api_url) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        days = reader.execute("SELECT count(*) FROM pyzn.days").fetchone()
        pack(store, FIRST, FOLLOWING)
        found = reader.execute("SELECT count(DISTINCT day) FROM pyzn.project_days").fetchone()
    assert found == days == (13,)


def test_readers_never_miss_a_row_meanwhile(store: Engine) -> None:
    query = "SELECT (SELECT count(*) FROM pyzn.project_days), pyzn.day_checksum('2026-06-20')"
    with seen_meanwhile(store, query) as seen, seen_meanwhile(store, query) as also_seen:
        pack(store, FIRST, FOLLOWING)
    assert len(seen | also_seen) == 1


def test_a_month_that_cannot_be_packed_does_not_stop_the_others(store: Engine) -> None:
    for day in (FOLLOWING, date(2026, 7, 31)):
        publish(store, day, some(requests=1))
    change(store, f"CREATE TABLE pyzn.{JUNE} ()")  # somebody's own
    with pytest.raises(PackingFailed, match=r"packing of June 2026: .*already exists"):
        list(pack_settled(store, date(2026, 8, 20)))
    assert spans(store)[-1] == (FOLLOWING, date(2026, 8, 1))
