"""Badges: a number in few characters, and the SVG that shows it in the flat style of shields.io."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal
from xml.sax.saxutils import escape

from webcolors import CSS3, name_to_hex, names

Units = Literal["international_system", "abbreviation", "none"]

PREFIXES: dict[Units, str] = {"international_system": "kMGTP", "abbreviation": "kMBTQ", "none": ""}

# What CSS calls no colour: https://github.com/badges/shields/blob/master/badge-maker/lib/color.js
SHIELDS_COLORS = {
    "brightgreen": "#4c1",
    "critical": "#e05d44",
    "important": "#fe7d37",
    "inactive": "#9f9f9f",
    "informational": "#007ec6",
    "success": "#4c1",
}
# https://www.w3.org/TR/css-color-4/#named-colors; webcolors has those of CSS 3.
COLORS: dict[str, str] = (
    {name: name_to_hex(name) for name in names(CSS3)}
    | {"rebeccapurple": "#663399", "transparent": "#0000"}
    | SHIELDS_COLORS
)
EXPECTED_COLOR = f"3, 4, 6 or 8 hexadecimal digits, a name of CSS, or one of {', '.join(SHIELDS_COLORS)}"


def in_any_case(words: Iterable[str]) -> str:
    """Return the pattern of those words in any case; regular expressions of JSON Schema have no flag for it."""
    return "|".join("".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in word) for word in words)


COLOR_PATTERN = rf"^(#?([0-9a-fA-F]{{3,4}}|[0-9a-fA-F]{{6}}|[0-9a-fA-F]{{8}})|{in_any_case(COLORS)})$"

LONGEST_TEXT = 64  # characters
# Not what XML 1.0 cannot hold, nor controls, nor what turns the direction of the text around it.
TEXT_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufffe\uffff]*$"
EXPECTED_TEXT = f"at most {LONGEST_TEXT} characters that can be shown"

# Advance widths of Verdana at 11 px, in tenths of a pixel, from U+0020 to U+007E.
_WIDTHS = (
    35, 44, 51, 92, 70, 105, 86, 30, 43, 43, 55, 92, 35, 40, 35, 38, 70, 70, 70, 70, 70, 70, 70, 70,
    70, 70, 37, 37, 92, 92, 92, 58, 110, 75, 75, 77, 85, 70, 63, 85, 83, 32, 38, 75, 61, 95, 82, 87,
    66, 87, 76, 70, 69, 81, 75, 109, 75, 69, 75, 43, 38, 43, 92, 59, 55, 67, 70, 60, 70, 68, 41, 70,
    70, 31, 33, 64, 31, 107, 70, 67, 70, 70, 46, 57, 43, 70, 65, 90, 65, 65, 58, 70, 37, 70, 92,
)  # fmt: skip
# What other characters are taken for; textLength then makes them fit.
_WIDE = 115  # Chinese, Japanese, Korean, emoji
_OTHER = 68

_PADDING = 5  # pixels on each side of a text

_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{left}: {right}">\
<title>{left}: {right}</title>\
<linearGradient id="s" x2="0" y2="100%"><stop offset="0" stop-color="#bbb" stop-opacity=".1"/>\
<stop offset="1" stop-opacity=".1"/></linearGradient>\
<clipPath id="r"><rect width="{width}" height="20" rx="3" fill="#fff"/></clipPath>\
<g clip-path="url(#r)"><rect width="{middle}" height="20" fill="{left_color}"/>\
<rect x="{middle}" width="{right_width}" height="20" fill="{right_color}"/>\
<rect width="{width}" height="20" fill="url(#s)"/></g>\
<g text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">{texts}</g></svg>
"""
_TEXT = """\
<text x="{x}" y="15" fill="{shadow}" fill-opacity=".3" textLength="{length}" aria-hidden="true">{text}</text>\
<text x="{x}" y="14" fill="{color}" textLength="{length}">{text}</text>"""


def abbreviated(number: int, units: Units) -> str:
    """Return `number` cut down to its largest prefix: 1999 is 1k. Past the last prefix the digits go on."""
    for power in range(len(PREFIXES[units]), 0, -1):
        if number >= 1000**power:
            return f"{number // 1000**power}{PREFIXES[units][power - 1]}"
    return str(number)


def parse_color(text: str) -> str:
    """Return the `#hex` of a colour's name or digits. Raises ValueError with what is accepted."""
    named = COLORS.get(text.lower())
    if named is not None:
        return named
    if not re.fullmatch(COLOR_PATTERN, text):
        raise ValueError(EXPECTED_COLOR)
    return f"#{text.removeprefix('#').lower()}"


def parse_text(text: str) -> str:
    """Return `text`, if a badge can show it. Raises ValueError with what is accepted."""
    if len(text) > LONGEST_TEXT or not re.fullmatch(TEXT_PATTERN, text):
        raise ValueError(EXPECTED_TEXT)
    return text


def svg(left: str, right: str, left_color: str, right_color: str) -> bytes:
    """Return a badge. Texts may be anything printable; colours are `#hex`, the fourth part is the opacity."""
    left_length, right_length = length(left), length(right)
    middle = left_length + 2 * _PADDING
    right_width = right_length + 2 * _PADDING
    texts = _text(left, middle / 2, left_length, left_color)
    texts += _text(right, middle + right_width / 2, right_length, right_color)
    return _SVG.format(
        width=middle + right_width,
        middle=middle,
        right_width=right_width,
        left=_escaped(left),
        right=_escaped(right),
        left_color=left_color,
        right_color=right_color,
        texts=texts,
    ).encode()


def _text(text: str, x: float, length: int, background: str) -> str:
    color, shadow = ("#333", "#ccc") if _is_light(background) else ("#fff", "#010101")
    return _TEXT.format(x=x, length=length, text=_escaped(text), color=color, shadow=shadow)


def _escaped(text: str) -> str:
    return escape(text, {'"': "&quot;"})


def length(text: str) -> int:
    """Return the pixels that `text` takes in Verdana at 11 px, which is wider than most."""
    return round(sum(map(_tenths, unicodedata.normalize("NFC", text))) / 10)


def _tenths(character: str) -> int:
    letter = unicodedata.normalize("NFD", character)[0]  # without its accent
    if " " <= letter <= "~":
        return _WIDTHS[ord(letter) - 32]
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:  # drawn over the one before, or not at all
        return 0
    return _WIDE if unicodedata.east_asian_width(character) in {"W", "F"} else _OTHER


def _is_light(color: str) -> bool:
    """Return whether dark text is easier to read on it, by the rule of shields.io; a white page shines through."""
    digits = color.removeprefix("#")
    size = 1 if len(digits) < 6 else 2
    red, green, blue, opaque = (int((digits + "ff")[i * size :][:size] * (3 - size), 16) for i in range(4))
    return 1 - (1 - (red * 299 + green * 587 + blue * 114) / 255000) * opaque / 255 > 0.69
