"""Project names, as PyPI compares them."""

import re
from functools import lru_cache

from pyzn_api.errors import UnknownProjectError

# https://packaging.python.org/en/latest/specifications/name-normalization/#name-format, in ASCII only:
# with re.IGNORECASE alone, U+212A KELVIN SIGN would pass for a k.
_VALID = re.compile(r"[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?", re.ASCII | re.IGNORECASE)
_SEPARATORS = re.compile(r"[-_.]+")

# A file of the project carries its name, and no file system PyPI's files have passed through
# takes a name of more than 255 bytes.
MAXIMUM_LENGTH = 255

ALL = "__all__"  # the project that is all of PyPI, where a route has it; no project can be called so


def normalise(name: str) -> str:
    """The PEP 503 normal form: `Foo__Bar.baz` is `foo-bar-baz`. Any text has one, valid name or not."""
    return _SEPARATORS.sub("-", name).lower()


def is_possible(name: str) -> bool:
    """Whether a project on PyPI can have this name."""
    return len(name) <= MAXIMUM_LENGTH and _VALID.fullmatch(name) is not None


@lru_cache(maxsize=4096)
def known_form(name: str) -> str:
    """The normal form to look a project up by.

    Raises UnknownProjectError for what no project can be called, so that it never reaches Postgres.
    """
    normalised = normalise(name)
    if not is_possible(name):
        raise UnknownProjectError(normalised)
    return normalised


def known_form_or_all(name: str) -> str:
    """As `known_form`; ALL stays as it is."""
    return ALL if name == ALL else known_form(name)
