"""The comparison by which chaos finds defects accepts what the source has, and reports every table that differs."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, text

from chaos.exactness import NOTHING, Content, Watched, content_of, defects
from pyzn_local.postgres import Postgres
from pyzn_pipeline.breakdowns import KNOWN
from tests.conftest import Database, filled_database
from tests.days import Download, raw_rows
from tests.store.publishing import publish

DAY = date(2026, 7, 14)
DOWNLOADS = [
    Download("requests"),
    Download("requests", "2.0", country="DE", python="3.12.1", system="Linux"),
    Download("numpy", country=None, pip=False, installer="bandersnatch"),
]
LATE = [*DOWNLOADS, Download("numpy", ci=True)]


def content(downloads: list[Download]) -> Content:
    return content_of(raw_rows(DAY, downloads))


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> Iterator[str]:
    """The published day."""
    with filled_database(postgres, lambda store: publish(store, DAY, DOWNLOADS, breakdowns=KNOWN)) as name:
        yield name


@pytest.fixture
def api(database: Database) -> str:
    return database.api_url


def test_a_day_as_the_source_has_it_has_no_defects(api: str) -> None:
    assert defects(api, {DAY: [content(LATE), content(DOWNLOADS)], DAY + timedelta(days=1): [NOTHING]}) == []


@pytest.mark.parametrize(
    ("change", "report"),
    [
        ("UPDATE pyzn.project_days SET downloads = 9 WHERE project = 'numpy'", "by project .* 1 wrong of 2"),
        ("UPDATE pyzn.project_days SET pip_downloads = 0", "by project 0 rows lost, 0 too many, 1 wrong"),
        ("DELETE FROM pyzn.project_days WHERE project = 'numpy'", "by project 1 rows lost, .*by version 1 rows lost"),
        ("UPDATE pyzn.project_days SET project = 'nunpy' WHERE project = 'numpy'", "1 rows lost, 1 too many"),
        (
            """UPDATE pyzn.project_days SET by_country = '{"FR":2}' WHERE project = 'requests'""",
            "by country 2 rows lost",
        ),
        ("UPDATE pyzn.project_days SET ci_by_version = '[1,0]' WHERE project = 'requests'", "by version .* 1 wrong"),
        ("""UPDATE pyzn.project_days SET by_python = '{"3.12":2}' WHERE project = 'requests'""", "by python .* wrong"),
        (
            """UPDATE pyzn.project_days SET by_wheel = '{"sdist":2}' WHERE project = 'requests'""",
            "by wheel 1 rows lost",
        ),
        (
            """UPDATE pyzn.project_days SET by_version_python = '{"3.1 2.0":2}' WHERE project = 'requests'""",
            "by version_python 2 rows lost",
        ),
        ("DELETE FROM pyzn.project_days", "by project 2 rows lost"),
        ("UPDATE pyzn.days SET ci_downloads = 1", "the ledger has .*, not"),
        ("UPDATE pyzn.days SET projects = 3", "the ledger has .*, not"),
        ("UPDATE pyzn.days SET checksum = 'x'", "the checksum is not that of the rows"),
        ("UPDATE pyzn.day_breakdowns SET project_keys = 7 WHERE breakdown = 'python'", "the ledger has .* by python"),
        (
            """UPDATE pyzn.day_breakdowns SET pypi_totals = '{"US":3}' WHERE breakdown = 'country'""",
            "has .* by country",
        ),
        ("DELETE FROM pyzn.day_breakdowns WHERE breakdown = 'system'", "the ledger has None by system"),
        (
            "UPDATE pyzn.day_breakdowns SET breakdown = 'x' WHERE breakdown = 'system'",
            "an unknown breakdown x",
        ),
        ("UPDATE pyzn.projects SET total_downloads = 3 WHERE project = 'requests'", "requests: 3 instead of 2"),
        ("DELETE FROM pyzn.projects WHERE project = 'numpy'", "numpy: None instead of 1"),
        ("DELETE FROM pyzn.day_breakdowns; DELETE FROM pyzn.days", "rows without a ledger row"),
    ],
)
def test_a_wrong_table_is_reported(store: Engine, api: str, change: str, report: str) -> None:
    with store.begin() as connection:
        connection.execute(text(change.replace(":", r"\:")))
    found = "\n".join(defects(api, {DAY: [content(DOWNLOADS)]}))
    assert re.search(report, found), found


def test_a_day_that_the_source_does_not_have_is_reported(api: str) -> None:
    assert defects(api, {}) == [f"day {DAY}: published, and not in the source"]
    assert defects(api, {}, whole=False) == []


def test_a_ledger_row_without_rows_is_reported(store: Engine, api: str) -> None:
    with store.begin() as connection:
        connection.exec_driver_sql("DELETE FROM pyzn.project_days; DELETE FROM pyzn.projects")
    assert defects(api, {DAY: [NOTHING]}) == [f"day {DAY}: a ledger row without the day"]


def test_a_reader_sees_no_older_content_after_a_newer_one(store: Engine, api: str) -> None:
    day = Watched(api, DAY)
    day.expect(content(DOWNLOADS))
    day.expect(content(LATE))
    assert day.look() == []
    assert "1 wrong" in day.look_for_the_newest()[0]
    publish(store, DAY, LATE, breakdowns=KNOWN)
    assert day.look() == []
    publish(store, DAY, DOWNLOADS, breakdowns=KNOWN, accept_worse=True)
    assert "1 wrong" in day.look()[0]
