"""What can go wrong at Postgres, in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError

from pyzn_pipeline.errors import PyznError


class StoreError(PyznError):
    """Postgres refused or went away; the transaction did not happen. The message says what it answered."""


@contextmanager
def store_errors(doing: str) -> Iterator[None]:
    """Driver errors inside the block become StoreError: '<doing>: <the server's message>'."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        # The first line only: the next ones quote rows and parameters.
        raise StoreError(
            f"{doing}: Postgres: {(str(cause).strip() or type(cause).__name__).splitlines()[0]}"
        ) from error
