"""Soft audits: a day that fails one is published as `suspect`. Pure functions that compare numbers.

They compare a day with the same weekday of the weeks before it (weekends have about 37% fewer downloads than
weekdays). They use medians, so one unusual week changes little. The tolerances allow for PyPI's growth and
holidays; the tests have a year of such days. They cannot see a small loss that is spread evenly over all
projects, keys and hours: such a day looks like a quiet day. Recounts at the source find that.

They compare like with like: files with files where both days have them, and never across a change of what is counted.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from pyzn_pipeline.breakdowns import DOWNLOADS, FILES, UNKNOWN, Breakdown, known
from pyzn_pipeline.reading.audits import Audit, Finding

WEEKS = 6  # back, for the median
FEWEST_WEEKS = 3  # that must be published; with fewer, the audit passes

LIKE_ITS_WEEKDAY = Audit(
    "downloads_like_weekday",
    "The files are within -35% and +50% of the median of the same weekday in the six weeks before; the downloads, if "
    "the day or the weeks have no count of files. Weeks in which PyPI counted otherwise are left out, here and below.",
)
PROJECTS_LIKE_WEEKDAY = Audit(
    "projects_like_weekday",
    "The distinct projects are within -25% and +40% of the median of the same weekday in the six weeks before.",
)
EVERY_HOUR = Audit("every_hour_there", "No UTC hour has less than a quarter of the downloads of the day's median hour.")


def _of_pypi(breakdown: Breakdown) -> tuple[Audit, Audit]:
    """The audits of all of PyPI by one breakdown: the share of unknown keys, and the mix of the keys."""
    return (
        Audit(
            f"unknown_{breakdown.name}_share",
            f"The share of downloads with an unknown {breakdown.name} is as on the same weekday before, give or take "
            "half of it and two points.",
        ),
        Audit(
            f"{breakdown.name}_mix",
            f"The entropy of the {breakdown.name} mix is within 0.25 bits of the same weekday before, and no "
            f"{breakdown.name} with 1% of the downloads has lost three quarters of its share.",
        ),
    )


def soft_audits(breakdowns: Iterable[Breakdown]) -> list[Audit]:
    """Return the soft audits of a day with these breakdowns."""
    of_pypi = [audit for breakdown in breakdowns if breakdown.common for audit in _of_pypi(breakdown)]
    return [LIKE_ITS_WEEKDAY, PROJECTS_LIKE_WEEKDAY, EVERY_HOUR, *of_pypi]


@dataclass(frozen=True)
class Measures:
    """Input of the soft audits: the counts of a day, its downloads by UTC hour ('0' to '23'), and all of PyPI by
    key for each common breakdown that the day has.
    """

    day: date
    downloads: int
    files: int | None
    projects: int
    by_hour: Mapping[str, int]
    pypi_totals: Mapping[str, Mapping[str, int]]


def soft_audit(measures: Measures, weeks: pd.DataFrame) -> list[Finding]:
    """Run every soft audit, as `soft_audits` lists them. One with too little data passes, with that as its message.

    `weeks` has a row per earlier published day of the same weekday: downloads, files, projects, pypi_totals (as in
    Measures), and the names of the counts and breakdowns that were `redefined` since.
    """
    by_downloads, by_files = _alike(weeks, DOWNLOADS.name), _alike(weeks, FILES.name).dropna(subset="files")
    if measures.files is not None and len(by_files) >= FEWEST_WEEKS:
        rows = _near("files", measures.files, by_files["files"], -0.35, 0.5)
    else:
        rows = _near("downloads", measures.downloads, by_downloads["downloads"], -0.35, 0.5)
    found = [
        (LIKE_ITS_WEEKDAY, rows),
        (PROJECTS_LIKE_WEEKDAY, _near("projects", measures.projects, by_downloads["projects"], -0.25, 0.4)),
        (EVERY_HOUR, _hours(measures)),
    ]
    for breakdown in known(measures.pypi_totals):
        found += zip(_of_pypi(breakdown), _keys(measures, weeks, breakdown), strict=True)
    return [Finding(measures.day, audit.name, *outcome) for audit, outcome in found]


def _alike(weeks: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The weeks in which none of the named counts and breakdowns meant something else."""
    return weeks.loc[[not set(names) & set(redefined) for redefined in weeks["redefined"]]]


