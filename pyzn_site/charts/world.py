"""Downloads by country on a map of the world, in shades a power of ten apart.

world.json is the world of Natural Earth (public domain) as TopoJSON: countries-110m of world-atlas 2.0.2 (ISC) without
Antarctica, named by ISO 3166-1 alpha-2, and a point for each country that is too small to be in it, from countries-50m.
"""

import json
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import Any

from pyzn_site.charts.chart import Chart
from pyzn_site.charts.frame import (
    COLORS,
    HEADING,
    SIDE,
    TEXT,
    WIDTH,
    Colors,
    Entry,
    Mark,
    days_not_final,
    heading,
    legend,
    specification,
    text,
    written,
)

_TOP, _MAP = HEADING + 8, 372  # pixels: where the map begins, and its height
_DOT = 5  # pixels, the radius of a country that is too small


def world(chart: Chart) -> dict[str, Any]:
    """The chart as a specification of Vega."""
    colors = COLORS[chart.theme]
    downloads: Counter[str] = Counter()
    for _, country, number in chart.counts:
        downloads[country or ""] += number
    drawn = {code: number for code, number in downloads.items() if code in _places()}
    elsewhere = downloads.total() - sum(drawn.values())
    steps = _steps(max(drawn.values(), default=0))
    shades = colors.shades[len(colors.shades) - len(steps) :]
    entries: list[Entry] = [("none", "box", colors.land)]
    entries += [(f"{written(step)}+", "box", shade) for step, shade in zip(steps, shades, strict=True)]
    keys, bottom = legend(entries, _TOP + _MAP + 6, colors)
    notes = days_not_final(chart) + [f"{written(elsewhere)} from unknown countries"] * bool(elsewhere)
    if notes:
        keys.append(text(SIDE, bottom + TEXT + 2, "; ".join(notes), colors.quiet))
        bottom += TEXT + 10
    values = [{"code": code, "shade": sum(number >= step for step in steps)} for code, number in drawn.items()]
    shaded = {"type": "lookup", "from": "counted", "key": "code", "fields": ["id"], "values": ["shade"]}
    countries, small = (
        {"name": name, "values": _topology(), "format": {"type": "topojson", "feature": name}, "transform": [shaded]}
        for name in ("countries", "small")
    )
    small["transform"] = [shaded, {"type": "filter", "expr": "datum.shade != null"}]
    return specification(
        round(bottom + 12),
        colors,
        data=[{"name": "counted", "values": values}, countries, small],
        projections=[
            {
                "name": "earth", "type": "equalEarth", "fit": {"signal": "data('countries')"},
                "extent": [[SIDE, _TOP], [WIDTH - SIDE, _TOP + _MAP]],
            }
        ],
        scales=[
            {"name": "shade", "type": "ordinal", "domain": [*range(len(shades) + 1)], "range": [colors.land, *shades]}
        ],
        marks=[*heading(chart, colors), *keys, *(_shapes(each, colors) for each in ("countries", "small"))],
    )  # fmt: skip


def _shapes(data: str, colors: Colors) -> Mark:
    fill = [{"test": "datum.shade != null", "scale": "shade", "field": "shade"}, {"value": colors.land}]
    return {
        "type": "shape",
        "aria": False,
        "interactive": False,
        "from": {"data": data},
        "encode": {"enter": {"fill": fill, "stroke": {"value": colors.page}, "strokeWidth": {"value": 0.7}}},
        "transform": [{"type": "geoshape", "projection": "earth", "pointRadius": _DOT}],
    }


def _steps(most: int) -> list[int]:
    """From how many downloads on each shade is drawn, least first: up to five powers of ten."""
    powers = len(str(most)) if most else 0
    return [10**power for power in range(max(0, powers - 5), powers)]


@cache
def _topology() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files(__package__).joinpath("world.json").read_bytes())
    return found


@cache
def _places() -> frozenset[str]:
    """The countries that are on the map."""
    objects = _topology()["objects"].values()
    return frozenset(each["id"] for place in objects for each in place["geometries"] if "id" in each)
