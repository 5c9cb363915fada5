"""Follows a mirror: brings to the ledger what its index says of the days now. The recounts of a mirror are this."""

import pandas as pd
from sqlalchemy import Engine

from pyzn_pipeline.exports.index import Index
from pyzn_pipeline.source.count import MIRROR, Counts
from pyzn_pipeline.source.mirror import Mirror
from pyzn_pipeline.store.following import follow_index


def follow(mirror: Mirror, engine: Engine) -> tuple[pd.DataFrame, Counts]:
    """Record the exporter's latest counts and final days, and ask for the days that have a newer revision.

    Returns a row per day for which the mirror has something new, as `recount` does, and the counts.
    Raises PlaceError, DamagedExport, OlderIndex or StoreError.
    """
    index = mirror.index()
    rows = follow_index(engine, mirror.name, index.written_at, _lines(index))
    counts = Counts({row[0]: row[2] for row in rows}, {row[0]: MIRROR for row in rows}, 0)
    found = [(day, published, count, MIRROR, status) for day, published, count, status in rows]
    return pd.DataFrame(found, columns=["day", "published", "found", "counted by", "status"]), counts


def _lines(index: Index) -> dict[str, list[object]]:
    return {
        "days": [line.day for line in index.days],
        "revisions": [line.revision for line in index.days],
        "checksums": [line.checksum for line in index.days],
        "statuses": [line.status for line in index.days],
        "source_recounts": [line.source_recount for line in index.days],
        "recounted_times": [line.recounted_at for line in index.days],
    }
