"""Names of projects in requests."""

from collections.abc import Sequence

from pyzn_api.errors import BadParameterError, UnknownProjectError
from pyzn_pipeline.names import LONGEST, is_name, normalise

ALL = "__all__"  # the project that is all of PyPI, where a route has it; no project can be called so


def known_form(name: str) -> str:
    """Return the normal form of a name. Raises UnknownProjectError for one that no project can have."""
    if not is_name(name):
        raise UnknownProjectError(normalise(name))
    return normalise(name)


def known_form_or_all(name: str) -> str:
    """Return `known_form`; ALL stays as it is."""
    return ALL if name == ALL else known_form(name)


def several_names(values: Sequence[str], most: int) -> list[str]:
    """Return the normal forms of names that are repeated or separated by commas, each once; ALL stays as it is.

    Raises BadParameterError for more than `most`.
    """
    names = [each.strip() for value in values for each in value.split(",")]
    if len(names) > most:
        raise BadParameterError("name", f"{len(names)} names", f"{most} at most")
    return list(dict.fromkeys(name if name == ALL else normalise(name[: LONGEST + 1]) for name in names))
