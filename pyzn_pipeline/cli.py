"""The pipeline's subcommands: what a deployment needs as well as the embedded stack."""

import sys
from collections.abc import Hashable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from pyzn_pipeline import backfill as backfills
from pyzn_pipeline.settings import CommandSettings, Settings, StoreSettings, load
from pyzn_pipeline.store import ledger, schema
from pyzn_pipeline.store.database import engine, with_driver
from pyzn_pipeline.store.errors import store_errors

COLOURS = {"final": "green", "provisional": "cyan", "suspect": "yellow", "missing": "red"}


class Day(click.ParamType[date]):
    """A UTC day, YYYY-MM-DD."""

    name = "day"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day; anything else is a usage error that names the value."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=UTC).date()
        except ValueError:
            self.fail(f"{str(value)[:40]!r} is not a day; write it as 2026-07-14", param, ctx)


DAY = Day()


@click.command()
def migrate() -> None:
    """Bring the database to this version's schema, and make the API's read-only role.

    Safe to run at every deployment: what is there already stays. The database is
    PYZN_DATABASE_URL, whose user owns the schema `pyzn`. If PYZN_API_DATABASE_URL is set, its
    user is made, or gets that password, and can read the schema and nothing else.
    """
    settings = load(StoreSettings)
    api = settings.api_database_url
    with store_errors("migrate"):
        revision = schema.migrate(engine(settings.database_url), with_driver(api) if api else None)
    click.echo(f"schema pyzn is at revision {revision}")


@click.command()
@click.argument("start", type=DAY)
@click.argument("end", type=DAY)
@click.option(
    "--replace-better",
    is_flag=True,
    help="Publish what the source gives now even where it is worse: fewer downloads, or an audit that fails newly.",
)
@click.option("--dry-run", is_flag=True, help="Say what it would cost, and read nothing. Asking is free.")
def backfill(start: date, end: date, replace_better: bool, dry_run: bool) -> None:
    """Read the UTC days START to END (both included) at the source and publish them.

    The days run through Dagster (PYZN_DAGSTER_URL): the backfill and its runs are in its UI. A day
    that is published already is read again and replaced if the source has changed. Interrupting
    this command does not stop the backfill; cancel it in the UI.

    Exits with 1 if any day failed, and names the days and why.

    \b
    Example:
      pyzn backfill --dry-run 2026-07-06 2026-07-19
      pyzn backfill 2026-07-06 2026-07-19
    """
    if dry_run:
        _say_cost(start, end)
        return
    settings = load(CommandSettings)
    days = backfills.days_between(start, end, settings.first_day)
    with store_errors("backfill"):
        outcome = _follow(settings, days, replace_better)
    for day, reason in sorted(outcome.failed.items()):
        click.echo(reason if str(day) in reason else f"day {day}: {reason}", err=True)
    if unfinished := [day for day in days if day not in outcome.done and day not in outcome.failed]:
        click.echo(
            f"no outcome for {backfills.ranges(unfinished)}: Dagster says {outcome.ended}, see "
            f"{settings.dagster_url}/runs/b/{outcome.backfill_id}; a day whose run died is asked for again by itself",
            err=True,
        )
    click.echo(f"{len(outcome.done)} of {len(days)} days done, {len(outcome.failed)} failed")
    if len(outcome.done) < len(days):
        raise click.exceptions.Exit(1)


def _say_cost(start: date, end: date) -> None:
    """Print what a backfill would cost."""
    # Here, because Google's clients take a second to import, which the other commands need not wait for.
    from pyzn_pipeline.backfill_cost import backfill_cost  # noqa: PLC0415
    from pyzn_pipeline.source.connection import connect  # noqa: PLC0415

    settings = load(Settings)
    asked = backfills.days_between(start, end, settings.first_day)
    owner = engine(settings.database_url)
    with store_errors("backfill"):
        schema.ensure_current(owner)
    clients = connect(
        settings.bigquery_project,
        settings.bigquery_location,
        settings.bigquery_endpoint,
        settings.bigquery_storage_endpoint,
    )
    cost = backfill_cost(clients, settings.bigquery_table, owner, asked, settings.usd_per_tib)
    clients.close()
    owner.dispose()
    click.echo(f"{cost}; nothing was read")


