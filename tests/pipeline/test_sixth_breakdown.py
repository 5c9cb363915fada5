"""A sixth breakdown, added from the outside: one entry, one migration, and every part of PyZn has it.

The packages are copied, the entry and the migration are added to the copy, and this module runs itself there.
"""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from sqlalchemy import Engine

from pyzn_local import sample
from pyzn_local.bigquery.server import Server
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.store.schema import newest
from tests.conftest import Database
from tests.pipeline.conftest import TABLE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BEFORE, AFTER = date(2026, 7, 13), date(2026, 7, 14)
ENTRY = """

FILE_TYPE = Breakdown(
    name="file_type",
    plural="file-types",
    description="Downloads per UTC day, project and type of file (bdist_wheel, sdist, …).",
    keys=(Key("file_type", "the type of the file", "file.type", example="sdist"),),
)
KNOWN = (*KNOWN, FILE_TYPE)
"""
MIGRATION = f"""
from alembic import op

revision = "0099"
down_revision = "{newest()}"


def upgrade():
    op.execute("ALTER TABLE pyzn.project_days ADD COLUMN by_file_type json")
    op.execute(
        "CREATE VIEW pyzn.downloads_by_file_type AS"
        " SELECT packed.day, packed.project, entry.file_type, entry.downloads::bigint AS downloads"
        " FROM pyzn.project_days AS packed, json_each_text(packed.by_file_type) AS entry (file_type, downloads)"
    )
    (definition,) = op.get_bind().exec_driver_sql(
        "SELECT pg_get_functiondef('pyzn.day_checksum(date)'::regprocedure)"
    ).one()
    op.get_bind().exec_driver_sql(definition.replace("by_distro", "by_distro, by_file_type"))
"""


def test_it_is_one_entry_and_one_migration(
    bigquery: Server, clients: Clients, database: Database, store: Engine, tmp_path: Path
) -> None:
    tables = {day: sample.day(day).slice(0, 3000) for day in (BEFORE, AFTER)}
    for table in tables.values():
        bigquery.load(table)
    ingest_day(BEFORE, BigQuery(clients, TABLE, 2**40), store, "run-1")

    for package in ("pyzn_pipeline", "pyzn_api", "pyzn_site", "pyzn_local", "pyzn_cli"):
        found = ROOT / package
        if found.is_dir():
            shutil.copytree(found, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(found.with_suffix(".py"), tmp_path)
    with (tmp_path / "pyzn_pipeline/breakdowns.py").open("a") as file:
        file.write(ENTRY)
    (tmp_path / "pyzn_pipeline/store/migrations/versions/0099_file_type.py").write_text(MIGRATION)
    settings = {  # as an argument: the tests forget what the environment says
        "PYZN_HOME": str(tmp_path / "no-stack"),
        "PYZN_DATABASE_URL": database.owner_url,
        "PYZN_API_DATABASE_URL": database.api_url,
        "PYZN_BIGQUERY_PROJECT": "pyzn-test",
        "PYZN_BREAKDOWNS": "version,country,installer,python,system,file_type",
        "PYZN_BIGQUERY_ENDPOINT": bigquery.endpoint,
        "PYZN_BIGQUERY_STORAGE_ENDPOINT": bigquery.storage_endpoint,
    }
    ran = subprocess.run(
        [sys.executable, "-m", "tests.pipeline.test_sixth_breakdown", json.dumps(settings)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    seen = json.loads(ran.stdout.splitlines()[-1])

    types = tables[AFTER]["file"].combine_chunks().field("type")
    counted = {row["values"]: row["counts"] for row in pc.value_counts(types).to_pylist()}
    assert "downloads_by_file_type" in seen["assets"]
    assert {"sum_equals_source", "unknown_file_type_share", "file_type_mix"} <= set(seen["checks"])
    assert seen["view"] == {str(AFTER): counted}
    assert seen["totals"] == counted
    assert seen["verified"].endswith("2 of 2 days proven\n")
    assert seen["days"].count("missing by file_type") == 1
    assert "2 days, 2 of them published already (read and billed again), 1 of those lack a breakdown" in seen["cost"]
    assert {row["file_type"] for row in seen["api"]["downloads"]} == set(counted)
    assert {row["period"] for row in seen["api"]["downloads"]} == {str(AFTER)}
    assert seen["api"]["days"]["missing"] == [str(BEFORE)]
    assert seen["versions"]["days"]["missing"] == []
    assert seen["read again"] == {str(BEFORE): 2, str(AFTER): 1}


def main() -> None:
    """Use the copy, in which there are six breakdowns, as its users would; print what they see."""
    # ruff: noqa: PLC0415 - only the copy is imported here
    from click.testing import CliRunner
    from sqlalchemy import text

    from pyzn_cli import pyzn
    from pyzn_pipeline.definitions import build_defs
    from pyzn_pipeline.settings import Settings, load
    from pyzn_pipeline.sources import source_of
    from pyzn_pipeline.store.database import engine
    from tests.api.conftest import Clock, serving
    from tests.api.conftest import settings as api_settings

    os.environ.update(json.loads(sys.argv[1]))
    settings = load(Settings)
    seen: dict[str, Any] = {}

    def command(*arguments: str) -> str:
        result = CliRunner().invoke(pyzn, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    command("migrate")
    store = engine(settings.database_url)
    with source_of(settings) as source:
        ingest_day(AFTER, source, store, "run-2")
        graph = build_defs(settings).resolve_asset_graph()
        seen["assets"] = [key.to_user_string() for key in graph.get_all_asset_keys()]
        seen["checks"] = [key.name for key in graph.asset_check_keys]
        with store.connect() as connection:
            query = "SELECT day, file_type, sum(downloads)::int FROM pyzn.downloads_by_file_type GROUP BY 1, 2"
            seen["view"] = {}
            for day, key, downloads in connection.execute(text(query)):
                seen["view"].setdefault(str(day), {})[key] = downloads
            query = "SELECT key, downloads FROM pyzn.pypi_downloads WHERE breakdown = 'file_type'"
            seen["totals"] = dict(map(tuple, connection.execute(text(query))))
        days = (str(BEFORE), str(AFTER))
        seen["verified"] = command("verify", "--full", *days)
        seen["days"] = command("days", *days)
        seen["cost"] = command("backfill", "--dry-run", *days)
        clock = Clock(datetime.combine(AFTER + timedelta(days=2), time(), UTC))
        with serving(api_settings(os.environ["PYZN_API_DATABASE_URL"]), clock) as client:
            project = str(sample.projects()[0]).lower()
            for name, route in (("api", "file-types"), ("versions", "versions")):
                answer = client.get(f"/api/v4/projects/{project}/{route}?start={BEFORE}&end={AFTER}")
                assert answer.status_code == 200, answer.text
                seen[name] = answer.json()
        ingest_day(BEFORE, source, store, "run-3")
        assert "missing by" not in command("days", *days)
        with store.connect() as connection:
            query = "SELECT day::text, revision FROM pyzn.days"
            seen["read again"] = dict(map(tuple, connection.execute(text(query))))
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main()
