"""`pyzn check`: checks everything that a deployment needs."""

import click

from pyzn_pipeline.monitoring.deployment import check_all
from pyzn_pipeline.settings import DeploymentSettings, load


@click.command()
def check() -> None:
    """Check everything that a deployment needs, and print how to fix what is wrong.

    Checks the database, its schema, owner and the API's read-only role; clocks and disk; days that
    are given up, or wanted and not read, and backfills that failed; BigQuery with a dry run of
    yesterday and its cost, or the mirror's index; Dagster with its code location, daemons, schedules
    and sensors. Prints a line for each. Costs nothing, changes nothing, and takes at most 15 seconds.

    Exits with 1 if anything is wrong.
    """
    settings = load(DeploymentSettings)
    words = {True: click.style("ok   ", fg="green"), False: click.style("WRONG", fg="red"), None: "-    "}
    right = True
    for outcome in check_all(settings):
        click.echo(f"{words[outcome.ok]}  {outcome.name:<10}  {outcome.found}")
        right = right and outcome.ok is True
    if not right:
        raise click.exceptions.Exit(1)
