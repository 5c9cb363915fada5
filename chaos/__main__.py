"""Runs the checks and prints one figure a line. Exits with 1 when any figure is not what it must be."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random, SystemRandom

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from chaos import bad_days, disk_full, downtime, kills, mirror, network, postgres_stops, readers, stateful, workers
from chaos.figures import Check, Figure, Rig
from chaos.parts import Parts
from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres

CHECKS = (
    kills.CHECK,
    postgres_stops.CHECK,
    network.CHECK,
    workers.CHECK,
    bad_days.CHECK,
    downtime.CHECK,
    readers.CHECK,
    disk_full.CHECK,
    mirror.CHECK,
    stateful.CHECK,
)
SHOWN = 5  # defects of a figure


def _sizes(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each check. The environment can set it too: `make chaos KILLS=1000`."""
    for check in reversed(CHECKS):
        command = click.option(
            f"--{check.variable.lower().replace('_', '-')}",
            envvar=check.variable,
            type=click.IntRange(min=1),
            help=f"{check.counts}: {check.small:,}, with --full {check.full:,}. [{check.variable}]",
        )(command)
    return command


@click.command()
@click.argument("only", nargs=-1, type=click.Choice([check.name for check in CHECKS]))
@click.option("--full", envvar="FULL", is_flag=True, help="The full sizes, which take hours. [FULL]")
@click.option("--seed", envvar="SEED", type=int, help="The seed of an earlier report, to repeat it. [SEED]")
@click.option("--allow-not-run", envvar="ALLOW_NOT_RUN", is_flag=True, help="Pass even if a check cannot be run here.")
@_sizes
def main(only: tuple[str, ...], full: bool, seed: int | None, allow_not_run: bool, **sizes: int | None) -> None:
    """Break PyZn in every way, or in the named ways, and report what is wrong afterwards."""
    seed = SystemRandom().randrange(10**9) if seed is None else seed
    click.echo(f"seed {seed}")
    failed = False
    with tempfile.TemporaryDirectory(prefix="pyzn-chaos-") as directory:
        postgres = Postgres(Path(directory) / "postgres", free_port())
        parts = Parts(postgres, Path(directory))
        with postgres.running():
            for check in CHECKS:
                if only and check.name not in only:
                    continue
                size = sizes[check.variable.lower()] or (check.full if full else check.small)
                for figure in _run(check, size, parts, seed):
                    failed |= not figure.ok and not (figure.not_run and allow_not_run)
                    _show(figure)
    raise SystemExit(failed)


def _run(check: Check, size: int, parts: Parts, seed: int) -> list[Figure]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task(check.name, total=size)
        start = time.monotonic()
        figures = check.run(Rig(parts, size, Random(f"{seed} {check.name}"), lambda: progress.advance(task)))
    click.echo(f"{check.name}: {time.monotonic() - start:.0f} s")
    return figures


def _show(figure: Figure) -> None:
    """A line of the report, and what was wrong."""
    verdict = f"NOT RUN: {figure.not_run}" if figure.not_run else "ok" if figure.ok else "FAILED"
    click.echo(f"{figure.name:<28} {figure.done:<34} {figure.found:<44} must be {figure.must:<10} {verdict}")
    for defect in figure.defects[:SHOWN]:
        click.echo(f"    {defect}")
    if len(figure.defects) > SHOWN:
        click.echo(f"    and {len(figure.defects) - SHOWN:,} more")


if __name__ == "__main__":
    main()
