"""`pyzn event`: adds, lists and withdraws events of the source."""

import re
from datetime import date
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from pyzn_pipeline.breakdowns import KNOWN
from pyzn_pipeline.commands.day import DAY
from pyzn_pipeline.commands.progress import show
from pyzn_pipeline.commands.sentence import SENTENCE
from pyzn_pipeline.events import COUNTS, KINDS
from pyzn_pipeline.settings import StoreSettings, load
from pyzn_pipeline.store import events
from pyzn_pipeline.store.schema import open_store

TOUCHED = [*COUNTS, *(breakdown.name for breakdown in KNOWN)]


@click.group()
def event() -> None:
    """Events of the source: add your own, list all, withdraw yours.

    PyZn comes with those of PyPI's table: changed definitions of a download, lost rows, late ones. What else you
    know of a day belongs here: it is shown with the day in the API, pages, charts, the feed, the ledger and exports.
    """


@event.command()
@click.argument("first", type=DAY)
@click.argument("effect", metavar="SENTENCE", type=SENTENCE)
@click.option("--kind", required=True, type=click.Choice(list(KINDS)), help="; ".join(map(": ".join, KINDS.items())))
@click.option("--last", type=DAY, help="The last day; not for a change that stays.")
@click.option(
    "--touches",
    multiple=True,
    type=click.Choice(TOUCHED),
    help="A count or breakdown that it changes; default: all.",
)
@click.option("--source", "sources", multiple=True, help="The URL of a page about it.")
def add(first: date, effect: str, kind: str, last: date | None, touches: tuple[str], sources: tuple[str]) -> None:
    """Add an event that began on the UTC day FIRST, with a SENTENCE about its effect on the numbers.

    \b
    Example:
      pyzn event add 2026-10-03 --kind loss --last 2026-10-04 "PyPI recorded nothing in the afternoon."
    """
    if last and last < first:
        raise click.UsageError(f"--last {last} is before {first}: the first day comes first")
    for address in sources:
        if not (re.fullmatch(r"https?://[^\s/]\S*", address) and address.isprintable()):
            raise click.UsageError(f"--source {address[:80]!r} is not an address: write https://HOST/PATH")
    found = {"touches": list(dict.fromkeys(touches)) or TOUCHED, "effect": effect, "sources": list(sources)}
    with open_store(load(StoreSettings).database_url, "event add") as store, store.begin() as connection:
        click.echo(f"added {events.add(connection, kind=kind, first=first, last=last, **found)}")


@event.command("list")
@click.argument("start", type=DAY, required=False, default=date.min)
@click.argument("end", type=DAY, required=False, default=date.max)
def list_(start: date, end: date) -> None:
    """List the events that touch the UTC days from START to END; without them, all."""
    with open_store(load(StoreSettings).database_url, "event list") as store, store.connect() as connection:
        found = events.events(connection, start, end)
    show(table_of(found))


def table_of(found: list[dict[str, Any]]) -> Table:
    """Return the rows of events.sql as a table."""
    table = Table("event", "kind", "first", "last", "effect", box=SIMPLE_HEAD)
    for row in found:
        table.add_row(row["id"], row["kind"], str(row["first"]), str(row["last"] or ""), row["effect"])
    return table


@event.command()
@click.argument("event_id", metavar="ID")
def withdraw(event_id: str) -> None:
    """Withdraw an event of your own. Those that come with PyZn stay."""
    with open_store(load(StoreSettings).database_url, "event withdraw") as store, store.begin() as connection:
        events.withdraw(connection, event_id)
    click.echo(f"withdrew {event_id}")
