"""The metadata of a day in the UI. Do not rename numbers: the UI plots each name over all partitions."""

from typing import Any

import pandas as pd
from dagster import MetadataValue, TableColumn, TableRecord, TableSchema

GROUP = "pypi_downloads"
OWNERS = ["team:data-engineering"]
DATA_VERSION = "dagster/data_version"

Metadata = dict[str, MetadataValue[Any]]


def picture(api_url: str, parameters: str) -> MetadataValue[Any]:
    """A chart of all of PyPI, as the API draws it now. In a description the UI would cut it."""
    return MetadataValue.md(f"![no answer from {api_url}, see PYZN_API_URL]({api_url}/chart/__all__.svg?{parameters})")


def table(frame: pd.DataFrame) -> MetadataValue[Any]:
    """A small data frame as a table in the UI."""
    kinds = {"i": "int", "f": "float"}
    return MetadataValue.table(
        records=[TableRecord(record) for record in frame.to_dict("records")],  # type: ignore[arg-type]  # str keys
        schema=TableSchema(
            [TableColumn(str(name), kinds.get(kind.kind, "string")) for name, kind in frame.dtypes.items()]
        ),
    )
