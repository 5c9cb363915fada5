"""The switches of a page: links to the same page in another view."""

from typing import NamedTuple

from pyzn_api.ledger import Ledger
from pyzn_site.rendering import query
from pyzn_site.view import BY_CI, Measure, Range, Scope, View, possible

RANGES: dict[Range, str] = {"month": "30 days", "quarter": "3 months", "year": "1 year", "all": "All"}
_COUNTS: dict[Measure, str] = {
    "files": "Files",
    "downloads": "Downloads",
    "pip": "By pip",
    "without_ci": "Without CI",
    "ci": "CI only",
    "without_mirrors": "Without mirrors",
}


class Switch(NamedTuple):
    """A choice: its name, and of each option the text, the address, and whether it is chosen."""

    label: str
    options: list[tuple[str, str, bool]]


def switches(
    path: str, view: View, scope: Scope, ledger: Ledger, stacked: str = "Stacked", **more: object
) -> list[Switch]:
    """Return the switches of the page at `path`, whose address has `more` parameters."""

    def link(**changes: object) -> str:
        return query(path, **more, **view.parameters(**changes))

    ranges = [(text, link(range=each), view.range == each) for each, text in RANGES.items()]
    offered = possible(scope.window)
    periods = [(each.capitalize(), link(granularity=each), scope.granularity == each) for each in offered]
    counts = []
    for measure, text in _COUNTS.items():
        ci = BY_CI.get(measure, "include")
        if measure != "files" or any(day.files is not None for day in ledger.within(scope.window)):
            counts.append((text, link(count=None if measure in BY_CI else measure, ci=ci), scope.measure == measure))
    parts = [(text, link(share=share), view.share == share) for text, share in ((stacked, False), ("Shares", True))]
    return [Switch("Range", ranges), Switch("Count by", periods), Switch("Count", counts), Switch("Parts", parts)]
