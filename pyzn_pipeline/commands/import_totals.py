"""`pyzn import-totals`: all-time totals from before PyZn."""

from datetime import UTC, date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import open as open_with_progress

from pyzn_pipeline.commands.day import DAY
from pyzn_pipeline.settings import StoreSettings, load
from pyzn_pipeline.store import baseline, schema
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.store.errors import store_errors


@click.command("import-totals")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--as-of", type=DAY, required=True, help="The last UTC day that the totals have counted.")
def import_totals(file: Path, as_of: date) -> None:
    """Make FILE (CSV: project,total_downloads) the all-time totals up to and including a day.

    From then on a project's total is its number in FILE and every published day after --as-of; days up
    to it are not counted a second time. The same file again changes nothing, another one replaces it.
    A bad row is named by its line, and then nothing is imported.

    \b
    Example:
      pyzn import-totals totals.csv --as-of 2026-06-30
    """
    if as_of >= datetime.now(UTC).date():
        raise click.BadParameter(f"{as_of} is not over yet in UTC", param_hint="--as-of")
    settings = load(StoreSettings)
    owner = engine(settings.database_url)
    with store_errors("import of totals"):
        schema.ensure_current(owner)
    console = Console(stderr=True)
    # What is not UTF-8 becomes a name that is refused, with its line.
    with open_with_progress(
        file, "r", encoding="utf-8", errors="surrogateescape", newline="", description=file.name, console=console
    ) as lines:
        projects, changed = baseline.import_totals(owner, lines, as_of)
    owner.dispose()
    click.echo(f"totals of {projects:,} projects up to {as_of} imported, {changed:,} changed")
