"""What a check is, and the figure that it comes to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from chaos.parts import Parts


@dataclass(frozen=True)
class Figure:
    """One line of the report: what was done how often, what was found, what it must be."""

    name: str
    done: str
    found: str
    must: str
    defects: Sequence[str]
    """Each thing found that must not be, in a line."""
    not_run: str = ""
    """Why the check could not be made here, if it could not."""

    @property
    def ok(self) -> bool:
        """Whether it was looked, and nothing was found that must not be."""
        return not self.defects and not self.not_run


def count_figure(name: str, done: str, noun: str, defects: Sequence[str]) -> Figure:
    """A figure that counts defects, of which there must be none."""
    return Figure(name, done, f"{len(defects)} {noun}", "0", defects)


@dataclass(frozen=True)
class Check:
    """One way to break PyZn. `variable` names its size: `small` for CI, `full` by hand."""

    name: str
    variable: str
    small: int
    full: int
    counts: str
    """What `variable` counts."""
    run: "Callable[[Rig], list[Figure]]"


@dataclass(frozen=True)
class Rig:
    """What a check works with: the parts, its size, its own random numbers, and `tick` for every step done."""

    parts: Parts
    size: int
    random: Random
    tick: Callable[[], None]
