"""Raw rows of one's own into the BigQuery stand-in, through the client's own load job."""

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
    """Load raw rows from FILES, parquet in the shape of `file_downloads`, into the BigQuery stand-in.

    Rows are added to what is there. Columns that a file lacks are NULL; a column that the table
    lacks, or has with another type, is refused by name, and nothing of that file is loaded.
    """
    settings = load(Settings)
    if settings.bigquery_endpoint is None:
        raise StackError("pyzn seed writes to the stand-in only, and PYZN_BIGQUERY_ENDPOINT names none")
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
