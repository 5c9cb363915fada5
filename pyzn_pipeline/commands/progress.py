"""Output of commands: tables, and the progress bar of those that take long."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def bar_of_days() -> Progress:
    """Return a bar that counts days, on standard error. Lines that are printed meanwhile go to standard output."""
    return Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=sys.stdout.isatty(),  # otherwise what goes to a file or pipe would be shown and not go there
    )


def show(*parts: object) -> None:
    """Print tables and lines to standard output, their texts as they are. In a pipe, long lines are not wrapped."""
    # Reasons and events are words from outside: brackets in them are no markup, and colons no emoji.
    console = Console(width=None if sys.stdout.isatty() else 160, markup=False, emoji=False)
    for part in parts:
        console.print(part)
