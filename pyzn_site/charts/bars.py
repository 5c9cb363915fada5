"""Downloads per period as bars, one on the other where there are several series."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from pyzn_api.windows import Granularity
from pyzn_site.charts.chart import Chart
from pyzn_site.charts.frame import (
    COLORS,
    HEADING,
    PALE,
    SIDE,
    WIDTH,
    Colors,
    Entry,
    Mark,
    explained,
    hatched,
    heading,
    legend,
    rectangle,
    specification,
    suspicion,
    text,
)
from pyzn_site.charts.periods import Period, periods_of
from pyzn_site.charts.series import Series, series_of

# Of the plot, in pixels: the numbers are left of it, the dates below.
_LEFT = 84
_WIDTH, _HEIGHT = WIDTH - SIDE - _LEFT, 250
_DATES = 38
_FEW = 30  # days or months
_LOWEST = 4  # the top of the axis, so that it has whole numbers only
_GAP = 0.15  # of a bar's room

# By what a tick is the first moment of. "B" is what people write for d3's G.
_DATE_FORMAT = {"year": "%Y", "quarter": "%b", "month": "%b"}
_NUMBER = "replace(format(datum.value, '~s'), 'G', 'B')"


def bars(chart: Chart) -> dict[str, Any]:
    """The chart as a specification of Vega."""
    colors, periods = COLORS[chart.theme], periods_of(chart)
    series = series_of(chart.by, chart.counts)
    fills = _fills(series, colors, single=chart.by is None)
    entries: list[Entry] = [(one.label, "box", fill) for one, fill in zip(series, fills, strict=True) if chart.by]
    keys, top = legend(entries, HEADING, colors)
    top += 22
    notes, bottom = legend(explained(periods, colors), top + _HEIGHT + _DATES, colors)
    first, after = (_milliseconds(day) for day in (periods[0].start, periods[-1].after))
    plot: Mark = {
        "type": "group",
        "aria": False,
        "encode": {
            "enter": {
                name: {"value": value}
                for name, value in {"x": _LEFT, "y": top, "width": _WIDTH, "height": _HEIGHT}.items()
            }
        },
        "axes": [_numbers(colors), _dates(chart.granularity, periods, colors)],
        "marks": [*_behind(chart, periods, colors), _BARS, rectangle(0, _HEIGHT, _WIDTH, 1, colors.quiet)],
    }
    sums: Counter[str] = Counter()
    for period, _, number in chart.counts:
        sums[period] += number
    highest = max(_LOWEST, *sums.values()) if sums else _LOWEST
    return specification(
        round(bottom + 12),
        colors,
        data=[{"name": "bars", "values": _rows(periods, series), "transform": [_STACKED]}],
        scales=[
            {"name": "x", "type": "utc", "domain": [first, after], "range": [0, _WIDTH]},
            {"name": "y", "type": "linear", "domain": [0, highest], "nice": 4, "range": [_HEIGHT, 0]},
            {"name": "fill", "type": "ordinal", "domain": list(range(len(series))), "range": fills},
        ],
        marks=[*heading(chart, colors), *keys, *notes, plot],
    )


def _numbers(colors: Colors) -> dict[str, Any]:
    return {
        "orient": "left",
        "scale": "y",
        "tickCount": 4,
        "tickMinStep": 1,
        "ticks": False,
        "domain": False,
        "grid": True,
        "gridScale": "x",
        "gridColor": colors.grid,
        "labelPadding": 8,
        "encode": {"labels": {"update": {"text": {"signal": _NUMBER}}}},
    }


def _dates(granularity: Granularity, periods: Sequence[Period], colors: Colors) -> dict[str, Any]:
    few = len(periods) <= _FEW
    ticks: dict[str, Any] = {"tickCount": 6}
    if granularity == "day":  # Mondays, or the first days of months
        starts = [date.fromisoformat(period.start) for period in periods]
        ticks = {"values": [_milliseconds(str(day)) for day in starts if (day.weekday() if few else day.day - 1) == 0]}
        ticks["format"] = "%-d %b" if few else "%b"
    elif granularity == "month" and few:
        ticks = {"tickCount": {"interval": "month", "step": 1 + len(periods) // 7}}
    # A tick names a day whole, or one of few months, so it is in the middle of that; of more it says where they begin.
    middle = _WIDTH / len(periods) / 2 if few or granularity == "day" else 0
    return {
        "orient": "bottom",
        "scale": "x",
        "format": _DATE_FORMAT,
        "formatType": "utc",
        "tickOffset": middle,
        "tickSize": 6,
        "tickColor": colors.quiet,
        "domain": False,
        "labelPadding": 4,
        "labelOverlap": True,
        **ticks,
    }


def _behind(chart: Chart, periods: Sequence[Period], colors: Colors) -> list[Mark]:
    """What is to be seen of days that are missing or suspect."""
    first, after = (_milliseconds(day) for day in (periods[0].start, periods[-1].after))

    def x(day: str) -> float:
        return (_milliseconds(day) - first) / (after - first) * _WIDTH

    marks: list[Mark] = []
    for begin, until in _gaps(periods):
        marks += hatched(x(begin), 0, x(until) - x(begin), _HEIGHT, colors)
    for period in periods:
        if "suspect" in period.faults:
            left, right = x(period.start), x(period.after)
            marks += [
                rectangle(left, 0, right - left, _HEIGHT, colors.suspect, 0.15),
                suspicion((left + right) / 2, -8, colors, min(14.0, max(9.0, right - left))),
            ]
    if not chart.counts:
        marks.append(text(_WIDTH / 2, _HEIGHT / 2, "no downloads", colors.quiet, align="center"))
    return marks


_STACKED = {"type": "stack", "groupby": ["from"], "sort": {"field": "series"}, "field": "downloads"}
_BARS: Mark = {
    "type": "rect",
    "aria": False,
    "interactive": False,
    "from": {"data": "bars"},
    "encode": {
        "enter": {
            "x": {"scale": "x", "field": "from"},
            "x2": {"scale": "x", "field": "to"},
            "y": {"scale": "y", "field": "y0"},
            "y2": {"scale": "y", "field": "y1"},
            "fill": {"scale": "fill", "field": "series"},
            "fillOpacity": {"field": "opacity"},
        }
    },
}


def _fills(series: list[Series], colors: Colors, *, single: bool) -> list[str]:
    named = iter(colors.series)
    others = {"unknown": colors.unknown, "rest": colors.single if single else colors.rest}
    return [others.get(one.kind) or next(named) for one in series]


def _rows(periods: Sequence[Period], series: list[Series]) -> list[dict[str, Any]]:
    """A row for each rectangle, its sides in milliseconds."""
    rows = []
    for period in periods:
        begin, after = _milliseconds(period.start), _milliseconds(period.after)
        gap = (after - begin) * _GAP / 2
        changes = {"provisional", "unfinished"} & period.faults
        rows += [
            {"from": begin + gap, "to": after - gap, "series": number, "downloads": one.downloads[period.start],
             "opacity": PALE if changes else 1}
            for number, one in enumerate(series) if one.downloads.get(period.start)
        ]  # fmt: skip
    return rows


def _gaps(periods: Sequence[Period]) -> list[tuple[str, str]]:
    """Where days are missing: the first day, and the day after the last one, of neighbours together."""
    gaps: list[tuple[str, str]] = []
    for period in periods:
        if {"missing", "incomplete"} & period.faults:
            begin = gaps.pop()[0] if gaps and gaps[-1][1] == period.start else period.start
            gaps.append((begin, period.after))
    return gaps


def _milliseconds(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)
