"""Generates a SYNTHETIC day of PyPI downloads, with the columns of `file_downloads`.

Project names are real, everything else is made up: the numbers say nothing about any project. Rows depend only
on the day, so generating a day again gives the same rows.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from importlib import resources

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_WEEKDAY_ROWS = 20_000
_WEEKEND_SHARE = 0.63  # PyPI's weekends have about 37% fewer downloads than its weekdays
_EPOCH = dt.date(1970, 1, 1)
_DAY_MICROSECONDS = 86_400_000_000
_SEED = 20_160_122


# Values with their share of the rows; None is NULL.
_COUNTRIES = {
    "US": 0.52, "IE": 0.06, "DE": 0.055, "SG": 0.05, "JP": 0.035, "GB": 0.03, "NL": 0.028, "IN": 0.027,
    "FR": 0.025, "CA": 0.02, "BR": 0.017, "KR": 0.016, "AU": 0.015, "SE": 0.012, "HK": 0.011, "FI": 0.01,
    "RU": 0.009, "PL": 0.007, "ES": 0.006, "IT": 0.006, "CH": 0.005, "ZA": 0.004, "IL": 0.004, "MX": 0.003,
    "AR": 0.002, "CZ": 0.002, "NO": 0.002, "DK": 0.002, "BE": 0.002, "AT": 0.002, None: 0.013,
}  # fmt: skip
_INSTALLERS = {
    "pip": 0.62, "uv": 0.25, "poetry": 0.05, "bandersnatch": 0.02, "requests": 0.02, "Browser": 0.008,
    "pdm": 0.005, "Artifactory": 0.007, None: 0.02,
}  # fmt: skip
_INSTALLER_VERSIONS = {
    "pip": "25.3", "uv": "0.9.11", "poetry": "2.2.1", "bandersnatch": "6.6.0", "requests": "2.32.5",
    "pdm": "2.26.1",
}  # fmt: skip
_PYTHONS = {
    "3.12.12": 0.26, "3.11.14": 0.24, "3.10.19": 0.16, "3.13.9": 0.13, "3.9.25": 0.09, "3.14.0": 0.04,
    "3.8.20": 0.03, "3.7.17": 0.01, None: 0.04,
}  # fmt: skip
_SYSTEMS = {"Linux": 0.87, "Darwin": 0.04, "Windows": 0.05, None: 0.04}
_CI_SHARE = 0.34
_TYPES = {"bdist_wheel": 0.86, "sdist": 0.14}
_NO_VERSION_SHARE = 0.002


def day(date: dt.date) -> pa.Table:
    """The rows of one UTC day: about 20,000 on a weekday and 37% fewer on a weekend, ordered by time."""
    number = (date - _EPOCH).days
    random = np.random.default_rng([_SEED, number])
    weekend = _WEEKEND_SHARE if date.weekday() >= 5 else 1.0
    rows = int(_WEEKDAY_ROWS * weekend * random.uniform(0.97, 1.03))
    places = _places(random, rows)
    versions = _versions(random, places, number)
    names = projects().take(pa.array(places))
    types = _choose(random, _TYPES, rows)
    suffix = pc.if_else(pc.equal(types, "sdist"), ".tar.gz", "-py3-none-any.whl")
    stem = pc.binary_join_element_wise(pc.replace_substring(names, "-", "_"), pc.fill_null(versions, "0"), "-")
    microseconds = number * _DAY_MICROSECONDS + np.sort(random.integers(0, _DAY_MICROSECONDS, rows))
    installers = _choose(random, _INSTALLERS, rows)
    installer_versions = pa.array(list(_INSTALLER_VERSIONS.values())).take(
        pc.index_in(installers, pa.array(list(_INSTALLER_VERSIONS)))
    )
    return pa.table(
        {
            "timestamp": pa.array(microseconds).cast(pa.timestamp("us", tz="UTC")),
            "country_code": _choose(random, _COUNTRIES, rows),
            "project": names,
            "file": pa.StructArray.from_arrays(
                [pc.binary_join_element_wise(stem, suffix, ""), names, versions, types],
                names=["filename", "project", "version", "type"],
            ),
            "details": pa.StructArray.from_arrays(
                [
                    pa.StructArray.from_arrays([installers, installer_versions], names=["name", "version"]),
                    _choose(random, _PYTHONS, rows),
                    pa.StructArray.from_arrays([_choose(random, _SYSTEMS, rows)], names=["name"]),
                    # Installers send true in CI, and nothing otherwise.
                    pa.array(np.ones(rows, bool), mask=random.random(rows) >= _CI_SHARE),
                ],
                names=["installer", "python", "system", "ci"],
            ),
        }
    )


@cache
def projects() -> pa.Array:
    """Real names of projects, most downloaded first: a project gets fewer downloads the later it comes."""
    return pa.array(resources.files("pyzn_local").joinpath("sample_projects.txt").read_text("utf-8").split())


def _choose(random: np.random.Generator, shares: dict[str, float] | dict[str | None, float], rows: int) -> pa.Array:
    """`rows` random values, drawn by their shares."""
    weights = np.array(list(shares.values()))
    return pa.array(list(shares), pa.string()).take(
        pa.array(random.choice(len(weights), rows, p=weights / weights.sum()))
    )


def _places(random: np.random.Generator, rows: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Random indexes into `projects()`. Their frequency is Zipf-like, but flatter at the top, as on PyPI."""
    weights = 1 / (np.arange(len(projects())) + 8.0)
    return random.choice(len(weights), rows, p=weights / weights.sum())


def _versions(random: np.random.Generator, places: np.ndarray[tuple[int], np.dtype[np.int64]], number: int) -> pa.Array:
    """A version for each row: most often the newest release, less often older ones, rarely none.

    Each project has a release every few weeks, so its versions change over the days.
    """
    rows = len(places)
    pace = 9 + places * 7 % 40  # days between two releases of a project
    release = (number - 16_000 + places * 13) // pace - np.minimum(random.geometric(0.45, rows) - 1, 12)
    major, rest = np.divmod(release, 90)
    minor, patch = np.divmod(rest, 5)
    text = pc.binary_join_element_wise(*(pa.array(part).cast(pa.string()) for part in (major, minor, patch)), ".")
    return pc.if_else(pa.array(random.random(rows) < _NO_VERSION_SHARE), None, text)
