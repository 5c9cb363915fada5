"""What every chart has: size, colours, title, legend, and words for numbers.

Made for READMEs, 830 px wide, and for phones, which show it at half that. A chart is a specification of Vega
(https://vega.github.io/vega/docs/specification/), which draws scales, axes and the map. What others have named is a
value of data in it, never an expression.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from xml.sax.saxutils import escape

from pyzn_api.badges import length
from pyzn_api.texts import shortened
from pyzn_pipeline.breakdowns import BREAKDOWNS, WITHOUT_MIRRORS
from pyzn_site.charts.chart import Chart, Theme
from pyzn_site.charts.periods import Period, PeriodFault

Mark = dict[str, Any]
Sign = Literal["box", "hatched", "pale", "suspect"]
Entry = tuple[str, Sign, str]
"""Of the legend: the text, the sign before it, and the sign's colour."""

WIDTH = 830  # pixels, of a README's column on GitHub
SIDE = 24  # pixels, left and right of texts
TEXT = 20  # pixels, of most texts
LINE = 31  # pixels from one line of the legend to the next
HEADING = 74  # pixels, of title and subtitle
FONT = "Helvetica Neue,Helvetica,Arial,Liberation Sans,sans-serif"
LONGEST_NAME = 40  # characters of a project's name

_SIGN = 16  # pixels
_HATCHING = 9  # pixels from one line to the next


@dataclass(frozen=True, slots=True)
class Colors:
    """Of a theme."""

    page: str
    text: str
    quiet: str  # texts that are less important
    grid: str
    single: str  # of the only series
    series: tuple[str, ...]  # https://personal.sron.nl/~pault/#sec:qualitative, for the colour-blind too
    unknown: str
    rest: str
    gap: str  # behind the lines of a day that is missing
    lines: str
    suspect: str
    land: str
    shades: tuple[str, ...]  # of a map, few downloads first


_SERIES = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
COLORS: dict[Theme, Colors] = {
    "light": Colors(
        "#ffffff", "#1f2328", "#59636e", "#d9dee3", "#4477aa", _SERIES, "#8c959f", "#bbbfc4", "#eef1f4", "#8c959f",
        "#bc4c00", "#e6e9ed", ("#c3daee", "#8fbfe0", "#5599cc", "#2270ab", "#0a4a82"),
    ),
    "dark": Colors(
        "#0d1117", "#f0f6fc", "#9aa4af", "#30363d", "#5c8fc4", _SERIES, "#768390", "#4d5560", "#1b2129", "#69727d",
        "#f0883e", "#262c34", ("#173a5e", "#1f5c96", "#3a86cc", "#74b2e8", "#c3e0fa"),
    ),
}  # fmt: skip

_EXPLAINED: dict[PeriodFault, str] = {
    "missing": "missing",
    "incomplete": "some days missing",
    "provisional": "provisional",
    "unfinished": "not over yet",
    "suspect": "suspect",
}


def written(number: int) -> str:
    """The number as people write it: 999, 1.2k, 34k, 5.6M, 7B. Rounded down, as badges are."""
    for power, prefix in ((12, "T"), (9, "B"), (6, "M"), (3, "k")):
        if number >= 10**power:
            tenths = number * 10 // 10**power
            return f"{tenths // 10}{prefix}" if tenths >= 100 or not tenths % 10 else f"{tenths / 10}{prefix}"
    return str(number)


def title_of(chart: Chart) -> str:
    """The project's name, as far as there is room."""
    return shortened(chart.project, LONGEST_NAME)


def subtitle_of(chart: Chart) -> str:
    """What is counted, and the days from which to which."""
    total = sum(number for *_, number in chart.counts)
    breakdown = next((each for each in BREAKDOWNS if each.name == chart.by), None)
    mirrors = " without mirrors" if breakdown and breakdown.counted is WITHOUT_MIRRORS else ""
    keys: list[str] = [chart.granularity] if chart.kind == "bars" else []
    keys += [breakdown.name.replace("python", "Python")] if breakdown else []
    return f"{written(total)} downloads{mirrors} by {' and '.join(keys)}, {chart.start} to {chart.end}"


def spoken(chart: Chart) -> str:
    """The chart in a sentence, for who cannot see it."""
    return "; ".join([f"{title_of(chart)}: {subtitle_of(chart)}", *days_not_final(chart)])


def days_not_final(chart: Chart) -> list[str]:
    """How many days are missing, provisional and suspect."""
    return [f"{len(days)} day{'s' * (len(days) > 1)} {fault}" for fault, days in chart.faults.items() if days]


