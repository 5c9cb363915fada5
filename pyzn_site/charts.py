"""A chart: its words and its geometry, which pages show in themselves and READMEs as a picture."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pyzn_api.ledger import Ledger
from pyzn_api.windows import Granularity, Window
from pyzn_pipeline.breakdowns import BREAKDOWNS, COUNTRY, WITHOUT_MIRRORS
from pyzn_site.periods import periods
from pyzn_site.plot import Plot, bars, lines
from pyzn_site.series import Count, Series, series_of
from pyzn_site.texts import written
from pyzn_site.world import World, world


class Chart(NamedTuple):
    """The words and the geometry of a chart."""

    title: str
    subtitle: str
    not_final: Mapping[str, Sequence[date]]  # the days by status: missing, provisional, suspect
    drawing: Plot | World

    @property
    def plot(self) -> Plot | None:
        """The bars or lines, unless it is a map."""
        return self.drawing if isinstance(self.drawing, Plot) else None

    @property
    def world(self) -> World | None:
        """The map, if it is one."""
        return self.drawing if isinstance(self.drawing, World) else None

    @property
    def notes(self) -> list[str]:
        """How many days are not final, and how many downloads are not on the map."""
        counts = {status: len(days) for status, days in self.not_final.items() if days}
        notes = [f"{count} day{'s' * (count > 1)} {status}" for status, count in counts.items()]
        if self.world and self.world.elsewhere:
            notes.append(f"{written(self.world.elsewhere)} from unknown countries")
        return notes

    @property
    def spoken(self) -> str:
        """The chart in a sentence, for people who do not see it."""
        return "; ".join([f"{self.title}: {self.subtitle}", *self.notes])


def chart_of(
    title: str,
    window: Window,
    granularity: Granularity,
    ledger: Ledger,
    counts: Sequence[Count] | Mapping[str, int],
    by: str | None = None,
) -> Chart:
    """Return the chart of the counts in that window, by the keys of a breakdown; or of all downloads per period."""
    if isinstance(counts, Mapping):
        counts = [(period, None, number) for period, number in counts.items()]
    breakdown = next((each for each in BREAKDOWNS if each.name == by), None)
    mirrors = " without mirrors" if breakdown and breakdown.counted is WITHOUT_MIRRORS else ""
    keys = [granularity, *([breakdown.name.replace("python", "Python")] if breakdown else [])]
    total = sum(number for *_, number in counts)
    subtitle = f"{written(total)} downloads{mirrors} by {' and '.join(keys)}, {window.start} to {window.end}"
    not_final = ledger.uncertain(window, ledger.missing(window, by))
    series = series_of(by, counts) if by else [Series("", {period: number for period, _, number in counts})]
    return Chart(title, subtitle, not_final, bars(periods(window, granularity, ledger, by), series))


def map_of(title: str, window: Window, ledger: Ledger, downloads: Mapping[str, int]) -> Chart:
    """Return the map of downloads by country."""
    subtitle = f"{written(sum(downloads.values()))} downloads by country, {window.start} to {window.end}"
    not_final = ledger.uncertain(window, ledger.missing(window, COUNTRY.name))
    return Chart(title, subtitle, not_final, world(downloads))


def comparison(
    window: Window, granularity: Granularity, ledger: Ledger, counts: Mapping[str, Mapping[str, int]]
) -> Chart:
    """Return the chart of several projects, a line each; `counts` are downloads by the first day of the period."""
    series = [Series(name, each, f"s{number}") for number, (name, each) in enumerate(counts.items(), 1)]
    subtitle = f"downloads by {granularity}, {window.start} to {window.end}"
    plot = lines(periods(window, granularity, ledger), series)
    return Chart(", ".join(counts), subtitle, ledger.uncertain(window), plot)
