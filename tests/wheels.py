"""File names of all shapes, with what must be made of them; and the rules for keys in plain Python."""

import re
from pathlib import Path
from string import ascii_letters, digits
from typing import NamedTuple

_OF_A_TAG = {*ascii_letters, *digits, "_"}


class Wheel(NamedTuple):
    """A file's name, its key, and the meaning of that. A line of wheels.txt."""

    filename: str
    key: str
    family: str
    arch: str
    python: str
    abi: str
    glibc: str
    macos: str


WHEELS = [Wheel(*line.split()) for line in Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()]


def wheel_key(name: str | None) -> str:
    """The key of a file in the breakdown by wheel."""
    parts = (name or "").removesuffix(".whl").split("-")
    tags = [part.split(".") for part in parts[-3:]]
    of_a_wheel = all(tag and _OF_A_TAG.issuperset(tag) for part in tags for tag in part)
    if name and name.endswith(".whl") and len(parts) > 4 and all(parts) and of_a_wheel:
        return "-".join(".".join(sorted(set(part))) for part in tags)
    of_a_platform = re.search(r"-[0-9][^-]*[.](linux-|macosx-|win-|(linux|macosx|win)32[.])", name or "")
    return "sdist" if name and name.endswith((".tar.gz", ".zip")) and not of_a_platform else "(other)"


def with_version(name: str | None, version: str | None) -> str | None:
    """A name with the first two numbers of a version, as far as they are known."""
    numbers = re.match(r"[0-9]+([.][0-9]+)?", version or "")
    return name if name is None or numbers is None else f"{name} {numbers[0]}"
