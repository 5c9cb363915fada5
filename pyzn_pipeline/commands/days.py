"""`pyzn days`: shows the ledger."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from pyzn_pipeline.commands.day import DAY
from pyzn_pipeline.commands.event import table_of
from pyzn_pipeline.commands.progress import show
from pyzn_pipeline.days import ensure_readable, latest_readable
from pyzn_pipeline.settings import StoreSettings, load
from pyzn_pipeline.store import events, ledger
from pyzn_pipeline.store.schema import open_store

COLOURS = {"final": "green", "provisional": "cyan", "suspect": "yellow", "missing": "red"}


@click.command()
@click.argument("start", type=DAY, required=False)
@click.argument("end", type=DAY, required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each day, with every column, not a table.")
def days(start: date | None, end: date | None, as_json: bool) -> None:
    """Show the ledger: the status of every UTC day from START to END (both included).

    Without START: the last 35 days. Without END: up to yesterday. A day is `final`, `provisional` (not
    yet confirmed by a recount a week later), `suspect` (published, but unlike its weekday, and how), or
    `missing`. A day that was read before a breakdown was chosen (PYZN_BREAKDOWNS) is missing for that
    breakdown only, until a backfill reads it again. A recounted day shows when, and by what: by `metadata`
    (the rows of the day's partition by BigQuery's metadata), by `count` (COUNT(*)), or by `mirror` (what
    the exporter's source counted last). A wanted day also shows its state: it waits for its run, failed
    (why, and when it is tried again), was given up, or was canceled.
    """
    settings = load(StoreSettings)
    last = min(end or latest_readable(), latest_readable())
    first = start or max(last - timedelta(days=34), settings.first_day)
    ensure_readable(first, settings.first_day)
    if first > last:
        raise click.UsageError(f"range {first} to {last} is reversed: the first day comes first")
    with open_store(settings.database_url, "days") as store:
        rows = ledger.days(store, first, last)
        with store.connect() as connection:
            known = events.events(connection, first, last)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, default=_written))
    else:
        touching = ("Events of the source that touch these days", table_of(known)) if known else ()
        show(_ledger_table(rows, settings.breakdowns), *touching)


def _written(value: object) -> str:
    """Return a time or a day as JSON has it."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03}Z"
    return str(value)


def _ledger_table(rows: list[dict[str, Any]], breakdowns: list[str]) -> Table:
    table = Table("day", "status", title="The ledger, UTC days", title_justify="left", box=SIMPLE_HEAD)
    for name in ("revision", "downloads", "projects"):
        table.add_column(name, justify="right")
    table.add_column("published (UTC)")
    for row in rows:
        status = Text(row["status"], COLOURS[row["status"]])
        if row["status"] == "missing":
            table.add_row(str(row["day"]), status, *[""] * 3, _attempt(row))
        else:
            counts = (row[name] for name in ("downloads", "projects"))
            remarks = [f"{row['published_at']:%Y-%m-%d %H:%M}"]
            recounted = f"{row['recounted_at']:%Y-%m-%d %H:%M} (by {row['recounted_by']})"
            if row["source_recount"] != row["source_downloads"]:
                remarks.append(f"the source counts {row['source_recount']:,} since {recounted}")
            elif row["recounted_by"] != "scan":
                remarks.append(f"recounted {recounted}")
            remarks += _contents(row, breakdowns)
            if row["replaced_rows"]:
                remarks.append(f"{row['replaced_rows']:,} rows with replaced text")
            if row["retired_at"]:
                remarks.append(f"retired {row['retired_at']:%Y-%m-%d}")
            if row["status"] == "suspect" and row["suspect_because"]:
                remarks.append(f"suspect: {row['suspect_because']}")
            if row["accepted_because"]:
                remarks.append(f"accepted: {row['accepted_because']}")
            remarks.append(_attempt(row))
            line = "; ".join(filter(None, remarks))
            table.add_row(str(row["day"]), status, str(row["revision"]), *(f"{count:,}" for count in counts), line)
    return table


def _contents(row: dict[str, Any], breakdowns: list[str]) -> list[str]:
    """Return the differences of a published day from those that are read now."""
    remarks = []
    if lacking := [name for name in breakdowns if name not in row["project_keys"]]:
        remarks.append(f"missing by {', '.join(lacking)}: read before that was chosen; a backfill adds it")
    if more := [name for name in row["project_keys"] if name not in breakdowns]:
        remarks.append(f"also by {', '.join(more)}")
    if row["files"] is None:
        remarks.append("no count of files: read without file names (PYZN_READ_FILENAMES)")
    return remarks


def _attempt(row: dict[str, Any]) -> str:
    """Return the state of a wanted day; empty if nobody has asked for it."""
    if row["wanted"] is None:
        return ""
    if row["wanted"] == "waiting":
        what = "waits for its run" if row["attempt_run_id"] is None else f"in run {row['attempt_run_id']}"
        return f"asked for by {', '.join(row['asked_by'])}; {what}"
    reason = (row["failure"] or f"run {row['attempt_run_id']} died").removeprefix(f"day {row['day']}: ")
    again = f", next {row['next_attempt_at']:%m-%d %H:%M}" if row["wanted"] == "failed" else ""
    return f"{row['wanted']}: {reason}" + (f" (attempt {row['attempts']}{again})" if row["attempts"] else "")
