"""The view of a page or chart. All of it is in the address, so that an address is the same page for everybody."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, Field

from pyzn_api.errors import BadParameterError
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.windows import LONGEST, Granularity, Window, parse_day
from pyzn_pipeline.breakdowns import CI, DOWNLOADS, FILES, FILES_WITHOUT_MIRRORS, PIP, WITHOUT_MIRRORS, Breakdown, Count
from pyzn_site.periods import first_of

Range = Literal["month", "quarter", "year", "all"]
By = Literal["version", "country", "python", "system", "installer"]
Ci = Literal["include", "exclude", "only"]
CountName = Literal["files", "downloads", "pip", "ci", "without_mirrors"]
Measure = CountName | Literal["without_ci", "files_without_mirrors"]

WORDS: dict[Measure, str] = {
    "files": "downloads of files",
    "downloads": "downloads",
    "pip": "downloads by pip",
    "ci": "downloads by CI",
    "without_ci": "downloads without CI",
    "without_mirrors": "downloads without mirrors",
    "files_without_mirrors": "downloads of files without mirrors",
}
# The API's parameter `ci` of those counts that differ by it.
BY_CI: dict[Measure, Ci] = {"without_ci": "exclude", "ci": "only"}
_COUNTS: dict[Measure, set[Count]] = {
    "downloads": {DOWNLOADS}, "pip": {PIP}, "ci": {CI}, "without_ci": {DOWNLOADS, CI},
    "without_mirrors": {WITHOUT_MIRRORS}, "files": {FILES}, "files_without_mirrors": {FILES_WITHOUT_MIRRORS},
}  # fmt: skip
_DAYS: dict[Range, int] = {"month": 30, "quarter": 90}
_WEEKS_BEFORE = 52  # of a year, besides the week that the latest day is in
# Days that a range has to have to be counted so, and may have: neither two periods nor hundreds.
_POSSIBLE: dict[Granularity, tuple[int, int]] = {"day": (1, 120), "week": (14, 1113), "month": (62, LONGEST["month"])}

# Forms send empty ones.
_Day = Annotated[
    date | None,
    BeforeValidator(lambda text: parse_day(text) if text else None, json_schema_input_type=date | Literal[""] | None),
]


class Scope(NamedTuple):
    """The days of a view, the periods in which they are counted, and the count."""

    window: Window
    granularity: Granularity
    measure: Measure

    def since(self, first: date | None) -> "Scope":
        """Return the same without the days before `first`; of a project without any, or only newer, the last day."""
        start, end = self.window
        return self._replace(window=Window(max(start, min(first or end, end)), end))


class View(BaseModel, frozen=True):
    """The parameters of pages and charts: days, periods, count, and whether the parts are shown as shares."""

    range: Range | None = Field(
        None,
        description="30 or 90 days, 53 weeks, or all days, up to the latest published one; unless given, month",
    )
    start: _Day = Field(None, description="the first day, UTC; with it or `end` there is no `range`")
    end: _Day = Field(None, description="the last day, UTC")
    granularity: Granularity | None = Field(
        None, description="day for up to 120 days, week for up to three years, otherwise month, unless given"
    )
    count: CountName | None = Field(
        None, description="the rows that count; unless given, files if each day has them, otherwise downloads: all rows"
    )
    ci: Ci = Field("include", description="downloads by CI; exclude and only are for count=downloads")
    share: bool = Field(False, description="parts of a hundred percent")

    @property
    def asked(self) -> Measure | None:
        """The rows that count, if the address names them. Raises BadParameterError for what is not counted."""
        if self.ci == "include":
            return self.count
        if self.count not in {None, "downloads"}:
            raise BadParameterError("ci", self.ci, f"include with count={self.count}")
        return "without_ci" if self.ci == "exclude" else "ci"

    def window(self, ledger: Ledger, today: date) -> Window:
        """Return the days up to the latest published one; of `all`, as many as v4 gives by month."""
        latest = ledger.recent(1, today).end
        if self.start or self.end:
            if self.range:
                raise BadParameterError("range", self.range, "no range with start or end")
            return ledger.requested(self.start, self.end, "month", today)
        if self.range == "year":  # whole weeks, but for the last one
            return Window(first_of(latest, "week") - timedelta(weeks=_WEEKS_BEFORE), latest)
        if self.range == "all":
            first = ledger.days[0].day if ledger.days else latest
            return Window(max(first, latest - timedelta(days=LONGEST["month"] - 1)), latest)
        return ledger.recent(_DAYS[self.range or "month"], today)

    def basis(self, ledger: Ledger, today: date) -> Basis:
        """Return the basis of a page with totals: the days of the view, and the latest 30."""
        window, month = self.window(ledger, today), ledger.recent(_DAYS["month"], today)
        return Basis(Window(min(window.start, month.start), max(window.end, month.end)), totals=True, days=True)

    def scope(self, ledger: Ledger, today: date) -> Scope:
        """Return the days, periods and count. Raises BadParameterError for a granularity that the range cannot have."""
        window = self.window(ledger, today)
        offered = possible(window)
        granularity = self.granularity or offered[0]
        if granularity not in offered:
            expected = f"{' or '.join(offered)} for {(window.end - window.start).days + 1} days"
            raise BadParameterError("granularity", granularity, expected)
        days = ledger.within(window)
        files = bool(days) and all(day.files is not None for day in days)
        return Scope(window, granularity, self.asked or ("files" if files else "downloads"))

    def ranged(self, otherwise: Range) -> Self:
        """Return the same view; one without days with the range `otherwise`."""
        return self if self.range or self.start or self.end else self.model_copy(update={"range": otherwise})

    def parameters(self, **changes: object) -> Mapping[str, object]:
        """Return the parameters of this view's address, with changes; another range chooses its own granularity."""
        left_out = {"start", "end", "granularity"} if "range" in changes else set()
        given = {name: value for name, value in self if name in View.model_fields.keys() - left_out} | changes
        given = {name: value for name, value in given.items() if value != View.model_fields[name].default}
        return {name: int(value) if isinstance(value, bool) else value for name, value in given.items()}


def possible(window: Window) -> Sequence[Granularity]:
    """Return the periods in which that many days can be counted, the shortest first."""
    days = (window.end - window.start).days + 1
    return [each for each, (least, most) in _POSSIBLE.items() if least <= days <= most]


def measure_of(breakdown: Breakdown, measure: Measure) -> Measure:
    """Return the count itself if the breakdown has it, otherwise the one that it has."""
    if _COUNTS[measure] <= set(breakdown.counts):
        return measure
    return next(name for name in _COUNTS if _COUNTS[name] == {breakdown.counted})
