"""The API on a streaming replica: what it answers while the primary changes, and the replica lags and catches up."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres, as_unprivileged_user, binary
from pyzn_pipeline.maintenance.packing import pack_settled
from pyzn_pipeline.maintenance.retention import retire
from pyzn_pipeline.store.database import engine
from tests.api.conftest import NOW, migrated, serving, settings
from tests.days import Download
from tests.store.publishing import publish
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

PATH = "/api/v2/projects/requests"
PATHS = [
    PATH,
    "/api/projects/requests",
    "/api/v3/pro/projects/requests/downloads",
    "/api/v4/projects/requests",
    "/api/v4/projects/requests/versions?start=2026-04-01&end=2026-07-19",
    "/api/v4/days?start=2026-04-01&end=2026-07-19",
    "/badge/requests",
]
OLD = [date(2026, 4, 1) + timedelta(days=n) for n in range(5)]
RECENT = [date(2026, 6, 1) + timedelta(days=n) for n in range(16)]
CONFLICTS = "SELECT sum(confl_lock + confl_snapshot + confl_deadlock) FROM pg_stat_database_conflicts"


class Replica(Postgres):
    """A standby that applies what its primary writes, unless it lags."""

    def execute(self, query: str) -> object:
        """The first value of the first row, as the superuser."""
        with psycopg.connect(self.url(), autocommit=True) as superuser:
            row = superuser.execute(query.encode()).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def lagging(self) -> Iterator[None]:
        """Receive, and apply nothing until the end."""
        self.execute("SELECT pg_wal_replay_pause()")
        try:
            yield
        finally:
            self.execute("SELECT pg_wal_replay_resume()")

    def wait_for(self, primary: Postgres) -> None:
        """Return once all is applied that was committed on the primary before the call."""
        with psycopg.connect(primary.url(), autocommit=True) as superuser:
            (written,) = superuser.execute("SELECT pg_current_wal_lsn()::text").fetchone() or (None,)
        wait_until(lambda: self.execute(f"SELECT pg_last_wal_replay_lsn() >= '{written}'::pg_lsn"))


@contextmanager
def replica_of(primary: Postgres, home: Path, *settings: str) -> Iterator[Replica]:
    """A running replica of `primary`, made by pg_basebackup."""
    replica = Replica(home, free_port())
    replica.data.mkdir(parents=True, mode=0o700)
    (home / "password").write_text(primary.password)
    copy = [binary("pg_basebackup"), "-D", str(replica.data), "-R", "-X", "stream", "-c", "fast", "-d", primary.url()]
    subprocess.run(as_unprivileged_user(copy, replica.data), check=True, capture_output=True)
    with replica.running(*settings):
        yield replica


class Pair(NamedTuple):
    """A primary with its replica, and clients of an API on each."""

    primary: Postgres
    replica: Replica
    store: Engine
    on_primary: httpx.Client
    on_replica: httpx.Client


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("replicated")
    primary = Postgres(folder / "primary", free_port())
    # A reader that holds up the replica is cancelled after a moment, where the default is half a minute.
    impatient = "max_standby_streaming_delay=100ms"
    with primary.running(), replica_of(primary, folder / "replica", impatient) as replica:
        store = engine(SecretStr(migrated(primary).owner_url))
        for day in OLD + RECENT:
            put(store, day, 1)
        replica.wait_for(primary)
        urls = [server.url("pyzn", "pyzn_api", "api-password") for server in (primary, replica)]
        clients = [serving(settings(url, cache_bytes=0)) for url in urls]
        with clients[0] as on_primary, clients[1] as on_replica:
            yield Pair(primary, replica, store, on_primary, on_replica)
        store.dispose()


def put(store: Engine, day: date, count: int) -> None:
    """Publish the day with `count` downloads of each of two versions."""
    publish(store, day, [Download("requests", version) for version in ("1.0", "2.0") for _ in range(count)])


def same_everywhere(pair: Pair) -> bool:
    answers = [[client.get(path) for path in PATHS] for client in (pair.on_primary, pair.on_replica)]
    seen = [[(each.status_code, each.headers.get("etag"), each.content) for each in all_] for all_ in answers]
    return seen[0] == seen[1]


def of_one_publication(answer: httpx.Response) -> bool:
    """Return whether v2's two versions were counted at the same time, and the total with them; April may be retired."""
    body = json.loads(answer.content)
    days = {day: tuple(versions.values()) for day, versions in body["downloads"].items()}
    alike = all(len(set(counts)) == 1 and len(counts) == 2 for counts in days.values())
    old = [day for day in days if date.fromisoformat(day) in OLD]
    retired = 0 if old else 2 * len(OLD)
    return alike and len(old) in {0, len(OLD)} and body["total_downloads"] == sum(map(sum, days.values())) + retired


