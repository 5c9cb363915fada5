"""`pyzn backfill`: reads a range of days through a running Dagster."""

from datetime import date

import click

from pyzn_pipeline.backfills.launch import follow, launch
from pyzn_pipeline.commands.day import DAY
from pyzn_pipeline.commands.progress import bar_of_days
from pyzn_pipeline.days import days_between, ranges
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.settings import CommandSettings, Settings, StoreSettings, load
from pyzn_pipeline.store.schema import open_store
from pyzn_pipeline.wanted_days import wanted


@click.command()
@click.argument("start", type=DAY)
@click.argument("end", type=DAY)
@click.option(
    "--accept-worse",
    is_flag=True,
    help="Publish a new reading even if it is worse: fewer downloads, or an audit fails that passed before.",
)
@click.option(
    "--withdraw", is_flag=True, help="Read nothing: those of the days that were given up are not wanted any more."
)
@click.option("--dry-run", is_flag=True, help="Only print what it would cost. Reads nothing and is free.")
def backfill(start: date, end: date, accept_worse: bool, withdraw: bool, dry_run: bool) -> None:
    """Read the UTC days START to END (both included) from the source and publish them.

    The days run through Dagster (PYZN_DAGSTER_URL): the backfill and its runs are in its UI. A day
    that is published already is re-read, and replaced if the source has changed. Interrupting
    this command does not stop the backfill: it prints where to cancel it.

    Exits with 1 if any day failed, and names the days with the reasons. A day that failed, or whose
    run died, is tried again automatically until it is read, you cancel the backfill, or eight
    attempts have failed. A day that is over for a week and has no rows at the source is not. What is
    given up stays wanted, and `pyzn check` wrong, until it is read or you --withdraw it.

    \b
    Example:
      pyzn backfill --dry-run 2026-07-06 2026-07-19
      pyzn backfill 2026-07-06 2026-07-19
    """
    if withdraw and (dry_run or accept_worse):
        raise click.UsageError("--withdraw reads nothing: leave out --dry-run and --accept-worse")
    if dry_run:
        _print_cost(start, end)
        return
    if withdraw:
        _withdraw(start, end)
        return
    settings = load(CommandSettings)
    days = days_between(start, end, settings.first_day)
    with open_store(settings.database_url, "backfill") as store, bar_of_days() as bar:
        backfill_id, since = launch(settings.dagster_url, store, days, accept_worse)
        page = f"{settings.dagster_url}/runs/b/{backfill_id}"
        task = bar.add_task("waiting for Dagster", total=len(days))
        try:
            for outcome in follow(settings.dagster_url, store, days, backfill_id, since):
                finished = len(outcome.done) + len(outcome.failed)
                waits = "" if finished else " waits for a run"
                failed = f", [red]{len(outcome.failed)} failed[/red]" if outcome.failed else ""
                bar.update(task, completed=finished, description=f"backfill {backfill_id}{waits}{failed}")
        except KeyboardInterrupt:
            click.echo(f"backfill {backfill_id} goes on in Dagster; cancel it at {page}", err=True)
            raise click.exceptions.Exit(130) from None
    for day, reason in sorted(outcome.failed.items()):
        click.echo(reason if str(day) in reason else f"day {day}: {reason}", err=True)
    if unfinished := [day for day in days if day not in outcome.done and day not in outcome.failed]:
        click.echo(
            f"no outcome for {ranges(unfinished)}: Dagster ended with {outcome.ended}, see {page}. Unless you canceled "
            "them, they stay wanted and are read automatically: `pyzn days` shows their state",
            err=True,
        )
    click.echo(f"{len(outcome.done)} of {len(days)} days done, {len(outcome.failed)} failed")
    if len(outcome.done) < len(days):
        raise click.exceptions.Exit(1)


def _withdraw(start: date, end: date) -> None:
    """Withdraw the requests for days that were given up."""
    with open_store(load(StoreSettings).database_url, "backfill") as store:
        days = wanted.withdraw(store, start, end)
    if not days:
        raise PyznError(f"no day from {start} to {end} is given up: `pyzn days {start} {end}` shows what each is")
    click.echo(f"not wanted any more: {ranges(days)}")


def _print_cost(start: date, end: date) -> None:
    """Print what a backfill would cost."""
    from pyzn_pipeline.backfills.price import backfill_cost  # noqa: PLC0415 - Google's clients take a second to import
    from pyzn_pipeline.sources import source_of  # noqa: PLC0415 - Google's clients as well

    settings = load(Settings)
    asked = days_between(start, end, settings.first_day)
    with open_store(settings.database_url, "backfill") as store, source_of(settings) as source:
        cost = backfill_cost(source, store, asked, settings.usd_per_tib, settings.breakdowns)
    click.echo(f"{cost}; nothing was read")
