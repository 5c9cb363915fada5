"""Figures: a measurement, compared with a limit or a peer of the same run; and the table that shows them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

TIMES = 3  # repetitions, of which the median counts
MIB = 2**20
_FORMATS = {"s": "{:,.2f} s", "ms": "{:,.0f} ms", "MiB": "{:,.1f} MiB", "bytes": "{:,.0f} bytes", "/s": "{:,.0f}/s"}


@dataclass(frozen=True)
class Figure:
    """One line: ours, that of a limit or peer, in the same unit of _FORMATS, and what must be true of ours / other."""

    name: str
    ours: float
    other: float
    unit: str
    peer: str = ""
    must: str = ""  # "≤ 2.0" or "≥ 0.5"; empty: no limit

    def cells(self) -> Sequence[str]:
        """Return the cells of its line."""
        ours, other = (_FORMATS[self.unit].format(number) for number in (self.ours, self.other))
        ratio = self.ours / self.other
        verdict = ""
        if self.must:
            sign, bound = self.must.split()
            verdict = "yes" if (ratio <= float(bound) if sign == "≤" else ratio >= float(bound)) else "NO"
        return self.name, ours, f"{other} {self.peer}", f"{ratio:.2f}", self.must, verdict


def in_turn(*measurements: Callable[[], float]) -> list[float]:
    """Return the median of each; they take turns, so that what else the machine does meets all of them."""
    rounds = [[measure() for measure in measurements] for _ in range(TIMES)]
    return [median(results) for results in zip(*rounds, strict=True)]


def show(figures: Sequence[Figure], title: str) -> None:
    """Print the table."""
    table = Table("figure", "ours", "limit or peer", "ratio", "must be", "", title=title)
    for figure in figures:
        table.add_row(*figure.cells())
    Console(width=150).print(table)
