"""The sums of a scan's rows, counted while they stream past."""

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from pyzn_pipeline.breakdowns import Contents
from pyzn_pipeline.reading.tally import TOP_PROJECTS, Tally
from pyzn_pipeline.source.scan import schema
from tests.days import Download, scan_of

Rows = list[dict[str, Any]]
DAY = date(2026, 7, 14)
DOWNLOADS = [Download("requests", "2.31.0", ci=True), Download("requests", "2.32.0", installer=None), Download("numpy")]


def rows_of(downloads: list[Download]) -> Rows:
    return [row for batch in scan_of(DAY, downloads).batches for row in batch.to_pylist()]


def tallied(*batches: Rows) -> Tally:
    with Tally(Contents()) as tally:
        for rows in batches:
            tally.add(pa.RecordBatch.from_pylist(rows, schema=schema(Contents())))
    return tally


def test_it_does_not_matter_how_the_rows_are_divided_and_ordered() -> None:
    rows = rows_of(DOWNLOADS)
    together, single = tallied(rows), tallied(*([row] for row in reversed(rows)))
    for name in ("packed", "checksum", "pypi_totals", "of_day", "of_projects", "by_hour"):
        assert getattr(together, name) == getattr(single, name), name
    assert together.top.equals(single.top)
    version, python = together.packed["version"], together.packed["python"]
    assert (version.projects, version.keys, version.ragged, version.nuls) == (2, 3, 0, 0)
    assert version.sums == {"downloads": 3, "pip_downloads": 2, "ci_downloads": 1, "files": 3}
    assert (python.projects, python.keys, python.sums) == (2, 2, {"downloads_without_mirrors": 2})
    assert together.of_day == together.of_projects == version.sums | python.sums


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("by_version", '{"2.31.0":1.0,"2.32.0":1}'),
        ("by_version", '{"2.31.0":"1","2.32.0":1}'),
        ("by_version", '{"2.31.0":true,"2.32.0":1}'),
        ("by_version", '{"2.31.0":null,"2.32.0":2}'),
        ("by_version", '{"2.31.0":[1],"2.32.0":1}'),
        ("by_version", '{"2.31.0":99999999999999999999,"2.32.0":1}'),
        ("pip_by_version", "[1.4,0]"),
        ("pip_by_version", '["1",0]'),
        ("pip_by_version", "[1]"),
        ("pip_by_version", "[1,0,0]"),
        ("ci_by_version", "[1,null]"),
        ("ci_by_version", "[1,"),
        ("ci_by_version", "{}"),
    ],
)
def test_a_document_without_one_whole_number_for_each_key_is_ragged(column: str, value: str) -> None:
    rows = rows_of(DOWNLOADS)
    assert tallied(rows).packed["version"].ragged == 0
    next(row for row in rows if row["project"] == "requests")[column] = value
    assert tallied(rows).packed["version"].ragged == 1


def test_a_document_that_is_not_json_counts_for_nothing() -> None:
    rows = rows_of(DOWNLOADS)
    next(row for row in rows if row["project"] == "requests")["by_country"] = '{"US":'
    assert tallied(rows).packed["country"].sums["downloads"] == 1


def test_the_top_projects_are_the_most_downloaded_of_all_batches() -> None:
    rows = rows_of([Download(f"project-{n:02}", times=n + 1) for n in range(30)])
    top = tallied(rows[:20], rows[20:]).top
    assert list(top["project"]) == [f"project-{29 - n:02}" for n in range(TOP_PROJECTS)]
    assert list(top.columns) == ["project", "downloads", "pip_downloads", "ci_downloads"]
