"""The subcommands `down`, `env` and `psql`, which find a running stack by its home. They import nothing slow."""

import os
import shutil
import signal
import time

import click
import psycopg
from psycopg.pq import Conninfo

from pyzn_local import services
from pyzn_local.home import Home, StackError
from pyzn_local.postgres import PostgresError, binary
from pyzn_pipeline.environment import libpq_url


@click.command()
def down() -> None:
    """Stop the stack in $PYZN_HOME (default .pyzn/). Its data stays; `pyzn up` starts it again."""
    home = Home.from_environment()
    supervisor = home.supervisor()
    if supervisor is not None:
        os.kill(supervisor, signal.SIGTERM)
        deadline = time.monotonic() + 120
        while home.supervisor() is not None:
            if time.monotonic() > deadline:
                raise StackError(f"process {supervisor} has not stopped in 120 s; see {home.logs}")
            time.sleep(0.1)
        click.echo(f"stopped the stack in {home.path}")
    if left := _end_leftovers(home):
        click.echo(f"ended {left} processes that a killed stack left behind in {home.path}")
    elif supervisor is None:
        click.echo(f"no stack runs in {home.path}")


def _end_leftovers(home: Home) -> int:
    """End the processes that a killed supervisor left behind, under the lock, so that no other one starts meanwhile."""
    if not home.exists():
        return 0
    with home.locked():
        return services.end(home.mark)


@click.command()
def env() -> None:
    """Print the running stack's settings as KEY=VALUE lines, passwords included.

    \b
    Example:
      set -a; eval "$(pyzn env)"; set +a
    """
    home = Home.from_environment()
    if home.settings() is None:
        raise StackError(f"no stack runs in {home.path}: start one with `pyzn up`")
    click.echo(home.settings_file.read_text(), nl=False)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the tables, with the role that can only read. ARGUMENTS are psql's own.

    \b
    Examples:
      pyzn psql
      pyzn psql --csv --command 'SELECT day, status, downloads FROM pyzn.days'
    """
    url = libpq_url(os.environ.get("PYZN_API_DATABASE_URL", ""))
    if not url:
        raise StackError("PYZN_API_DATABASE_URL is not set, and no stack runs here: start one with `pyzn up`")
    try:
        options = Conninfo.parse(url.encode())
    except psycopg.Error:  # its message has the URL, with its password
        raise StackError("PYZN_API_DATABASE_URL is not a connection URL of Postgres") from None
    try:
        program = shutil.which("psql") or binary("psql")
    except PostgresError as error:
        raise StackError("psql is not installed: `apt-get install postgresql-client`, `brew install libpq`") from error
    # By the environment: the list of processes shows every user the arguments, and none but its own the environment.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment |= {option.envvar.decode(): option.val.decode() for option in options if option.val and option.envvar}
    # A person's question may take longer than an answer of the API.
    environment["PGOPTIONS"] = f"{environment.get('PGOPTIONS', '')} -c statement_timeout=0".strip()
    os.execve(program, [program, *arguments], environment)  # noqa: S606  # no shell is wanted
