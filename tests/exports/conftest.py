"""An exporter's store with the DAYS, which have awkward text; a mirror's without; the export between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from pyzn_local.postgres import Postgres
from pyzn_pipeline.exports.following import follow
from pyzn_pipeline.exports.index import INDEX, Index, read_day
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.exports.storage import Folder
from pyzn_pipeline.exports.writing import ExportRefused, ExportResult, export_days
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.source.count import DayCount
from pyzn_pipeline.store.publication import Publication
from tests.conftest import Database, filled_database, own_database
from tests.days import Download
from tests.store.publishing import publish, rows
from tests.web import WebServer, serving_folder

DAY = date(2026, 7, 14)
DAYS = [DAY - timedelta(days=n) for n in (2, 1, 0)]
AWKWARD = 'a"b\\c\u2028<é>\t\n,":1,{}\u007f'
DOWNLOADS = [
    Download("requests", "2.31.0", "US", system="Linux", python="3.12.1"),
    Download("requests", "2.32.0", None, ci=True, python="3.9"),
    Download("requests", AWKWARD, "", installer="bandersnatch"),
    Download("numpy", "", "DE", installer="uv", system=AWKWARD),
    Download("zope", None, "US", installer=None),
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
    """Return a day's downloads: more on later days, and a project of its own."""
    return DOWNLOADS * day.day + [Download(f"only-on-{day}")]


def late(store: Engine, day: date = DAY) -> None:
    """Publish a late row of the day: its next revision."""
    publish(store, day, [*downloads(day), Download("late")])


def content(store: Engine) -> list[list[tuple[Any, ...]]]:
    """Return every row, and every figure of the ledger that is about content; JSON as its text."""
    with store.connect() as connection:
        connection.execute(text("SET TIME ZONE 'UTC'"))
        return [[tuple(map(str, row)) for row in connection.execute(text(query))] for query in CONTENT]


def exported(store: Engine, folder: Path) -> list[ExportResult]:
    """Export all published days, none of which is refused."""
    done = list(export_days(store, Folder(folder)))
    assert not [refused for refused in done if isinstance(refused, ExportRefused)]
    return [one for one in done if isinstance(one, ExportResult)]


def index_of(folder: Path) -> Index:
    """Read the index of an export."""
    return Index.model_validate_json((folder / INDEX).read_bytes())


def file_of(folder: Path, view: str, day: date = DAY) -> Path:
    """Return a file of a day, `day.json` or a view's."""
    entry = index_of(folder).by_day()[day]
    return folder / (entry.file if view == "day.json" else read_day(Folder(folder), entry).by_view()[view]).path


@dataclass(frozen=True)
class Pair:
    """An exporter and its mirror, by default of the folder, not of the web server over it."""

    exporter: Engine
    mirrored: Engine
    folder: Path

    def export(self) -> None:
        """Export all published days."""
        exported(self.exporter, self.folder)

    def mirror(self, *days: date, url: str | None = None, accept_worse: bool = False) -> list[Publication]:
        """Publish the days that are exported there."""
        source = Mirror(url or str(self.folder))
        return [ingest_day(day, source, self.mirrored, "run-1", accept_worse).publication for day in days]

    def follow(self, url: str | None = None) -> list[DayCount]:
        """Follow the index as it is now."""
        return follow(self.mirrored, url or str(self.folder), index_of(self.folder))

    def wanted(self) -> list[date]:
        """Return the days that the mirror wants."""
        return [day for (day,) in rows(self.mirrored, "SELECT day FROM pyzn.wanted ORDER BY day")]

    def is_equal(self) -> bool:
        """Return whether both have the same content."""
        return content(self.mirrored) == content(self.exporter)


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> Iterator[str]:
    """The name of a database with the DAYS, which `database` is a copy of."""
    with filled_database(postgres, lambda store: [publish(store, day, downloads(day)) for day in DAYS]) as name:
        yield name


@pytest.fixture
def second_database(postgres: Postgres) -> Iterator[Database]:
    """Another database, without days."""
    with own_database(postgres) as database:
        yield database


@pytest.fixture
def second(second_database: Database) -> Iterator[Engine]:
    """The schema owner's engine on it."""
    with second_database.owner() as owner:
        yield owner


@pytest.fixture
def pair(store: Engine, second: Engine, folder: Path) -> Pair:
    """An exporter with the DAYS, and its mirror without any."""
    return Pair(store, second, folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the export."""
    made = tmp_path / "export"
    made.mkdir()
    return made


@pytest.fixture
def web(folder: Path) -> Iterator[WebServer]:
    """A web server over it."""
    with serving_folder(folder) as server:
        yield server
