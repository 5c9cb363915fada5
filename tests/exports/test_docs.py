"""The examples of docs/export.md and docs/engines.md find what the tables have, from a folder and over HTTP."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
import uvicorn
from sqlalchemy import Engine
from sqlglot import exp
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from pyzn_local.postgres import Postgres
from tests.conftest import own_database
from tests.exports.conftest import DAY, DAYS, downloads, exported, index_of
from tests.store.publishing import publish, rows

PAGES = Path(__file__).parents[2] / "docs"
PAGE = PAGES.joinpath("export.md").read_text(encoding="utf-8")
EXAMPLE = "https://example.org/pyzn"


def blocks(language: str, page: str = PAGE) -> list[str]:
    """The page's blocks in that language, in order, without those that are run by hand."""
    return re.findall(rf"(?<!^<!-- by hand -->\n)^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def exported_days(postgres: Postgres, template: str, folder: Path) -> Iterator[Engine]:
    """The days, one of which has two revisions."""
    with own_database(postgres, template) as database, database.owner() as store:
        publish(store, DAY, downloads(DAY)[1:], accept_worse=True)
        exported(store, folder)
        yield store


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """A web server over the folder that answers for parts of a file, as those of everybody do."""
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=[Mount("/", StaticFiles(directory=folder))]), port=0, log_config=None)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def by(store: Engine, breakdown: str) -> dict[str, int]:
    view = f"pyzn.downloads_by_{breakdown} WHERE project = 'requests'"
    return dict(rows(store, f"SELECT {breakdown}, sum(downloads)::int FROM {view} GROUP BY 1"))


@pytest.mark.parametrize("over_http", [False, True], ids=["from a folder", "over HTTP"])
def test_pandas_polars_and_duckdb_find_the_tables_rows(
    exported_days: Engine, folder: Path, url: str, over_http: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "\n".join(blocks("python"))
    assert code.count(EXAMPLE) == 1
    found: dict[str, Any] = {}
    exec(code.replace(EXAMPLE, url if over_http else folder.as_uri()), found)  # noqa: S102 - the page's own code
    assert found["versions"].groupby("version")["downloads"].sum().to_dict() == by(exported_days, "version")
    assert dict(found["pythons"].iter_rows()) == by(exported_days, "python")
    systems = by(exported_days, "system")
    assert dict(found["systems"].group_by("system").agg(found["pl"].sum("downloads")).iter_rows()) == systems
    printed = capsys.readouterr().out
    for system, count in systems.items():
        assert re.search(rf"│ *{re.escape(system)} *│ *{count} *│", printed), printed


def test_duckdb_alone_finds_the_tables_rows(exported_days: Engine, folder: Path) -> None:
    (code,) = blocks("sql")
    assert code.count(EXAMPLE) == 1
    with duckdb.connect() as connection:
        for statement in duckdb.extract_statements(code.replace(EXAMPLE, folder.as_uri())):
            answer = connection.execute(statement)
        assert dict(answer.fetchall()) == by(exported_days, "country")


def test_the_views_have_the_columns_of_the_example(exported_days: Engine) -> None:
    (code,) = blocks("postgresql")
    assert dict(rows(exported_days, code)) == by(exported_days, "version")


def test_a_citation_is_the_folder_of_a_revision(exported_days: Engine, folder: Path) -> None:
    (cited,) = re.findall(rf"^> {EXAMPLE}/(.*)/$", PAGE, re.MULTILINE)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d/\d+-[0-9a-f]{32}", cited)
    days = index_of(folder).days
    for line in days:
        assert folder.joinpath(f"{line.day}/{line.revision}-{line.checksum}").is_dir()
        query = f"SELECT pyzn.day_checksum('{line.day}'), revision FROM pyzn.days WHERE day = '{line.day}'"
        assert rows(exported_days, query) == [(line.checksum, line.revision)]
    assert [line.day for line in days] == DAYS
    assert len(list(folder.joinpath(str(DAY)).iterdir())) == 1


@pytest.mark.parametrize("over_http", [False, True], ids=["from a folder", "over HTTP"])
def test_every_engine_counts_what_the_tables_have(
    exported_days: Engine, folder: Path, url: str, over_http: bool
) -> None:
    page = PAGES.joinpath("engines.md").read_text(encoding="utf-8")
    code = [block for block in blocks("python", page) if not (over_http and "duckdb" in block)]  # it would download
    assert len(code) == 5 - over_http
    found: dict[str, Any] = {}
    exec("\n".join(code).replace(EXAMPLE, url if over_http else folder.as_uri()), found)  # noqa: S102 - the page's own
    counts = "SELECT country, sum(downloads)::int FROM pyzn.downloads_by_country GROUP BY 1 ORDER BY 2 DESC, 1"
    right = rows(exported_days, counts)
    assert found["tables"].execute(found["QUESTION"]).collect().rows() == right
    if not over_http:
        assert found["duckdb"].sql(found["QUESTION"]).fetchall() == right
    assert len(found["paths"]) == len(DAYS)
    assert all(folder.joinpath(path).is_file() for path in found["paths"])
    (load,) = sqlglot.parse(found["bigquery"], dialect="bigquery")
    table, copy = sqlglot.parse(found["snowflake"], dialect="snowflake")
    assert isinstance(load, exp.LoadData)
    assert isinstance(table, exp.Create)
    assert isinstance(copy, exp.Copy)
    assert all(path in found["bigquery"] and path in found["snowflake"] for path in found["paths"])
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'downloads_by_country'"
    names = [(column.name,) for column in table.find_all(exp.ColumnDef)]
    assert rows(exported_days, f"{columns} ORDER BY ordinal_position") == names
