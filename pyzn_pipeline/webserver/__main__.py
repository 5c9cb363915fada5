"""Serves the Dagster UI in place of `dagster-webserver`, whose own app has the guard before it here."""

import sys

import click
import uvicorn
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__

from pyzn_pipeline.environment import SettingsError
from pyzn_pipeline.settings import WebserverSettings, load
from pyzn_pipeline.webserver.guard import Guard

# As `dagster-webserver` sets them.
STATEMENT_TIMEOUT = 15_000  # milliseconds
POOL_RECYCLE = 3_600  # seconds
POOL_OVERFLOW = 20  # connections
POLL_RATE = 2_000  # milliseconds between two looks of the UI at the assets


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="The port to listen on.")
@click.option("--workspace", type=click.Path(exists=True, dir_okay=False), required=True, help="The workspace.yaml.")
def main(host: str, port: int, workspace: str) -> None:
    """Serve the Dagster UI of the instance in DAGSTER_HOME behind the guard."""
    try:
        hosts = load(WebserverSettings).dagster_hosts
    except SettingsError as error:
        sys.exit(str(error))
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(STATEMENT_TIMEOUT, POOL_RECYCLE, POOL_OVERFLOW)
        with WorkspaceProcessContext(instance, WorkspaceFileTarget([workspace]), version=__version__) as context:
            app = create_app_from_workspace_process_context(context, live_data_poll_rate=POLL_RATE)
            uvicorn.run(Guard(app, hosts), host=host, port=port, log_level="warning")


if __name__ == "__main__":
    main()
