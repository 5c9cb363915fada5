"""The rule of PyPI by day: on which days file names must be read to count files.

Until 2026-08-24 every request below `/packages/` was a row; since then only wheels, source archives and zips are
(pypi/infra#242). The day itself has rows of both rules. PEP 658 sidecars, which end in `.metadata`, exist since
2023-05-11 (pypi/warehouse#13649); before, hardly a row was of anything but a file.
"""

from collections.abc import Collection, Iterator
from datetime import date
from itertools import pairwise

from pyzn_pipeline.breakdowns import FILES, Breakdown, needs_files
from pyzn_pipeline.days import ONE
from pyzn_pipeline.settings import ReadFilenames

FIRST_SIDECARS = date(2023, 5, 11)
ONLY_FILES = date(2026, 8, 25)
"""The first day on which every row is a file by PyPI's own rule."""


def is_file(day: date, read: ReadFilenames, breakdowns: Collection[Breakdown]) -> str | None:
    """BigQuery SQL for whether a row of `day` is a file; None if file names are not read, so that it is not known.

    They are read whatever the setting, if one of the breakdowns counts files.
    """
    if day >= ONLY_FILES:
        return "TRUE"
    wanted = read == "always" or (read == "auto" and day >= FIRST_SIDECARS) or needs_files(breakdowns)
    return FILES.condition if wanted else None


def spans_of_a_rule(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The days from `first` to `last` as ranges for which `is_file` is the same."""
    for start, end in pairwise((date.min, FIRST_SIDECARS, ONLY_FILES, date.max)):
        if first < end and start <= last:
            yield max(first, start), min(last, end - ONE)
