"""Names of projects in requests."""

from functools import lru_cache

from pyzn_api.errors import UnknownProjectError
from pyzn_pipeline.names import LONGEST, is_name, normalise

ALL = "__all__"  # the project that is all of PyPI, where a route has it; no project can be called so


def known_form(name: str) -> str:
    """The normal form to look a project up by.

    Raises UnknownProjectError for what no project can be called, before anything else is done with it.
    """
    if len(name) > LONGEST:
        raise UnknownProjectError(name[: LONGEST + 1])
    return _known_form(name)


@lru_cache(maxsize=4096)
def _known_form(name: str) -> str:
    normalised = normalise(name)
    if not is_name(name):
        raise UnknownProjectError(normalised)
    return normalised


def known_form_or_all(name: str) -> str:
    """As `known_form`; ALL stays as it is."""
    return ALL if name == ALL else known_form(name)
