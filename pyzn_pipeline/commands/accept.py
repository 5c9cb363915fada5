"""`pyzn accept`: a person accepts a suspect day as correct."""

from datetime import date

import click

from pyzn_pipeline.commands.day import DAY
from pyzn_pipeline.commands.sentence import SENTENCE
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.settings import StoreSettings, load
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.schema import open_store


@click.command()
@click.argument("day", type=DAY)
@click.option("--because", required=True, type=SENTENCE, help="Why the day is correct as it is; stored in the ledger.")
def accept(day: date, because: str) -> None:
    """Accept the suspect UTC DAY as correct.

    A day is suspect if it differs much from the same weekday before. If PyPI really was like that, accept
    it: the day becomes provisional, and final if the source still has the same count a week after it.

    \b
    Example:
      pyzn accept 2026-12-25 --because "Christmas: down in every country alike"
    """
    settings = load(StoreSettings)
    with open_store(settings.database_url, "accept") as store, store.begin() as connection:
        accepted = {"day": day, "because": because}
        revision = connection.execute(statement("accept_day"), accepted).scalar_one_or_none()
    if revision is None:
        raise PyznError(f"day {day} is not suspect, see `pyzn days {day} {day}`; there is nothing to accept")
    click.echo(f"day {day}, revision {revision}, is accepted")
