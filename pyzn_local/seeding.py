"""`pyzn seed`: loads your own raw rows into the BigQuery emulator, with a load job of Google's client."""

from pathlib import Path

import click
import pyarrow.parquet as pq
from google.cloud import bigquery
from pyarrow import ArrowInvalid
from rich.console import Console
from rich.progress import track

from pyzn_local.home import StackError
from pyzn_pipeline.settings import Settings, load
from pyzn_pipeline.source.connection import connect
from pyzn_pipeline.source.errors import source_errors


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def seed(files: tuple[Path, ...]) -> None:
    """Load raw rows from FILES, Parquet files with the columns of `file_downloads`, into the BigQuery emulator.

    Rows are added to the existing ones. Columns that a file lacks are NULL, times without a zone are UTC.
    If a file has a column that the table lacks, or has with another type, or a time that no download has,
    the column or row is named and nothing of that file is loaded.
    """
    settings = load(Settings)
    if settings.bigquery_endpoint is None:
        raise StackError("pyzn seed writes only to the emulator, and PYZN_BIGQUERY_ENDPOINT is not set")
    config = bigquery.LoadJobConfig(source_format=bigquery.SourceFormat.PARQUET, write_disposition="WRITE_APPEND")
    clients = connect(
        settings.bigquery_project,
        settings.bigquery_location,
        settings.bigquery_endpoint,
        settings.bigquery_storage_endpoint,
    )
    loaded = 0
    for file in track(files, "loading", console=Console(stderr=True)):
        try:
            pq.read_schema(file)
        except (ArrowInvalid, OSError) as error:
            raise StackError(
                f"{file} is not a parquet file ({str(error).splitlines()[0]}); {loaded:,} rows loaded before it"
            ) from error
        with source_errors(f"{file}, {loaded:,} rows loaded before it"), file.open("rb") as rows:
            job = clients.jobs.load_table_from_file(rows, settings.bigquery_table, job_config=config)
            job.result()
            loaded += int(job.output_rows or 0)
    clients.close()
    click.echo(f"loaded {loaded:,} rows from {len(files)} files")
