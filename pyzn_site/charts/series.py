"""The series of a chart by a key: a few that can be told apart, the rest together."""

from collections import Counter
from dataclasses import dataclass

import pycountry

from pyzn_api.texts import shortened
from pyzn_api.versions import in_order
from pyzn_pipeline.breakdowns import COUNTRY, PYTHON, UNKNOWN, VERSION

MOST = 6  # that a reader tells apart by colour
LONGEST_LABEL = 20  # characters
_MAJORS = 0.05  # of all downloads: with two major versions above it, versions are told apart by them

REST = None  # the key of what is no series of its own

Count = tuple[str, str | None, int]  # the first day of a period, key, downloads


@dataclass(frozen=True, slots=True)
class Series:
    """One of the colours: what it is called, and its downloads by the first day of the period."""

    label: str
    downloads: dict[str, int]
    kind: str = "named"  # or "unknown" or "rest", which are grey


def series_of(by: str | None, counts: list[Count]) -> list[Series]:
    """The series in the order in which they are stacked: versions by PEP 440, others by size; then the rest."""
    if by == VERSION.name:
        counts = _merged(counts)
    totals: Counter[str | None] = Counter()
    for _, key, number in counts:
        totals[key] += number
    named = [key for key, _ in totals.most_common() if key is not REST]
    if len(named) > MOST + (totals[REST] == 0):  # "other" in place of a single one would say less
        named = named[:MOST]
    if by in {VERSION.name, PYTHON.name}:
        named = in_order(named)
    downloads: dict[str | None, Counter[str]] = {key: Counter() for key in (*named, REST)}
    for period, key, number in counts:
        downloads[key if key in downloads else REST][period] += number
    found = [Series(label(by, key), downloads[key], "unknown" if key == UNKNOWN else "named") for key in named]
    return found + [Series("other", downloads[REST], "rest")] * bool(downloads[REST].total())


def label(by: str | None, key: str) -> str:
    """What a reader is shown of a key."""
    if key == UNKNOWN:
        return "unknown"
    if by == COUNTRY.name and (country := pycountry.countries.get(alpha_2=key)):
        key = getattr(country, "common_name", country.name)
    if by == VERSION.name and "." not in key:
        key += ".x"
    return shortened(key.strip(), LONGEST_LABEL) or "(nothing)"


def _merged(counts: list[Count]) -> list[Count]:
    """By major version if more than one of them counts, otherwise by minor version; 1, 1.0 and 01.0 are one."""
    minors: dict[str, tuple[int, int]] = {}
    majors: Counter[int] = Counter()
    for _, key, number in counts:
        if key not in {REST, UNKNOWN}:
            major, _, minor = str(key).partition(".")
            minors[str(key)] = int(major), int(minor or 0)
            majors[int(major)] += number
    by_major = sum(number > majors.total() * _MAJORS for number in majors.values()) > 1
    names = {key: str(major) if by_major else f"{major}.{minor}" for key, (major, minor) in minors.items()}
    return [(period, key and names.get(key, key), number) for period, key, number in counts]
