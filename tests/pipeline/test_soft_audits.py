"""Soft audits let a year of ordinary days pass, and doubt the bad ones."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from pyzn_pipeline.breakdowns import UNKNOWN
from pyzn_pipeline.reading.soft_audits import WEEKS, Measures, soft_audit

NEW_YEAR, MARCH = date(2025, 1, 1), date(2025, 3, 12)
SHARES = {
    "country": {"US": 0.5, "DE": 0.08, "SG": 0.06, "IE": 0.05, "JP": 0.04, "GB": 0.03, "IN": 0.03, UNKNOWN: 0.012}
    | {f"X{n:02}": 0.198 / 100 for n in range(100)},
    "installer": {"pip": 0.62, "uv": 0.27, "poetry": 0.05, "bandersnatch": 0.02, "requests": 0.02, UNKNOWN: 0.02},
    "python": {"3.12": 0.27, "3.11": 0.24, "3.10": 0.16, "3.13": 0.15, "3.9": 0.1, "3.14": 0.04, UNKNOWN: 0.04},
    "system": {"Linux": 0.87, "Windows": 0.05, "Darwin": 0.04, UNKNOWN: 0.04},
}
HOLIDAYS = {  # of the share of an ordinary day, as it may be seen from all countries together
    **{date(2025, 12, 22) + timedelta(days=n): 0.8 - 0.01 * n for n in range(12)},
    **{date(2025, 1, 27) + timedelta(days=n): 0.94 for n in range(8)},
    date(2025, 5, 1): 0.85,
    date(2025, 7, 4): 0.9,
    date(2025, 11, 27): 0.86,
    date(2025, 11, 28): 0.88,
}


def ordinary_day(day: date) -> Measures:
    """A day of all PyPI: weekends 37% below weekdays, 40% growth a year, holidays, and chance.

    Real country mixes hold still: over two weeks of July 2026 the largest share moved by less than 1%.
    """
    random = np.random.default_rng([1, day.toordinal()])
    level = 1.4 ** ((day - NEW_YEAR).days / 365) * HOLIDAYS.get(day, 1.0) * random.lognormal(0, 0.03)
    weekend = day.weekday() >= 5
    downloads = int(4e9 * level * (0.63 if weekend else 1.0))

    def mix(usual: dict[str, float]) -> dict[str, int]:
        shares = {key: share * random.lognormal(0, 0.03) for key, share in usual.items()}
        return {key: int(downloads * share / sum(shares.values())) for key, share in shares.items()}

    rhythm = [1 + 0.35 * np.sin((hour - 8) / 24 * 2 * np.pi) for hour in range(24)]
    return Measures(
        day,
        downloads,
        int(downloads * 0.6),
        int(700_000 * level**0.4 * (0.9 if weekend else 1.0) * random.lognormal(0, 0.02)),
        {str(hour): int(downloads / 24 * share * random.lognormal(0, 0.03)) for hour, share in enumerate(rhythm)},
        {name: mix(usual) for name, usual in SHARES.items()},
    )


def weeks_before(day: date, days: dict[date, Measures], *redefined: str) -> pd.DataFrame:
    """The weeks before `day`; until the day before, the counts and breakdowns that are named meant something else."""
    before = [days[day - timedelta(weeks=n)] for n in range(1, WEEKS + 1) if day - timedelta(weeks=n) in days]
    return pd.DataFrame(
        [(m.downloads, m.files, m.projects, m.pypi_totals, redefined) for m in before],
        columns=["downloads", "files", "projects", "pypi_totals", "redefined"],
    )


def failed(measures: Measures, before: pd.DataFrame) -> dict[str, str]:
    """The messages of the audits that doubt a day."""
    return {found.audit: found.message for found in soft_audit(measures, before) if not found.passed}


@pytest.fixture(scope="module")
def year() -> dict[date, Measures]:
    """365 days, and the six weeks before them."""
    days = [NEW_YEAR + timedelta(days=n) for n in range(-7 * WEEKS, 365)]
    return {day: ordinary_day(day) for day in days}


def test_a_year_with_weekends_growth_and_holidays_has_at_most_one_false_alarm(year: dict[date, Measures]) -> None:
    alarms = {day: found for day in year if (found := failed(year[day], weeks_before(day, year)))}
    assert len(alarms) <= 1, alarms


def scaled(measures: Measures, factor: float) -> Measures:
    def of(counts: Mapping[str, int]) -> dict[str, int]:
        return {key: int(count * factor) for key, count in counts.items()}

    return replace(
        measures,
        downloads=int(measures.downloads * factor),
        files=int((measures.files or 0) * factor),
        pypi_totals={name: of(counts) for name, counts in measures.pypi_totals.items()},
        by_hour=of(measures.by_hour),
    )


def with_keys(measures: Measures, breakdown: str, **counts: int) -> Measures:
    """The day with other counts of some keys."""
    return replace(
        measures, pypi_totals={**measures.pypi_totals, breakdown: {**measures.pypi_totals[breakdown], **counts}}
    )


def without_pythons(measures: Measures) -> Measures:
    return replace(measures, pypi_totals={**measures.pypi_totals, "python": {UNKNOWN: measures.downloads}})


@pytest.mark.parametrize(
    ("spoil", "audit"),
    [
        (lambda day: scaled(day, 0.5), "downloads_like_weekday"),
        (lambda day: scaled(day, 2), "downloads_like_weekday"),
        (lambda day: replace(day, projects=day.projects // 2), "projects_like_weekday"),
        (lambda day: replace(day, by_hour={str(hour): 900 for hour in range(24) if hour != 13}), "every_hour_there"),
        (lambda day: with_keys(day, "country", DE=0), "country_mix"),
        (lambda day: with_keys(day, "country", **{UNKNOWN: day.downloads // 10}), "unknown_country_share"),
        (lambda day: with_keys(day, "country", US=100 * day.downloads), "country_mix"),
        (without_pythons, "unknown_python_share"),
        (without_pythons, "python_mix"),
        (lambda day: with_keys(day, "system", Darwin=0), "system_mix"),
        (lambda day: with_keys(day, "installer", uv=0), "installer_mix"),
    ],
)
def test_a_spoiled_day_is_doubted_on_every_day_but_a_holiday(
    year: dict[date, Measures], spoil: Callable[[Measures], Measures], audit: str
) -> None:
    for day in [NEW_YEAR + timedelta(days=n) for n in range(0, 365, 13)]:  # each weekday in each season
        if day not in HOLIDAYS:
            assert audit in failed(spoil(year[day]), weeks_before(day, year)), day


def test_a_finding_has_the_figures(year: dict[date, Measures]) -> None:
    half = with_keys(scaled(year[MARCH], 0.5), "country", DE=0)
    found = failed(half, weeks_before(MARCH, year))
    assert "-4" in found["downloads_like_weekday"]
    assert "% against " in found["downloads_like_weekday"]
    assert "DE has 0.0% of the downloads instead of 8.0%" in found["country_mix"]


def test_without_three_weeks_before_it_a_day_is_not_doubted_for_that_reason(year: dict[date, Measures]) -> None:
    day = NEW_YEAR - timedelta(weeks=WEEKS - 2)
    findings = soft_audit(scaled(year[day], 0.1), weeks_before(day, year))
    assert all(finding.passed for finding in findings)
    nothing = "nothing to compare with: 2 earlier weeks are published and alike"
    assert sum(nothing in finding.message for finding in findings) == 10


def test_files_are_compared_with_files_where_both_have_them(year: dict[date, Measures]) -> None:
    day, before = year[MARCH], weeks_before(MARCH, year)
    assert not failed(replace(day, downloads=day.downloads * 2), before)
    assert failed(replace(day, files=day.downloads // 3), before).keys() == {"downloads_like_weekday"}
    assert "downloads_like_weekday" in failed(replace(scaled(day, 0.5), files=None), before)
    assert "downloads_like_weekday" in failed(scaled(day, 0.5), before.assign(files=None))


def test_a_day_is_not_compared_with_weeks_that_counted_otherwise(year: dict[date, Measures]) -> None:
    before = weeks_before(MARCH, year, "downloads", "without_mirrors")
    found = {each.audit: each for each in soft_audit(scaled(year[MARCH], 0.1), before)}
    assert {name for name, finding in found.items() if not finding.passed} == {"downloads_like_weekday"}  # by files
    assert "0 earlier weeks are published and alike" in found["projects_like_weekday"].message
    assert "0 earlier weeks are published and alike" in found["python_mix"].message
    assert not failed(without_pythons(year[MARCH]), weeks_before(MARCH, year, "python"))
