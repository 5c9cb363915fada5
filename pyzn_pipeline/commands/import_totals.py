"""`pyzn import-totals`: imports all-time totals from before PyZn."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import open as open_with_progress

from pyzn_pipeline.commands.day import DAY
from pyzn_pipeline.settings import StoreSettings, load
from pyzn_pipeline.store import imported_totals
from pyzn_pipeline.store.schema import open_store


@click.command("import-totals")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--as-of", type=DAY, required=True, help="The last UTC day that the totals include.")
@click.option("--replace-all", is_flag=True, help="Projects that FILE does not name start at 0 after --as-of.")
@click.option("--yes", is_flag=True, help="Do not ask, even if projects lose downloads.")
def import_totals(file: Path, as_of: date, replace_all: bool, yes: bool) -> None:
    """Import all-time totals from FILE (CSV: project,total_downloads), which count up to and including a day.

    From then on the total of a project in FILE is its number there plus every published day after --as-of.
    Days up to --as-of are not counted twice. Projects that FILE does not name keep their totals, unless
    --replace-all is given. Importing the same file again changes nothing. If a row is invalid, its line is
    named and nothing is imported.

    Before anything changes, it prints how many projects gain, lose and keep how many downloads. If some lose,
    it asks for confirmation when it runs in a terminal.

    \b
    Examples:
      pyzn import-totals totals.csv --as-of 2026-06-30
      pyzn import-totals all-projects.csv --as-of 2026-06-30 --replace-all
    """

    def agree(outcome: imported_totals.Outcome) -> None:
        click.echo(_summary(outcome))
        if outcome.losing and not yes and sys.stdin.isatty():
            click.confirm("Import it, and lower them?", abort=True)

    if as_of >= datetime.now(UTC).date():
        raise click.BadParameter(f"{as_of} is not over yet in UTC", param_hint="--as-of")
    settings = load(StoreSettings)
    console = Console(stderr=True)
    # Bytes that are not UTF-8 become an invalid name, which is refused with its line.
    with (
        open_store(settings.database_url, "import of totals") as store,
        open_with_progress(
            file, "r", encoding="utf-8", errors="surrogateescape", newline="", description=file.name, console=console
        ) as lines,
    ):
        outcome = imported_totals.import_totals(store, lines, as_of, replace_all=replace_all, agree=agree)
    click.echo(f"totals up to {as_of} imported, {outcome.gaining + outcome.losing:,} changed")


def _summary(outcome: imported_totals.Outcome) -> str:
    """Return the outcome in one line, or two if a project loses."""
    summary = (
        f"projects: {outcome.gaining:,} gain {outcome.gained:,} downloads, {outcome.losing:,} lose {outcome.lost:,}, "
        f"{outcome.keeping:,} keep {outcome.kept:,}"
    )
    if outcome.losing:
        summary += f"\n{outcome.worst} loses most: {outcome.worst_before:,} becomes {outcome.worst_after:,}"
    return summary
