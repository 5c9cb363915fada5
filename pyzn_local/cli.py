"""The subcommands `down` and `env`, which find a running stack by its home. They import nothing that is slow."""

import os
import signal
import time

import click

from pyzn_local import services
from pyzn_local.home import Home, StackError


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
    if not home.exists() or home.mark is None:
        return 0
    with home.locked():
        return services.end(home.mark)


@click.command()
def env() -> None:
    """Print the running stack's settings as KEY=VALUE lines, passwords included.

    \b
    Examples:
      psql "$(pyzn env | sed -n 's/^PYZN_DATABASE_URL=//p')"
      set -a; eval "$(pyzn env)"; set +a
    """
    home = Home.from_environment()
    if home.settings() is None:
        raise StackError(f"no stack runs in {home.path}: start one with `pyzn up`")
    click.echo(home.settings_file.read_text(), nl=False)
