"""A day of raw rows, a third of them with what nobody expects."""

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pyzn_pipeline.breakdowns import UNKNOWN
from pyzn_pipeline.source.scan import MARK
from tests.wheels import WHEELS

ROWS = 2_064

# What JSON, Unicode, SQL or Postgres treat in a special way, and what becomes the same text as another.
TEXTS = [
    None, "", " ", "\x00", "a\x00b", f"a{MARK}b", "\t\n\r\x0b\x1f\x7f", "\x85\xa0", "\u2028", "\u2029x", "\ufeffx",
    "\u202e", "'", '"', "\\", "\\u001F", "\\x00", '","b":1}', "--", "$$", "%s", UNKNOWN, "NULL", "nan", "1e3", "0",
    "é", "e\u0301", "中", "🚀", "👩\u200d👧", "\u0130", "\u0391\u03a3", "\u0391\u03a3_b", "\u1e9eß", "\u212a",
    "x" * 499 + "🚀y", "é" * 500, "n" * 2_000,
]  # fmt: skip
_PROJECTS = [
    *TEXTS, "Foo.Bar", "foo__bar", "FOO-._bar", "-", "._-", "foo-bar\x00", "requests", "9", "a-\n", "(invalid)",
    "\u0131python", "reque\u017fts", "\u212aeras", "a" * 255, "a" * 256, f"a{'_' * 253}b", f"a{'-' * 254}b",
]  # fmt: skip
_PYTHONS = [
    *TEXTS, "3", "3.", ".3", "3.10", "3.10.0rc1", "3.12.1+", "x3.1", "3.1x", "\u0663.\u0661", "03.012", "2.7.18",
    "3..1", "\n3.1",
]  # fmt: skip
FILENAMES = [
    *TEXTS, *(f"{text}.zip" for text in TEXTS), "a-1.tar.gz", "a-1-py3-none-any.whl",
    "a.whl", "a.WHL", "a.Tar.gZ", "a.zip", "a.whl.metadata", "a.tar.gz.asc", "a.tgz", "a.egg", "a.exe",
    "atar.gz", ".zip", "whl", "a%2ewhl", "a%2Etar.gz", "a.whl\n", "a.whl\x00", "\x00.whl", "a\n.zip",
    "a.z\u0131p", "a.z\u0130p",
    "n" * 10_000, "n" * 10_000 + ".whl",
]  # fmt: skip
_MIRRORS = ["bandersnatch", "z3c.pypimirror", "Artifactory", "devpi"]
_INSTALLERS = [*TEXTS, *_MIRRORS, "pip", "PIP", "pip ", "Bandersnatch", "bandersnatch\x00", "uv", "conda"]
_SYSTEMS = [*TEXTS, "Linux", "linux", "Windows", "Darwin", "CYGWIN_NT-10.0-19045"]
_COUNTRIES = [*TEXTS, "US", "us", "ZZ", "T1", "**"]


def hostile_rows(day: date) -> list[dict[str, Any]]:
    """2,064 rows of `file_downloads`, the same ones each time: on `day`, but for a few just before and after it."""
    draw = random.Random(20_160_122)  # noqa: S311  # not a secret
    midnight = datetime.combine(day, time(), UTC)
    last = timedelta(days=1) - timedelta(microseconds=1)
    edges = [timedelta(), last, timedelta(microseconds=-1), timedelta(days=1)]
    return [
        {
            "timestamp": midnight + (edges[n] if n < len(edges) else last * draw.random()),
            "project": "a top-level column of the same name",
            **(_hostile(draw) if n % 3 == 0 else _usual(draw)),
        }
        for n in range(ROWS)
    ]


def _usual(draw: random.Random) -> dict[str, Any]:
    installer = draw.choice(["pip", "pip", "uv", "bandersnatch", None])
    return {
        "country_code": draw.choice(["US", "DE", "IE", None]),
        "file": {
            "filename": draw.choice(WHEELS).filename + draw.choice(["", "", ".metadata"]),
            "project": draw.choice(["requests", "numpy", "Django"]),
            "version": f"{draw.randrange(3)}.0",
        },
        "details": {
            "installer": {"name": installer, "version": "25.3"},
            "python": draw.choice(["3.11.4", "3.12.1", None]),
            "system": {"name": draw.choice(["Linux", "Darwin", None])},
            "ci": draw.choice([True, None]),
            "cpu": draw.choice(["x86_64", "arm64", None]),
            "implementation": {"name": draw.choice(["CPython", "PyPy"])},
            "distro": {"name": "Ubuntu", "version": "24.04", "libc": {"lib": "glibc", "version": "2.39"}},
        },
    }


def _hostile(draw: random.Random) -> dict[str, Any]:
    file = {"filename": draw.choice(FILENAMES), "project": draw.choice(_PROJECTS), "version": draw.choice(TEXTS)}
    details = {
        "installer": draw.choice([None, *({"name": name, "version": draw.choice(TEXTS)} for name in _INSTALLERS)]),
        "python": draw.choice(_PYTHONS),
        "system": draw.choice([None, *({"name": name} for name in _SYSTEMS)]),
        "ci": draw.choice([True, False, None]),
        "cpu": draw.choice(TEXTS),
        "implementation": {"name": draw.choice(TEXTS)},
        "distro": {"name": draw.choice(TEXTS), "version": "12", "libc": {"lib": draw.choice(TEXTS), "version": None}},
    }
    return {
        "country_code": draw.choice(_COUNTRIES),
        "file": draw.choice([None, *[file] * 20]),
        "details": draw.choice([None, *[details] * 20]),
    }