def explained(periods: Sequence[Period], colors: Colors) -> list[Entry]:
    """The legend of what is not final."""
    found = {fault for period in periods for fault in period.faults}
    signs: list[tuple[Sign, tuple[PeriodFault, ...], str]] = [
        ("hatched", ("missing", "incomplete"), colors.lines),
        ("pale", ("provisional", "unfinished"), colors.single),
        ("suspect", ("suspect",), colors.suspect),
    ]
    return [
        (" or ".join(_EXPLAINED[fault] for fault in faults if fault in found), sign, fill)
        for sign, faults, fill in signs
        if found & set(faults)
    ]


def specification(height: int, colors: Colors, **parts: Any) -> dict[str, Any]:
    """The whole of a chart."""
    return {
        "$schema": "https://vega.github.io/schema/vega/v5.json",
        "width": WIDTH,
        "height": height,
        "padding": 0,
        "autosize": "none",
        "background": colors.page,
        "config": {"axis": {"aria": False, "labelFont": FONT, "labelFontSize": TEXT, "labelColor": colors.quiet}},
        **parts,
    }


def heading(chart: Chart, colors: Colors) -> list[Mark]:
    """Title and subtitle; they end HEADING pixels below the top."""
    return [
        text(SIDE, 36, title_of(chart), colors.text, size=26, bold=True),
        text(SIDE, 65, subtitle_of(chart), colors.quiet),
    ]


def text(
    x: float, y: float, words: str, color: str, *, size: int = TEXT, bold: bool = False, align: str = "left"
) -> Mark:
    """Words on their base line."""
    return _mark(
        "text", x=x, y=y, text=words, fill=color, font=FONT, fontSize=size, fontWeight="bold" if bold else "normal",
        align=align,
    )  # fmt: skip


def rectangle(x: float, y: float, width: float, height: float, fill: str, opacity: float = 1) -> Mark:
    """A filled one."""
    return _mark("rect", x=x, y=y, width=width, height=height, fill=fill, fillOpacity=opacity)


def hatched(x: float, y: float, width: float, height: float, colors: Colors) -> list[Mark]:
    """A rectangle in which there is nothing to see."""
    lines = []
    # Each line rises to the right; `end` is how far right it would end at the top.
    for end in range(_HATCHING // 2, int(width + height), _HATCHING):
        left, right = max(0.0, end - height), min(float(end), width)
        lines.append(f"M{left:.1f},{end - left:.1f}L{right:.1f},{end - right:.1f}")
    return [
        rectangle(x, y, width, height, colors.gap),
        _mark("path", x=x, y=y, path="".join(lines), stroke=colors.lines, strokeWidth=1.2),
    ]


def suspicion(x: float, y: float, colors: Colors, size: float = _SIGN) -> Mark:
    """The sign of a suspect day: a triangle that stands on the point."""
    return _mark("symbol", x=x, y=y, shape="triangle-down", size=size * size, fill=colors.suspect, strokeWidth=0)


def legend(entries: Sequence[Entry], top: int, colors: Colors) -> tuple[list[Mark], int]:
    """The entries from left to right, in as many lines as they need; and where the last line ends."""
    marks: list[Mark] = []
    x = float(SIDE)
    for words, sign, color in entries:
        width = _SIGN + 8 + length(words) * TEXT / 11
        if x > SIDE and x + width > WIDTH - SIDE:
            x, top = float(SIDE), top + LINE
        if sign == "hatched":
            marks += hatched(x, top + 6, _SIGN, _SIGN, colors)
        elif sign == "suspect":
            marks.append(suspicion(x + _SIGN / 2, top + 6 + _SIGN / 2, colors))
        else:
            marks.append(rectangle(x, top + 6, _SIGN, _SIGN, color, PALE if sign == "pale" else 1))
        marks.append(text(x + _SIGN + 8, top + 21, words, colors.text))
        x += width + 14
    return marks, top + LINE * bool(entries)


PALE = 0.55  # how opaque a bar is whose number will change


def _mark(kind: str, **values: object) -> Mark:
    encoded = {name: {"value": value} for name, value in values.items()}
    return {"type": kind, "aria": False, "interactive": False, "encode": {"enter": encoded}}


def sign(project: str, words: str, theme: Theme) -> bytes:
    """A picture that only says something about a project, in place of a chart."""
    colors = COLORS[theme]
    name, said = (escape(shortened(each, LONGEST_NAME), {'"': "&quot;"}) for each in (project, words))
    return _SIGN_SVG.format(width=WIDTH, side=SIDE, name=name, said=said, font=FONT, size=TEXT, colors=colors).encode()


_SIGN_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="96" viewBox="0 0 {width} 96" role="img" \
aria-label="{name}: {said}" font-family="{font}"><title>{name}: {said}</title>\
<rect width="{width}" height="96" fill="{colors.page}"/>\
<text x="{side}" y="42" font-size="26" font-weight="bold" fill="{colors.text}">{name}</text>\
<text x="{side}" y="72" font-size="{size}" fill="{colors.quiet}">{said}</text></svg>
"""
