"""Numbers, days and keys as people read them."""

from datetime import date
from functools import cache

import pycountry

from pyzn_api.errors import shortened
from pyzn_pipeline.breakdowns import COUNTRY, UNKNOWN, VERSION

LONGEST_LABEL = 20  # characters, in the legend of a chart


def written(number: int) -> str:
    """Return 999, 1.2k, 34k, 5.6M, 7B. Rounded down, as badges are."""
    for power, prefix in ((12, "T"), (9, "B"), (6, "M"), (3, "k")):
        if number >= 10**power:
            tenths = number * 10 // 10**power
            return f"{tenths // 10}{prefix}" if tenths >= 100 or not tenths % 10 else f"{tenths / 10}{prefix}"
    return str(number)


def percent(part: int, whole: int) -> str:
    """Return 41.2 %, 0.41 %, 0.0041 %: two digits of a small share."""
    share = 100 * part / whole if whole else 0
    if 0 < share < 0.001:
        return "under\u00a00.001\u00a0%"
    return f"{share:.1f}\u00a0%" if share >= 1 else f"{share:.2g}\u00a0%"


def long_day(day: date) -> str:
    """19 July 2026."""
    return f"{day.day} {day:%B %Y}"


def key_text(key: str, by: str) -> str:
    """Return a key of a breakdown as a person reads it."""
    if by == COUNTRY.name:
        key = country(key)
    return {UNKNOWN: "unknown", "": "(empty)"}.get(key, key)


def label(key: str, by: str) -> str:
    """Return a key for the legend of a chart: short, and visible; a major or minor version is all of its releases."""
    text = shortened(key_text(key.strip(), by), LONGEST_LABEL)
    return f"{text}.x" if by == VERSION.name and text.replace(".", "").isdecimal() else text


@cache
def country(code: str) -> str:
    """Return the English name of a country; a code that ISO 3166-1 does not list stays as it is."""
    found = pycountry.countries.get(alpha_2=code)
    return str(getattr(found, "common_name", found.name)) if found else code
