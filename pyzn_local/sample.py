"""Generates a SYNTHETIC day of PyPI downloads, with the columns of `file_downloads`.

Project names are real, everything else is made up: the numbers are of no real project. But they move as PyPI's
do: more each month, fewer at weekends and at night, new versions and Pythons that take over within weeks, and mirrors
that fetch whatever there is. Until PyPI stopped counting them on 2026-08-24, `.metadata` sidecars are rows too. Rows
depend only on the day, so generating a day again gives the same rows.
"""

from __future__ import annotations

import datetime as dt
import os
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pyzn_pipeline.days import day_of

DAYS = 35  # before today
_ROWS = 80_000  # of a usual weekday at the start of 2026
_GROWTH = 0.0008  # a day: a third in a year
_WEEKDAYS = (0.97, 1.03, 1.02, 1.01, 0.97, 0.64, 0.64)  # Monday first
_HOURS = 1 + 0.22 * np.sin((np.arange(24) - 8) * np.pi / 12)  # UTC; the busiest one is 14
_EPOCH = dt.date(1970, 1, 1)
_YEAR_2026 = (dt.date(2026, 1, 1) - _EPOCH).days
_DAY_MICROSECONDS = 86_400_000_000
_SEED = 20_160_122

_Shares: TypeAlias = "dict[str, float] | dict[str | None, float]"
_Numbers: TypeAlias = "np.ndarray[tuple[int], np.dtype[Any]]"

# Values with their share of the rows; None is NULL.
_COUNTRIES = {
    "US": 0.66, "IE": 0.045, "DE": 0.045, "SG": 0.04, "NL": 0.028, "IN": 0.027, "GB": 0.025, "JP": 0.022,
    "FR": 0.017, "CA": 0.015, "BR": 0.011, "KR": 0.01, "AU": 0.009, "CN": 0.006, "SE": 0.006, "HK": 0.005,
    "FI": 0.004, "PL": 0.003, "ES": 0.003, "IT": 0.003, "RU": 0.003, "CH": 0.002, "ZA": 0.002, "IL": 0.002,
    "MX": 0.001, "AR": 0.001, "CZ": 0.001, "NO": 0.001, "DK": 0.001, "BE": 0.001, "AT": 0.001, "T1": 0.0002,
    None: 0.006,
}  # fmt: skip
_INSTALLERS = {  # the newest first: their shares grow
    "uv": 0.33, "pip": 0.585, "poetry": 0.025, "pdm": 0.002, None: 0.012, "requests": 0.004, "Bazel": 0.002,
    "Nexus": 0.001, "Browser": 0.001, "setuptools": 0.0005,
}  # fmt: skip
_MIRRORS = {"bandersnatch": 0.55, "Artifactory": 0.28, "devpi": 0.12, "z3c.pypimirror": 0.05}
_MIRROR_SHARE = 0.04
_INSTALLER_VERSIONS = {
    "pip": "25.3", "uv": "0.9.11", "poetry": "2.2.1", "bandersnatch": "6.6.0", "requests": "2.32.5", "pdm": "2.26.1",
    "devpi": "6.17.0",
}  # fmt: skip
_PYTHONS = {  # the newest first, as above
    "3.15.0a2": 0.0006, "3.14.0rc2": 0.0004, "3.14.0": 0.025, "3.14.1": 0.03, "3.13.9": 0.1, "3.13.5": 0.06,
    "3.12.12": 0.18, "3.12.3": 0.12, "3.12.1+": 0.0004, "3.11.14": 0.13, "3.11.2": 0.08, "3.10.19": 0.08,
    "3.10.12": 0.06, "3.9.25": 0.06, "3.8.20": 0.024, "3.7.17": 0.014, "3.6.8": 0.003, "2.7.18": 0.002, "3": 0.0002,
}  # fmt: skip
_SYSTEMS = {
    "Linux": 0.935, "Windows": 0.032, "Darwin": 0.022, None: 0.009, "Android": 0.0004, "FreeBSD": 0.0003,
    "CYGWIN_NT-10.0-19045": 0.0002, "MSYS_NT-10.0-22631": 0.0002, "Emscripten": 0.0001,
}  # fmt: skip
_LIBCS = {  # the newest first, as above; None is musl, which installers do not report
    "2.41": 0.1, "2.39": 0.2, "2.36": 0.27, "2.35": 0.15, "2.34": 0.08, "2.31": 0.08, "2.28": 0.035, "2.26": 0.02,
    "2.17": 0.006, None: 0.059,
}  # fmt: skip
_MACHINES = {"x86_64": 0.8, "aarch64": 0.197, "armv7l": 0.002, "i686": 0.0006, "ppc64le": 0.0003, "s390x": 0.0001}
_PYPY_SHARE = 0.002
# Projects with a wheel for each Python and platform. All others have one for all.
_COMPILED = (
    "numpy", "pandas", "cryptography", "cffi", "pyyaml", "pydantic-core", "aiohttp", "lxml", "pillow",
    "scipy", "psutil", "markupsafe", "grpcio",
)  # fmt: skip
_WITH_DETAILS = ("pip", "uv", "poetry", "pdm")  # the installers that report on what they run
_CI_SHARE = 0.36
_NO_VERSION_SHARE = 0.002
# The share of sidecars among the rows of wheels by installers. Served since 2023-05-11; 18.55% of boto3's rows by pip
# in May 2024; "close to double" in June 2025, a maintainer wrote. All else is a guess.
_SIDECARS = {dt.date(2023, 5, 10): 0.0, dt.date(2024, 5, 20): 0.2, dt.date(2025, 6, 15): 0.48}
_ONLY_FILES = dt.datetime(2026, 8, 24, 12, tzinfo=dt.UTC)  # the hour is a guess


