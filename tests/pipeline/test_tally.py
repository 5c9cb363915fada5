"""What a scan's rows add up to, counted while they stream past."""

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from pyzn_pipeline.reading.tally import TOP_PROJECTS, Counts, Tally
from pyzn_pipeline.source.scan import SCHEMA
from tests.days import Download, scan_of

DAY = date(2026, 7, 14)
DOWNLOADS = [Download("requests", "2.31.0", ci=True), Download("requests", "2.32.0", pip=False), Download("numpy")]


def rows_of_the_day() -> list[dict[str, Any]]:
    return [row for batch in scan_of(DAY, DOWNLOADS).batches for row in batch.to_pylist()]


def tallied(*batches: list[dict[str, Any]]) -> Tally:
    with Tally() as tally:
        for rows in batches:
            tally.add(pa.RecordBatch.from_pylist(rows, schema=SCHEMA))
    return tally


def test_it_does_not_matter_how_the_rows_are_divided_and_ordered() -> None:
    rows = rows_of_the_day()
    whole, single = tallied(rows), tallied(*([row] for row in reversed(rows)))
    assert (whole.counts, whole.checksum, whole.profile) == (single.counts, single.checksum, single.profile)
    assert whole.top.equals(single.top)
    assert whole.counts["version"] == Counts(2, 3, 3, 2, 1, 3, 3, 2, 1, 0)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("document", '{"2.31.0":1.0,"2.32.0":1}'),
        ("document", '{"2.31.0":"1","2.32.0":1}'),
        ("document", '{"2.31.0":true,"2.32.0":1}'),
        ("document", '{"2.31.0":null,"2.32.0":2}'),
        ("document", '{"2.31.0":[1],"2.32.0":1}'),
        ("document", '{"2.31.0":99999999999999999999,"2.32.0":1}'),
        ("pip_counts", "[1.4,0]"),
        ("pip_counts", '["1",0]'),
        ("pip_counts", "[1]"),
        ("pip_counts", "[1,0,0]"),
        ("ci_counts", "[1,null]"),
        ("ci_counts", "[1,"),
        ("ci_counts", "{}"),
    ],
)
def test_what_is_not_one_whole_number_for_each_key_is_ragged(column: str, value: str) -> None:
    rows = rows_of_the_day()
    assert tallied(rows).counts["version"].ragged == 0
    next(row for row in rows if row["project"] == "requests" and row["breakdown"] == "version")[column] = value
    assert tallied(rows).counts["version"].ragged == 1


def test_a_document_that_is_not_json_counts_for_nothing() -> None:
    rows = rows_of_the_day()
    next(row for row in rows if row["project"] == "requests" and row["breakdown"] == "country")["document"] = '{"US":'
    assert tallied(rows).counts["country"].packed_downloads == 1


def test_the_top_projects_are_the_most_downloaded_of_all_batches() -> None:
    downloads = [Download(f"project-{n:02}") for n in range(30) for _ in range(n + 1)]
    rows = [row for batch in scan_of(DAY, downloads).batches for row in batch.to_pylist()]
    top = tallied(rows[:20], rows[20:]).top
    assert list(top["project"]) == [f"project-{29 - n:02}" for n in range(TOP_PROJECTS)]
    assert list(top.columns) == ["project", "downloads", "pip_downloads", "ci_downloads"]
