"""A joint distribution, from rows of BigQuery through Dagster and Postgres to the API: every marginal is equal."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
from dagster import DagsterInstance
from pydantic import SecretStr
from sqlalchemy import Engine

from pyzn_local.bigquery.server import Server
from pyzn_local.bigquery.tables import FILE_DOWNLOADS
from pyzn_pipeline.breakdowns import KNOWN
from pyzn_pipeline.definitions import build_defs
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.settings import Settings
from tests.api.conftest import Clock, serving
from tests.api.conftest import settings as api_settings
from tests.conftest import Database

DAY = date(2026, 7, 14)
JOINT = {  # downloads by project, cpu, Python and glibc of who downloads
    ("numpy", "x86_64", "3.12.1", "2.39"): 7,
    ("numpy", "x86_64", "3.12.4", "2.17"): 2,
    ("numpy", "aarch64", "3.14.0", "2.39"): 3,
    ("numpy", "ppc64le", None, "2.28"): 1,
    ("polars", "x86_64", "3.9.1", None): 4,
    ("polars", "aarch64", "3.12.1", "2.39"): 5,
    ("polars", None, "3.14.0", "2.41"): 1,
}
MARGINALS: dict[str, Callable[[str | None, str | None, str | None], str]] = {
    "cpus?": lambda cpu, _, __: cpu or "(unknown)",
    "pythons?version=1*": lambda _, python, __: ".".join(python.split(".")[:2]) if python else "(unknown)",
    "libcs?": lambda _, __, glibc: f"glibc {glibc}" if glibc else "glibc",
    "wheels?by=arch": lambda cpu, _, __: cpu or "riscv64",
}


def test_every_marginal_of_a_joint_distribution_reaches_the_api(
    bigquery: Server, database: Database, store: Engine
) -> None:
    made = [
        {
            "timestamp": datetime.combine(DAY, time(), UTC),
            "file": {
                "project": project,
                "version": "1.0",
                "filename": f"{project}-1.0-cp39-abi3-manylinux_2_17_{cpu or 'riscv64'}.whl",
            },
            "details": {
                "installer": {"name": "pip"},
                "python": python,
                "cpu": cpu,
                "distro": {"libc": {"lib": "glibc", "version": glibc}},
            },
        }
        for (project, cpu, python, glibc), downloads in JOINT.items()
        for _ in range(downloads)
    ]
    bigquery.load(pa.Table.from_pylist(made, FILE_DOWNLOADS.schema))
    settings = Settings(
        database_url=SecretStr(database.owner_url),
        bigquery_project="pyzn-test",
        bigquery_endpoint=bigquery.endpoint,
        bigquery_storage_endpoint=bigquery.storage_endpoint,
        breakdowns=[breakdown.name for breakdown in KNOWN],
    )
    with DagsterInstance.ephemeral() as instance:
        assert (
            build_defs(settings, store=Store(database_url=database.owner_url))
            .resolve_job_def("daily_downloads")
            .execute_in_process(partition_key=str(DAY), instance=instance)
            .success
        )
    store.dispose()
    clock = Clock(datetime.combine(DAY + timedelta(days=2), time(), UTC))
    with serving(api_settings(database.api_url), clock) as client:
        for route, key in MARGINALS.items():
            for project in ("numpy", "polars", *(["__all__"] * ("version" not in route))):
                right: Counter[str] = Counter()
                for (name, *keys), downloads in JOINT.items():
                    right[key(*keys)] += downloads * (project in {name, "__all__"})
                answer = client.get(f"/api/v4/projects/{project}/{route}&start={DAY}")
                part = next(iter(answer.json()["downloads"][0].keys() - {"period", "downloads"}))
                assert {row[part]: row["downloads"] for row in answer.json()["downloads"]} == +right, (route, project)
