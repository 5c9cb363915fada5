"""The geometry of a chart, from its numbers: bars or lines over periods.

Across, places are parts of the width, so that a chart is as wide as its page and no text in it is stretched; down,
they are pixels. Only `Stroke.path` is in a box of its own, as wide as there are periods, which may be stretched.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Literal, NamedTuple

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
_PERCENT = [(f"{part} %", HEIGHT * (1 - part / 100)) for part in range(0, 101, 25)]

Kind = Literal["bars", "shares", "lines"]


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

    @property
    def joined(self) -> str:
        """The numbers with spaces between them, for scripts."""
        return " ".join(map(str, self.numbers))


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
    height: int = HEIGHT

    @property
    def gap(self) -> float:
        """Percent of the width on each side of a bar."""
        return self.width * _GAP / 2

    @property
    def empty(self) -> bool:
        """Return whether no period has downloads."""
        return not any(any(column.numbers) for column in self.columns)

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """The periods with missing days: percent of the width, neighbours together."""
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
        granularity = periods[0].granularity
        found = [("missing", "missing" if granularity == "day" else "days missing", any(p.missing for p in periods))]
        if not self.lines:
            provisional, cut = any(p.provisional for p in periods), any(p.cut for p in periods)
            words = " or ".join(["provisional"] * provisional + [f"not a whole {granularity}"] * cut)
            found += [("provisional", words, bool(words)), ("suspect", "suspect", any(p.suspect for p in periods))]
        return [(sign, words) for sign, words, there in found if there]


def plot(
    kind: Kind, periods: Sequence[Period], series: Sequence[Series], marks: Sequence[tuple[date, str]] = ()
) -> Plot:
    """Return bars, the first of the series on top; shares, bars of a hundred percent each; or a line for each series.

    `marks` are days and texts. A period that is not whole is a gap in a line: it would look like a fall.
    """
    numbers = [[one.downloads.get(name, 0) for one in series] for name in (str(each.first) for each in periods)]
    if kind == "lines":
        heights = [max(column, default=0) * each.whole for each, column in zip(periods, numbers, strict=True)]
    else:
        heights = [sum(column) for column in numbers]
    end, levels = (0, _PERCENT) if kind == "shares" else _scale(heights)
    draw = _line if kind == "lines" else _bars
    strokes = [Stroke(one.label, one.color, draw(each, periods, numbers, end)) for each, one in enumerate(series)]
    width = 100 / len(periods)
    columns = []
    for place, (period, height) in enumerate(zip(periods, heights, strict=True)):
        known = numbers[place] if period.missing < period.days else ()
        title = _title(period, series, numbers[place], kind)
        columns.append(Column(round(place * width, 3), period, known, round(_y(height, end or height), 1), title))
    dates = [(round((place + 0.5) * width, 3), text, year) for place, text, year in _dates(periods)]
    places = [(bisect_right([each.first for each in periods], day) - 1, text) for day, text in marks]
    shown = [(round(place * width, 3), text) for place, text in places if place >= 0]
    return Plot(strokes, columns, round(width, 3), levels, end, dates, kind == "lines", shown)


def _bars(series: int, periods: Sequence[Period], numbers: Sequence[Sequence[int]], end: int) -> str:
    """The path of one of the series; with `end` 0, each column is a hundred percent."""
    path = ""
    for place, _ in enumerate(periods):
        column = numbers[place]
        low, whole = sum(column[series + 1 :]), end or sum(column)
        if column[series]:
            y, high = _y(low, whole), _y(low + column[series], whole)
            path += f"M{place + _GAP / 2:g} {y:.1f}h{1 - _GAP:g}V{high:.1f}h{_GAP - 1:g}z"
    return path


def _line(series: int, periods: Sequence[Period], numbers: Sequence[Sequence[int]], end: int) -> str:
    """The path of one of the series; a period alone is a short line."""
    path = ""
    whole = [False, *(each.whole for each in periods), False]
    for place, (before, here, after) in enumerate(zip(whole, whole[1:], whole[2:], strict=False)):
        if here:
            y = f"{_y(numbers[place][series], end):.1f}"
            alone = f"M{place + 0.3:g} {y}h0.4"
            path += f"{'L' if before else 'M'}{place + 0.5:g} {y}" if before or after else alone
    return path


def _title(period: Period, series: Sequence[Series], numbers: Sequence[int], kind: Kind) -> str:
    named = ("week of " if period.granularity == "week" else "") + period.name
    known = period.missing < period.days
    remarks = [*([f"{sum(numbers):,} downloads"] if known and kind != "lines" else []), *period.remarks]
    values = zip(series, numbers if known else (), strict=False)
    parts = [f"{one.label}: {number:,}" for one, number in values if one.label and (number or kind == "lines")]
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
    if len(periods) <= _FEW.get(periods[0].granularity, 0):
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
