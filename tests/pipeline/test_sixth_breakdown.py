"""A sixth breakdown, added from the outside: one entry, one migration, and every part of PyZn has it.

The packages are copied, the entry and the migration are added to the copy, and this module runs itself there.
"""

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sqlalchemy import Engine

from pyzn_local import sample
from pyzn_local.bigquery.server import Server
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.store.schema import newest
from tests.conftest import Database
from tests.pipeline.conftest import api_after
from tests.store.publishing import rows

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


def rows_of(day: date) -> pa.Table:
    """Some rows of the sample."""
    return sample.day(day).slice(0, 3000)


def test_it_is_one_entry_and_one_migration(
    bigquery: Server, source: BigQuery, database: Database, store: Engine, tmp_path: Path
) -> None:
    for day in (BEFORE, AFTER):
        bigquery.load(rows_of(day))
    ingest_day(BEFORE, source, store, "run-1")

    for package in ("pyzn_pipeline", "pyzn_api", "pyzn_site", "pyzn_local"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyzn_cli.py", tmp_path)
    with (tmp_path / "pyzn_pipeline/breakdowns.py").open("a") as file:
        file.write(ENTRY)
    (tmp_path / "pyzn_pipeline/store/migrations/versions/0099_file_type.py").write_text(MIGRATION)
    settings = {  # as an argument: tests begin without such variables
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
    assert ran.stdout.endswith("every part has the sixth\n")


def main() -> None:
    """Use the copy, in which there are six breakdowns, as its users would."""
    # ruff: noqa: PLC0415 - only the copy is imported here
    from click.testing import CliRunner

    from pyzn_cli import pyzn
    from pyzn_pipeline.definitions import build_defs
    from pyzn_pipeline.settings import Settings, load
    from pyzn_pipeline.sources import source_of
    from pyzn_pipeline.store.database import engine

    os.environ.update(json.loads(sys.argv[1]))
    settings = load(Settings)
    days = (str(BEFORE), str(AFTER))

    def command(*arguments: str) -> str:
        result = CliRunner().invoke(pyzn, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    command("migrate")
    store = engine(settings.database_url)
    types = rows_of(AFTER)["file"].combine_chunks().field("type")
    counted = {row["values"]: row["counts"] for row in pc.value_counts(types).to_pylist()}
    with source_of(settings) as source:
        ingest_day(AFTER, source, store, "run-2")
        graph = build_defs(settings).resolve_asset_graph()
        assert "downloads_by_file_type" in {key.to_user_string() for key in graph.get_all_asset_keys()}
        checks = {key.name for key in graph.asset_check_keys}
        assert {"sum_equals_source", "unknown_file_type_share", "file_type_mix"} <= checks
        view = rows(store, "SELECT day, file_type, sum(downloads)::int FROM pyzn.downloads_by_file_type GROUP BY 1, 2")
        assert set(view) == {(AFTER, key, downloads) for key, downloads in counted.items()}, view
        of_pypi = rows(store, "SELECT key, downloads FROM pyzn.pypi_downloads WHERE breakdown = 'file_type'")
        assert dict(of_pypi) == counted, of_pypi
        verified = command("verify", "--full", *days)
        assert verified.endswith("2 of 2 days proven\n"), verified
        assert command("days", *days).count("missing by file_type") == 1
        cost = command("backfill", "--dry-run", *days)
        assert "2 days, 2 of them published already (read and billed again), 1 of those lack a breakdown" in cost, cost
        own = Database(os.environ["PYZN_DATABASE_URL"], os.environ["PYZN_API_DATABASE_URL"])
        with api_after(AFTER, own) as client:
            project = str(sample.projects()[0]).lower()
            window = f"start={BEFORE}&end={AFTER}"
            answer = client.get(f"/api/v4/projects/{project}/file-types?{window}").json()
            assert {row["file_type"] for row in answer["downloads"]} == set(counted), answer
            assert {row["period"] for row in answer["downloads"]} == {str(AFTER)}, answer
            assert answer["days"]["missing"] == [str(BEFORE)], answer
            versions = client.get(f"/api/v4/projects/{project}/versions?{window}").json()
            assert versions["days"]["missing"] == [], versions
        ingest_day(BEFORE, source, store, "run-3")
        assert "missing by" not in command("days", *days)
        revisions = rows(store, "SELECT day, revision FROM pyzn.days")
        assert dict(revisions) == {BEFORE: 2, AFTER: 1}, revisions
    sys.stdout.write("every part has the sixth\n")


if __name__ == "__main__":
    main()
