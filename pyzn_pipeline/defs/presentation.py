"""The metadata of a day in the UI. Do not rename numbers: the UI plots each name over all partitions."""

from functools import partial
from hashlib import sha256
from typing import Any

import pandas as pd
from dagster import AssetSpec, MetadataValue, TableColumn, TableRecord, TableSchema

asset_spec = partial(AssetSpec, group_name="pypi_downloads", owners=["team:data-engineering"])
"""An asset in the catalog, in the group of all and with its owners."""

DATA_VERSION = "dagster/data_version"

CODE_VERSION = "dagster/code_version"
SCHEMA = "dagster/column_schema"

Metadata = dict[str, MetadataValue[Any]]


def columns(**types: str) -> TableSchema:
    """Return the columns of a table, for the catalog."""
    return TableSchema([TableColumn(name, kind) for name, kind in types.items()])


def code_version(*sources: str) -> str:
    """Return the version of an asset's code, which changes with these texts of it."""
    return sha256("\n".join(sources).encode()).hexdigest()[:12]


def picture(api_url: str, parameters: str) -> MetadataValue[Any]:
    """Return a chart of all of PyPI, as the API draws it now. In a description the UI would cut it."""
    return MetadataValue.md(f"![no answer from {api_url}, see PYZN_API_URL]({api_url}/chart/__all__.svg?{parameters})")


def table(frame: pd.DataFrame) -> MetadataValue[Any]:
    """Return a small data frame as a table in the UI."""
    kinds = {"i": "int", "f": "float"}
    return MetadataValue.table(
        records=[TableRecord({str(name): value for name, value in row.items()}) for row in frame.to_dict("records")],
        schema=TableSchema(
            [TableColumn(str(name), kinds.get(kind.kind, "string")) for name, kind in frame.dtypes.items()]
        ),
    )
