"""Two stores, `store` with the DAYS and `second` without; awkward text in the days; and exports that are changed."""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from pyzn_local.postgres import Postgres
from pyzn_pipeline.exports.index import INDEX, Entry, Index, json_of, read_day
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.exports.storage import Folder
from pyzn_pipeline.exports.writing import ExportRefused, export_days
from pyzn_pipeline.reading.day import DayReading, ingest_day
from pyzn_pipeline.store.database import engine
from tests.conftest import Database, filled_database, own_database
from tests.days import Download
from tests.store.publishing import publish
from tests.web import WebServer, serving_folder

DAY = date(2026, 7, 14)
DAYS = [DAY - timedelta(days=n) for n in (2, 1, 0)]
AWKWARD = 'a"b\\c\u2028<é>\t\n,":1,{}\u007f'
DOWNLOADS = [
    Download("requests", "2.31.0", "US", system="Linux", python="3.12.1"),
    Download("requests", "2.32.0", None, ci=True, python="3.9"),
    Download("requests", AWKWARD, "", installer="bandersnatch"),
    Download("numpy", "", "DE", installer="uv", system=AWKWARD),
    Download("zope", None, "US", pip=False),
]
CONTENT = [
    "SELECT * FROM pyzn.project_days ORDER BY day, project",
    "SELECT project, total_downloads FROM pyzn.projects ORDER BY project",
    "SELECT day, breakdown, source_downloads, downloads, project_keys, pypi_totals::text FROM pyzn.day_breakdowns "
    "ORDER BY day, breakdown",
    "SELECT day, status, revision, source_downloads, downloads, pip_downloads, ci_downloads, "
    "downloads_without_mirrors, files, projects, by_hour::text, checksum, replaced_rows, recounted_at, source_recount, "
    "suspect_because, accepted_because FROM pyzn.days ORDER BY day",
]


def downloads(day: date) -> list[Download]:
    """A day's downloads: more on later days, and a project of its own."""
    return DOWNLOADS * day.day + [Download(f"only-on-{day}")]


def late(store: Engine, day: date = DAY) -> None:
    """The day gets a late row: its next revision."""
    publish(store, day, [*downloads(day), Download("late")])


def sql(store: Engine, *statements: str, **values: Any) -> None:
    """Change the tables."""
    with store.begin() as connection:
        for statement in statements:
            connection.execute(text(statement), values)


def content(store: Engine) -> list[list[tuple[Any, ...]]]:
    """Every row, and every figure of the ledger that is about content; JSON as its text."""
    with store.connect() as connection:
        connection.execute(text("SET TIME ZONE 'UTC'"))
        return [[tuple(map(str, row)) for row in connection.execute(text(query))] for query in CONTENT]


def mirror(store: Engine, url: Path | str, *days: date, accept_worse: bool = False) -> list[DayReading]:
    return [ingest_day(day, Mirror(str(url)), store, "run-1", accept_worse) for day in days]


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> Iterator[str]:
    """The name of a database with the DAYS, which `database` is a copy of."""
    with filled_database(postgres, lambda store: [publish(store, d, downloads(d)) for d in DAYS]) as name:
        yield name


@pytest.fixture
def second_database(postgres: Postgres) -> Iterator[Database]:
    """Another database, without days."""
    with own_database(postgres) as database:
        yield database


@pytest.fixture
def second(second_database: Database) -> Iterator[Engine]:
    """The schema owner's engine on it."""
    owner = engine(SecretStr(second_database.owner_url))
    yield owner
    owner.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where exports go."""
    made = tmp_path / "export"
    made.mkdir()
    return made


@pytest.fixture
def web(folder: Path) -> Iterator[WebServer]:
    """A web server over it."""
    with serving_folder(folder) as server:
        yield server


def exported(store: Engine, folder: Path) -> None:
    """Export all published days."""
    refused = [str(done) for done in export_days(store, Folder(folder)) if isinstance(done, ExportRefused)]
    assert not refused


def index_of(folder: Path) -> Index:
    return Index.model_validate_json((folder / INDEX).read_bytes())


def file_of(folder: Path, view: str, day: date = DAY) -> Path:
    """A file of a day, `day.json` or a view's."""
    entry = index_of(folder).by_day()[day]
    if view == "day.json":
        return folder / entry.file.path
    return folder / read_day(Folder(folder), entry).by_view()[view].path


# -- exports that are changed, with every size and SHA-256 right


def change_index(folder: Path, change: Callable[[list[Entry]], list[Entry]]) -> None:
    """Write an index with other lines."""
    index = index_of(folder)
    (folder / INDEX).write_bytes(json_of(Index.of(change(index.days), index.written_at)))


def change_day(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Write another `day.json` of DAY, and the index that names it."""
    entry = index_of(folder).by_day()[DAY]
    day = json.loads((folder / entry.file.path).read_bytes())
    change(day)
    body = json.dumps(day).encode()
    (folder / entry.file.path).write_bytes(body)
    file = entry.file.model_copy(update={"bytes": len(body), "sha256": sha256(body).hexdigest()})
    changed = entry.model_copy(update={"file": file})
    change_index(folder, lambda days: [changed if each.day == DAY else each for each in days])


def change_rows(folder: Path, view: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write other rows of a view, and the `day.json` and index that name them."""

    def rename(day: dict[str, Any]) -> None:
        by_project = view == "downloads_by_project"
        file = day["projects"] if by_project else day["breakdowns"][view.removeprefix("downloads_by_")]["file"]
        path = folder / file["path"]
        table = change(pq.read_table(path))
        pq.write_table(table, path)
        body = path.read_bytes()
        file |= {"bytes": len(body), "sha256": sha256(body).hexdigest(), "rows": table.num_rows}

    change_day(folder, rename)


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    """The table with other values of a column, of the same type unless they have their own."""
    kept = table.schema.get_field_index(name)
    array = values if isinstance(values, pa.Array) else pa.array(values, table.schema.types[kept])
    return table.set_column(kept, name, array)
