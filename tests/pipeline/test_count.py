"""Days are counted by their partitions' metadata, for next to nothing, and by COUNT(*) where that does not confirm."""

import re
from datetime import date
from pathlib import Path

import pytest

from pyzn_local.bigquery.server import Server
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.source.count import Price, count_days, price
from pyzn_pipeline.source.errors import CostLimitExceeded, SourceError
from pyzn_pipeline.source.queries import MIN_BYTES_BILLED, usd
from tests.days import raw_rows, some
from tests.pipeline.conftest import TABLE

DAYS = [date(2026, 7, 6), date(2026, 7, 9), date(2026, 7, 14)]
MONDAY, THURSDAY, TUESDAY = DAYS
LIMIT = 2**40
PUBLISHED = {MONDAY: 1, THURSDAY: 2, TUESDAY: 3}


@pytest.fixture(autouse=True)
def loaded(bigquery: Server) -> None:
    for day, count in PUBLISHED.items():
        bigquery.load(raw_rows(day, some(requests=count)))


def test_days_that_did_not_change_are_counted_by_one_query_of_metadata(clients: Clients) -> None:
    found = count_days(clients, TABLE, PUBLISHED, LIMIT)
    assert found.downloads == PUBLISHED
    assert set(found.counted_by.values()) == {"metadata"}
    assert (found.bytes_billed, found.no_metadata) == (MIN_BYTES_BILLED, None)


def test_only_the_days_that_differ_are_counted(bigquery: Server, clients: Clients) -> None:
    bigquery.load(raw_rows(THURSDAY, some(late=1)))
    bigquery.forget(TUESDAY)  # no row, no partition
    found = count_days(clients, TABLE, PUBLISHED, LIMIT)
    assert found.downloads == {MONDAY: 1, THURSDAY: 3, TUESDAY: 0}
    assert found.counted_by == {MONDAY: "metadata", THURSDAY: "count", TUESDAY: "count"}
    assert found.bytes_billed == 3 * MIN_BYTES_BILLED  # the metadata, and a COUNT(*) of each


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"deny_metadata": True}, "the credentials need bigquery.tables.get and bigquery.tables.list on"),
        ({"refuse": [{"route": "job", "status": 400, "reason": "invalidQuery"}]}, "refused the request: Injected"),
    ],
    ids=["refused", "failed"],
)
def test_days_are_counted_where_the_metadata_is_refused(
    bigquery: Server, clients: Clients, fault: dict[str, object], reason: str
) -> None:
    bigquery.load(raw_rows(THURSDAY, some(late=1)))
    bigquery.inject(fault)
    found = count_days(clients, TABLE, PUBLISHED, LIMIT)
    assert found.downloads == {**PUBLISHED, THURSDAY: 3}
    assert set(found.counted_by.values()) == {"count"}
    assert found.bytes_billed == 3 * MIN_BYTES_BILLED
    assert found.no_metadata is not None
    assert found.no_metadata.startswith("partitions' metadata of 2026-07-06 to 2026-07-14: ")
    assert reason in found.no_metadata


def test_days_are_counted_while_rows_are_in_no_partition(bigquery: Server, clients: Clients) -> None:
    for day in DAYS:
        bigquery.load(raw_rows(day, some(late=1)))
    bigquery.inject({"unpartitioned_rows": 1})  # so each partition still has the rows that were published
    found = count_days(clients, TABLE, PUBLISHED, LIMIT)
    assert found.downloads == {day: count + 1 for day, count in PUBLISHED.items()}
    assert set(found.counted_by.values()) == {"count"}
    assert found.no_metadata == f"partitions' metadata: 3 rows of {TABLE} are in no partition yet"


def test_a_day_over_the_limit_is_not_counted_and_stops_no_other(bigquery: Server, clients: Clients) -> None:
    bigquery.load(raw_rows(THURSDAY, some(late=1)))
    found = count_days(clients, TABLE, PUBLISHED, 4_000_000)  # 12,000,000 for all: enough for the metadata
    assert found.downloads == {MONDAY: 1, TUESDAY: 3}
    assert found.counted_by == {MONDAY: "metadata", TUESDAY: "metadata"}
    assert found.failed[THURSDAY].startswith(
        f"recount of {THURSDAY} to {THURSDAY}: it would bill 10,485,760 bytes, the limit is 4,000,000"
    )
    with pytest.raises(CostLimitExceeded, match=f"recount of {THURSDAY} to {THURSDAY}: it would bill 10,485,760 bytes"):
        count_days(clients, TABLE, {THURSDAY: 2}, 10_485_759)


def test_what_is_wrong_with_the_count_too_is_an_error(clients: Clients) -> None:
    with pytest.raises(SourceError, match="check PYZN_BIGQUERY_PROJECT and PYZN_BIGQUERY_TABLE"):
        count_days(clients, "bigquery-public-data.nope.file_downloads", PUBLISHED, LIMIT)


def test_no_days_are_counted_for_nothing(clients: Clients) -> None:
    assert (count_days(clients, TABLE, {}, LIMIT).bytes_billed, price(clients, TABLE, []).least) == (0, 0)


def test_the_price_is_known_before_it_is_spent(bigquery: Server, clients: Clients) -> None:
    found = price(clients, TABLE, DAYS)
    assert found == Price(MIN_BYTES_BILLED, 3 * MIN_BYTES_BILLED)
    assert found.least == MIN_BYTES_BILLED

    bigquery.inject({"deny_metadata": True})
    refused = price(clients, TABLE, DAYS)
    assert (refused.metadata, refused.least) == (0, 3 * MIN_BYTES_BILLED)
    assert refused.no_metadata is not None
    assert "Access Denied" in refused.no_metadata


def test_the_documented_year_follows_from_its_assumptions() -> None:
    rows, price_of_a_tib = 4_000_000_000, 6.25
    scans, free = (usd(size, price_of_a_tib) for size in (365 * rows * 53, 12 * 2**40))
    counts, metadata = (usd(3 * 365 * size, price_of_a_tib) for size in (rows * 8, MIN_BYTES_BILLED))
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    table = page.partition("## What a year costs")[2].partition("What it follows from:")[0]
    found = {cells[0]: cells[1:] for cells in re.findall(r"^\| (.+?) \| ([\d.]+) \| ([\d.]+) \| 0 \|$", table, re.M)}
    assert found == {
        "scans, one a day": (f"{scans:.0f}", f"{scans:.0f}"),
        "recounts, three a day": (f"{counts:.0f}", f"{metadata:.2f}"),
        "together": (f"{scans + counts:.0f}", f"{scans + metadata:.0f}"),
        "with the free TiB a month": (f"{scans + counts - free:.0f}", f"{scans + metadata - free:.0f}"),
    }
