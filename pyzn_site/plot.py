"""From numbers to the geometry of a chart: bars or lines over periods.

Across, places are parts of the width, so that a chart is as wide as its page and no text in it is stretched; down,
they are pixels. Only `Stroke.path` is in a box of its own, as wide as there are periods, which may be stretched.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from pyzn_site.periods import Period
from pyzn_site.series import Series
from pyzn_site.texts import written

HEIGHT = 240  # pixels
_GAP = 0.15  # of a bar's room
_STEPS = (1, 2, 5, 10)  # halves of them have exact labels; 12.5k would be written 12k
_LOWEST = 4  # the top of the axis at least, so that it has whole numbers only
_FEW = {"day": 35, "week": 6}  # periods of which each Monday is named
_DATES = 6  # names of days or months below the axis at most
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
    numbers: Sequence[int]  # of the series; none where nothing is known
    top: float  # pixels from above, of its bar
    title: str  # all numbers of the period, a line each


class Plot(NamedTuple):
    """The geometry of a chart."""

    strokes: list[Stroke]
    columns: list[Column]
    width: float  # of a column, in percent
    levels: list[tuple[str, float]]  # the text beside a line, and how far from above
    end: int  # the number at the upper end; 0: each column is a hundred percent
    dates: list[tuple[float, str, str]]  # percent of the width, the day or month, and the year where it begins
    lines: bool
    marks: list[tuple[float, str]]  # vertical lines: percent of the width, and the title

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
        return not any(any(column.numbers) for column in self.columns)

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


def bars(
    periods: Sequence[Period],
    series: Sequence[Series],
    marks: Sequence[tuple[date, str]] = (),
    *,
    share: bool = False,
) -> Plot:
    """Return bars, the first of the series on top; with `share` each is a hundred percent."""
    numbers = _numbers(periods, series)
    sums = [sum(column) for column in numbers]
    end, levels = (
        (0, [(f"{part} %", HEIGHT * (1 - part / 100)) for part in range(0, 101, 25)]) if share else _scale(sums)
    )
    tops = [_y(total, end or total) for total in sums]
    paths: list[list[str]] = [[] for _ in series]
    for place, column in enumerate(numbers):
        low = 0
        for number, path in zip(reversed(column), reversed(paths), strict=True):
            if number:
                y, high = _y(low, end or sums[place]), _y(low + number, end or sums[place])
                path.append(f"M{place + _GAP / 2:g} {y:.1f}h{1 - _GAP:g}V{high:.1f}h{_GAP - 1:g}z")
                low += number
    strokes = [Stroke(one.label, one.color, "".join(path)) for one, path in zip(series, paths, strict=True)]
    return _plot(periods, numbers, strokes, tops, levels, end, marks, lines=False)


def lines(periods: Sequence[Period], series: Sequence[Series], marks: Sequence[tuple[date, str]] = ()) -> Plot:
    """Return a line for each of the series. A period that is not whole is a gap: it would look like a fall."""
    numbers = _numbers(periods, series)
    tops = [max(column, default=0) if each.whole else 0 for each, column in zip(periods, numbers, strict=True)]
    end, levels = _scale(tops)
    whole = [each.whole for each in periods]
    strokes = []
    for each, one in enumerate(series):
        path = ""
        for place, column in enumerate(numbers):
            if whole[place]:
                begins, ends = not any(whole[place - 1 : place]), not any(whole[place + 1 : place + 2])
                y, alone = f"{_y(column[each], end):.1f}", begins and ends
                path += f"M{place + 0.3:g} {y}h0.4" if alone else f"{'M' if begins else 'L'}{place + 0.5:g} {y}"
        strokes.append(Stroke(one.label, one.color, path))
    return _plot(periods, numbers, strokes, [_y(top, end) for top in tops], levels, end, marks, lines=True)


def _numbers(periods: Sequence[Period], series: Sequence[Series]) -> list[list[int]]:
    """The downloads of each period, in the order of the series."""
    return [[one.downloads.get(name, 0) for one in series] for name in (str(each.first) for each in periods)]


def _plot(
    periods: Sequence[Period],
    numbers: Sequence[Sequence[int]],
    strokes: list[Stroke],
    tops: Sequence[float],
    levels: list[tuple[str, float]],
    end: int,
    marks: Sequence[tuple[date, str]],
    *,
    lines: bool,
) -> Plot:
    width = 100 / max(len(periods), 1)
    columns = []
    for place, (period, top) in enumerate(zip(periods, tops, strict=True)):
        known = numbers[place] if period.missing < period.days else ()
        values = [(one.label, number) for one, number in zip(strokes, known, strict=False) if number or lines]
        title = _title(period, values, None if lines or not known else sum(known))
        columns.append(Column(round(place * width, 3), period, known, round(top, 1), title))
    dates = [(round((place + 0.5) * width, 3), text, year) for place, text, year in _dates(periods)]
    begins = [
        (max((place for place, each in enumerate(periods) if each.first <= day), default=-1), text)
        for day, text in marks
    ]
    shown = [(round(place * width, 3), text) for place, text in begins if place >= 0]
    return Plot(strokes, columns, round(width, 3), levels, end, dates, lines, shown)


def _title(period: Period, values: Sequence[tuple[str, int]], total: int | None) -> str:
    named = ("week of " if period.granularity == "week" else "") + period.name
    remarks = [*([] if total is None else [f"{total:,} downloads"]), *period.remarks]
    parts = [f"{label}: {number:,}" for label, number in values if label]
    return "\n".join([f"{named}{': ' if remarks else ''}{', '.join(remarks)}", *parts])


def _y(downloads: float, end: float) -> float:
    """Pixels from above."""
    return HEIGHT * (1 - downloads / end) if end else HEIGHT


def _scale(numbers: Sequence[int]) -> tuple[int, list[tuple[str, float]]]:
    """The upper end of the axis, and three to five levels at round numbers."""
    top = max([*numbers, _LOWEST])
    tenth = 10 ** (len(str(top)) - 1)
    step = max(next(int(step * tenth / 2) or 1 for step in _STEPS if top <= step * tenth * 2.5), 1)
    end = step * -(-top // step)
    return end, [(written(level), round(_y(level, end), 1)) for level in range(0, end + 1, step)]


def _dates(periods: Sequence[Period]) -> list[tuple[int, str, str]]:
    """Places and names of dates below the axis: Mondays of few days, otherwise beginnings of months; and the years."""
    if periods and len(periods) <= _FEW.get(periods[0].granularity, 0):
        few = len(periods) <= _DATES
        days = [(place, each.first) for place, each in enumerate(periods) if few or each.first.weekday() == 0]
        return _with_years([(place, f"{day.day} {day:%b}", day.year) for place, day in days])
    months: dict[int, int] = {}  # the first place of each month that begins in the range, by its number since year 0
    for place, each in enumerate(periods):
        if each.first.day <= (7 if each.granularity == "week" else 1):
            months.setdefault(each.first.year * 12 + each.first.month - 1, place)
    every = next((each for each in _MONTHS if len([month for month in months if month % each == 0]) <= _DATES), 96)
    chosen = [(place, month) for month, place in months.items() if month % every == 0]
    if every >= 12:
        return [(place, str(month // 12), "") for place, month in chosen]
    return _with_years([(place, f"{periods[place].first:%b}", month // 12) for place, month in chosen])


def _with_years(dates: Sequence[tuple[int, str, int]]) -> list[tuple[int, str, str]]:
    """The year at the first and the last date, and where it changes."""
    years = [0, *(year for *_, year in dates)]
    shown = [year != before or number == len(dates) for number, (before, year) in enumerate(pairwise(years), 1)]
    return [(place, text, str(year) if has else "") for (place, text, year), has in zip(dates, shown, strict=True)]
