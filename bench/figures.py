"""Figures: a measurement, compared with a limit or a peer of the same run; and the table that shows them."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One line. `ratio` is ours / other or other / ours, whichever `must` limits."""

    name: str
    ours: str
    other: str
    ratio: float
    must: str  # "≤ 2.0" or "≥ 0.5"; empty: no limit

    @property
    def holds(self) -> bool | None:
        """Return whether the ratio is within its limit; None if it has no limit."""
        if not self.must:
            return None
        sign, bound = self.must.split()
        return self.ratio <= float(bound) if sign == "≤" else self.ratio >= float(bound)


def show(figures: list[Figure], title: str) -> None:
    """Print the table."""
    table = Table("figure", "ours", "limit or peer", "ratio", "must be", "", title=title)
    for figure in figures:
        mark = {None: "", True: "yes", False: "NO"}[figure.holds]
        table.add_row(figure.name, figure.ours, figure.other, f"{figure.ratio:.2f}", figure.must, mark)
    Console(width=150).print(table)