def _too_few(weeks: int) -> str:
    return f"nothing to compare with: {weeks} earlier weeks are published and alike, {FEWEST_WEEKS} are needed"


def _keys(measures: Measures, weeks: pd.DataFrame, breakdown: Breakdown) -> tuple[tuple[bool, str], tuple[bool, str]]:
    """The findings of the two audits of all of PyPI by a breakdown."""
    name = breakdown.name
    counts = measures.pypi_totals.get(name)
    alike = [totals[name] for totals in _alike(weeks, breakdown.counted.name, name)["pypi_totals"] if totals.get(name)]
    if len(alike) < FEWEST_WEEKS or not counts:
        return (True, _too_few(len(alike))), (True, _too_few(len(alike)))
    mixes = pd.DataFrame(alike, dtype="float64")
    shares = mixes.fillna(0).div(mixes.sum(axis=1), axis=0)
    downloads = sum(counts.values())
    own = pd.Series(counts, dtype="float64") / downloads
    return _unknown(name, own, shares, downloads), _mix(name, own, shares, downloads)


def _near(what: str, value: int, weeks: pd.Series, low: float, high: float) -> tuple[bool, str]:
    """Return whether `value` is within the tolerance around the median, widened by five standard deviations."""
    if len(weeks) < FEWEST_WEEKS:
        return True, _too_few(len(weeks))
    expected = max(float(weeks.median()), 1.0)  # a day may have no files at all
    chance = 5 / math.sqrt(expected)
    change = value / expected - 1
    message = f"{value:,} {what}, {change:+.1%} against {expected:,.0f} on the same weekday of the weeks before"
    return low - chance <= change <= high + chance, message


def _hours(measures: Measures) -> tuple[bool, str]:
    hours = pd.Series({hour: measures.by_hour.get(str(hour), 0) for hour in range(24)})
    median = float(hours.median())
    if median < 100:
        return True, f"too few downloads to judge: with a median of {median:,.0f} an hour, an empty hour may be chance"
    quiet = hours[hours < median / 4]
    message = f"{24 - len(quiet)} of 24 UTC hours have at least a quarter of the median of {median:,.0f} downloads"
    if len(quiet):
        message += "; not " + ", ".join(f"{hour}:00 with {count:,}" for hour, count in quiet.items())
    return quiet.empty, message


def _unknown(name: str, own: pd.Series, shares: pd.DataFrame, downloads: int) -> tuple[bool, str]:
    share = float(own.get(UNKNOWN, 0.0))
    before = float(shares[UNKNOWN].median()) if UNKNOWN in shares else 0.0
    message = f"{share:.2%} of the downloads are with an unknown {name}, {before:.2%} in the weeks before"
    return abs(share - before) <= 0.02 + before / 2 + 5 / math.sqrt(downloads), message


def _mix(name: str, own: pd.Series, shares: pd.DataFrame, downloads: int) -> tuple[bool, str]:
    entropy = _entropy(own)
    before = float(shares.apply(_entropy, axis=1).median())
    usual = shares.median()
    # With fewer than 100 downloads, a share can fall this much by chance.
    seen = usual[(usual >= 0.01) & (usual * downloads >= 100)]
    gone = seen[own.reindex(seen.index).fillna(0) < seen / 4]
    message = f"the {name} mix has {entropy:.2f} bits, {before:.2f} in the weeks before"
    for key, share in gone.items():
        message += f"; {key} has {own.get(key, 0.0):.1%} of the downloads instead of {share:.1%}"
    return abs(entropy - before) <= 0.25 + 10 / math.sqrt(downloads) and gone.empty, message


def _entropy(shares: pd.Series) -> float:
    """The Shannon entropy in bits."""
    return -math.fsum(share * math.log2(share) for share in shares if share > 0)
