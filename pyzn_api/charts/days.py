"""The days and periods of a chart, and why a number is not the last word: all from the ledger."""

from datetime import date, timedelta

from pyzn_api.charts.chart import Fault, Period, Range
from pyzn_api.ledger import Ledger
from pyzn_api.ranges import Granularity
from pyzn_api.windows import EVER, Window

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


def periods_of(
    window: Window, granularity: Granularity, ledger: Ledger, breakdown: str | None
) -> tuple[tuple[Period, ...], dict[Fault, int]]:
    """The periods of the window, oldest first, and how many of its days are missing, provisional and suspect."""
    missing = set(ledger.missing(window, breakdown))
    statuses = {row.day: row.status for row in ledger.within(window) if row.day not in missing}
    days: dict[date, list[date]] = {}
    for day in window.days():
        days.setdefault(first_of(day, granularity), []).append(day)
    periods = []
    for start, within in days.items():
        after = first_after(start, granularity)
        absent = sum(day in missing for day in within)
        held = {statuses.get(day) for day in within}
        faults: list[Fault] = []
        if absent:
            faults.append("missing" if absent == len(within) else "incomplete")
        if after > window.end + timedelta(days=1):
            faults.append("unfinished")
        faults += [status for status in ("provisional", "suspect") if status in held]
        periods.append(Period(str(start), str(after), tuple(faults)))
    counted: dict[Fault, int] = {"missing": len(missing)}
    for status in ("provisional", "suspect"):
        counted[status] = sum(held == status for held in statuses.values())
    return tuple(periods), counted


def first_of(day: date, granularity: Granularity) -> date:
    """The first day of the period that `day` is in; weeks begin on Monday."""
    if granularity == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if granularity == "month" else day


def first_after(start: date, granularity: Granularity) -> date:
    """The first day of the next period."""
    if granularity == "month":
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=7 if granularity == "week" else 1)
