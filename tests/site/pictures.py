"""A chart as a picture, taken apart."""

import re
from typing import NamedTuple
from xml.etree import ElementTree as ET

import httpx

SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {SVG + name for name in ("svg", "title", "defs", "pattern", "path", "line", "rect", "circle", "text")}


class Bar(NamedTuple):
    """A rectangle of the plot."""

    x: float  # periods from the left
    height: float  # pixels
    fill: str


class Picture:
    """The texts and bars of an SVG; demands that nothing in it runs or is loaded."""

    def __init__(self, response: httpx.Response, status: int = 200) -> None:
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "image/svg+xml"
        self.root = ET.fromstring(response.text)  # noqa: S314  # our own answer
        for element in self.root.iter():
            assert element.tag in ELEMENTS
            assert not [name for name in element.attrib if name.startswith("on") or name.endswith(("href", "style"))]
            links = [value for value in element.attrib.values() if "url(" in value]
            assert set(links) <= {"url(#missing)", "url(#provisional)"}
        self.texts = [text.text or "" for text in self.root.iter(f"{SVG}text")]
        # `titles` are what the pointer and a screen reader get of each column or country.
        self.title, *self.titles = (title.text or "" for title in self.root.iter(f"{SVG}title"))

    @property
    def bars(self) -> list[Bar]:
        paths = self.root.findall(f".//{SVG}svg[@preserveAspectRatio]/{SVG}path")
        return sorted(
            Bar(float(x), float(low) - float(high), path.get("fill", ""))
            for path in paths
            for x, low, high in re.findall(r"M([\d.]+) ([\d.]+)h0.85V([\d.]+)h-0.85z", path.get("d", ""))
        )

    def patterned(self, name: str) -> int:
        """The number of the plot's rectangles that have that pattern."""
        found = self.root.iter(f"{SVG}rect")
        return sum(each.get("fill") == f"url(#{name})" and each.get("width", "").endswith("%") for each in found)


def picture(client: httpx.Client, address: str, status: int = 200) -> Picture:
    return Picture(client.get(address), status)
