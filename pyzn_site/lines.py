"""A line for each project over the same periods, as the numbers that a template draws."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pyzn_site.periods import Period

WIDTH, HEIGHT = 960, 300  # of the picture; it is scaled to the page
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 28  # around the lines
STEPS = (1, 2, 2.5, 5, 10)
DATES = 6  # at most, below the lines


class Lines(NamedTuple):
    """What is drawn: coordinates in the picture."""

    width: int
    height: int
    left: int
    right: int
    projects: list[tuple[str, list[str]]]  # each with its strokes: a missing period is a gap between two
    dots: list[tuple[int, str, str]]  # periods that stand alone, of the project with that number
    levels: list[tuple[int, str]]  # downloads, and how high that is
    dates: list[tuple[str, str]]  # where, and what it says


def lines(series: Mapping[str, Sequence[Period]]) -> Lines:
    """Each project's periods, oldest first and the same for all. One that is not wholly published, or not wholly in
    the range, is left out: it would look like a fall."""
    some = next(iter(series.values()))
    top = max((each.downloads for periods in series.values() for each in periods if _whole(each)), default=0)
    step = _step(max(top, 1))
    highest = step * -(-max(top, 1) // step)

    def x(place: int) -> str:
        return f"{LEFT + place * (WIDTH - LEFT - RIGHT) / max(len(some) - 1, 1):.1f}"

    def y(downloads: float) -> str:
        return f"{HEIGHT - BOTTOM - downloads * (HEIGHT - TOP - BOTTOM) / highest:.1f}"

    projects: list[tuple[str, list[str]]] = []
    dots: list[tuple[int, str, str]] = []
    for number, (name, periods) in enumerate(series.items(), 1):
        strokes: list[list[tuple[str, str]]] = [[]]
        for place, period in enumerate(periods):
            if _whole(period):
                strokes[-1].append((x(place), y(period.downloads)))
            else:
                strokes.append([])
        projects.append(
            (name, [" ".join(",".join(point) for point in stroke) for stroke in strokes if len(stroke) > 1])
        )
        dots += [(number, *stroke[0]) for stroke in strokes if len(stroke) == 1]
    every = -(-len(some) // DATES)
    return Lines(
        WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, projects, dots,
        [(level, y(level)) for level in range(0, highest + 1, step)],
        [(x(place), f"{some[place].first:%d %b}".lstrip("0")) for place in range(0, len(some), every)],
    )  # fmt: skip


def _whole(period: Period) -> bool:
    return not period.missing and not period.cut


def _step(top: int) -> int:
    """Between two levels: a round number, so that there are three to five of them."""
    tenth = 10 ** (len(str(top)) - 1)
    return max(next(int(step * tenth / 2) or 1 for step in STEPS if top <= step * tenth * 2.5), 1)
