"""Temporary files: a day's Parquet files, before they are at their place, or once they are here."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ENOSPC
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from pyzn_pipeline.exports.errors import PlaceError

LEFT_AFTER = 2 * 60 * 60  # seconds; no day takes that long
_PREFIX = "pyzn-day-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder below TMPDIR, deleted at the end; and so are now those that killed processes have left there.

    Raises PlaceError if the disk is full.
    """
    for left in Path(gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):  # deleted by the process that it belongs to
            if time.time() - left.stat().st_mtime > LEFT_AFTER:
                shutil.rmtree(left, ignore_errors=True)
    try:
        with TemporaryDirectory(prefix=_PREFIX) as folder:
            yield Path(folder)
    except OSError as error:
        if error.errno != ENOSPC:
            raise
        raise PlaceError(
            f"{gettempdir()}: no space is left for the files of a day, about 50 MB for all of PyPI: make room, or set "
            "TMPDIR to another folder"
        ) from error
