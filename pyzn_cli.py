"""The `pyzn` command: the one place where the pipeline's and the embedded stack's subcommands meet."""

import importlib
import os
import sys
from importlib.util import find_spec

import click

from pyzn_pipeline.errors import PyznError

COMMANDS = {
    "up": ("pyzn_local.up", "Start PyZn on this machine."),
    "down": ("pyzn_local.cli", "Stop it; nothing is lost."),
    "env": ("pyzn_local.cli", "Print the running stack's settings."),
    "psql": ("pyzn_local.cli", "Open psql on the tables, with the role that can only read."),
    "seed": ("pyzn_local.seeding", "Load raw rows into the BigQuery emulator."),
    "backfill": ("pyzn_pipeline.commands.backfill", "Read and publish a range of days through Dagster."),
    "days": ("pyzn_pipeline.commands.days", "Show the ledger: what every day is."),
    "verify": ("pyzn_pipeline.commands.verify", "Prove published days against the tables and the source."),
    "export": ("pyzn_pipeline.commands.export", "Write published days as Parquet files, for everybody."),
    "mirror": ("pyzn_pipeline.commands.mirror", "Publish days that another PyZn has exported; nothing is billed."),
    "accept": ("pyzn_pipeline.commands.accept", "Accept a suspect day as correct."),
    "event": ("pyzn_pipeline.commands.event", "Add, list and withdraw events of the source."),
    "import-totals": ("pyzn_pipeline.commands.import_totals", "Import all-time totals from elsewhere."),
    "check": ("pyzn_pipeline.commands.check", "Check everything a deployment needs; name the fix for what is wrong."),
    "migrate": ("pyzn_pipeline.commands.migrate", "Bring the database to this version's schema."),
}

LOCAL = find_spec("pyzn_local") is not None
"""Whether the embedded stack is installed; it is not in the production image."""


class Subcommands(click.Group):
    """A group that imports a subcommand when it is called: all of them together take seconds to import."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the subcommands, in the order a newcomer needs them."""
        return [name for name, (module, _) in COMMANDS.items() if LOCAL or not module.startswith("pyzn_local")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the subcommand, or None, which click reports as a usage error."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands into the help text, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=Subcommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="pyzn")
def pyzn() -> None:
    """PyPI download statistics: every published day provable, repairable and honest.

    `up` starts everything on this machine. The other commands talk to the stack in $PYZN_HOME
    (default .pyzn/) if one runs there, or to whatever the PYZN_* variables of the environment name;
    the environment wins.
    """
    if LOCAL:
        from pyzn_local.home import adopt_settings  # noqa: PLC0415 - it may not be there

        adopt_settings()


LOOPBACK = "localhost,127.0.0.1,::1"


def bypass_proxy_on_loopback() -> None:
    """Name loopback in NO_PROXY, which requests, gRPC and Google's clients read alike, here and in child processes.

    A proxy that the environment names is for Google and whatever else is outside; to it, loopback is another machine.
    """
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    if given != "*":  # which means everything only where it stands alone
        both = f"{given},{LOOPBACK}" if given else LOOPBACK
        os.environ |= {"no_proxy": both, "NO_PROXY": both}


def main() -> None:
    """Run the console script. What a user can fix is one message and exit status 1, not a trace."""
    bypass_proxy_on_loopback()
    try:
        pyzn()
    except PyznError as error:
        click.echo(f"pyzn: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
