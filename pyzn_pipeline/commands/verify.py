"""`pyzn verify`: compares the published days with the source and with the ledger."""

from datetime import date

import click

from pyzn_pipeline.commands.day import DAY
from pyzn_pipeline.commands.progress import bar_of_days
from pyzn_pipeline.days import days_between, spans
from pyzn_pipeline.reading.proof import Proof
from pyzn_pipeline.reading.proof import verify as proofs
from pyzn_pipeline.settings import Settings, load
from pyzn_pipeline.source.queries import usd
from pyzn_pipeline.sources import source_of
from pyzn_pipeline.store import ledger
from pyzn_pipeline.store.schema import open_store


@click.command()
@click.argument("start", type=DAY)
@click.argument("end", type=DAY)
@click.option("--full", is_flag=True, help="Also re-read every day and compare its content. Costs a scan for each day.")
def verify(start: date, end: date, full: bool) -> None:
    """Prove the UTC days START to END (both included), one line for each.

    A day is proven if the source's count is the same as when the day was read, and the tables, added
    up again inside every document, have that count, the ledger's other counts and its checksum.
    This command changes nothing: `pyzn backfill` repairs a day that differs.

    Prints first what asking the source costs. Exits with 1 if any day is missing or differs.

    \b
    Example:
      pyzn verify 2026-07-06 2026-07-19
    """
    settings = load(Settings)
    asked = days_between(start, end, settings.first_day)
    with open_store(settings.database_url, "verify") as store, source_of(settings) as source:
        rows = ledger.days(store, start, end)
        held = [row for row in rows if row["status"] != "missing" and row["retired_at"] is None]
        days = [row["day"] for row in held]
        published = {row["day"]: row["source_downloads"] for row in held}
        cost = source.price_of_count(days)
        bills = cost.least + (sum(source.price(*span).billed for span in spans(days)) if full else 0)
        cost_line = (
            f"asking the source about {len(days)} days: {bills:,} bytes, ${usd(bills, settings.usd_per_tib):,.2f}"
        )
        if cost.no_metadata is not None:
            cost_line += f"; by COUNT(*), because of {cost.no_metadata}"
        elif cost.count:
            cost_line += (
                f"; up to {cost.count:,} bytes, ${usd(cost.count, settings.usd_per_tib):,.2f} more for days that "
                "BigQuery's metadata does not confirm"
            )
        click.echo(cost_line, err=True)
        counts = source.count(published)
        proven = 0
        found = proofs(held, counts, store, source if full else None)
        with bar_of_days() as bar:
            for row in bar.track(rows, description="verify"):
                if row["day"] in published:
                    proof = next(found)
                    proven += not proof.differences
                    click.echo(_line(proof))
                else:
                    what = "missing" if row["status"] == "missing" else "retired"
                    reason = f"  {row['failure']}" if row["failure"] else ""
                    click.echo(f"{row['day']}  {click.style(what, fg='red')}{reason}")
    click.echo(f"{proven} of {len(asked)} days proven")
    if proven < len(asked):
        raise click.exceptions.Exit(1)


def _line(proof: Proof) -> str:
    verdict = click.style("differs", fg="red") if proof.differences else click.style("proven", fg="green")
    found = "; ".join(proof.differences) or f"{proof.downloads:,} downloads, revision {proof.revision}"
    return f"{proof.day}  {verdict}  {found}"