def _follow(settings: CommandSettings, days: list[date], replace_better: bool) -> backfills.Progress:
    """Launch a backfill and show a progress bar until it has finished."""
    owner = engine(settings.database_url)
    schema.ensure_current(owner)
    with Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task("waiting for Dagster", total=len(days))
        for progress in backfills.run(settings.dagster_url, owner, days, replace_better):
            finished = len(progress.done | progress.failed.keys())
            waits = "" if finished else " waits for a run"
            failed = f", [red]{len(progress.failed)} failed[/red]" if progress.failed else ""
            bar.update(task, completed=finished, description=f"backfill {progress.backfill_id}{waits}{failed}")
    owner.dispose()
    return progress


@click.command()
@click.argument("start", type=DAY, required=False)
@click.argument("end", type=DAY, required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a day, every column, instead of a table.")
def days(start: date | None, end: date | None, as_json: bool) -> None:
    """Show the ledger: what every UTC day from START to END (both included) is.

    Without START the last 35 days, without END up to yesterday. A day is `final`, `provisional`
    (not found the same a week later yet), `suspect` (published, and unlike its weekday: the check in
    the UI says how), or `missing`; with the reason of the last failed attempt and the time of the next.
    """
    settings = load(StoreSettings)
    last = end or datetime.now(UTC).date() - timedelta(days=1)
    first = start or last - timedelta(days=34)
    if first > last:
        raise click.UsageError(f"range {first} to {last} is reversed: the first day comes first")
    with store_errors("days"):
        owner = engine(settings.database_url)
        schema.ensure_current(owner)
        rows = ledger.days(owner, first, last)
        owner.dispose()
    if as_json:
        rows["day"] = rows["day"].astype("string")  # to_json would make it midnight
        click.echo(rows.to_json(orient="records", lines=True, date_format="iso"), nl=False)
    else:
        console = Console(width=None if sys.stdout.isatty() else 160)  # piped, a line stays a line
        console.print(_ledger_table(rows))


def _ledger_table(rows: pd.DataFrame) -> Table:
    table = Table("day", "status", title="The ledger, UTC days", title_justify="left", box=SIMPLE_HEAD)
    for name in ("revision", "downloads", "projects", "versions", "countries"):
        table.add_column(name, justify="right")
    table.add_column("published (UTC)")
    for row in rows.to_dict("records"):
        status = f"[{COLOURS[row['status']]}]{row['status']}[/]"
        if row["status"] == "missing":
            table.add_row(str(row["day"]), status, *[""] * 5, _attempt(row))
        else:
            counts = (row[name] for name in ("downloads", "projects", "project_versions", "project_countries"))
            remarks = [f"{row['published_at']:%Y-%m-%d %H:%M}"]
            if row["source_recount"] != row["source_downloads"]:
                remarks.append(
                    f"the source counts {row['source_recount']:,} since {row['recounted_at']:%Y-%m-%d %H:%M}"
                )
            if not pd.isna(row["retired_at"]):
                remarks.append(f"retired {row['retired_at']:%Y-%m-%d}")
            if not pd.isna(row["accepted_because"]):
                remarks.append(f"accepted: {row['accepted_because']}")
            remarks.append(_attempt(row))
            line = "; ".join(filter(None, remarks))
            table.add_row(str(row["day"]), status, str(row["revision"]), *(f"{count:,}" for count in counts), line)
    return table


def _attempt(row: dict[Hashable, Any]) -> str:
    """What came of the attempts at a day since it was last published; nothing if there were none."""
    if pd.isna(row["attempts"]):
        return ""
    reason = f"run {row['attempt_run_id']} has it in hand, or died" if pd.isna(row["failure"]) else row["failure"]
    following = (
        "no further attempt" if pd.isna(row["next_attempt_at"]) else f"next {row['next_attempt_at']:%m-%d %H:%M}"
    )
    return f"{reason} (attempt {row['attempts']}, {following})"
