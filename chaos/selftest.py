"""Shows that every check can fail: applies each mutation to a copy of the tree and runs the check that must notice."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console

from chaos import __main__ as checks
from chaos.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[1]
COPIED = ("pyzn_pipeline", "pyzn_local", "pyzn_api", "pyzn_site", "chaos", "tests", "pyproject.toml")


@click.command()
@click.argument("words", nargs=-1)
def main(words: tuple[str, ...]) -> None:
    """Run every mutation, or those with one of the WORDS in their name. Exits with 1 if a check did not notice one."""
    console = Console()
    unnoticed = 0
    for mutation in MUTATIONS:
        if words and not any(word in mutation.name for word in words):
            continue
        with console.status(f"{mutation.check} with {mutation.name}"):
            noticed, said = _noticed(mutation)
        unnoticed += not noticed
        verdict = "noticed" if noticed else "NOT NOTICED"
        click.echo(f"{mutation.name:<50} {mutation.check:<15} {mutation.figure:<30} {verdict}")
        if not noticed:
            click.echo(said)
    raise SystemExit(unnoticed > 0)


def _noticed(mutation: Mutation) -> tuple[bool, str]:
    """Whether the figure failed, and what the check printed."""
    with tempfile.TemporaryDirectory(prefix="pyzn-mutated-") as directory:
        tree = Path(directory)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, tree / name)
        for file, text, instead in mutation.edits:
            original = (tree / file).read_text(encoding="utf-8")
            if text not in original:
                raise click.ClickException(
                    f"{mutation.name}: {file} has no {text!r} any more: bring the mutation up to date"
                )
            (tree / file).write_text(original.replace(text, instead), encoding="utf-8")
        variable = next(check.variable for check in checks.CHECKS if check.name == mutation.check)
        ran = subprocess.run(
            [sys.executable, "-m", "chaos", mutation.check],
            cwd=tree,
            env=os.environ | {"PYTHONPATH": str(tree), variable: str(mutation.size), "SEED": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    lines = [line for line in ran.stdout.splitlines() if line.startswith(mutation.figure)]
    return ran.returncode == 1 and any(line.endswith("FAILED") for line in lines), ran.stdout + ran.stderr[-2000:]


if __name__ == "__main__":
    main()
