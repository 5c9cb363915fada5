"""Runs the checks and prints one figure a line. Exits with 1 when any figure is not what it must be."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random, SystemRandom
from typing import NamedTuple

import click

from chaos import kills, mirror, network, postgres_stops, workers
from chaos.rig import Figure, Rig
from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres


class Check(NamedTuple):
    """One way to break PyZn. The environment variable `variable` sets its size, the number of `counts`."""

    run: Callable[[Rig], list[Figure]]
    variable: str
    size: int
    counts: str


CHECKS = {
    "kills": Check(kills.run, "KILLS", 28, "SIGKILLs of a run"),
    "postgres-stops": Check(postgres_stops.run, "POSTGRES_STOPS", 3, "immediate stops of Postgres"),
    "network": Check(network.run, "NETWORK_FAULTS", 18, "connections cut, reset or stalled"),
    "workers": Check(workers.run, "BACKFILL_DAYS", 4, "days backfilled several times at once"),
    "mirror": Check(mirror.run, "MIRROR_FAULTS", 18, "kills of an exporter and its mirror"),
}
SHOWN = 5  # defects of a figure
SIZES = "\n".join(f"  {check.variable:<16} {check.counts} ({check.size:,})" for check in CHECKS.values())


@click.command(epilog=f"\b\nThe environment sets sizes: make chaos KILLS=1000\n{SIZES}")
@click.argument("only", nargs=-1, type=click.Choice(list(CHECKS)))
@click.option("--seed", envvar="SEED", type=int, help="The seed of an earlier report, to repeat it. [SEED]")
def main(only: tuple[str, ...], seed: int | None) -> None:
    """Break PyZn in every way, or in the named ways, and report what is wrong afterwards."""
    seed = SystemRandom().randrange(10**9) if seed is None else seed
    click.echo(f"seed {seed}")
    failed = False
    with (
        tempfile.TemporaryDirectory(prefix="pyzn-chaos-") as directory,
        Postgres(Path(directory) / "postgres", free_port()).running() as postgres,
    ):
        for name in only or CHECKS:
            check, began = CHECKS[name], time.monotonic()
            size = int(os.environ.get(check.variable) or check.size)
            figures = check.run(Rig(postgres, Path(directory), size, Random(f"{seed} {name}")))
            click.echo(f"{name}: {time.monotonic() - began:.0f} s")
            for figure in figures:
                failed |= bool(figure.defects)
                _show(figure)
    raise SystemExit(failed)


def _show(figure: Figure) -> None:
    """Print a line of the report, and the first defects."""
    verdict = "FAILED" if figure.defects else "ok"
    found = f"{len(figure.defects):,} {figure.noun}"
    click.echo(f"{figure.name:<32} {figure.done:<34} {found:<44} must be 0: {verdict}")
    for defect in figure.defects[:SHOWN]:
        click.echo(f"    {defect}")
    if len(figure.defects) > SHOWN:
        click.echo(f"    and {len(figure.defects) - SHOWN:,} more")


if __name__ == "__main__":
    main()
