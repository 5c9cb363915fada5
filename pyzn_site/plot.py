"""From numbers to the geometry of a chart: bars or lines over periods.

Across, places are parts of the width, so that a chart is as wide as its page and no text in it is stretched; down,
they are pixels. Only `Stroke.path` is in a box of its own, as wide as there are periods, which may be stretched.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from pyzn_site.periods import Period
from pyzn_site.series import Series

HEIGHT = 240  # pixels
_GAP = 0.15  # of a bar's room
_STEPS = (1, 2, 2.5, 5, 10)
_LOWEST = 4  # the top of the axis at least, so that it has whole numbers only
_FEW = 35  # days of which each Monday is named
_DATES = 6  # names of months below the axis at most
_MONTHS = (1, 2, 3, 6, 12, 24, 48)  # between two of them


class Stroke(NamedTuple):
    """The path of a series."""

    label: str
    color: str
    path: str


class Column(NamedTuple):
    """A period, from left to right."""

    x: float  # percent of the width
    period: Period
    values: list[tuple[str, int]]  # of the series in it
    top: float  # pixels from above, of its bar

    @property
    def title(self) -> str:
        """All numbers of the period, a line each."""
        total = sum(number for _, number in self.values)
        unknown = self.period.missing == self.period.days
        named = ("week of " if self.period.granularity == "week" else "") + self.period.name
        head = [f"{total:,} downloads"] if not unknown else []
        parts = [f"{label}: {number:,}" for label, number in self.values if label]
        return "\n".join([f"{named}: {', '.join([*head, *self.period.remarks])}", *parts])


class Plot(NamedTuple):
    """The geometry of a chart."""

    strokes: list[Stroke]
    columns: list[Column]
    width: float  # of a column, in percent
    levels: list[tuple[int, float]]  # downloads, and how far from above
    dates: list[tuple[float, str]]  # percent of the width, and the name
    lines: bool

    @property
    def height(self) -> int:
        """Pixels of the plot."""
        return HEIGHT

    @property
    def gap(self) -> float:
        """Percent of the width on each side of a bar."""
        return self.width * _GAP / 2

    @property
    def empty(self) -> bool:
        """Whether no period has downloads."""
        return not any(number for column in self.columns for _, number in column.values)

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """Where days are missing: percent of the width, neighbours together."""
        found: list[tuple[float, float]] = []
        for column, following in pairwise([*self.columns, None]):
            if column and column.period.missing:
                x = found.pop()[0] if found and sum(found[-1]) > column.x - self.width / 2 else column.x
                end = following.x if following else 100.0
                found.append((x, round(end - x, 3)))
        return found

    @property
    def signs(self) -> list[tuple[str, str]]:
        """The legend of days that are not final: a sign and its meaning."""
        periods = [column.period for column in self.columns]
        days = not periods or periods[0].granularity == "day"
        found = {
            "missing": [("missing" if days else "days missing", any(each.missing for each in periods))],
            "provisional": [
                ("provisional", any(each.provisional for each in periods)),
                (f"not a whole {periods[0].granularity}" if periods else "", any(each.cut for each in periods)),
            ],
            "suspect": [("suspect", any(each.suspect for each in periods))],
        }
        words = {sign: " or ".join(word for word, there in each if there) for sign, each in found.items()}
        return [(sign, word) for sign, word in words.items() if word and (sign == "missing" or not self.lines)]


def bars(periods: Sequence[Period], series: Sequence[Series]) -> Plot:
    """Return bars, the first of the series on top."""
    numbers = _numbers(periods, series)
    sums = [sum(column) for column in numbers]
    y, levels = _scale(max(sums, default=0))
    paths: list[list[str]] = [[] for _ in series]
    for place, column in enumerate(numbers):
        low = 0
        for number, path in zip(reversed(column), reversed(paths), strict=True):
            if number:
                path.append(f"M{place + _GAP / 2:g} {y(low):.1f}h{1 - _GAP:g}V{y(low + number):.1f}h{_GAP - 1:g}z")
                low += number
    strokes = [Stroke(one.label, one.color, "".join(path)) for one, path in zip(series, paths, strict=True)]
    return _plot(periods, numbers, strokes, [y(each) for each in sums], levels, lines=False)


def lines(periods: Sequence[Period], series: Sequence[Series]) -> Plot:
    """Return a line for each of the series. A period that is not whole is a gap: it would look like a fall."""
    numbers = _numbers(periods, series)
    tops = [max(column, default=0) if each.whole else 0 for each, column in zip(periods, numbers, strict=True)]
    y, levels = _scale(max(tops, default=0))
    whole = [each.whole for each in periods]
    strokes = []
    for each, one in enumerate(series):
        path = ""
        for place, column in enumerate(numbers):
            if whole[place]:
                begins, ends = not any(whole[place - 1 : place]), not any(whole[place + 1 : place + 2])
                path += (
                    f"{'M' if begins else 'L'}{place + 0.5:g} {y(column[each]):.1f}{'h0' if begins and ends else ''}"
                )
        strokes.append(Stroke(one.label, one.color, path))
    return _plot(periods, numbers, strokes, [y(top) for top in tops], levels, lines=True)


def _numbers(periods: Sequence[Period], series: Sequence[Series]) -> list[list[int]]:
    """The downloads of each period, in the order of the series."""
    return [[one.downloads.get(name, 0) for one in series] for name in (str(each.first) for each in periods)]


def _plot(
    periods: Sequence[Period],
    numbers: Sequence[Sequence[int]],
    strokes: list[Stroke],
    tops: Sequence[float],
    levels: list[tuple[int, float]],
    *,
    lines: bool,
) -> Plot:
    width = 100 / max(len(periods), 1)
    columns = []
    for place, (period, top) in enumerate(zip(periods, tops, strict=True)):
        values = zip((one.label for one in strokes), numbers[place], strict=True)
        shown = [each for each in values if (each[1] or lines) and period.missing < period.days]
        columns.append(Column(round(place * width, 3), period, shown, round(top, 1)))
    dates = [(round((place + 0.5) * width, 3), text) for place, text in _dates(periods)]
    return Plot(strokes, columns, round(width, 3), levels, dates, lines)


def _scale(highest: int) -> tuple[Callable[[float], float], list[tuple[int, float]]]:
    """Pixels from above by downloads, and three to five levels at round numbers."""
    top = max(highest, _LOWEST)
    tenth = 10 ** (len(str(top)) - 1)
    step = max(next(int(step * tenth / 2) or 1 for step in _STEPS if top <= step * tenth * 2.5), 1)
    end = step * -(-top // step)

    def y(downloads: float) -> float:
        return HEIGHT * (1 - downloads / end)

    return y, [(level, round(y(level), 1)) for level in range(0, end + 1, step)]


def _dates(periods: Sequence[Period]) -> list[tuple[int, str]]:
    """Places and names of dates below the axis: Mondays of few days, otherwise beginnings of months."""
    if periods and periods[0].granularity == "day" and len(periods) <= _FEW:
        return [
            (place, f"{each.first.day} {each.first:%b}")
            for place, each in enumerate(periods)
            if each.first.weekday() == 0
        ]
    months: dict[int, int] = {}  # the first place of each month that begins in the range, by its number since year 0
    for place, each in enumerate(periods):
        days = 1 if each.granularity != "week" else 7
        if each.first.day <= days:
            months.setdefault(each.first.year * 12 + each.first.month - 1, place)
    every = next((each for each in _MONTHS if len([month for month in months if month % each == 0]) <= _DATES), 96)
    chosen = [month for month in months if month % every == 0]
    names = [f"{month // 12}" if month % 12 == 0 else periods[months[month]].first.strftime("%b") for month in chosen]
    if names and not any(name.isdigit() for name in names):
        names[0] += f" {chosen[0] // 12}"
    return [(months[month], name) for month, name in zip(chosen, names, strict=True)]
