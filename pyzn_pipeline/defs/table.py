"""The source table in Dagster: an external asset."""

from dagster import AssetSpec, DailyPartitionsDefinition, MetadataValue

from pyzn_pipeline.defs.presentation import SCHEMA, asset_spec, columns

NAME = "file_downloads"
COLUMNS = columns(
    timestamp="TIMESTAMP",
    country_code="STRING",
    url="STRING",
    project="STRING",
    file="STRUCT<filename STRING, project STRING, version STRING, type STRING>",
    details="STRUCT<installer STRUCT<name STRING, …>, python STRING, system STRUCT<name STRING, …>, ci BOOL, …>",
    tls_protocol="STRING",
    tls_cipher="STRING",
)


def source_table(partitions: DailyPartitionsDefinition, name: str, *, mirrored: bool, emulator: bool) -> AssetSpec:
    """Return the BigQuery table, or the mirror at `name` in its place. PyZn reads it and never writes it."""
    if mirrored:
        description = (
            f"The days that another PyZn has read from PyPI's table in BigQuery, and exported to `{name}`.\n\nAn "
            "observation of a day is the latest count of the exporter's source."
        )
    else:
        where = "a local emulator with the same columns: not PyPI's real downloads" if emulator else "Google BigQuery"
        description = (
            f"`{name}`: each file download is one row, partitioned by the UTC day of `timestamp`.\n\n"
            f"Read from **{where}**.\n\nAn observation of a day is a recount of it: its data version is the count."
        )
    return asset_spec(
        NAME,
        partitions_def=partitions,
        kinds={"parquet" if mirrored else "bigquery"},
        description=description,
        metadata={
            SCHEMA: COLUMNS,
            "documentation": MetadataValue.url("https://docs.pypi.org/api/bigquery/"),
            **({} if mirrored else {"dagster/table_name": name}),
        },
    )
