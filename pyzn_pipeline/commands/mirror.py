"""`pyzn mirror`: publishes days that another PyZn has exported."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import click

from pyzn_pipeline.commands.day import DAY
from pyzn_pipeline.commands.progress import bar_of_days
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.exports.writing import exportable_days
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.settings import StoreSettings, load
from pyzn_pipeline.store.schema import open_store


@click.command()
@click.argument("url")
@click.argument("start", type=DAY, required=False)
@click.argument("end", type=DAY, required=False)
@click.option(
    "--accept-worse",
    is_flag=True,
    help="Publish a day even if it is worse than the published one, or the mirror has an older state than before.",
)
def mirror(url: str, start: date | None, end: date | None, accept_worse: bool) -> None:
    """Publish the UTC days from START to END (both included) that another PyZn has exported to URL.

    Without START and END: all days of the mirror from PYZN_FIRST_DAY on, newest first; START alone is
    that day. URL is https://…, gs://…, s3://… or a folder. Every byte is checked before a day is
    published, in the same way as a day from BigQuery, and nothing is billed. A day that is published
    with the same content is not read again.

    This needs no Dagster. To follow a mirror by the day, set PYZN_MIRROR_URL instead.

    Exits with 1 if a day failed, and prints the reason.

    \b
    Example:
      pyzn mirror https://example.org/pyzn 2026-07-06 2026-07-19
    """
    settings = load(StoreSettings)
    source = Mirror(url)
    lines = source.index().by_day()
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    first, last = max(start or date.min, settings.first_day), min(end or start or date.max, yesterday)
    days = [day for day in sorted(lines, reverse=True) if first <= day <= last]
    if not days:
        raise PyznError(f"{source.name} has no day from {first} to {last}: its index has {_span(sorted(lines))}")
    run_id, published, failed = f"mirror {uuid4()}", 0, 0
    with open_store(settings.database_url, "mirror") as store, bar_of_days() as bar:
        known = {day.day: day.checksum for day in exportable_days(store, first, last)}
        for day in bar.track(days, description="mirror"):
            if known.get(day) == lines[day].checksum:
                continue
            try:
                found = ingest_day(day, source, store, run_id, accept_worse).publication
            except PyznError as error:
                failed += 1
                click.echo(str(error), err=True)
                continue
            published += 1
            click.echo(f"{day}  revision {found.revision}  {found.status}")
    click.echo(f"{published} of {len(days)} days published, {len(days) - published - failed} were there already")
    if failed:
        raise click.exceptions.Exit(1)


def _span(days: list[date]) -> str:
    return f"{len(days):,} days from {days[0]} to {days[-1]}" if days else "none"
