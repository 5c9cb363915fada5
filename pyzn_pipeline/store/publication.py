"""Publication: replaces the published day with the staged one, in one transaction."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, text

from pyzn_pipeline import calendar
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.partitions import ensure_not_retired


@dataclass(frozen=True)
class Publication:
    """The result of a publication: the ledger row's revision and status, and whether the content changed."""

    day: date
    revision: int
    status: str
    changed: bool


def is_published(connection: Connection, day: date) -> bool:
    """Return whether `day` has a row in the ledger."""
    query = text("SELECT EXISTS (SELECT FROM pyzn.days WHERE day = :day)")
    return bool(connection.execute(query, {"day": day}).scalar_one())


def publish(
    connection: Connection,
    ledger: dict[str, Any],
    breakdowns: list[dict[str, Any]],
    again: bool,
    final: bool | None = None,
) -> Publication:
    """Publish the staged day inside the caller's transaction. `again`: the day is published already and is replaced.

    `ledger` has the columns of write_ledger_row.sql without status and revision, `breakdowns` a row each for
    write_breakdown.sql. The revision is the next one, and no lower than at the mirror. New content is `provisional`, or
    `suspect` if it has `suspect_because`. It becomes `final` when the day has settled (calendar.py) and is then re-read
    or recounted and found the same; a mirrored day has its exporter's (`final`). If the content is unchanged, only
    the columns about the source are updated.
    """
    day: date = ledger["day"]
    settled = calendar.settled(day, datetime.now(UTC)) if final is None else final
    # A request made after this reading began needs the next reading.
    served = {"day": day, "read_at": ledger["read_at"]}
    connection.execute(text("DELETE FROM pyzn.wanted WHERE day = :day AND asked_at <= :read_at"), served)
    suspect = ledger["suspect_because"] is not None
    found = ledger | {"suspect": suspect, "settled": settled}
    if unchanged := connection.execute(statement("reread_unchanged"), found).one_or_none():
        return Publication(day, unchanged.revision, unchanged.status, changed=False)

    # All days update the totals of the same projects: one publication at a time, or two would deadlock.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('pyzn.totals'))"))
    ensure_not_retired(connection, day)  # a second time, now under the lock that retirement takes too
    # Most of a day's projects have a total already: one hash join is much cheaper than a look-up for each.
    connection.execute(text("SET LOCAL work_mem = '128MB'; SET LOCAL enable_nestloop = off; SET LOCAL jit = off"))
    if again:
        connection.execute(statement("add_difference_to_totals"), {"day": day})
        connection.execute(text("DELETE FROM pyzn.project_days WHERE day = :day"), {"day": day})
        connection.execute(statement("insert_staged"))
    else:
        connection.execute(statement("add_to_totals"), {"day": day})
    connection.execute(text("DELETE FROM pyzn.day_breakdowns WHERE day = :day"), {"day": day})
    replaced = connection.execute(text("DELETE FROM pyzn.days WHERE day = :day RETURNING revision"), {"day": day})
    revision = max((replaced.scalar_one_or_none() or 0) + 1, ledger["mirrored_revision"] or 1)
    status = "suspect" if suspect else "final" if final else "provisional"
    connection.execute(statement("write_ledger_row"), ledger | {"status": status, "revision": revision})
    connection.execute(statement("write_breakdown"), [{"day": day} | breakdown for breakdown in breakdowns])
    return Publication(day, revision, status, changed=True)
