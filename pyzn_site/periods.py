"""The ranges of days that pages and charts offer, and the days, weeks and months in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from pyzn_api.ledger import Ledger
from pyzn_api.windows import LONGEST, Granularity, Window

Ci = Literal["include", "exclude", "only"]
Range = Literal["month", "quarter", "year", "all"]

GRANULARITY: dict[Range, Granularity] = {"month": "day", "quarter": "day", "year": "week", "all": "month"}
# By what each can be counted, so that a page has neither two rows nor thousands.
POSSIBLE: dict[Range, Sequence[Granularity]] = {
    "month": ("day", "week"),
    "quarter": ("day", "week", "month"),
    "year": ("week", "month"),
    "all": ("month",),
}
_DAYS: dict[Range, int] = {"month": 30, "quarter": 90}
_WEEKS_BEFORE = 52  # of a year, besides the week that the latest day is in


def window_of(chosen: Range, ledger: Ledger, today: date) -> Window:
    """Return the days of that range up to the latest published one; of `all`, as many as v4 gives by month."""
    end = ledger.recent(1, today).end
    if chosen == "year":  # whole weeks, but for the last one
        return Window(first_of(end, "week") - timedelta(weeks=_WEEKS_BEFORE), end)
    if chosen == "all":
        first = ledger.days[0].day if ledger.days else end
        return Window(max(first, end - timedelta(days=LONGEST["month"] - 1)), end)
    return ledger.recent(_DAYS[chosen], today)


def first_of(day: date, granularity: Granularity) -> date:
    """Return the first day of the period that `day` is in; weeks begin on Monday."""
    if granularity == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if granularity == "month" else day


def _first_after(start: date, granularity: Granularity) -> date:
    if granularity == "month":
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=7 if granularity == "week" else 1)


@dataclass(slots=True)
class Period:
    """A day, week or month as far as it is in the window, and how many of its days are not final."""

    first: date
    granularity: Granularity
    cut: bool = False  # whether it is longer than what is in the window
    days: int = 0
    missing: int = 0
    provisional: int = 0
    suspect: int = 0

    @property
    def name(self) -> str:
        """2026-07-19, or 2026-07 for a month; a week is named by its Monday."""
        return str(self.first)[:7] if self.granularity == "month" else str(self.first)

    @property
    def whole(self) -> bool:
        """Whether all its days are in the window, and published."""
        return not self.cut and not self.missing

    @property
    def remarks(self) -> list[str]:
        """Why its number is not the last word."""
        counts = {"missing": self.missing, "provisional": self.provisional, "suspect": self.suspect}
        found = [
            word if self.granularity == "day" else f"{count} of {self.days} days {word}"
            for word, count in counts.items()
            if count
        ]
        return [*found, f"not a whole {self.granularity}"] if self.cut else found


def periods(window: Window, granularity: Granularity, ledger: Ledger, breakdown: str | None = None) -> list[Period]:
    """Return the periods of the window, oldest first; a day that does not hold `breakdown` counts as missing."""
    missing = set(ledger.missing(window, breakdown))
    statuses = {row.day: row.status for row in ledger.within(window)}
    found: dict[date, Period] = {}
    for day in window.days():
        first = first_of(day, granularity)
        period = found.get(first)
        if period is None:
            cut = first < window.start or _first_after(first, granularity) > window.end + timedelta(days=1)
            period = found[first] = Period(first, granularity, cut)
        period.days += 1
        if day in missing:
            period.missing += 1
        elif statuses[day] == "provisional":
            period.provisional += 1
        elif statuses[day] == "suspect":
            period.suspect += 1
    return list(found.values())
