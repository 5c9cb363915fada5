"""What a mirrored day must fulfil besides the audits: the exporter's checksum, and nothing older than what is known."""

from sqlalchemy import Connection

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.reading.tally import Tally
from pyzn_pipeline.source.scan import Scan
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.following import OlderIndex, use_index


class OtherRows(PyznError):
    """The rows are not those that the exporter published. Nothing was changed."""


def compare_with_exporter(connection: Connection, scanned: Scan, tally: Tally, accept_worse: bool) -> None:
    """Raise unless the staged day, if it is from a mirror, is what the exporter published, and is not older.

    Raises OtherRows; OlderIndex, for the index and for the day, unless `accept_worse`.
    """
    mirrored = scanned.mirrored
    if mirrored is None:
        return
    if tally.checksum != mirrored.checksum:
        raise OtherRows(
            f"day {scanned.day}: its rows at {scanned.source} have the checksum {tally.checksum}, {mirrored.checksum} "
            "was exported; not published: have the day exported again, or use another mirror"
        )
    use_index(connection, f"day {scanned.day}", scanned.source, mirrored.written_at, accept_worse)
    before = {"day": scanned.day, "source": scanned.source}
    known = connection.execute(statement("mirrored_before"), before).one()
    older = None
    if known.revision and mirrored.revision < known.revision:
        older = f"revision {known.revision} was read before, this is revision {mirrored.revision}"
    elif known.revision == mirrored.revision and known.checksum != mirrored.checksum:
        older = f"its revision {known.revision} had the checksum {known.checksum} before, now {mirrored.checksum}"
    if older and not accept_worse:
        raise OlderIndex(
            f"day {scanned.day}: {scanned.source} goes back in time: {older}; not published. If the mirror is right "
            f"now: pyzn backfill --accept-worse {scanned.day} {scanned.day}"
        )
