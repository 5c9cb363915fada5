"""The schema: migrations, and what the API's role may do."""

import psycopg
import pytest
from sqlalchemy import Engine, text

from pyzn_pipeline.store.schema import SchemaError, ensure_current, migrate, newest
from tests.conftest import Database


def test_migrating_again_changes_nothing(store: Engine) -> None:
    ensure_current(store)
    assert migrate(store) == newest()


def test_an_unmigrated_database_is_named_with_the_command_that_mends_it(store: Engine) -> None:
    with store.begin() as connection:
        connection.execute(text("DROP SCHEMA pyzn CASCADE"))
    with pytest.raises(SchemaError, match=r"revision none.*pyzn migrate"):
        ensure_current(store)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO pyzn.projects VALUES ('p', 1)",
        "UPDATE pyzn.projects SET total_downloads = 0",
        "DELETE FROM pyzn.days",
        "TRUNCATE pyzn.days",
        "DROP TABLE pyzn.days",
        "ALTER TABLE pyzn.days ADD COLUMN x int",
        "CREATE TABLE pyzn.x (y int)",
        "CREATE TABLE public.x (y int)",
        "CREATE TEMP TABLE x (y int)",
        "CREATE ROLE x",
        "COPY pyzn.days FROM STDIN",
        "COPY pyzn.days TO PROGRAM 'true'",
        "SELECT pg_read_file('PG_VERSION')",
    ],
)
def test_the_api_role_cannot_write_even_when_it_turns_read_only_off(database: Database, statement: str) -> None:
    with psycopg.connect(database.api_url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
            connection.execute(statement)


def test_the_api_role_is_read_only_and_bounded_in_time_by_itself(database: Database) -> None:
    with psycopg.connect(database.api_url) as connection:
        row = connection.execute(
            "SELECT current_setting('default_transaction_read_only'), current_setting('statement_timeout')"
        ).fetchone()
    assert row == ("on", "5s")
