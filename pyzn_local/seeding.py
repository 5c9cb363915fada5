"""`pyzn seed`: loads your own raw rows into the BigQuery emulator."""

from pathlib import Path

import click
import requests
from rich.console import Console
from rich.progress import track

from pyzn_local.home import StackError
from pyzn_pipeline.settings import Settings, load


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def seed(files: tuple[Path, ...]) -> None:
    """Load raw rows from FILES, Parquet files with the columns of `file_downloads`, into the BigQuery emulator.

    Rows are added to the existing ones. Columns that a file lacks are NULL, times without a zone are UTC.
    If a file has a column that the table lacks, or has with another type, or a time that no download has,
    the column or row is named and nothing of that file is loaded.
    """
    endpoint = load(Settings).bigquery_endpoint
    if endpoint is None:
        raise StackError("pyzn seed writes only to the emulator, and PYZN_BIGQUERY_ENDPOINT is not set")
    loaded = 0
    for file in track(files, "loading", console=Console(stderr=True)):
        try:
            with file.open("rb") as body:
                answer = requests.post(f"{endpoint}/rows", data=body, timeout=600)
        except requests.RequestException as error:
            raise StackError(f"{endpoint} does not answer ({type(error).__name__}): start it with `pyzn up`") from error
        if not answer.ok:
            raise StackError(f"{file}: {answer.json()['error']['message']}; {loaded:,} rows loaded before it")
        loaded += answer.json()["rows"]
    click.echo(f"loaded {loaded:,} rows from {len(files)} files")
