"""The days of a chart, and why their numbers are not the last word: all from the ledger."""

from datetime import date, timedelta

from pyzn_api.ledger import Ledger
from pyzn_api.windows import EVER, Granularity, Window
from pyzn_site.charts.chart import Fault, Range
from pyzn_site.charts.periods import first_of

GRANULARITY: dict[Range, Granularity] = {"month": "day", "quarter": "day", "year": "week", "all": "month"}
_DAYS: dict[Range, int] = {"month": 30, "quarter": 90}
_WEEKS_BEFORE = 52  # of a year, besides the week that the latest day is in
_MOST_MONTHS = 12 * 30  # of all; PyPI is as old as 2003, so no true day is left out


def days_of(chosen: Range, ledger: Ledger, today: date) -> Window:
    """The days up to the latest published one; of `all` every day, until the project's first is known.

    While nothing is published they are the last month in any case.
    """
    if chosen == "all" and ledger.days:
        return EVER
    end = ledger.recent(1, today).end
    if chosen == "year":  # whole weeks, but for the last one
        return Window(first_of(end, "week") - timedelta(weeks=_WEEKS_BEFORE), end)
    return ledger.recent(_DAYS.get(chosen, _DAYS["month"]), today)


def drawn_days(window: Window, first: date | None, ledger: Ledger) -> Window:
    """The window, or of EVER what there is of the project: from the month of its `first` day."""
    if window != EVER:
        return window
    end = ledger.days[-1].day
    earliest = first_of(end, "month").toordinal() - _MOST_MONTHS * 31
    return Window(max(first_of(first or end, "month"), date.fromordinal(max(earliest, 1))), end)


def faults_of(window: Window, ledger: Ledger, breakdown: str | None) -> dict[Fault, list[str]]:
    """The days of the window that are missing, provisional and suspect, oldest first."""
    missing = ledger.missing(window, breakdown)
    found: dict[Fault, list[str]] = {"missing": list(map(str, missing)), "provisional": [], "suspect": []}
    for row in ledger.within(window):
        if row.status in found and row.day not in missing:
            found[row.status].append(str(row.day))
    return found
