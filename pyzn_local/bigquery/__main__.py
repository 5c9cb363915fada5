"""`python -m pyzn_local.bigquery --data DIR --port N --storage-port N [--sample]`"""

import logging
import signal
import sys
import threading
from pathlib import Path

import click
import duckdb

from pyzn_local.bigquery.server import Server


@click.command(help="Serve a local emulator of BigQuery until it gets SIGTERM or Ctrl-C.")
@click.option("--data", required=True, type=click.Path(path_type=Path, file_okay=False), help="Where tables are kept.")
@click.option("--port", default=9050, show_default=True, help="REST; 0 is a free port.")
@click.option("--storage-port", default=9060, show_default=True, help="Storage Read gRPC; 0 is a free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="There is no authentication: keep it local.")
@click.option(
    "--sample",
    is_flag=True,
    help="Keep the days up to yesterday filled with synthetic downloads: 35, or those since PYZN_SAMPLE_FROM.",
)
def main(data: Path, port: int, storage_port: int, host: str, sample: bool) -> None:
    """Start the server, and stop it at the first signal."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = Server(data, host=host, port=port, storage_port=storage_port, with_sample=sample)
    try:
        server.start()
    except (OSError, duckdb.Error) as error:
        click.echo(f"bigquery: cannot start: {str(error).splitlines()[0]}", err=True)
        sys.exit(1)
    while not stop.is_set() and not server.wait_until_ready(0.1):
        pass
    if not stop.is_set():
        click.echo(f"bigquery: ready on {server.endpoint}, storage read on {server.storage_endpoint}, data in {data}")
    stop.wait()
    server.stop()


if __name__ == "__main__":
    main()
