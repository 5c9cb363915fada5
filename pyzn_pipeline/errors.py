"""The base class of all errors that are shown to users."""

from typing import ClassVar


class PyznError(Exception):
    """An error that a user can fix. Its message names the thing, the value and what to do; no traceback is shown."""

    transient: ClassVar[bool] = True
    """Whether a retry may help. If only a person can fix the cause, there is no retry."""
