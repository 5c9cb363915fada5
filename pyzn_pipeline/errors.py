"""The base class of all errors that are shown to users, and text from outside as it may be shown."""

from typing import ClassVar


def printable(text: str, most: int = 10_000) -> str:
    """Return text from outside as a terminal, the ledger, a page or a chat may show it.

    What is not printable is escaped, but for line ends and tabs, so that it commands no terminal and turns no text
    around; what is longer than `most` characters is cut.
    """
    shown = "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text[:most])
    return shown if len(text) <= most else f"{shown}…"


class PyznError(Exception):
    """An error that a user can fix. Its message names the thing, the value and what to do; no traceback is shown.

    Messages have text from outside in them: of the source, a mirror, a server. So all of them are made printable.
    """

    transient: ClassVar[bool] = True
    """Whether a retry may help. If only a person can fix the cause, there is no retry."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))
