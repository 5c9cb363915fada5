"""/chart/{project}.svg: a chart as a picture for READMEs, with its title, legend and colours in itself.

So narrow that a phone, which shows it at seven tenths, has no text below 11 pixels, and a desk none above a page's own.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

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
from pyzn_pipeline.breakdowns import BREAKDOWNS, VERSION
from pyzn_pipeline.names import is_name, normalise
from pyzn_site.charts import Chart, chart_of, comparison, map_of
from pyzn_site.compare import split
from pyzn_site.counting import by_key, by_period, of_project
from pyzn_site.rendering import CODE, Theme, colors, environment
from pyzn_site.view import WORDS, By, View, measure_of

WIDTH = 460  # pixels
LONGEST_NAME = 40  # characters of a project's name
_SIDE, _TEXT, _LINE, _SIGN = 12, 16, 22, 14  # pixels: beside texts, of a text, from line to line, of a legend's sign
_WORLD = 193  # pixels

router = APIRouter(tags=["charts"])


class ChartView(View, frozen=True):
    """The parameters of a chart."""

    by: By | None = Field(None, description="what downloads are divided by; unless given, they are not")
    kind: Literal["bars", "map"] = Field("bars", description="bars per period, or with by=country a map of the world")
    theme: Theme = Field("light", description="for light or dark pages")
    name: tuple[str, ...] = Field((), description="projects to be compared, up to eight, in /chart/compare.svg")


class Entry(NamedTuple):
    """One of the legend, with its place in the picture."""

    x: float
    y: float
    sign: str
    color: str
    words: str


@router.get("/chart/{project}.svg", summary="Downloads, as a picture", responses=errors(400, 503) | svg_of("chart"))
async def chart(request: Request, project: ProjectNameOrAll, view: Annotated[ChartView, Query()]) -> Response:
    """Days that are missing, provisional or suspect look so, and are never drawn as zero."""
    breakdown = next((each for each in BREAKDOWNS if each.name == view.by), None)
    compared = split(view.name) if project == "compare" else ()
    if view.kind == "map" and view.by != "country":
        raise BadParameterError("kind", view.kind, "by=country with it")
    if view.by and compared:
        raise BadParameterError("by", view.by, "no by with several projects")
    if project == ALL and breakdown is VERSION:
        raise BadParameterError("by", view.by, "another one: all of PyPI is not counted by version")
    if view.share and not (breakdown or compared):
        raise BadParameterError("share", "1", "by with it, or several projects")
    if breakdown and view.asked and (counted := measure_of(breakdown, view.asked)) != view.asked:
        name, value = ("count", view.count) if view.ci == "include" else ("ci", view.ci)
        raise BadParameterError(name, value, f"{WORDS[counted]} with by={view.by}, which is all that is counted")
    today = state(request).today

    def basis(ledger: Ledger) -> Basis:
        return Basis(view.window(ledger, today), days=True)

    async def made(snapshot: Snapshot) -> Chart:
        ledger, scope = snapshot.ledger, view.scope(snapshot.ledger, today)
        if compared:
            counted = await by_period(snapshot, [each for each in compared if is_name(each)], scope)
            if not counted:
                raise UnknownProjectError(compared[0])
            return comparison(scope, ledger, counted, share=view.share)
        title = "All of PyPI" if name == ALL else shortened(name, LONGEST_NAME)
        if breakdown is None:
            downloads = await of_project(snapshot, name, scope)
            first = date.fromisoformat(min(downloads)) if downloads else None
            scope = scope.since(first) if view.range == "all" else scope
            return chart_of(title, scope, ledger, downloads)
        found = await by_key(snapshot, name, scope, breakdown, most := MOST[scope.granularity])
        scope = scope.since(found.first_day) if view.range == "all" else scope
        if found.counts is None:
            expected = f"a shorter one: {most // MIB} MiB of counts at most are read for a chart, here are"
            raise BadParameterError("range", view.range or "month", f"{expected} {found.size // MIB} MiB")
        if view.kind == "map":
            return map_of(title, scope, ledger, dict(found.keys))
        return chart_of(title, scope, ledger, found.counts, breakdown, share=view.share)

    async def render(snapshot: Snapshot) -> bytes:
        return picture(await made(snapshot), view.theme)

    try:
        name = project if compared else known_form_or_all(project)
        spec = ResponseSpec((code(*CODE), "chart", name, compared, view), basis, render, HEADERS)
        return await state(request).answers.respond(request, spec)
    except UnknownProjectError as error:
        unknown = shortened(normalise(project if not compared else ", ".join(compared)), LONGEST_NAME)
        svg = environment().get_template("sign.svg").render(name=unknown, color=colors(view.theme), width=WIDTH)
        return picture_of(error, svg.encode())


def picture(chart: Chart, theme: Theme) -> bytes:
    """Return the chart as an SVG of its own."""
    top = 76  # below the heading
    notes: Sequence[str] = ()
    if chart.world:
        notes = chart.notes
        keys, bottom = _legend([("box", color, words) for color, words in chart.world.shades], top + _WORLD + 4)
        bottom += (_TEXT + 5) * len(notes) + 6 * bool(notes)
    elif chart.plot:
        kind = "line" if chart.plot.lines else "box"
        keys, top = _legend([(kind, each.color, each.label) for each in chart.plot.strokes if each.label], top)
        top += 20
        below = top + chart.plot.height + (52 if any(year for *_, year in chart.plot.dates) else 32)
        signs, bottom = _legend([(sign, "s1", words) for sign, words in chart.plot.signs], below)
        keys += signs
    shown = {"chart": chart, "keys": keys, "notes": notes, "top": top, "height": bottom + 10, "world_height": _WORLD}
    template = environment().get_template("picture.svg")
    return template.render(shown | {"width": WIDTH, "color": colors(theme)}).encode()


def _legend(entries: Sequence[tuple[str, str, str]], top: int) -> tuple[list[Entry], int]:
    """The entries from left to right, in as many lines as they need; and where the last line ends."""
    found: list[Entry] = []
    x = float(_SIDE)
    for sign, color, words in entries:
        width = _SIGN + 6 + length(words) * _TEXT / 11
        if x > _SIDE and x + width > WIDTH - _SIDE:
            x, top = float(_SIDE), top + _LINE
        found.append(Entry(round(x, 1), top, sign, color, words))
        x += width + 12
    return found, top + _LINE * bool(entries)
