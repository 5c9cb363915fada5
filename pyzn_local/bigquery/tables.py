"""The tables of the emulator: the columns of `bigquery-public-data.pypi.file_downloads`, and look-up by name.

Columns: https://docs.pypi.org/api/bigquery/, and https://cloud.google.com/bigquery/docs/information-schema-partitions
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyzn_local.bigquery.errors import BigQueryError, not_found
from pyzn_local.bigquery.fields import Field

LOCATION = "US"


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is partitioned by the UTC day of `partition_column`. Queries must filter on that column.

    A view of metadata has no such column.
    """

    project: str
    dataset: str
    name: str
    fields: tuple[Field, ...]
    partition_column: str | None
    description: str

    @property
    def path(self) -> str:
        """`project.dataset.table`, the form in SQL and in BigQuery's newer messages."""
        return f"{self.project}.{self.dataset}.{self.name}"

    @property
    def reference(self) -> dict[str, str]:
        """The TableReference of the REST API."""
        return {"projectId": self.project, "datasetId": self.dataset, "tableId": self.name}


def _record(name: str, *fields: Field) -> Field:
    return Field(name, "RECORD", fields=fields)


def _string(name: str) -> Field:
    return Field(name, "STRING")


FILE_DOWNLOADS = Table(
    project="bigquery-public-data",
    dataset="pypi",
    name="file_downloads",
    partition_column="timestamp",
    description=(
        "SYNTHETIC. A local emulator of the PyPI download log: it holds what was loaded here, "
        "possibly a generated sample, never the real log."
    ),
    fields=(
        Field("timestamp", "TIMESTAMP", mode="REQUIRED"),
        _string("country_code"),
        _string("url"),
        _string("project"),
        _record("file", _string("filename"), _string("project"), _string("version"), _string("type")),
        _record(
            "details",
            _record("installer", _string("name"), _string("version")),
            _string("python"),
            _record("implementation", _string("name"), _string("version")),
            _record(
                "distro",
                _string("name"),
                _string("version"),
                _string("id"),
                _record("libc", _string("lib"), _string("version")),
            ),
            _record("system", _string("name"), _string("release")),
            _string("cpu"),
            _string("openssl_version"),
            _string("setuptools_version"),
            _string("rustc_version"),
            Field("ci", "BOOLEAN"),
        ),
        _string("tls_protocol"),
        _string("tls_cipher"),
    ),
)

TABLES = {FILE_DOWNLOADS.path: FILE_DOWNLOADS}

PARTITIONS = Table(
    project=FILE_DOWNLOADS.project,
    dataset=FILE_DOWNLOADS.dataset,
    name="INFORMATION_SCHEMA.PARTITIONS",
    partition_column=None,
    description="The dataset's partitions. BigQuery has more columns: total_billable_bytes, storage_tier and a time.",
    fields=(
        _string("table_catalog"),
        _string("table_schema"),
        _string("table_name"),
        _string("partition_id"),
        Field("total_rows", "INTEGER"),
        Field("total_logical_bytes", "INTEGER"),
    ),
)

QUERIED = TABLES | {PARTITIONS.path: PARTITIONS}
"""What a query can name in FROM."""


def missing_table(project: str, dataset: str, name: str) -> BigQueryError:
    """404 for a table, or for its dataset if that does not exist either."""
    if any((table.project, table.dataset) == (project, dataset) for table in TABLES.values()):
        return not_found(f"Not found: Table {project}:{dataset}.{name} was not found in location {LOCATION}")
    return missing_dataset(project, dataset, LOCATION)


def missing_dataset(project: str, dataset: str, location: str) -> BigQueryError:
    """404 for a dataset. BigQuery gives the same error for a job in another location."""
    return not_found(f"Not found: Dataset {project}:{dataset} was not found in location {location}")


def find_table(project: str, dataset: str, name: str, *, among: Mapping[str, Table] = TABLES) -> Table:
    """The table of that name, `among` those that are stored.

    Raises:
        BigQueryError: 404 `notFound`.
    """
    found = among.get(f"{project}.{dataset}.{name}")
    if found is None:
        raise missing_table(project, dataset, name)
    return found
