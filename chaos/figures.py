"""A check, and the figures that it reports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from chaos.parts import Parts


@dataclass(frozen=True)
class Figure:
    """One line of the report: what was done and how often, what was found, and what it must be."""

    name: str
    done: str
    found: str
    must: str
    defects: Sequence[str]
    """The defects found, a line each."""
    not_run: str = ""
    """Why the check could not be run here, or ''."""

    @property
    def ok(self) -> bool:
        """Whether the check was run and found no defect."""
        return not self.defects and not self.not_run


def count_figure(name: str, done: str, noun: str, defects: Sequence[str]) -> Figure:
    """A figure that counts defects; there must be none."""
    return Figure(name, done, f"{len(defects)} {noun}", "0", defects)


@dataclass(frozen=True)
class Check:
    """One way to break PyZn. `variable` sets its size: `small` for CI, `full` for manual runs."""

    name: str
    variable: str
    small: int
    full: int
    counts: str
    """The thing that `variable` counts."""
    run: "Callable[[Rig], list[Figure]]"


@dataclass(frozen=True)
class Rig:
    """The input of a check: the parts, its size, its random numbers, and `tick`, which it calls after every step."""

    parts: Parts
    size: int
    random: Random
    tick: Callable[[], None]
