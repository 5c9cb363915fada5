"""The counts of a scan in plain Python, of raw rows. A row may have a number of `times` that it is there."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from pyzn_pipeline.breakdowns import BREAKDOWNS, PYTHON, UNKNOWN, VERSION, Breakdown, Contents, Count
from pyzn_pipeline.names import INVALID, is_name, normalise
from pyzn_pipeline.source.scan import BY_HOUR, MARK, REPLACED, contents_of, schema
from tests.wheels import wheel_key, with_version

Row = Mapping[str, Any]

_MIRRORS = ("bandersnatch", "z3c.pypimirror", "Artifactory", "devpi")  # pypistats.org's rule
_KEYS: dict[str, Callable[[Row], str | None]] = {
    "version": lambda row: _field(row, "file", "version"),
    "country": lambda row: row["country_code"],
    "installer": lambda row: _field(row, "details", "installer", "name"),
    "python": lambda row: _found(r"[0-9]+\.[0-9]+", _field(row, "details", "python")),
    "system": lambda row: _field(row, "details", "system", "name"),
    "wheel": lambda row: wheel_key(_field(row, "file", "filename")),
    "libc": lambda row: _with_version(row, "lib", "details", "distro", "libc"),
    "cpu": lambda row: _field(row, "details", "cpu"),
    "implementation": lambda row: _field(row, "details", "implementation", "name"),
    "installer_version": lambda row: _with_version(row, "name", "details", "installer"),
    "distro": lambda row: _with_version(row, "name", "details", "distro"),
    "version_python": lambda row: f"{key_of(PYTHON, row)} {key_of(VERSION, row)}",
}
_CONDITIONS: dict[str, Callable[[Row], bool]] = {
    "downloads": lambda _: True,
    "pip": lambda row: _KEYS["installer"](row) == "pip",
    "ci": lambda row: _field(row, "details", "ci") is True,
    "without_mirrors": lambda row: _KEYS["installer"](row) not in {None, *_MIRRORS},
    "files": lambda row: row.get("is_file", by_name(row)),
    "files_without_mirrors": lambda row: all(_CONDITIONS[name](row) for name in ("files", "without_mirrors")),
}


def by_name(row: Row) -> bool:
    """Return whether a row is a file."""
    return (_field(row, "file", "filename") or "").lower().endswith((".whl", ".tar.gz", ".zip"))


def expected(
    rows: Iterable[Row],
    day: date,
    is_file: Callable[[Row], bool] | None = by_name,
    breakdowns: tuple[Breakdown, ...] = BREAKDOWNS,
) -> list[dict[str, Any]]:
    """The rows of a scan of `day`, in its order: all of PyPI, with project None, and then its projects.

    `is_file` is None for a day whose files are not counted.
    """
    contents = contents_of("TRUE" if is_file else None, breakdowns)
    by_project: dict[str | None, list[Row]] = {None: []}
    for row in rows:
        if row["timestamp"].date() == day:
            known = {**row, "is_file": is_file is not None and is_file(row)}
            by_project[None].append(known)
            by_project.setdefault(_project(row), []).append(known)
    ordered = sorted(by_project, key=lambda name: (name is not None, name))
    return [_counted(name, by_project[name], contents) for name in ordered]


def key_of(breakdown: Breakdown, row: Row) -> str:
    """The key of a row."""
    key = _KEYS[breakdown.name](row)
    return UNKNOWN if key is None else key.replace("\0", MARK)


def counts_for(count: Count, row: Row) -> bool:
    """Return whether `count` counts a row."""
    return _CONDITIONS[count.name](row)


def _counted(project: str | None, rows: list[Row], contents: Contents) -> dict[str, Any]:
    found: dict[str, Any] = {"project": project}
    found |= {count.column: _times(row for row in rows if counts_for(count, row)) for count in contents.counts}
    found[REPLACED] = _times(row for row in rows if _is_replaced(row, contents.breakdowns))
    for breakdown in contents.breakdowns:
        packed = rows if project is not None or breakdown.common else []
        counts = [
            _by((key_of(breakdown, row), row) for row in packed if counts_for(count, row)) for count in breakdown.counts
        ]
        arrays = [_array(sorted(counts[0]), count) for count in counts[1:]]
        found |= dict(zip(breakdown.columns, [_document(counts[0]), *arrays], strict=True))
    found[BY_HOUR] = _document(_by((str(row["timestamp"].hour), row) for row in rows if project is None))
    return {name: found[name] for name in schema(contents).names}


def _times(rows: Iterable[Row]) -> int:
    return sum(row.get("times", 1) for row in rows)


def _by(keyed: Iterable[tuple[str, Row]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for key, row in keyed:
        found[key] += row.get("times", 1)
    return found


def _project(row: Row) -> str:
    name = _field(row, "file", "project")
    return UNKNOWN if name is None else normalise(name) if is_name(name) else INVALID


def _is_replaced(row: Row, breakdowns: Iterable[Breakdown]) -> bool:
    return _project(row) == INVALID or any("\0" in (_KEYS[breakdown.name](row) or "") for breakdown in breakdowns)


def _field(row: Row, *path: str) -> Any:
    found: Any = row
    for name in path:
        found = None if found is None else found.get(name)
    return found


def _with_version(row: Row, name: str, *path: str) -> str | None:
    return with_version(_field(row, *path, name), _field(row, *path, "version"))


def _found(pattern: str, text: str | None) -> str | None:
    match = re.match(pattern, text or "")
    return match and match[0]


def _document(counts: Counter[str]) -> str:
    text = json.dumps({key: counts[key] for key in sorted(counts)}, ensure_ascii=False, separators=(",", ":"))
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _array(keys: list[str], counts: Counter[str]) -> str:
    return json.dumps([counts[key] for key in keys], separators=(",", ":"))