def first_day() -> dt.date:
    """The first of the days that the embedded stack has: PYZN_SAMPLE_FROM, or 35 days before today (UTC)."""
    chosen = os.environ.get("PYZN_SAMPLE_FROM")
    return day_of(chosen) if chosen else dt.datetime.now(dt.UTC).date() - dt.timedelta(days=DAYS)


def day(date: dt.date) -> pa.Table:
    """The rows of one UTC day, ordered by time: about 80,000 on a weekday early in 2026, a third fewer on a weekend.

    From 2026-08-25 on, without sidecars, they are about half as many.
    """
    number = (date - _EPOCH).days
    random = np.random.default_rng([_SEED, number])
    grown = float(np.clip(np.exp(_GROWTH * (number - _YEAR_2026)), 0.2, 2))
    rows = int(_ROWS * grown * _WEEKDAYS[date.weekday()] * random.uniform(0.98, 1.02))
    mirrored = random.random(rows) < _MIRROR_SHARE
    places = np.where(mirrored, random.integers(0, len(projects()), rows), _places(random, rows, number))
    versions = _versions(random, places, mirrored, number)
    names = projects().take(pa.array(places))
    # Projects differ, and what is new gains over the months: both bend the dice.
    bend = (0.75 + places * 0.618 % 0.5) * np.clip(1 + _GROWTH * (number - _YEAR_2026), 0.6, 1.6)
    usual = _choose(random, _INSTALLERS, rows, bend)
    installers = pc.if_else(pa.array(mirrored), _choose(random, _MIRRORS, rows), usual)
    detailed = pc.is_in(installers, pa.array(_WITH_DETAILS))
    sdist = pa.array(random.random(rows) < np.where(mirrored, 0.4, 0.06))
    stem = pc.binary_join_element_wise(pc.replace_substring(names, "-", "_"), pc.fill_null(versions, "0"), "-")
    share = np.interp(number, [(at - _EPOCH).days for at in _SIDECARS], list(_SIDECARS.values()))
    fetched = pc.and_(detailed, pc.invert(sdist))
    # A generator of its own: the other rolls of the dice do not depend on it.
    own = np.random.default_rng([_SEED, number, 1])
    sidecar = pc.if_else(pc.and_(fetched, pa.array(own.random(rows) < share)), ".metadata", "")
    known, newest = (pa.array(list(column)) for column in zip(*_INSTALLER_VERSIONS.items(), strict=True))
    in_ci = pa.array(random.random(rows) < _CI_SHARE)
    pythons, systems = _choose(random, _PYTHONS, rows, bend), _choose(random, _SYSTEMS, rows)
    linux = pc.fill_null(pc.equal(systems, "Linux"), False)
    libcs, machines = pc.if_else(linux, _choose(own, _LIBCS, rows), None), _choose(own, _MACHINES, rows)
    ending = pc.if_else(sdist, ".tar.gz", _wheels(names, pythons, systems, machines, libcs))
    lib = pc.if_else(pc.and_(detailed, pc.is_valid(libcs)), "glibc", None)
    implementations = pc.if_else(pa.array(own.random(rows) < _PYPY_SHARE), "PyPy", "CPython")
    moments = _moments(random, rows, number)
    table = pa.table(
        {
            "timestamp": moments,
            "country_code": _choose(random, _COUNTRIES, rows, 0.9 + places * 0.618 % 0.2),
            "project": names,
            "file": _record(
                filename=pc.binary_join_element_wise(stem, ending, sidecar, ""),
                project=names,
                version=versions,
                type=pc.if_else(sdist, "sdist", "bdist_wheel"),
            ),
            "details": _record(
                installer=_record(name=installers, version=newest.take(pc.index_in(installers, known))),
                python=pc.if_else(detailed, pythons, None),
                implementation=_record(name=pc.if_else(detailed, implementations, None)),
                distro=_record(libc=_record(lib=lib, version=pc.if_else(detailed, libcs, None))),
                system=_record(name=pc.if_else(detailed, systems, None)),
                cpu=pc.if_else(detailed, machines, None),
                ci=pc.if_else(
                    pc.and_(detailed, in_ci), True, None
                ),  # installers send true in CI, and nothing otherwise
            ),
        }
    )
    return table.filter(pc.or_(pc.equal(sidecar, ""), pc.less(moments, pa.scalar(_ONLY_FILES, moments.type))))


