"""A chart, its words and its geometry: pages show it inline, READMEs as a picture."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pyzn_api.ledger import Ledger
from pyzn_pipeline.breakdowns import COUNTRY, Breakdown
from pyzn_site.periods import periods
from pyzn_site.plot import Plot, plot
from pyzn_site.series import Count, Series, series_of
from pyzn_site.texts import written
from pyzn_site.view import WORDS, Measure, Scope, measure_of
from pyzn_site.world import World, world


class Chart(NamedTuple):
    """The words and the geometry of a chart."""

    title: str
    amount: str
    span: str  # the periods and days
    not_final: Mapping[str, Sequence[date]]  # the days by status: missing, provisional, suspect
    plot: Plot | None  # the bars or lines
    world: World | None  # or the map

    @property
    def notes(self) -> list[str]:
        """The number of days that are not final, and of downloads that are not on the map."""
        counts = {status: len(days) for status, days in self.not_final.items() if days}
        notes = [f"{count} day{'s' * (count > 1)} {status}" for status, count in counts.items()]
        if self.world and self.world.elsewhere:
            notes.append(f"{written(self.world.elsewhere)} from unknown countries")
        return notes

    @property
    def description(self) -> str:
        """The chart in a sentence, for people who do not see it."""
        return "; ".join([f"{self.title}: {self.amount} {self.span}", *self.notes])


def chart_of(
    title: str,
    scope: Scope,
    ledger: Ledger,
    counts: Sequence[Count] | Mapping[str, int],
    by: Breakdown | None = None,
    *,
    share: bool = False,
) -> Chart:
    """Return the bars of the counts, by the keys of a breakdown; or of all downloads per period."""
    if isinstance(counts, Mapping):
        counts = [(period, None, number) for period, number in counts.items()]
    measure = measure_of(by, scope.measure) if by else scope.measure
    amount = f"{written(sum(number for *_, number in counts))} {WORDS[measure]}"
    series = series_of(by.name, counts) if by else [Series("", {period: number for period, _, number in counts})]
    of = periods(scope.window, scope.granularity, ledger, by.name if by else None, measure)
    drawn = plot("shares" if share else "bars", of, series, _marks(scope, ledger, measure, by))
    return _chart(title, amount, scope, ledger, drawn, by)


def map_of(title: str, scope: Scope, ledger: Ledger, downloads: Mapping[str, int]) -> Chart:
    """Return the map of downloads by country."""
    amount = f"{written(sum(downloads.values()))} {WORDS[measure_of(COUNTRY, scope.measure)]}"
    return _chart(title, amount, scope, ledger, world(downloads), COUNTRY)


def comparison(scope: Scope, ledger: Ledger, counts: Mapping[str, Mapping[str, int]], *, share: bool = False) -> Chart:
    """Return the lines of several projects, or their shares; `counts` are numbers by the first day of the period."""
    series = [Series(name, each, f"s{number}") for number, (name, each) in enumerate(counts.items(), 1)]
    of = periods(scope.window, scope.granularity, ledger, None, scope.measure)
    drawn = plot("shares" if share else "lines", of, series, _marks(scope, ledger, scope.measure))
    return _chart(", ".join(counts), WORDS[scope.measure], scope, ledger, drawn)


def _marks(scope: Scope, ledger: Ledger, measure: Measure, by: Breakdown | None = None) -> list[tuple[date, str]]:
    """Return the first day of each event that touches the numbers, and its sentence. An old definition has no mark."""
    touched = {"downloads" if measure == "without_ci" else measure, by.name if by else ""}
    start = scope.window.start
    return [
        (each.first if each.kind == "definition" else max(each.first, start), f"{each.first}: {each.effect}")
        for each in ledger.events_in(scope.window)
        if touched & {*each.touches}
    ]


def _chart(
    title: str, amount: str, scope: Scope, ledger: Ledger, drawn: Plot | World, by: Breakdown | None = None
) -> Chart:
    of_plot, of_world = (drawn, None) if isinstance(drawn, Plot) else (None, drawn)
    keys: list[str] = [scope.granularity] if of_plot else []
    keys += [by.name.replace("python", "Python")] if by else []
    span = f"by {' and '.join(keys)}, {scope.window.start} to {scope.window.end}"
    measure = measure_of(by, scope.measure) if by else scope.measure
    not_final = ledger.uncertain(scope.window, ledger.missing(scope.window, by.name if by else None, measure))
    return Chart(title, amount, span, not_final, of_plot, of_world)
