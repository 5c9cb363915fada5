"""The days, weeks and months of a range, as charts and tables show them."""

from dataclasses import dataclass
from datetime import date, timedelta

from pyzn_api.ledger import Ledger
from pyzn_api.windows import Granularity, Window


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
        """Return whether all its days are in the window, and published."""
        return not self.cut and not self.missing

    @property
    def remarks(self) -> list[str]:
        """Reasons why its number may still change."""
        counts = {"missing": self.missing, "provisional": self.provisional, "suspect": self.suspect}
        found = [
            word if self.granularity == "day" else f"{count} of {self.days} days {word}"
            for word, count in counts.items()
            if count
        ]
        return [*found, f"not a whole {self.granularity}"] if self.cut else found


def periods(
    window: Window, granularity: Granularity, ledger: Ledger, breakdown: str | None = None, count: str | None = None
) -> list[Period]:
    """Return the periods of the window, oldest first; a day without that breakdown or count counts as missing."""
    missing = set(ledger.missing(window, breakdown, count))
    statuses = {row.day: row.status for row in ledger.within(window)}
    found: dict[date, Period] = {}
    for day in window.days():
        first = first_of(day, granularity)
        period = found.get(first)
        if period is None:
            cut = first < window.start or _first_after(first, granularity) > window.end + timedelta(days=1)
            period = found[first] = Period(first, granularity, cut)
        period.days += 1
        if (status := "missing" if day in missing else statuses[day]) != "final":
            setattr(period, status, getattr(period, status) + 1)
    return list(found.values())
