"""Hard audits: conditions that must hold before a day is published. Pure functions that compare numbers."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from pyzn_pipeline.breakdowns import Breakdown
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.reading.tally import Tally


@dataclass(frozen=True)
class Audit:
    """An audit's name and the condition that it checks, as the UI shows them."""

    name: str
    description: str


EVERY_ROW_RECEIVED = Audit(
    "every_row_received", "As many rows arrived as BigQuery's job reported: no page of the result was lost."
)
DAY_NOT_EMPTY = Audit("day_not_empty", "The source counts at least one download on the day.")
SUM_EQUALS_SOURCE = Audit(
    "sum_equals_source",
    "The downloads in the documents add up to the source's own counts of the rows that count, exactly: in each "
    "project, and over the day.",
)
NO_ROWS = "the source has no rows for it"
HARD_AUDITS = (EVERY_ROW_RECEIVED, DAY_NOT_EMPTY, SUM_EQUALS_SOURCE)


@dataclass(frozen=True)
class Finding:
    """The result of one audit of one day."""

    day: date
    audit: str
    passed: bool
    message: str


class AuditFailed(PyznError):
    """At least one hard audit failed: this reading is not published, and the published day stays unchanged."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        reasons = [finding.message for finding in findings if not finding.passed]
        super().__init__(f"day {findings[0].day}: {'; '.join(reasons)}; not published")


class NoRows(AuditFailed):
    """The source has no rows for a day that has settled: it is not tried again."""

    transient = False


def audit(day: date, breakdowns: Iterable[Breakdown], reported_rows: int, tally: Tally) -> list[Finding]:
    """Run every hard audit on a staged day and return the findings.

    `reported_rows` is the row count of the scan's job.
    """
    downloads = tally.of_day["downloads"]
    received = f"BigQuery reports {reported_rows:,} rows, {tally.rows:,} arrived"
    counted = f"the source counts {downloads:,} downloads" if downloads else NO_ROWS
    return [
        Finding(day, EVERY_ROW_RECEIVED.name, tally.rows == reported_rows, received),
        Finding(day, DAY_NOT_EMPTY.name, downloads > 0, counted),
        *(Finding(day, SUM_EQUALS_SOURCE.name, *_sums(breakdown, tally)) for breakdown in breakdowns),
    ]


def _sums(breakdown: Breakdown, tally: Tally) -> tuple[bool, str]:
    """Return whether a breakdown's documents, and all of PyPI by it, add up to the source's counts; and the sums."""
    packed, source = tally.packed[breakdown.name], tally.of_day
    expected = source[breakdown.counted.column]
    of_pypi = sum(json.loads(tally.pypi_totals[breakdown.name]).values()) if breakdown.common else expected
    columns = [count.column for count in breakdown.counts]
    sums_hold = all(source[column] == tally.of_projects[column] == packed.sums[column] for column in columns)
    message = (
        f"source says {_named(source, breakdown)}, {breakdown.name} documents sum to {_named(packed.sums, breakdown)}"
        + ("" if of_pypi == expected else f", that of all of PyPI to {of_pypi:,}")
        + (f", {packed.ragged:,} do not add up to their project's counts" if packed.ragged else "")
        + (f", {packed.nuls:,} have a NUL character, which Postgres cannot read" if packed.nuls else "")
    )
    return sums_hold and of_pypi == expected and not packed.ragged and not packed.nuls, message


def _named(sums: Mapping[str, int], breakdown: Breakdown) -> str:
    """'5,801 downloads (3,600 pip, 1,900 ci)', with the subsets that the breakdown counts."""
    subsets = [f"{sums[subset.column]:,} {subset.name}" for subset in breakdown.subsets]
    return f"{sums[breakdown.counted.column]:,} {breakdown.counted.label}" + (
        f" ({', '.join(subsets)})" if subsets else ""
    )
