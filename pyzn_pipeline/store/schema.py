"""Maintains the schema: runs migrations, writes the calendar and the built-in events, creates the API's role.

Migrations only go forward. They are SQL files in `migrations/versions`; Alembic runs them in one transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import Connection, sql
from pydantic import SecretStr
from sqlalchemy import URL, Engine

from pyzn_pipeline import calendar
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store import events
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.store.database import statement as sql_of
from pyzn_pipeline.store.errors import store_errors

API_STATEMENT_TIMEOUT = "5s"


class SchemaError(PyznError):
    """The schema does not fit this code. The message has the command to run."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("pyzn_pipeline.store").joinpath("migrations")))
    config.set_main_option("path_separator", "os")
    return config


def migrate(engine: Engine, api: URL | None = None) -> str:
    """Bring the schema to the newest revision, write what is built in, create or update the role of `api`.

    Returns the revision.

    One transaction: if a migration fails, nothing changes. A second one at the same time waits.
    """
    config = _config()
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('pyzn.migrate'))")
        connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS pyzn")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.execute(sql_of("write_calendar"), {"late_at": calendar.LATE_AT})
        events.write_built_in(connection)
        if api is not None:
            driver: Connection = connection.connection.driver_connection  # type: ignore[assignment]  # psycopg's own
            _grant_read(driver, api)
    return newest()


def newest() -> str:
    """The revision that this code needs."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def ensure_current(engine: Engine) -> None:
    """Raise SchemaError unless the database is at the revision that this code needs."""
    with engine.connect() as connection:
        found = MigrationContext.configure(connection, opts={"version_table_schema": "pyzn"}).get_current_revision()
    if found is not None and found > newest():
        raise SchemaError(
            f"database schema is at revision {found}, newer than this PyZn's {newest()}: install the PyZn that made it"
        )
    if found != newest():
        raise SchemaError(
            f"database schema is at revision {found or 'none'}, this PyZn needs {newest()}: run `pyzn migrate`"
        )


@contextmanager
def open_store(url: SecretStr, doing: str) -> Iterator[Engine]:
    """An engine for a command; its connections are closed at the end.

    Raises SchemaError if the schema is at another revision, and StoreError, which begins with `doing`, for errors of
    Postgres inside the block.
    """
    owner = engine(url)
    try:
        with store_errors(doing):
            ensure_current(owner)
            yield owner
    finally:
        owner.dispose()


def _grant_read(connection: Connection, api: URL) -> None:
    """Create or update a login role that can only read the schema.

    The password is sent as its SCRAM verifier, so it cannot get into the server's log.
    """
    if not api.username or not api.password:
        raise SchemaError("PYZN_API_DATABASE_URL names no user and password: the API's role needs both")
    if api.username == connection.info.user:
        raise SchemaError(f"PYZN_API_DATABASE_URL names the owner, {api.username}: the API's role needs another name")
    role = sql.Identifier(api.username)
    verifier = connection.pgconn.encrypt_password(
        api.password.encode(), api.username.encode(), b"scram-sha-256"
    ).decode()
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [api.username]).fetchone()
    for statement in (
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            sql.SQL("ALTER" if known else "CREATE"), role, sql.Literal(verifier)
        ),
        sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(role),
        sql.SQL("ALTER ROLE {} SET statement_timeout = {}").format(role, sql.Literal(API_STATEMENT_TIMEOUT)),
        sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(connection.info.dbname)),
        sql.SQL("GRANT USAGE ON SCHEMA pyzn TO {}").format(role),
        sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA pyzn TO {}").format(role),
        sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA pyzn GRANT SELECT ON TABLES TO {}").format(role),
    ):
        connection.execute(statement)
