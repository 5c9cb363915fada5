"""Errors of exported days."""

from pyzn_pipeline.errors import PyznError

WAY_OUT = "not read; have the day exported again, or use another mirror"


class StorageError(PyznError):
    """The storage of exported days could not be reached, or refused. The message names it and the file."""


class DamagedExport(PyznError):
    """A file is not what was exported. The message names the file, what it has, and what it should have."""
