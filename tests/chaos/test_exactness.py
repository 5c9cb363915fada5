"""The comparison by which chaos finds defects accepts what the source has, and reports every table that differs."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine

from chaos.exactness import Day, content_of, defects
from pyzn_local.postgres import Postgres
from pyzn_pipeline.breakdowns import KNOWN
from tests.conftest import Database, filled_database
from tests.days import Download, raw_rows
from tests.store.publishing import publish

DAY = date(2026, 7, 14)
DOWNLOADS = [
    Download("requests"),
    Download("requests", "2.0", country="DE", python="3.12.1", system="Linux"),
    Download("numpy", country=None, installer="bandersnatch"),
]
LATE = [*DOWNLOADS, Download("numpy", ci=True)]


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> Iterator[str]:
    """The published day."""
    with filled_database(postgres, lambda store: publish(store, DAY, DOWNLOADS, breakdowns=KNOWN)) as name:
        yield name


@pytest.fixture
def api(database: Database) -> str:
    return database.api_url


def day_of(api: str, *contents: list[Download]) -> Day:
    """A day that has had these contents at the source."""
    day = Day(api, DAY)
    for downloads in contents:
        day.expect(content_of(raw_rows(DAY, downloads)))
    return day


def test_a_day_as_the_source_has_it_has_no_defects(api: str) -> None:
    assert defects(api, [day_of(api, DOWNLOADS), Day(api, DAY + timedelta(days=1))]) == []


@pytest.mark.parametrize(
    ("change", "report"),
    [
        ("UPDATE project_days SET downloads = 9 WHERE project = 'numpy'", "project: .* 1 wrong of 2; .'numpy',. is .9"),
        ("UPDATE project_days SET pip_downloads = 0", "project: 0 rows lost, 0 too many, 1 wrong"),
        ("DELETE FROM project_days WHERE project = 'numpy'", "project: 1 rows lost(.|\n)*version: 1 rows lost"),
        ("UPDATE project_days SET project = 'nunpy' WHERE project = 'numpy'", "1 rows lost, 1 too many"),
        ("""UPDATE project_days SET by_country = '{"FR":2}' WHERE project = 'requests'""", "country: 2 rows lost"),
        ("UPDATE project_days SET ci_by_version = '[1,0]' WHERE project = 'requests'", "version: .* 1 wrong"),
        ("""UPDATE project_days SET by_python = '{"3.12":2}' WHERE project = 'requests'""", "python: .* 1 wrong"),
        ("""UPDATE project_days SET by_wheel = '{"sdist":2}' WHERE project = 'requests'""", "wheel: 1 rows lost"),
        ("UPDATE project_days SET by_version_python = '{}' WHERE project = 'requests'", "version_python: 2 rows lost"),
        ("UPDATE days SET ci_downloads = 1", "ledger: .* 1 wrong"),
        ("UPDATE days SET projects = 3", "ledger: .* 1 wrong"),
        ("UPDATE days SET checksum = 'x'", "ledger: .* is .* False., not .* True."),
        ("UPDATE day_breakdowns SET project_keys = 7 WHERE breakdown = 'python'", "by breakdown: .* .'python',. is"),
        (
            "UPDATE day_breakdowns SET pypi_totals = '{}' WHERE breakdown = 'country'",
            "by breakdown: .* .'country',. is",
        ),
        ("DELETE FROM day_breakdowns WHERE breakdown = 'system'", "by breakdown: 1 .* .'system',. is None"),
        (
            "UPDATE day_breakdowns SET breakdown = 'x' WHERE breakdown = 'system'",
            "by breakdown: 1 rows lost, 1 too many",
        ),
        (
            "UPDATE projects SET total_downloads = 3 WHERE project = 'requests'",
            "total: .*'requests',. is .3,., not .2,",
        ),
        ("DELETE FROM projects WHERE project = 'numpy'", "total: 1 rows lost, .*numpy"),
        ("DELETE FROM day_breakdowns; DELETE FROM days", "ledger: 1 rows lost"),
    ],
)
def test_a_wrong_table_is_reported(store: Engine, api: str, change: str, report: str) -> None:
    with store.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL search_path = pyzn; {change}")
    found = "\n".join(defects(api, [day_of(api, DOWNLOADS)]))
    assert re.search(report, found), found


def test_a_day_that_the_source_does_not_have_is_reported(api: str) -> None:
    assert defects(api, []) == [f"day {DAY}: published, and not in the source"]


def test_a_ledger_row_without_rows_is_reported(store: Engine, api: str) -> None:
    with store.begin() as connection:
        connection.exec_driver_sql("DELETE FROM pyzn.project_days; DELETE FROM pyzn.projects")
    found = Day(api, DAY).defects()
    assert found[0].startswith(f"day {DAY}: ledger: 0 rows lost, 1 too many, 0 wrong of 0; () is (3, ")


def test_a_reader_sees_no_older_content_after_a_newer_one(store: Engine, api: str) -> None:
    day = day_of(api, DOWNLOADS, LATE)
    assert day.defects() == []
    assert "1 wrong" in day.newest_defects()[0]
    publish(store, DAY, LATE, breakdowns=KNOWN)
    assert day.defects() == []
    publish(store, DAY, DOWNLOADS, breakdowns=KNOWN, accept_worse=True)
    assert "1 wrong" in day.defects()[0]