def _record(**fields: pa.Array) -> pa.StructArray:
    return pa.StructArray.from_arrays(list(fields.values()), names=list(fields))


@cache
def projects() -> pa.Array:
    """Real names of projects, most downloaded first: a project gets fewer downloads the later it comes."""
    return pa.array(resources.files("pyzn_local").joinpath("sample_projects.txt").read_text("utf-8").split())


def _choose(random: np.random.Generator, shares: _Shares, rows: int, bend: _Numbers | float = 1.0) -> pa.Array:
    """`rows` random values, drawn by their shares. `bend` over 1 draws the first ones more often, below 1 the last."""
    ends = np.cumsum(list(shares.values()))
    drawn = np.searchsorted(ends / ends[-1], random.random(rows) ** bend, side="right")
    return pa.array(list(shares), pa.string()).take(pa.array(drawn))


def _wheels(names: pa.Array, *details: pa.Array) -> pa.Array:
    """The end of each wheel's name: one for all, or of compiled projects that for the Python and platform."""
    _, systems, *_ = details
    compiled = pc.and_(
        pc.is_in(names, pa.array(_COMPILED)), pc.is_in(systems, pa.array(["Linux", "Windows", "Darwin"]))
    )
    pythons, systems, machines, libcs = (each.filter(compiled) for each in details)
    linux = pc.binary_join_element_wise(
        pc.if_else(pc.is_valid(libcs), "manylinux_2_17", "musllinux_1_2"), machines, "_"
    )
    windows = pc.if_else(pc.equal(machines, "i686"), "win32", "win_amd64")
    macos = pc.if_else(pc.equal(machines, "x86_64"), "macosx_11_0_arm64", "macosx_10_13_x86_64")
    others = pc.if_else(pc.equal(systems, "Windows"), windows, macos)
    python = pc.replace_substring_regex(pythons, r"^(\d+)\.?(\d*).*", r"cp\1\2")
    tags = pc.binary_join_element_wise("", python, python, pc.if_else(pc.equal(systems, "Linux"), linux, others), "-")
    every = pa.repeat("-py3-none-any.whl", len(names))
    return pc.replace_with_mask(every, compiled, pc.binary_join_element_wise(tags, ".whl", ""))


def _moments(random: np.random.Generator, rows: int, number: int) -> pa.Array:
    """The times of `rows` downloads, in order."""
    hours = random.choice(24, rows, p=_HOURS / _HOURS.sum())
    microseconds = hours * (_DAY_MICROSECONDS // 24) + random.integers(0, _DAY_MICROSECONDS // 24, rows)
    return pa.array(number * _DAY_MICROSECONDS + np.sort(microseconds)).cast(pa.timestamp("us", tz="UTC"))


def _places(random: np.random.Generator, rows: int, number: int) -> _Numbers:
    """Random indexes into `projects()`. Their frequency is Zipf-like, but flatter at the top, as on PyPI.

    Projects rise and fall by a fifth, each in its own weeks, so the rankings move.
    """
    order = np.arange(len(projects()))
    weights = (1 + 0.2 * np.sin(number / (17 + order % 23) + order)) / (order + 8.0)
    return random.choice(len(order), rows, p=weights / weights.sum())


def _versions(random: np.random.Generator, places: _Numbers, mirrored: _Numbers, number: int) -> pa.Array:
    """A version for each row; rarely none.

    A project has a release every one to seven weeks. Most users have it some days later; others stay for months with a
    release that many stay with; mirrors fetch the last hundred releases alike.
    """
    rows = len(places)
    pace = 9 + places * 7 % 40  # days between two releases of a project
    born = number - 16_000 + places * 13  # days since its first release
    pinned = random.random(rows) < 0.3
    lag = np.where(pinned, random.exponential(180, rows), random.exponential(6, rows))
    release = (np.maximum(born - lag, 0) // pace).astype(np.int64)
    release -= np.where(pinned, release % 6, 0)
    release = np.where(mirrored, np.maximum(born // pace - random.integers(0, 100, rows), 0), release)
    major, rest = np.divmod(release, 90)
    minor, patch = np.divmod(rest, 5)
    text = pc.binary_join_element_wise(*(pa.array(part).cast(pa.string()) for part in (major, minor, patch)), ".")
    return pc.if_else(pa.array(random.random(rows) < _NO_VERSION_SHARE), None, text)
