"""A streaming replica of an embedded server."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres, as_unprivileged_user, binary
from tests.waiting import wait_until


class Replica(Postgres):
    """A standby that applies what its primary writes, until it is told to lag."""

    def execute(self, query: str) -> object:
        """The first value of the first row, as the superuser."""
        with psycopg.connect(self.url(), autocommit=True) as superuser:
            row = superuser.execute(query.encode()).fetchone()
        return None if row is None else row[0]

    def lag(self) -> None:
        """Receive, and apply nothing."""
        self.execute("SELECT pg_wal_replay_pause()")

    def catch_up(self) -> None:
        """Apply all, from now on."""
        self.execute("SELECT pg_wal_replay_resume()")

    def wait_for(self, primary: Postgres) -> None:
        """Until all is applied that was committed on the primary before the call."""
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
