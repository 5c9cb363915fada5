"""What a mirrored day must fulfil besides the audits: the exporter's checksum, and nothing older than what is known."""

from datetime import UTC, datetime

from sqlalchemy import Connection

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.reading.tally import Tally
from pyzn_pipeline.source.scan import Scan
from pyzn_pipeline.store.database import statement


class OtherRows(PyznError):
    """The rows are not those that the exporter published. Nothing was changed."""


class OlderMirror(PyznError):
    """The mirror has an older state than the one that was mirrored before. Nothing was changed."""


def compare_with_exporter(connection: Connection, scanned: Scan, tally: Tally, accept_worse: bool) -> None:
    """Raise unless the staged day, if it is from a mirror, is what the exporter published, and is not older.

    Raises OtherRows, and OlderMirror unless `accept_worse`.
    """
    mirrored = scanned.mirrored
    if mirrored is None:
        return
    if tally.checksum != mirrored.checksum:
        raise OtherRows(
            f"day {scanned.day}: its rows at {scanned.source} have the checksum {tally.checksum}, {mirrored.checksum} "
            "was exported; not published: have the day exported again, or use another mirror"
        )
    before = {"day": scanned.day, "source": scanned.source}
    known = connection.execute(statement("mirrored_before"), before).one()
    older = None
    if known.written_at and mirrored.written_at < known.written_at:
        older = f"its index of {_said(known.written_at)} was read before, this one is of {_said(mirrored.written_at)}"
    elif known.revision and mirrored.revision < known.revision:
        older = f"revision {known.revision} was read before, this is revision {mirrored.revision}"
    elif known.revision == mirrored.revision and known.checksum != mirrored.checksum:
        older = f"its revision {known.revision} had the checksum {known.checksum} before, now {mirrored.checksum}"
    if older and not accept_worse:
        raise OlderMirror(
            f"day {scanned.day}: {scanned.source} goes back in time: {older}; not published. If the mirror is right "
            f"now: pyzn backfill --accept-worse {scanned.day} {scanned.day}"
        )


def _said(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
