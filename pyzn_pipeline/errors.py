"""The one kind of error that a person is meant to read."""

from typing import ClassVar


class PyznError(Exception):
    """Something a user can mend: the message names the thing, the value and the way out; no trace is needed."""

    transient: ClassVar[bool] = True
    """Whether trying again later may help; what only a person can change is not tried again."""
