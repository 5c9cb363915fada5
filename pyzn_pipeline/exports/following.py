"""The ledger that follows a mirror: an index never goes back in time; it brings counts, final days and newer ones."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports.index import Day, Index
from pyzn_pipeline.exports.storage import WAY_OUT, DamagedExport
from pyzn_pipeline.source.count import MIRROR, DayCount
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.wanted_days import wanted

CLOCKS_DIFFER = timedelta(hours=1)  # at most, between two machines


class OlderIndex(PyznError):
    """The index is older than one that was used before, or is from the future. Nothing was changed."""


def compare_with_exporter(
    source: str,
    written_at: datetime,
    read_index: Callable[[], Index],
    day: Day,
    connection: Connection,
    checksum: str,
    accept_older: bool,
) -> None:
    """Raise unless the staged rows of a day have the exporter's checksum, and index and day are not older than before.

    The day's index was written at `written_at`. Another reading may have used a newer one meanwhile, so an older one is
    compared again with what `read_index` returns. Raises DamagedExport; and OlderIndex, unless `accept_older`.
    """
    if checksum != day.checksum:
        raise DamagedExport(
            f"day {day.day}: its rows at {source} have the checksum {checksum}, {day.checksum} was exported: {WAY_OUT}"
        )
    try:
        use_index(connection, f"day {day.day}", source, written_at, accept_older)
    except OlderIndex:
        use_index(connection, f"day {day.day}", source, read_index().written_at)
    before = {"day": day.day, "source": source}
    known = connection.execute(statement("mirrored_before", __file__), before).one()
    older = None
    if known.revision and day.revision < known.revision:
        older = f"revision {known.revision} was read before, this is revision {day.revision}"
    elif known.revision == day.revision and known.checksum != day.checksum:
        older = f"its revision {known.revision} had the checksum {known.checksum} before, now {day.checksum}"
    if older and not accept_older:
        raise OlderIndex(
            f"day {day.day}: {source} goes back in time: {older}; not published. If the mirror is right now: "
            f"pyzn backfill --accept-worse {day.day} {day.day}"
        )


def use_index(connection: Connection, what: str, source: str, written_at: datetime, accept_older: bool = False) -> None:
    """Record that the index of `source` that was written at `written_at` is used, for `what`.

    Raises OlderIndex if a newer one was used before, unless `accept_older`; and if it is from the future, after which
    every true one would be older.
    """
    if written_at > datetime.now(UTC) + CLOCKS_DIFFER:
        raise OlderIndex(
            f"{what}: the index of {source} was written at {_utc(written_at)}, which is in the future; not used: the "
            "exporter's clock is wrong, or this machine's"
        )
    query = text("SELECT written_at FROM pyzn.mirrors WHERE source = :source")
    known: datetime | None = connection.execute(query, {"source": source}).scalar_one_or_none()
    if known is not None and written_at < known and not accept_older:
        raise OlderIndex(
            f"{what}: {source} goes back in time: its index of {_utc(known)} was used before, this one is of "
            f"{_utc(written_at)}; not used. If the mirror is right now, accept it with a day that it has: "
            "pyzn backfill --accept-worse DAY DAY"
        )
    if written_at != known:
        connection.execute(statement("use_index", __file__), {"source": source, "written_at": written_at})


def followed_at(engine: Engine, source: str) -> datetime | None:
    """Return when the last followed index of `source` was written; None if none was followed. Raises StoreError."""
    with store_errors(f"mirror {source}"), engine.connect() as connection:
        query = text("SELECT followed_at FROM pyzn.mirrors WHERE source = :source")
        found: datetime | None = connection.execute(query, {"source": source}).scalar_one_or_none()
        return found


def follow(engine: Engine, source: str, index: Index) -> list[DayCount]:
    """Record the exporter's latest counts and final days, and ask for the days that have a newer revision.

    In one transaction. Returns the days for which the index has something new. Raises OlderIndex or StoreError.
    """
    named = {"source": source, "written_at": index.written_at, "index": index.model_dump_json()}
    failed = {"days": list(index.by_day()), "most": wanted.MOST_ATTEMPTS}
    with store_errors(f"index of {source}"), engine.begin() as connection:
        use_index(connection, "recount", source, index.written_at)
        counted = [tuple(row) for row in connection.execute(statement("follow_counts", __file__), named)]
        newer = [tuple(row) for row in connection.execute(statement("newer_at_mirror", __file__), named)]
        wanted.ask(connection, {row[0]: index.written_at for row in newer}, wanted.RECOUNT)
        connection.execute(statement("ask_for_exported", __file__), named | failed)
        connection.execute(text("UPDATE pyzn.mirrors SET followed_at = written_at WHERE source = :source"), named)
    changed = sorted(set(counted) | set(newer))
    return [DayCount(day, published, found, MIRROR, status) for day, published, found, status in changed]


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
