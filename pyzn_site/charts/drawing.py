"""`python -m pyzn_site.charts.drawing`: draws the charts that it reads from its standard input, until that ends.

A process of its own: Vega runs in V8, which would keep Python's lock, and so the API's event loop, while it draws.
"""

import os
import re
import signal
import sys
import traceback
from typing import BinaryIO
from xml.etree import ElementTree as ET

import vl_convert

from pyzn_site.charts.bars import bars
from pyzn_site.charts.chart import LENGTH, Chart
from pyzn_site.charts.frame import FONT, spoken
from pyzn_site.charts.world import world

_NICENESS = 19  # answers come before pictures, where there are too few cores for both

_SVG = "http://www.w3.org/2000/svg"
ELEMENTS = frozenset(("svg", "title", "g", "path", "line", "rect", "text"))
ATTRIBUTES = frozenset((
    "width", "height", "viewBox", "transform", "d", "x", "y", "x1", "x2", "y1", "y2", "fill", "fill-opacity", "stroke",
    "stroke-width", "stroke-miterlimit", "opacity", "text-anchor", "font-size", "font-weight",
))  # fmt: skip
_PRECISE = {"d", "transform", "x2", "y2"}
_DECIMALS = re.compile(r"-?\d+\.\d+")
ET.register_namespace("", _SVG)


def draw(message: bytes) -> bytes:
    """The SVG of a packed chart."""
    chart = Chart.unpacked(message)
    drawn = vl_convert.vega_to_svg(bars(chart) if chart.kind == "bars" else world(chart), allowed_base_urls=[])
    return _plain(drawn, spoken(chart))


def _plain(drawn: str, title: str) -> bytes:
    """The SVG without what only Vega's own scripts need. Raises ValueError for an element that no chart has."""
    root = ET.fromstring(drawn)  # noqa: S314 - Vega wrote it, in this process; nobody else's XML gets here
    for element in root.iter():
        if element.tag.removeprefix(f"{{{_SVG}}}") not in ELEMENTS:
            raise ValueError(f"{element.tag}: not an element of charts")
        for name in set(element.keys()) - ATTRIBUTES:
            del element.attrib[name]
        for name in _PRECISE & set(element.keys()):
            element.set(name, _DECIMALS.sub(_shorter, element.get(name, "")))
    root.attrib |= {"role": "img", "aria-label": title, "font-family": FONT}
    words = ET.Element(f"{{{_SVG}}}title")
    words.text = title
    root.insert(0, words)
    made: bytes = ET.tostring(root, "utf-8", xml_declaration=False)
    return made


def _shorter(number: re.Match[str]) -> str:
    """To a tenth of a pixel."""
    return f"{float(number[0]):.1f}".removesuffix(".0")


def main(asked: BinaryIO, drawn: BinaryIO) -> None:
    """Draw one chart after the other; nothing for one that cannot be drawn, and the reason goes to standard error."""
    os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the API, which ends this process
    while head := asked.read(LENGTH.size):
        message = asked.read(LENGTH.unpack(head)[0])
        try:
            svg = draw(message)
        except Exception:  # noqa: BLE001 - one bad chart must not end the process; its reason is printed
            traceback.print_exc()
            svg = b""
        drawn.write(LENGTH.pack(len(svg)) + svg)
        drawn.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
