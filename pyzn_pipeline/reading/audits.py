"""Hard audits: conditions that must hold before a day is published. Pure functions that compare numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pyzn_pipeline.breakdowns import Breakdown
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.reading.tally import Counts

DAY = "day"
"""The breakdown of the scan's row with the source's own count."""


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
    "The downloads in the documents add up to the source's own COUNT(*) of the day, exactly.",
)
HARD_AUDITS = (EVERY_ROW_RECEIVED, DAY_NOT_EMPTY, SUM_EQUALS_SOURCE)


@dataclass(frozen=True)
class Finding:
    """The result of one audit for one breakdown of one day."""

    day: date
    breakdown: str
    audit: str
    passed: bool
    message: str


class AuditFailed(PyznError):
    """At least one hard audit failed: this reading is not published, and the published day stays unchanged."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        reasons = dict.fromkeys(finding.message for finding in findings if not finding.passed)
        super().__init__(f"day {findings[0].day}: {'; '.join(reasons)}; not published")


def audit(day: date, breakdown: Breakdown, reported_rows: int, counts: Mapping[str, Counts]) -> list[Finding]:
    """Run every hard audit on one staged breakdown and return the findings.

    `reported_rows` is the row count of the scan's job; `counts` is by breakdown, see tally.Counts.
    """
    received = sum(count.rows for count in counts.values())
    of_day = counts.get(DAY, Counts())
    source = of_day.downloads
    staged = counts.get(breakdown.name, Counts())
    whole = staged.keys == staged.packed_keys and staged.ragged == 0 and staged.nuls == 0
    sums_hold = {staged.downloads, staged.packed_downloads} == {source} and all(
        getattr(staged, f"packed_{name}_downloads") == getattr(of_day, f"{name}_downloads") for name in breakdown.counts
    )
    return [
        Finding(day, breakdown.name, check.name, passed, message)
        for check, passed, message in (
            (
                EVERY_ROW_RECEIVED,
                received == reported_rows,
                f"BigQuery reports {reported_rows:,} rows, {received:,} arrived",
            ),
            (DAY_NOT_EMPTY, source > 0, f"the source counts {source:,} downloads"),
            (
                SUM_EQUALS_SOURCE,
                sums_hold and whole,
                f"source says {_named(of_day, breakdown)}, {breakdown.name} documents sum to "
                f"{_named(staged, breakdown, 'packed_')}"
                + (
                    ""
                    if whole
                    else f" and hold {staged.packed_keys:,} of {staged.keys:,} keys, {staged.ragged:,} ragged"
                    + (f", {staged.nuls:,} with a NUL character, which Postgres cannot read" if staged.nuls else "")
                ),
            ),
        )
    ]


def _named(counts: Counts, breakdown: Breakdown, prefix: str = "") -> str:
    """'5,801 downloads (3,600 pip, 1,900 ci)', with the subsets that the breakdown counts."""
    subsets = [f"{getattr(counts, f'{prefix}{name}_downloads'):,} {name}" for name in breakdown.counts]
    return f"{getattr(counts, f'{prefix}downloads'):,} downloads" + (f" ({', '.join(subsets)})" if subsets else "")
