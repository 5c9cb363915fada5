"""The schema: migrations, and what the API's role may do."""

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from sqlalchemy import Engine

from pyzn_local.postgres import Postgres
from pyzn_pipeline.store.database import with_driver
from pyzn_pipeline.store.schema import SchemaError, ensure_current, migrate, newest
from tests.conftest import Database
from tests.store.publishing import change


def test_migrating_again_changes_nothing(store: Engine) -> None:
    ensure_current(store)
    assert migrate(store) == newest()


def test_an_unmigrated_database_is_named_with_the_command_that_fixes_it(store: Engine) -> None:
    change(store, "DROP SCHEMA pyzn CASCADE")
    with pytest.raises(SchemaError, match=r"revision none.*pyzn migrate"):
        ensure_current(store)


WRITES = [
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
    "MERGE INTO pyzn.projects USING (SELECT 1) AS x ON true WHEN MATCHED THEN DELETE",
    "WITH gone AS (DELETE FROM pyzn.days RETURNING day) SELECT * FROM gone",
    "SELECT * INTO pyzn.x FROM pyzn.days",
    "SELECT * FROM pyzn.projects FOR UPDATE",
    "BEGIN; LOCK TABLE pyzn.days IN EXCLUSIVE MODE",
    "CREATE TABLE pyzn.x AS SELECT 1",
    "CREATE VIEW pyzn.x AS SELECT 1",
    "CREATE MATERIALIZED VIEW pyzn.x AS SELECT 1",
    "CREATE INDEX ON pyzn.days (status)",
    "CREATE SEQUENCE pyzn.x",
    "CREATE FUNCTION pyzn.x() RETURNS int LANGUAGE sql RETURN 1",
    "CREATE SCHEMA x",
    "CREATE DATABASE x",
    "DROP SCHEMA pyzn CASCADE",
    "DROP DATABASE postgres",
    "ALTER ROLE pyzn PASSWORD 'x'",
    "ALTER SYSTEM SET fsync = off",
    "ALTER TABLE pyzn.days OWNER TO CURRENT_USER",
    "REINDEX TABLE pyzn.days",
    "CLUSTER pyzn.days USING days_pkey",
    "COMMENT ON TABLE pyzn.days IS 'x'",
    "SET ROLE pyzn",
    "SET SESSION AUTHORIZATION pyzn",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "CHECKPOINT",
]


def test_the_api_role_cannot_write_even_when_it_turns_read_only_off(database: Database) -> None:
    with psycopg.connect(database.api_url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for statement in WRITES:
            try:
                connection.execute(statement)
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction):
                connection.rollback()
            else:
                pytest.fail(f"it may {statement}")


TAKEN = [
    "SELECT pg_advisory_lock(hashtext('pyzn.day'), 9690)",
    "SELECT pg_try_advisory_xact_lock_shared(1)",
    "SELECT pg_advisory_unlock_all()",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "CREATE TEMP TABLE x (y int)",
]


def test_a_superuser_can_take_what_postgres_gives_to_every_role(database: Database, postgres: Postgres) -> None:
    hardened = Path("deploy/postgres/harden_database.sql").read_text(encoding="utf-8")
    name = conninfo_to_dict(database.owner_url)["dbname"]
    with psycopg.connect(postgres.url(str(name)), autocommit=True) as superuser:
        for _ in range(2):  # at every start
            superuser.execute(hardened)
    with psycopg.connect(database.api_url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for statement in TAKEN:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        for statement in TAKEN:
            owner.execute(statement)


def test_the_role_of_the_api_is_not_the_owner(database: Database, store: Engine) -> None:
    with pytest.raises(SchemaError, match="PYZN_API_DATABASE_URL names the owner"):
        migrate(store, with_driver(SecretStr(database.owner_url)))
    change(store, "CREATE TEMP TABLE still_writes (y int)")


def test_the_api_role_is_read_only_and_bounded_in_time_by_itself(database: Database) -> None:
    with psycopg.connect(database.api_url) as connection:
        row = connection.execute(
            "SELECT current_setting('default_transaction_read_only'), current_setting('statement_timeout')"
        ).fetchone()
    assert row == ("on", "5s")
