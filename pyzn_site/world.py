"""Downloads by country on a map of the world, in shades a power of ten apart.

world.json has the outlines of countries by ISO 3166-1 alpha-2, as SVG paths in half pixels, and a point for each
country that is too small for one: Natural Earth (public domain), from world-atlas 2.0.2 (ISC), in Equal Earth,
without Antarctica.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from pyzn_site.texts import country, written

SHADES = 5


class Place(NamedTuple):
    """A country with downloads: an outline, or a point."""

    title: str
    shade: str  # a colour's name
    path: str
    point: tuple[int, int] | None


class World(NamedTuple):
    """The geometry of a map."""

    land: str  # the outline of all countries
    places: list[Place]
    shades: list[tuple[str, str]]  # the legend: a colour's name, and from how many downloads it is
    elsewhere: int  # downloads from what is not on the map
    box: str = "0 20 1580 700"  # what is to be seen of the paths


def world(downloads: Mapping[str, int]) -> World:
    """Return the map of downloads by country."""
    shapes, points = _places()["shapes"], _places()["points"]
    drawn = {code: number for code, number in downloads.items() if number and (code in shapes or code in points)}
    powers = len(str(max(drawn.values()))) if drawn else 0
    steps = [10**power for power in range(max(0, powers - SHADES), powers)]

    def shade(number: int) -> str:
        return f"m{SHADES - len(steps) + sum(number >= step for step in steps)}"

    places = [
        Place(f"{country(code)}: {number:,}", shade(number), shapes.get(code, ""), points.get(code))
        for code, number in sorted(drawn.items(), key=lambda item: item[0] in points)
    ]
    shades = [(shade(step), f"{written(step)}+") for step in steps]
    elsewhere = sum(downloads.values()) - sum(drawn.values())
    return World("".join(shapes.values()), places, [("land", "none"), *shades], elsewhere)


@cache
def _places() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files(__package__).joinpath("world.json").read_bytes())
    return found
