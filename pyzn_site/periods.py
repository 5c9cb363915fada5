"""The ranges of days that pages offer, and the periods that these are counted by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from pyzn_api.ledger import Ledger
from pyzn_api.windows import EVER, LONGEST, Granularity, Window
from pyzn_site.charts.chart import Range
from pyzn_site.charts.days import days_of
from pyzn_site.charts.periods import first_after, first_of

Ci = Literal["include", "exclude", "only"]

# By what each can be counted, so that a page has neither two rows nor thousands.
POSSIBLE: dict[Range, Sequence[Granularity]] = {
    "month": ("day", "week"),
    "quarter": ("day", "week", "month"),
    "year": ("week", "month"),
    "all": ("month",),
}


def window_of(asked: Range, ledger: Ledger, today: date) -> Window:
    """The days of that range, as charts draw them; all are as many as v4 gives by month."""
    window = days_of(asked, ledger, today)
    if window != EVER:
        return window
    end = ledger.recent(1, today).end
    first = ledger.days[0].day if ledger.days else end
    return Window(max(first, end - timedelta(days=LONGEST["month"] - 1)), end)


@dataclass
class Period:
    """One day, week or month as far as it is in the window."""

    first: date
    downloads: int  # of the days that are published
    days: int = 0
    missing: int = 0
    cut: bool = False  # whether it is longer than what is in the window
    doubts: dict[str, int] = field(default_factory=dict)  # days by status: provisional, suspect


def periods(window: Window, granularity: Granularity, ledger: Ledger, counted: Mapping[date, int]) -> list[Period]:
    """The periods of the window, newest first, with what was counted in each and how many of its days were."""
    statuses = {row.day: row.status for row in ledger.within(window)}
    found: dict[date, Period] = {}
    for day in window.days():
        first = first_of(day, granularity)
        period = found.setdefault(first, Period(first, counted.get(first, 0)))
        period.cut = first < window.start or first_after(first, granularity) > window.end + timedelta(days=1)
        period.days += 1
        status = statuses.get(day)
        if status is None:
            period.missing += 1
        elif status != "final":
            period.doubts[status] = period.doubts.get(status, 0) + 1
    return list(reversed(found.values()))
