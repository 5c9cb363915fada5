"""The order of versions, by PEP 440 and not by spelling."""

from collections.abc import Iterable
from functools import lru_cache

from natsort import natsort_keygen
from packaging.version import InvalidVersion, Version

LONGEST_PARSED = 200  # characters; Python makes no int of more than 4,300 digits, and nobody writes such versions

_natural = natsort_keygen()  # made once: it takes longer to make than to sort by


@lru_cache(maxsize=65536)
def _parsed(text: str) -> Version | None:
    try:
        return Version(text) if len(text) <= LONGEST_PARSED else None
    except InvalidVersion:
        return None


def _key(text: str) -> tuple[object, str]:
    return (_natural(text[:LONGEST_PARSED]), text)


def in_order(texts: Iterable[str]) -> list[str]:
    """Return the oldest first by PEP 440; what is not PEP 440 comes before all of it, in natural order.

    Spellings that are equal to PEP 440 (1.0 and 1.0.0) stay apart, ordered by spelling.
    """
    others: list[str] = []
    releases: list[tuple[Version, str]] = []
    for text in texts:
        version = _parsed(text)
        if version is None:
            others.append(text)
        else:
            releases.append((version, text))
    return sorted(others, key=_key) + [text for _, text in sorted(releases)]