def keep_asking(client: httpx.Client, over: threading.Event) -> list[tuple[str, httpx.Response]]:
    """Ask for every path again and again, and for v2, which shows the most, in between."""
    with httpx.Client(base_url=client.base_url, timeout=60) as own:
        got = []
        while not over.is_set():
            for path in PATHS:
                got += [(path, own.get(path)), (PATH, own.get(PATH))]
        return got


def test_while_days_are_published_packed_and_retired_each_answer_is_of_one_publication(pair: Pair) -> None:
    over = threading.Event()
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(keep_asking, client, over) for client in (pair.on_primary, *[pair.on_replica] * 3)]
        for count in range(2, 6):
            for day in RECENT[:4]:
                put(pair.store, day, count)
            with pair.replica.lagging():
                put(pair.store, RECENT[4], count)
                list(pack_settled(pair.store, NOW.date()))
                put(pair.store, RECENT[5] + timedelta(days=8 * count), count)
                time.sleep(0.3)
        retire(pair.store, NOW.date(), 60)
        pair.replica.wait_for(pair.primary)
        time.sleep(1.5)
        over.set()
        answers = [got for each in asked for got in each.result()]
    assert {answer.status_code for _, answer in answers} <= {200, 503}
    good = [(path, answer) for path, answer in answers if answer.status_code == 200]
    assert len(good) > 0.9 * len(answers) > 100
    assert all(of_one_publication(answer) for path, answer in good if path == PATH)
    bodies: dict[tuple[str, str], set[bytes]] = {}
    for path, answer in good:
        bodies.setdefault((path, answer.headers["etag"]), set()).add(answer.content)
    assert {key: len(different) for key, different in bodies.items() if len(different) > 1} == {}
    assert len({tag for path, tag in bodies if path == PATH}) > 10
    wait_until(lambda: same_everywhere(pair))


def test_a_statement_that_the_replica_cancels_is_run_again(pair: Pair) -> None:
    before = pair.on_replica.get(PATH)
    with (
        psycopg.connect(pair.primary.url("pyzn")) as first,
        psycopg.connect(pair.primary.url("pyzn")) as second,
        ThreadPoolExecutor(1) as threads,
    ):
        # The statement on the replica has locked the one table and waits for the other, when both are to be changed.
        first.execute("LOCK TABLE pyzn.project_days IN ACCESS EXCLUSIVE MODE")
        flush(pair)
        answer = threads.submit(httpx.get, f"{pair.on_replica.base_url}{PATH}", timeout=60)
        time.sleep(0.5)
        second.execute("LOCK TABLE pyzn.projects IN ACCESS EXCLUSIVE MODE")
        flush(pair)
        wait_until(lambda: pair.replica.execute(CONFLICTS))
        first.rollback()
        second.rollback()
        again = answer.result()
    assert (again.status_code, again.content) == (200, before.content)


def flush(pair: Pair) -> None:
    """Let the replica see what is not committed."""
    with psycopg.connect(pair.primary.url("pyzn"), autocommit=True) as other:
        other.execute("SELECT pg_switch_wal()")
    time.sleep(0.3)
