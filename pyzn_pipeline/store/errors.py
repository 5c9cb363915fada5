"""Errors of Postgres: turns the driver's exceptions into one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError

from pyzn_pipeline.errors import PyznError


class StoreError(PyznError):
    """Postgres refused or went away, and the transaction was rolled back. The message has Postgres's answer."""


@contextmanager
def store_errors(doing: str) -> Iterator[None]:
    """Turn driver errors inside the block into StoreError: '<doing>: <the server's message>'."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        # Only the first line: the others quote rows and parameters.
        raise StoreError(
            f"{doing}: Postgres: {(str(cause).strip() or type(cause).__name__).splitlines()[0]}"
        ) from error
