"""/chart/{project}.svg: a chart as a picture for READMEs, with its title, legend and colours in itself.

Made for 830 px, the width of a README on GitHub, and for phones, which show it at half that.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query, Request, Response

from pyzn_api.badges import length
from pyzn_api.cache import ResponseSpec, Snapshot, code
from pyzn_api.errors import BadParameterError, UnknownProjectError, shortened
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import ALL, known_form_or_all
from pyzn_api.openapi import errors, svg_of
from pyzn_api.routes.badges import HEADERS, picture_of
from pyzn_api.routes.counts import MOST
from pyzn_api.routes.parameters import ProjectNameOrAll
from pyzn_api.settings import MIB
from pyzn_api.state import state
from pyzn_api.windows import Window
from pyzn_pipeline.breakdowns import VERSION
from pyzn_pipeline.names import normalise
from pyzn_site.charts import Chart, chart_of, map_of
from pyzn_site.counting import by_key, of_project, of_pypi
from pyzn_site.periods import GRANULARITY, Range, window_of
from pyzn_site.rendering import CODE, Theme, colors, environment
from pyzn_site.series import Count
from pyzn_site.world import World

Kind = Literal["bars", "map"]
By = Literal["version", "country", "python", "system", "installer"]

WIDTH = 830  # pixels
LONGEST_NAME = 40  # characters of a project's name
_SIDE, _TEXT, _LINE, _SIGN = 24, 20, 31, 16  # pixels: beside texts, of a text, from line to line, of a legend's sign

router = APIRouter(tags=["charts"])


class Entry(NamedTuple):
    """One of the legend, with its place in the picture."""

    x: float
    y: float
    sign: str
    color: str
    words: str


@router.get("/chart/{project}.svg", summary="Downloads, as a picture", responses=errors(400, 503) | svg_of("chart"))
async def chart(
    request: Request,
    project: ProjectNameOrAll,
    by: Annotated[By | None, Query(description="what downloads are told apart by; unless given, they are not")] = None,
    kind: Annotated[Kind, Query(description="bars per period, or with by=country a map of the world")] = "bars",
    chosen: Annotated[
        Range,
        Query(
            alias="range",
            description="30 or 90 days by day, 53 weeks by week, or all days by month, up to the latest published day",
        ),
    ] = "month",
    theme: Annotated[Theme, Query(description="for light or dark pages")] = "light",
) -> Response:
    """Days that are missing, provisional or suspect look so, and are never drawn as zero."""
    if kind == "map" and by != "country":
        raise BadParameterError("kind", kind, "by=country with it")
    if project == ALL and by == VERSION.name:
        raise BadParameterError("by", by, "another one: all of PyPI is not counted by version")
    parts, granularity = state(request), GRANULARITY[chosen]

    def basis(ledger: Ledger) -> Basis:
        return Basis(window_of(chosen, ledger, parts.today), days=True)

    async def render(snapshot: Snapshot) -> bytes:
        window = snapshot.window
        counts: Sequence[Count] | Mapping[str, int] | None
        if by:
            found = await by_key(snapshot, name, window, granularity, by, most := MOST[granularity])
            first_day, counts = found.first_day, found.counts
            if counts is None:
                expected = f"a shorter one: {most // MIB} MiB of counts at most are read for a chart, here are"
                raise BadParameterError("range", chosen, f"{expected} {found.size // MIB} MiB")
        elif name == ALL:
            first_day, counts = of_pypi(snapshot.ledger, window, granularity)
        else:
            first_day, counts = await of_project(snapshot, name, window, granularity)
        if chosen == "all":
            window = Window(first_day or window.end, window.end)
        title = "All of PyPI" if name == ALL else shortened(name, LONGEST_NAME)
        if kind == "map":
            return picture(map_of(title, window, snapshot.ledger, dict(found.keys)), theme)
        return picture(chart_of(title, window, granularity, snapshot.ledger, counts, by), theme)

    try:
        name = known_form_or_all(project)
        spec = ResponseSpec((code(*CODE), "chart", name, by, kind, chosen, theme), basis, render, HEADERS)
        return await parts.answers.respond(request, spec)
    except UnknownProjectError as error:
        unknown = shortened(normalise(project), LONGEST_NAME)
        svg = environment().get_template("sign.svg").render(name=unknown, color=colors(theme), width=WIDTH)
        return picture_of(error, svg.encode())


def picture(chart: Chart, theme: Theme) -> bytes:
    """Return the chart as an SVG of its own."""
    top = 74  # below the heading
    if isinstance(chart.drawing, World):
        top += 8
        keys, bottom = _legend([("box", color, words) for color, words in chart.drawing.shades], top + 352)
        bottom += (_TEXT + 10) * bool(chart.notes)
    else:
        series = [("box", each.color, each.label) for each in chart.drawing.strokes if each.label]
        keys, top = _legend(series, top)
        top += 26
        signs, bottom = _legend([(sign, "s1", words) for sign, words in chart.drawing.signs], top + 282)
        keys += signs
    shown = {"chart": chart, "keys": keys, "top": top, "height": bottom + 12, "width": WIDTH, "color": colors(theme)}
    return environment().get_template("picture.svg").render(shown).encode()


def _legend(entries: Sequence[tuple[str, str, str]], top: int) -> tuple[list[Entry], int]:
    """The entries from left to right, in as many lines as they need; and where the last line ends."""
    found: list[Entry] = []
    x = float(_SIDE)
    for sign, color, words in entries:
        width = _SIGN + 8 + length(words) * _TEXT / 11
        if x > _SIDE and x + width > WIDTH - _SIDE:
            x, top = float(_SIDE), top + _LINE
        found.append(Entry(round(x, 1), top + 6, sign, color, words))
        x += width + 14
    return found, top + _LINE * bool(entries)
