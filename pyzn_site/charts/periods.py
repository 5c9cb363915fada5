"""The days, weeks and months of a chart, and why their numbers are not the last word."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from pyzn_api.windows import Granularity
from pyzn_site.charts.chart import Chart, Fault

PeriodFault = Fault | Literal["incomplete", "unfinished"]


@dataclass(frozen=True, slots=True)
class Period:
    """A day, week or month of a chart, and why its number is not the last word, if it is not.

    `missing`: no day of it is published. `incomplete`: some are not. `unfinished`: it goes on after the last day.
    """

    start: str
    after: str  # the day after its last one
    faults: frozenset[PeriodFault] = frozenset()


def periods_of(chart: Chart) -> list[Period]:
    """The periods from the chart's first day to its last, oldest first."""
    first, last = date.fromisoformat(chart.start), date.fromisoformat(chart.end)
    periods: dict[date, list[str]] = {}
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        periods.setdefault(first_of(day, chart.granularity), []).append(str(day))
    missing = set(chart.faults["missing"])
    found = []
    for start, days in periods.items():
        after = first_after(start, chart.granularity)
        faults: list[PeriodFault] = []
        if absent := missing.intersection(days):
            faults.append("missing" if len(absent) == len(days) else "incomplete")
        if after > last + timedelta(days=1):
            faults.append("unfinished")
        faults += [fault for fault in ("provisional", "suspect") if set(days).intersection(chart.faults[fault])]
        found.append(Period(str(start), str(after), frozenset(faults)))
    return found


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
