"""Migrations forward, from every revision there was, with data in it: nothing published is lost or changed."""

from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import Engine, text

from pyzn_local.postgres import Postgres
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.store.schema import migrate
from tests.days import Download, scan_of
from tests.store.publishing import publish

CONFIG = Config()
CONFIG.set_main_option("script_location", str(files("pyzn_pipeline.store").joinpath("migrations")))
CONFIG.set_main_option("path_separator", "os")
REVISIONS = [script.revision for script in ScriptDirectory.from_config(CONFIG).walk_revisions()][:0:-1]

PUBLISHED = {
    "days": "SELECT day, status, revision, source_downloads, downloads, pip_downloads, ci_downloads, projects,"
    " project_versions, project_countries, bigquery_job, bytes_processed, bytes_billed, run_id,"
    " published_at, recounted_at FROM pyzn.days ORDER BY day",
    "intact": "SELECT bool_and(checksum = pyzn.day_checksum(day)) FROM pyzn.days",
    "totals": "SELECT project, total_downloads FROM pyzn.projects ORDER BY project",
    "by version": "SELECT * FROM pyzn.downloads_by_version ORDER BY day, project, version",
    "by country": "SELECT * FROM pyzn.downloads_by_country ORDER BY day, project, country",
    "by project": "SELECT * FROM pyzn.downloads_by_project ORDER BY day, project",
}


def published(owner: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that was published, as readers see it."""
    with owner.connect() as connection:
        return {name: [tuple(row) for row in connection.execute(text(query))] for name, query in PUBLISHED.items()}


@pytest.fixture
def first_schema(postgres: Postgres) -> Iterator[Engine]:
    """A database at revision 0001 with days in it."""
    name = "pyzn_upgrade"
    postgres.ensure_database(name, "pyzn")
    owner = engine(SecretStr(postgres.url(name, "pyzn", "owner-password")))
    with owner.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA pyzn")
        CONFIG.attributes["connection"] = connection
        command.upgrade(CONFIG, "0001")
        connection.exec_driver_sql(Path(__file__).with_name("days_at_0001.sql").read_text())
    yield owner
    owner.dispose()
    with psycopg.connect(postgres.url(), autocommit=True) as superuser:
        superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_upgrade_keeps_every_published_day(first_schema: Engine, revision: str) -> None:
    before = published(first_schema)
    assert before["intact"] == [(True,)]
    with first_schema.begin() as connection:
        CONFIG.attributes["connection"] = connection
        command.upgrade(CONFIG, revision)

    migrate(first_schema)

    assert published(first_schema) == before
    with first_schema.connect() as connection:
        reason = connection.execute(text("SELECT reason FROM pyzn.wanted WHERE day = '2026-07-02'")).scalar_one()
    assert reason == "day 2026-07-02: BigQuery answered 503"


def test_days_published_before_an_upgrade_are_replaced_after_it(first_schema: Engine) -> None:
    migrate(first_schema)
    publish(first_schema, scan_of(date(2026, 7, 1), [Download("requests", "2.32.0")] * 6))
    after = published(first_schema)
    assert [row[:5] for row in after["days"]][1] == (date(2026, 7, 1), "provisional", 2, 6, 6)
    assert after["intact"] == [(True,)]
    assert after["totals"] == [("numpy", 0), ("requests", 11)]


def test_a_baseline_imported_before_an_upgrade_holds_after_it(first_schema: Engine) -> None:
    with first_schema.begin() as connection:
        CONFIG.attributes["connection"] = connection
        command.upgrade(CONFIG, "0005")
        connection.exec_driver_sql("INSERT INTO pyzn.baseline VALUES ('2026-06-30', '2026-07-03T10:00:00Z')")
    migrate(first_schema)
    publish(first_schema, scan_of(date(2026, 6, 30), [Download("requests")] * 9))
    publish(first_schema, scan_of(date(2026, 7, 1), [Download("requests"), Download("numpy")] * 4))
    assert published(first_schema)["totals"] == [("numpy", 4), ("requests", 9)]
