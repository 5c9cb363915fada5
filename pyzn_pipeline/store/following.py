"""What a mirror's index changes in the ledger, without a reading: counts, final days, and days to be read again."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.wanted import MOST_ATTEMPTS

CLOCKS_DIFFER = timedelta(hours=1)  # at most, between two machines


class OlderIndex(PyznError):
    """The index is older than one that was used before, or is from the future. Nothing was changed."""


def followed_at(engine: Engine, source: str) -> datetime | None:
    """When the index of `source` that was followed last was written; None if none was. Raises StoreError."""
    with store_errors(f"mirror {source}"), engine.connect() as connection:
        query = text("SELECT followed_at FROM pyzn.mirrors WHERE source = :source")
        found: datetime | None = connection.execute(query, {"source": source}).scalar_one_or_none()
        return found


def use_index(connection: Connection, what: str, source: str, written_at: datetime, accept_older: bool = False) -> None:
    """Record that the index of `source` that was written at `written_at` is used, for `what`.

    Raises OlderIndex if a newer one was used before, unless `accept_older`; and if it is from the future, after which
    every true one would be older.
    """
    if written_at > datetime.now(UTC) + CLOCKS_DIFFER:
        raise OlderIndex(
            f"{what}: the index of {source} was written at {_said(written_at)}, which is in the future; not used: the "
            "exporter's clock is wrong, or this machine's"
        )
    query = text("SELECT written_at FROM pyzn.mirrors WHERE source = :source")
    known: datetime | None = connection.execute(query, {"source": source}).scalar_one_or_none()
    if known is not None and written_at < known and not accept_older:
        raise OlderIndex(
            f"{what}: {source} goes back in time: its index of {_said(known)} was used before, this one is of "
            f"{_said(written_at)}; not used. If the mirror is right now, accept it with a day that it has: "
            "pyzn backfill --accept-worse DAY DAY"
        )
    if written_at != known:
        connection.execute(statement("use_index"), {"source": source, "written_at": written_at})


def follow_index(
    engine: Engine, source: str, written_at: datetime, lines: Mapping[str, Any]
) -> list[tuple[date, int, int, str]]:
    """Record the `lines` of the index of `source`, columns as in newer_at_mirror.sql, in one transaction.

    Returns what has changed: (day, published downloads, found, status after it). Raises OlderIndex or StoreError.
    """
    with store_errors(f"index of {source}"), engine.begin() as connection:
        use_index(connection, "recount", source, written_at)
        index = dict(lines) | {"source": source, "written_at": written_at, "most": MOST_ATTEMPTS}
        counted = [tuple(row) for row in connection.execute(statement("follow_counts"), index)]
        newer = [tuple(row) for row in connection.execute(statement("newer_at_mirror"), index)]
        connection.execute(statement("ask_for_newer"), index | {"wanted": [row[0] for row in newer]})
        connection.execute(statement("ask_for_exported"), index)
        connection.execute(text("UPDATE pyzn.mirrors SET followed_at = written_at WHERE source = :source"), index)
    return sorted(set(counted) | set(newer))


def _said(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
