"""The meaning of the keys of the breakdown by wheel: `cp39-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64`.

https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pyzn_pipeline.breakdowns import UNKNOWN

NONE = "(none)"
"""A part that means nothing for the file, such as the architecture of a source archive."""

_PLATFORM = re.compile(
    r"(any|manylinux|musllinux|linux|macosx|win|android|ios)"
    r"(1|2010|2014|(?:_[0-9]{1,4}){1,2}(?=_))?"  # the least version
    r"(?:_(\w+?)|32)?(?:_iphone(?:os|simulator))?"
)
_FAMILIES = {"macosx": "macos", "win": "windows"}
# The tags of before PEP 600.
GLIBC = {"1": (2, 5), "2010": (2, 12), "2014": (2, 17)}
_LINUX = {"manylinux", "musllinux", "linux"}
_ARCHS = {"amd64": "x86_64", "arm64": "aarch64", "arm64_v8a": "aarch64", "armeabi_v7a": "armv7l"}
_ARCHS |= {"x86": "i686", "i386": "i686"}
_ABI = re.compile(r"(none|abi3t?)|(cp[0-9]+t)\w*|(cp|pypy|pp|graalpy)_?[0-9]\w*")


@dataclass(frozen=True)
class Tags:
    """The meaning of a wheel's tags. Different values in a compressed set are joined by dots: `py2.py3`.

    `family`: any, manylinux, musllinux, macos, windows, android, ios, sdist; linux for a wheel without one of the two
    libcs, or for both; other for all else. `arch` as Linux calls it: x86_64, i686, aarch64. `abi`: none, abi3, abi3t,
    free-threaded, version (of one version of an interpreter), other. `glibc` and `macos`: the least version.
    """

    family: str
    arch: str
    python: str
    abi: str
    glibc: str
    macos: str


@lru_cache(maxsize=4096)
def tags_of(key: str) -> Tags:
    """Return the meaning of any key of the breakdown by wheel."""
    parts = key.lower().split("-")
    if len(parts) != 3:
        return Tags("sdist", *[NONE] * 5) if key == "sdist" else Tags("other", *[UNKNOWN] * 5)
    pythons, abis, names = (part.split(".") for part in parts)
    platforms = [_platform(name) for name in names]
    families = {family for family, _, _ in platforms}
    several = "linux" if families <= _LINUX else "other"
    return Tags(
        family=families.pop() if len(families) == 1 else several,
        arch=_joined(arch for _, arch, _ in platforms),
        python=_joined(pythons),
        abi=_joined(map(_abi, abis)),
        glibc=_least(version for family, _, version in platforms if family == "manylinux"),
        macos=_least(version for family, _, version in platforms if family == "macos"),
    )


def _platform(name: str) -> tuple[str, str, tuple[int, ...]]:
    """Return the family, the architecture and the least version of a platform tag."""
    match = _PLATFORM.fullmatch(name)
    if match is None:
        return "other", UNKNOWN, ()
    family, least, arch = match.groups(default="")
    arch = arch or {"any": "any", "win": "i686"}.get(family, UNKNOWN)
    version = GLIBC.get(least) or tuple(int(number) for number in least.split("_")[1:])
    return _FAMILIES.get(family, family), _ARCHS.get(arch, arch), version


def _abi(name: str) -> str:
    match = _ABI.fullmatch(name)
    if match is None:
        return "other"
    stable, threads, _ = match.groups()
    return stable or ("free-threaded" if threads else "version")


def _least(versions: Iterable[tuple[int, ...]]) -> str:
    least = min(versions, default=None)
    return NONE if least is None else ".".join(map(str, least)) or UNKNOWN


def _joined(values: Iterable[str]) -> str:
    return ".".join(sorted(set(values)))
