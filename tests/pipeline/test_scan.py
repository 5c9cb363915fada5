"""A day is read at the source by one scan, whose cost is known before it is spent."""

from datetime import date, timedelta

import pyarrow as pa
import pytest
from google.cloud.bigquery import QueryJobConfig
from sqlalchemy import Engine

from pyzn_local.bigquery.server import Server
from pyzn_pipeline.reading.audits import AuditFailed
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.source import queries
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients, connect
from pyzn_pipeline.source.errors import CostLimitExceeded, SourceError
from pyzn_pipeline.source.protocol import ScanPrice
from pyzn_pipeline.source.queries import usd
from pyzn_pipeline.source.scan import Scan, estimate, scan
from tests.days import Download, raw_rows
from tests.pipeline.conftest import TABLE

DAY = date(2026, 7, 14)
LIMIT = 2**40
DOWNLOADS = [
    Download("requests", "2.31.0", "US", ci=True),
    Download("requests", "2.31.0", "DE"),
    Download("requests", "2.32.0", "US", installer=None),
    Download("numpy", None, None),
    Download("numpy", '1.0"quoted\\', "US", python="3.12.1+", system="Linux"),
    Download("numpy", "0.9", "US", installer="bandersnatch", python="3.9", system="Linux"),
]


@pytest.fixture(autouse=True)
def loaded(bigquery: Server) -> None:
    bigquery.load(raw_rows(DAY, DOWNLOADS))


def by_project(scanned: Scan) -> list[dict[str, object]]:
    rows = pa.Table.from_batches(scanned.batches).to_pylist()
    return sorted((row for row in rows if row["project"] is not None), key=lambda row: str(row["project"]))


def refuse(bigquery: Server, route: str = "job", **fault: object) -> None:
    """Let the next jobs end in a fault."""
    bigquery.inject({"refuse": [{"route": route, "status": 400, "times": 1} | fault]})


def test_a_scan_that_cannot_be_sorted_is_run_once_more_without_order(bigquery: Server, clients: Clients) -> None:
    in_order = scan(clients, TABLE, DAY, LIMIT)
    bigquery.inject({"sort_exceeds_resources": True})

    found = scan(clients, TABLE, DAY, LIMIT)

    assert by_project(found) == by_project(in_order)
    assert (in_order.in_order, found.in_order, found.rows) == (True, False, in_order.rows)
    assert found.bytes_processed == 2 * in_order.bytes_processed  # of both jobs
    assert found.bytes_billed == in_order.bytes_billed  # the failed one is not billed


def test_a_scan_that_exceeds_resources_without_a_sort_is_not_run_a_third_time(
    bigquery: Server, clients: Clients
) -> None:
    refuse(bigquery, reason="resourcesExceeded", times=2)
    with pytest.raises(SourceError, match=r"^day 2026-07-14: scan: .*resourcesExceeded: run the day again later, .*$"):
        scan(clients, TABLE, DAY, LIMIT)
    assert scan(clients, TABLE, DAY, LIMIT).in_order  # both refusals are used up


def test_another_error_of_a_scan_is_not_run_without_order(bigquery: Server, clients: Clients) -> None:
    refuse(bigquery, reason="invalidQuery")
    with pytest.raises(SourceError, match="BigQuery refused the request: Injected fault: invalidQuery"):
        scan(clients, TABLE, DAY, LIMIT)


@pytest.mark.parametrize(
    ("day", "auto", "always"),
    [
        (date(2023, 5, 10), False, True),
        (date(2023, 5, 11), True, True),
        (date(2026, 8, 24), True, True),
        (date(2026, 8, 25), False, False),
    ],
)
def test_a_scan_costs_the_columns_that_it_needs_and_file_names_only_where_they_are_wanted(
    bigquery: Server, clients: Clients, day: date, auto: bool, always: bool
) -> None:
    long = Download("long", "1" * 2**20, times=12)  # more than the least that is billed
    bigquery.load(raw_rows(day, [*DOWNLOADS, long]))

    def bytes_of(columns: str) -> int:
        of_day = f"timestamp >= '{day}' AND timestamp < '{day + timedelta(days=1)}'"
        query = f"SELECT {columns} FROM `{TABLE}` WHERE {of_day}"
        return int(clients.jobs.query(query, job_config=QueryJobConfig(dry_run=True)).total_bytes_processed)

    without = bytes_of(
        "timestamp, file.project, file.version, country_code, details.installer.name AS installer, "
        "details.ci, details.python, details.system.name AS system"
    )
    names = bytes_of("timestamp, file.filename") - bytes_of("timestamp")
    price = ScanPrice(without + names * auto, without, without + names * always)
    assert BigQuery(clients, TABLE, LIMIT).price(day, day) == price
    assert BigQuery(clients, TABLE, LIMIT, "always").price(day, day).billed == price.with_filenames
    assert scan(clients, TABLE, day, LIMIT).bytes_processed == price.billed
    assert scan(clients, TABLE, day, LIMIT, "never").bytes_processed == without


def test_a_scan_over_the_limit_is_not_run(bigquery: Server, clients: Clients) -> None:
    refuse(bigquery, status=503)  # a job that ran would fail
    with pytest.raises(CostLimitExceeded, match=r"day 2026-07-14: the scan would bill [\d,]+ bytes, the limit is 100"):
        scan(clients, TABLE, DAY, 100)


def test_dollars_are_billed_by_the_tebibyte() -> None:
    assert usd(2**40 // 5, 6.25) == pytest.approx(1.25)


def test_a_busy_source_is_asked_again(bigquery: Server, clients: Clients) -> None:
    refuse(bigquery, "jobs.insert", status=503, times=2)
    assert scan(clients, TABLE, DAY, LIMIT).rows == 3


def test_a_wrong_location_is_one_line_that_names_the_setting(bigquery: Server) -> None:
    clients = connect("pyzn-test", "EU", bigquery.endpoint, bigquery.storage_endpoint)
    with pytest.raises(SourceError, match=r"^day 2026-07-14: cost estimate: .*location EU.*PYZN_BIGQUERY_LOCATION.*$"):
        scan(clients, TABLE, DAY, LIMIT)
    clients.close()


def test_an_unknown_table_is_one_line_that_names_the_setting(clients: Clients) -> None:
    with pytest.raises(SourceError, match=r"^day 2026-07-14: .*Not found: .*PYZN_BIGQUERY_TABLE.*$"):
        scan(clients, "bigquery-public-data.pypi.file_uploads", DAY, LIMIT)


def test_a_source_that_is_away_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "RETRY", queries.RETRY.with_timeout(0.1))
    clients = connect("pyzn-test", "US", "http://127.0.0.1:9", "127.0.0.1:9")
    with pytest.raises(SourceError, match=r"^day 2026-07-14: cost estimate: BigQuery is not reachable .*$"):
        estimate(clients, TABLE, DAY, DAY, None)
    clients.close()


def test_a_cut_stream_is_resumed_and_a_lost_part_of_it_publishes_nothing(
    bigquery: Server, source: BigQuery, store: Engine
) -> None:
    bigquery.inject({"lose_page": True})
    with pytest.raises(AuditFailed, match="BigQuery reports 3 rows, 0 arrived"):
        ingest_day(DAY, source, store, "run-1")
    bigquery.inject({"cut_stream_after_rows": 1})
    reading = ingest_day(DAY, source, store, "run-2")
    assert (reading.publication.revision, reading.tally.of_day["downloads"]) == (1, len(DOWNLOADS))
