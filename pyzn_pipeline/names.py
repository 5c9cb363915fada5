"""Names of projects: one rule for the scan, imports and the API, and a CHECK of pyzn.project_days.

https://packaging.python.org/en/latest/specifications/name-normalization/
"""

import re
from string import ascii_lowercase, ascii_uppercase

LONGEST = 255  # characters: a file of the project carries its name, and no file system takes more bytes

# In ASCII only, and without flags: a Python that ignores case takes the Kelvin sign for a k. BigQuery gets it as well.
PATTERN = f"[A-Za-z0-9]([A-Za-z0-9._-]{{0,{LONGEST - 2}}}[A-Za-z0-9])?"

INVALID = "(invalid)"
"""The project of all rows whose name no project can have. No name contains parentheses."""

_VALID = re.compile(PATTERN)
_SEPARATORS = re.compile(r"[-_.]+")
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def is_name(text: str) -> bool:
    """Return whether a project can have this name."""
    return len(text) <= LONGEST and _VALID.fullmatch(text) is not None


def normalise(text: str) -> str:
    """The PEP 503 normal form: `Foo__Bar.baz` is `foo-bar-baz`. Text that is no name does not become one."""
    return _SEPARATORS.sub("-", text.translate(_LOWER)) if len(text) <= LONGEST else text
