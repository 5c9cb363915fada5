"""A figure: what was measured, against a limit or a peer of the same run. And the one table of them."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One line. `ratio` is ours to the other's, or the other's to ours, as `must` reads it."""

    name: str
    ours: str
    other: str
    ratio: float
    must: str  # "≤ 2.0" or "≥ 0.5"; empty: only told

    @property
    def holds(self) -> bool | None:
        """Whether the ratio is as it must be; None when nothing is asked of it."""
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
