"""The one kind of error that a person is meant to read."""


class PyznError(Exception):
    """Something a user can mend: the message names the thing, the value and the way out; no trace is needed."""
