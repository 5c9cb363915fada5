"""Two stores side by side, and days with text that JSON, CSV and SQL must escape."""

from collections.abc import Iterator
from datetime import date, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from pyzn_local.postgres import Postgres
from pyzn_pipeline.exports.index import INDEX, Index, by_view, read_day
from pyzn_pipeline.exports.places import Folder
from pyzn_pipeline.reading.day import Ingested, ingest_day
from pyzn_pipeline.source.mirror import Mirror
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.upkeep.export import ExportRefused, export_days
from tests.conftest import Database, own_database
from tests.days import Download, scan_of
from tests.store.publishing import publish

DAY = date(2026, 7, 14)
DAYS = [DAY - timedelta(days=n) for n in (2, 1, 0)]
AWKWARD = 'a"b\\c\u2028<é>\t\n,":1,{}\u007f'
DOWNLOADS = [
    Download("requests", "2.31.0", "US", system="Linux", python="3.12.1"),
    Download("requests", "2.32.0", None, ci=True, python="3.9"),
    Download("requests", AWKWARD, "", installer="bandersnatch"),
    Download("numpy", "", "DE", installer="uv", system=AWKWARD),
    Download("zope\n\"'x,", None, "US", pip=False),
]


def downloads(day: date) -> list[Download]:
    """A day's downloads: more on later days, and a project of its own."""
    return DOWNLOADS * day.day + [Download(f"only-on-{day}")]


@pytest.fixture
def second(postgres: Postgres) -> Iterator[Database]:
    """Another migrated database."""
    with own_database(postgres) as database:
        yield database


@pytest.fixture
def second_store(second: Database) -> Iterator[Engine]:
    """The schema owner's engine on it."""
    owner = engine(SecretStr(second.owner_url))
    yield owner
    owner.dispose()


class Served:
    """A plain web server over a folder. `cut_after` bytes, it hangs up; None: never."""

    def __init__(self, folder: Path) -> None:
        self.cut_after: int | None = None
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments, directory=str(folder))

            def copyfile(self, source: Any, outputfile: Any) -> None:
                outputfile.write(source.read(-1 if outer.cut_after is None else outer.cut_after))

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def published(store: Engine) -> Engine:
    """The first store with the DAYS."""
    for day in DAYS:
        publish(store, scan_of(day, downloads(day)))
    return store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where exports go."""
    made = tmp_path / "export"
    made.mkdir()
    return made


@pytest.fixture
def web(folder: Path) -> Iterator[Served]:
    """A web server over it."""
    with Served(folder) as served:
        yield served


def exported(store: Engine, folder: Path) -> None:
    """Export all published days."""
    refused = [str(done) for done in export_days(store, Folder(folder)) if isinstance(done, ExportRefused)]
    assert not refused


def index_of(folder: Path) -> Index:
    return Index.model_validate_json((folder / INDEX).read_bytes())


def file_of(folder: Path, view: str, day: date = DAY) -> Path:
    """A file of a day, `day.json` or a view's."""
    line = index_of(folder).by_day()[day]
    if view == "day.json":
        return folder / line.file.path
    return folder / by_view(read_day(Folder(folder), line))[view].path


def flip(file: Path) -> None:
    """Change one bit in the middle."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


CONTENT = [
    "SELECT * FROM pyzn.project_days ORDER BY day, project",
    "SELECT project, total_downloads FROM pyzn.projects ORDER BY project",
    "SELECT day, breakdown, source_downloads, downloads, project_keys, whole::text FROM pyzn.day_breakdowns "
    "ORDER BY day, breakdown",
    "SELECT day, status, revision, source_downloads, downloads, pip_downloads, ci_downloads, "
    "downloads_without_mirrors, projects, by_hour::text, checksum, replaced_rows, recounted_at, source_recount, "
    "suspect_because, accepted_because FROM pyzn.days ORDER BY day",
]


def content(store: Engine) -> list[list[tuple[Any, ...]]]:
    """Every row, and every figure of the ledger that is about content; JSON as its text."""
    with store.connect() as connection:
        connection.execute(text("SET TIME ZONE 'UTC'"))
        return [[tuple(map(str, row)) for row in connection.execute(text(query))] for query in CONTENT]


def mirror(store: Engine, url: str, *days: date, accept_worse: bool = False) -> list[Ingested]:
    return [ingest_day(day, Mirror(url), store, "run-1", accept_worse) for day in days]
