"""A check, and the figures that it reports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from chaos.parts import Parts


@dataclass(frozen=True)
class Figure:
    """One line of the report: the action and how often, and the defects found, a line each; there must be none."""

    name: str
    done: str
    noun: str
    """The kind of the defects, in the plural."""
    defects: Sequence[str]


@dataclass(frozen=True)
class Rig:
    """The input of a check: the parts, its size, and its random numbers."""

    parts: Parts
    size: int
    random: Random


@dataclass(frozen=True)
class Check:
    """One way to break PyZn. The environment variable `variable` sets its size, the number of `counts`."""

    name: str
    variable: str
    size: int
    counts: str
    run: Callable[[Rig], list[Figure]]
