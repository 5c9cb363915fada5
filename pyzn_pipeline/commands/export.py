"""`pyzn export`: writes published days as files."""

from datetime import date

import click

from pyzn_pipeline.commands.day import DAY
from pyzn_pipeline.commands.progress import bar_of_days
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports.storage import storage_at
from pyzn_pipeline.exports.writing import ExportRefused, export_days, exportable_days
from pyzn_pipeline.settings import StoreSettings, load
from pyzn_pipeline.store.schema import open_store


@click.command()
@click.argument("start", type=DAY, required=False)
@click.argument("end", type=DAY, required=False)
@click.option("--to", "url", help="A folder, gs://BUCKET/… or s3://BUCKET/…; default: PYZN_EXPORT_URL.")
@click.option("--check", is_flag=True, help="Also look whether every file is there, and write again what is not.")
@click.option("--new", is_flag=True, help="Begin an export although days are retired, which it will not have.")
def export(start: date | None, end: date | None, url: str | None, check: bool, new: bool) -> None:
    """Export the published UTC days from START to END (both included) as Parquet files.

    Without START and END: all published days; START alone is that day. A day that is there already and
    has not changed is not written again. A new revision appears in the index when all its files are
    there. docs/export.md describes the files and how to read them; `pyzn mirror` publishes them elsewhere.

    Exits with 1 if a day was refused, and prints the reason.

    \b
    Examples:
      pyzn export --to /srv/pyzn
      pyzn export 2026-07-06 2026-07-19 --to gs://my-bucket/pyzn
    """
    settings = load(StoreSettings)
    url = url or settings.export_url
    if url is None:
        raise PyznError("where to? Name a folder, gs://… or s3://… with --to, or set PYZN_EXPORT_URL")
    storage = storage_at(url)
    days = wrote = refused = 0
    first, last = start or date.min, end or start or date.max
    with open_store(settings.database_url, "export") as store, bar_of_days() as bar:
        published = len(exportable_days(store, first, last))
        if not published:
            raise PyznError(f"no day from {first} to {last} is published: `pyzn days` shows which are")
        days_of = export_days(store, storage, first, last, check=check, new=new)
        for exported in bar.track(days_of, published, description="export"):
            days += 1
            if isinstance(exported, ExportRefused):
                refused += 1
                click.echo(str(exported), err=True)
            elif exported.bytes:
                wrote += 1
                entry = exported.entry
                click.echo(f"{entry.day}  revision {entry.revision}  {entry.status}  {exported.bytes:,} bytes")
    there = days - wrote - refused
    click.echo(f"{wrote} of {days} published days written to {storage.name}, {there} were there already")
    if refused:
        raise click.exceptions.Exit(1)
