"""The rule for replacing a published day: is the new reading worse than the published one?"""

import json
from dataclasses import replace
from datetime import date

import pandas as pd
from sqlalchemy import Connection, text

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.reading.audits import Finding
from pyzn_pipeline.reading.soft_audits import WEEKS, Measures, soft_audit
from pyzn_pipeline.reading.tally import Tally
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.events import events


class WorseReading(PyznError):
    """The new reading is worse than the published one. The published day stays unchanged."""

    transient = False


def judge(connection: Connection, day: date, tally: Tally, accept_worse: bool) -> tuple[list[Finding], str | None]:
    """The soft findings of the staged day, and the reason with which a person accepted them earlier, or None.

    The staged and the published day are compared with the same earlier weeks. The staged one is worse if
    it fails an audit that the published one passes. If both fail the same audits, it is worse if it has fewer
    downloads, because a day only ever gains downloads. It is worse as well if it lacks a breakdown, or the count of
    files, that the published one has: a mirror may be older than PyZn. Raises WorseReading then, unless `accept_worse`.
    """
    weeks = _weeks_before(connection, day, WEEKS)
    before, published = weeks[weeks["day"] != day], weeks[weeks["day"] == day]
    totals = {name: json.loads(counts) for name, counts in tally.pypi_totals.items()}
    staged = Measures(
        day, tally.of_day["downloads"], tally.of_day.get("files"), tally.projects, json.loads(tally.by_hour), totals
    )
    findings = soft_audit(staged, before)
    if published.empty:
        return findings, None
    row = published.iloc[0]
    files = None if pd.isna(row["files"]) else int(row["files"])
    old = Measures(day, row["downloads"], files, row["projects"], row["by_hour"], row["pypi_totals"])
    failed, failed_before = (
        {finding.audit: finding.message for finding in found if not finding.passed}
        for found in (findings, soft_audit(old, before))
    )
    new_doubts = [message for name, message in failed.items() if name not in failed_before]
    held = held_breakdowns(connection, day)
    lacking = [f"it has no downloads by {name}" for name in sorted(held - tally.packed.keys())]
    if files is not None and staged.files is None:
        lacking.append("it has no count of files, because it was read without file names (PYZN_READ_FILENAMES)")
    fewer = staged.downloads < old.downloads and failed.keys() == failed_before.keys()
    if (lacking or new_doubts or fewer) and not accept_worse:
        because = "; ".join(
            lacking + new_doubts
            or [f"it has {staged.downloads:,} downloads, {old.downloads - staged.downloads:,} fewer"]
        )
        raise WorseReading(
            f"day {day}: what the source gives now is worse than revision {row['revision']} with its "
            f"{old.downloads:,} downloads: {because}; not published. If the source is right now: "
            f"pyzn backfill --accept-worse {day} {day}"
        )
    return findings, None if new_doubts else row["accepted_because"]


def held_breakdowns(connection: Connection, day: date) -> set[str]:
    """Return the names of the breakdowns that the published day holds. It keeps them when it is read again."""
    query = text("SELECT breakdown FROM pyzn.day_breakdowns WHERE day = :day")
    return set(connection.execute(query, {"day": day}).scalars())


def name_events(connection: Connection, day: date, findings: list[Finding]) -> list[Finding]:
    """Return the findings; those that failed name the known events of the day, but no definition of an earlier day."""
    touching = events(connection, day, day)
    known = [f"{row['id']}: {row['effect']}" for row in touching if row["kind"] != "definition" or row["first"] == day]
    named = f" (known: {' '.join(known)})" if known else ""
    return [each if each.passed else replace(each, message=each.message + named) for each in findings]


def _weeks_before(connection: Connection, day: date, weeks: int) -> pd.DataFrame:
    """`day` and the same weekday of the `weeks` before it, as far as published; columns as in weeks_before.sql."""
    return pd.read_sql(statement("weeks_before", __file__), connection, params={"day": day, "weeks": weeks})
