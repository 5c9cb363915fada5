"""The series of a chart: a few with a colour each, the rest together."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyzn_api.versions import in_order
from pyzn_pipeline.breakdowns import LIBC, PYTHON, UNKNOWN, VERSION
from pyzn_site.texts import label

MOST = 6  # with a colour each
SMALLEST = 0.01  # of all downloads; what has less is in the rest
_MAJORS = 0.05  # of all downloads: with two major versions above it, versions are divided by them

REST = None  # the key of what is no series of its own

Count = tuple[str, str | None, int]  # the first day of a period, key, downloads


@dataclass(frozen=True, slots=True)
class Series:
    """A line, or a colour of the bars: its label, its downloads by the first day of the period, its colour's name."""

    label: str
    downloads: Mapping[str, int]
    color: str = "s1"


def series_of(by: str, counts: Sequence[Count]) -> list[Series]:
    """Return the series from top to bottom: the newest version first, or the largest; then the rest and unknown."""
    if by == VERSION.name:
        counts = _merged(counts)
    totals: Counter[str | None] = Counter()
    for _, key, number in counts:
        totals[key] += number
    named = [key for key, number in totals.most_common() if key is not REST and number >= SMALLEST * totals.total()]
    others = len(totals.keys() - {REST}) > len(named) or totals[REST] > 0
    if len(named) > MOST + (not others):  # "other" in place of a single one would be worth less
        named = named[:MOST]
    if by in {VERSION.name, PYTHON.name, LIBC.name}:
        named = in_order(named)[::-1]
    named.sort(key=lambda key: key == UNKNOWN)
    downloads: dict[str | None, Counter[str]] = {key: Counter() for key in (*named, REST)}
    for period, key, number in counts:
        downloads[key if key in downloads else REST][period] += number
    colors = (f"s{number}" for number in range(1, len(named) + 1))
    found = [Series(label(key, by), downloads[key], "unknown" if key == UNKNOWN else next(colors)) for key in named]
    if downloads[REST].total():
        found.insert(len(found) - (UNKNOWN in named), Series("other", downloads[REST], "other"))
    return found


def _merged(counts: Sequence[Count]) -> list[Count]:
    """Return the counts by major version if more than one of them counts, otherwise by minor; 1, 1.0, 01.0 are one."""
    minors: dict[str, tuple[int, int]] = {}
    majors: Counter[int] = Counter()
    for _, key, number in counts:
        if key is not REST and key != UNKNOWN:
            major, _, minor = key.partition(".")
            minors[key] = int(major), int(minor or 0)
            majors[int(major)] += number
    by_major = sum(number > majors.total() * _MAJORS for number in majors.values()) > 1
    names = {key: str(major) if by_major else f"{major}.{minor}" for key, (major, minor) in minors.items()}
    return [(period, key and names.get(key, key), number) for period, key, number in counts]
