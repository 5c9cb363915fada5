"""What a mirror's index changes in the ledger, without a reading: counts, final days, and days to be read again."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, text

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors


class OlderIndex(PyznError):
    """The index is older than one that was read before. Nothing was changed."""


def follow_index(
    engine: Engine, source: str, written_at: datetime, lines: Mapping[str, Any]
) -> list[tuple[date, int, int, str]]:
    """Record the `lines` of the index of `source`, columns as in follow_counts.sql, in one transaction.

    Returns what has changed: (day, published downloads, found, status after it). Raises OlderIndex or StoreError.
    """
    with store_errors(f"index of {source}"), engine.begin() as connection:
        newest = text("SELECT max(mirrored_at) FROM pyzn.days WHERE source = :source")
        known: datetime | None = connection.execute(newest, {"source": source}).scalar_one()
        if known is not None and written_at < known:
            raise OlderIndex(
                f"{source}/index.json goes back in time: it was written {written_at:%Y-%m-%d %H:%M:%S} UTC, and one of "
                f"{known:%Y-%m-%d %H:%M:%S} UTC was read before; not used: ask who keeps the mirror, or name another"
            )
        index = dict(lines) | {"source": source, "written_at": written_at}
        counted = [tuple(row) for row in connection.execute(statement("follow_counts"), index)]
        newer = [tuple(row) for row in connection.execute(statement("newer_at_mirror"), index)]
        connection.execute(statement("ask_for_newer"), index | {"wanted": [row[0] for row in newer]})
        connection.execute(statement("ask_for_exported"), index)
    return sorted(set(counted) | set(newer))
