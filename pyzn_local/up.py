"""`pyzn up`: starts the embedded stack, backfills its sample, and prints where everything is."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import click
import psycopg

from pyzn_local.home import Home, StackError
from pyzn_local.sample import DAYS, first_day
from pyzn_local.stack import Stack, run_pyzn
from pyzn_pipeline.environment import libpq_url
from pyzn_pipeline.exports.index import existing_index
from pyzn_pipeline.exports.storage import storage_at


@click.command()
@click.option("--detach", is_flag=True, help="Return when everything runs; `pyzn down` stops it.")
@click.option("--no-sample", is_flag=True, help="Leave the BigQuery emulator empty; fill it with `pyzn seed`.")
@click.option("--supervise", is_flag=True, hidden=True)
def up(detach: bool, no_sample: bool, supervise: bool) -> None:
    """Start PyZn on this machine: BigQuery emulator, Postgres, Dagster and the API, on loopback.

    The first start fills the emulator with a SYNTHETIC sample of the 35 days before today and
    backfills them through Dagster. Ctrl-C stops every process. The data stays in $PYZN_HOME
    (default .pyzn/), and the next start takes seconds.

    \b
    PYZN_API_PORT   the API's port (5200)
    PYZN_UI_PORT    the Dagster UI's port (3000)
    PYZN_SAMPLE_FROM the first day of the sample (35 days before today), such as 2026-08-01
    PYZN_MIRROR_URL real days that another PyZn has exported, instead of the emulator
    PYZN_BIGQUERY_PROJECT with Google credentials: the real BigQuery instead of the emulator
    PYZN_DATABASE_URL, PYZN_API_DATABASE_URL, PYZN_DAGSTER_DATABASE_URL: your own Postgres
    """
    home = Home.from_environment()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    if detach:
        _present(_start_detached(home, no_sample), sample=not no_sample)
        click.echo("PyZn runs in the background; `pyzn down` stops it.")
        return
    stack = Stack(home, sample=not no_sample, report=lambda message: click.echo(f"pyzn: {message}"))
    try:
        with stack.running() as settings:
            if not supervise:
                _present(settings, sample=not no_sample)
                click.echo("PyZn runs; Ctrl-C stops it.")
            while True:
                stack.check()
                time.sleep(0.5)
    except KeyboardInterrupt:
        with suppress(OSError):
            click.echo("pyzn: stopped")


def _start_detached(home: Home, no_sample: bool) -> dict[str, str]:
    """Start a stack in the background and return its settings."""
    home.create()
    with home.locked():
        home.settings_file.unlink(missing_ok=True)  # of a killed stack; the new one appears when all is ready
    command = [sys.executable, "-m", "pyzn_cli", "up", "--supervise", *(["--no-sample"] if no_sample else [])]
    log = home.logs / "up.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        while (settings := home.settings()) is None:
            if child.poll() is not None:
                raise StackError(f"it did not start:\n{log.read_text(errors='replace').strip()}")
            time.sleep(0.1)
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    return settings


def _present(settings: dict[str, str], sample: bool) -> None:
    """Backfill the days of the sample or mirror that are not published, and print where everything is."""
    sample = sample and "PYZN_BIGQUERY_ENDPOINT" in settings
    if sample:
        first = first_day()
        days = (datetime.now(UTC).date() - first).days
        _backfill(settings, {first + timedelta(days=n) for n in range(days)}, "the synthetic sample")
    elif "PYZN_MIRROR_URL" in settings:
        mirror = storage_at(settings["PYZN_MIRROR_URL"])
        _backfill(settings, {entry.day for entry in existing_index(mirror).days[-DAYS:]}, mirror.name)
    api, database = settings["PYZN_API_URL"], urlsplit(settings["PYZN_DATABASE_URL"])
    click.echo(f"  look here   {api}/")
    click.echo(f"  API         {api}/api/v2/projects/requests")
    click.echo(f"  API docs    {api}/docs")
    click.echo(f"  Dagster UI  {settings['PYZN_DAGSTER_URL']}")
    click.echo(
        f"  database    postgresql://{database.username}@{database.netloc.rpartition('@')[2]}{database.path}"
        f"  (`{sys.argv[0]} env` prints it with its password)"
    )
    if sample:
        click.echo("The downloads are a SYNTHETIC sample, not PyPI's.")


def _backfill(settings: dict[str, str], wanted: set[date], what: str) -> None:
    with psycopg.connect(libpq_url(settings["PYZN_DATABASE_URL"])) as connection:
        published = {day for (day,) in connection.execute("SELECT day FROM pyzn.days")}
    if missing := wanted - published:
        click.echo(f"pyzn: backfilling {len(missing)} days of {what} through Dagster")
        try:
            run_pyzn({**os.environ, **settings}, "backfill", str(min(missing)), str(max(missing)))
        except StackError as error:  # the stack is useful even without all days
            click.echo(f"pyzn: {error}", err=True)
