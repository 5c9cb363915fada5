"""Breakdowns that a deployment chooses: what a day holds is the same in every part of PyZn."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import Engine, text

from pyzn_cli import pyzn
from pyzn_local.bigquery.server import Server
from pyzn_local.bigquery.tables import FILE_DOWNLOADS
from pyzn_local.postgres import Postgres
from pyzn_pipeline.breakdowns import BREAKDOWNS, KNOWN, MIRRORS, known
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.exports.storage import Folder
from pyzn_pipeline.exports.writing import export_days
from pyzn_pipeline.reading.day import Ingested, ingest_day
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.store.database import engine
from tests.api.conftest import Clock, serving
from tests.api.conftest import settings as api_settings
from tests.conftest import Database, own_database
from tests.counted import expected
from tests.pipeline.conftest import TABLE
from tests.wheels import WHEELS

BEFORE, CHOSEN, AFTER = DAYS = [date(2026, 7, 13), date(2026, 7, 14), date(2026, 7, 15)]
FIVE = [breakdown.name for breakdown in BREAKDOWNS]
NOT_DISTRO = [breakdown.name for breakdown in KNOWN if breakdown.name != "distro"]


def rows(day: date) -> list[dict[str, Any]]:
    """Every shape of file, by pip, by a mirror, and as a sidecar, which is no file."""
    return [
        {
            "timestamp": datetime.combine(day, time(), UTC) + timedelta(seconds=number),
            "country_code": "US",
            "file": {"project": "sampleproject", "version": "1.0", "filename": wheel.filename + ending},
            "details": {
                "installer": {"name": installer, "version": f"26.{number % 3}.1"},
                "python": "3.14.0",
                "system": {"name": "Linux"},
                "cpu": ["x86_64", "aarch64", None][number % 3],
                "implementation": {"name": ["CPython", "PyPy"][number % 2]},
                "distro": {"name": "Debian", "libc": {"lib": "glibc", "version": f"2.{number % 5 + 28}"}},
            },
        }
        for number, wheel in enumerate(WHEELS)
        for installer, ending in (("pip", ""), (MIRRORS[0], ""), ("pip", ".metadata"))
    ]


@pytest.fixture
def published(bigquery: Server, clients: Clients, store: Engine) -> Engine:
    """A day by the five, one by all but one, and one by the five again."""
    for day, names in zip(DAYS, (FIVE, NOT_DISTRO, FIVE), strict=True):
        bigquery.load(pa.Table.from_pylist(rows(day), FILE_DOWNLOADS.schema))
        read(clients, store, day, names)
    return store


def read(clients: Clients, store: Engine, day: date, names: list[str]) -> Ingested:
    return ingest_day(day, BigQuery(clients, TABLE, 2**40, breakdowns=known(names)), store, "run-1")


def held(store: Engine) -> dict[date, set[str]]:
    """The breakdowns of each day."""
    with store.connect() as connection:
        query = "SELECT day, array_agg(breakdown) FROM pyzn.day_breakdowns GROUP BY day"
        return {day: set(names) for day, names in connection.execute(text(query))}


def content(store: Engine) -> list[Any]:
    queries = [f"SELECT {what} ORDER BY day" for what in ("* FROM pyzn.project_days", "day, checksum FROM pyzn.days")]
    with store.connect() as connection:
        return [[tuple(map(str, row)) for row in connection.execute(text(query))] for query in queries]


def test_a_day_holds_what_it_was_read_with_and_keeps_it(clients: Clients, published: Engine) -> None:
    assert held(published) == {BEFORE: set(FIVE), CHOSEN: set(NOT_DISTRO), AFTER: set(FIVE)}
    assert not read(clients, published, CHOSEN, FIVE).publication.changed
    assert read(clients, published, BEFORE, [*FIVE, "wheel"]).publication.revision == 2
    assert held(published) == {BEFORE: {*FIVE, "wheel"}, CHOSEN: set(NOT_DISTRO), AFTER: set(FIVE)}


def test_the_views_hold_what_plain_python_counts(published: Engine) -> None:
    of_pypi, of_project = expected(rows(CHOSEN), CHOSEN, breakdowns=known(NOT_DISTRO))
    assert of_project["files"] > of_project["files_without_mirrors"] > 300
    with published.connect() as connection:
        for breakdown in known(NOT_DISTRO):
            query = f"SELECT {breakdown.name}, downloads FROM pyzn.{breakdown.view} WHERE day = '{CHOSEN}'"
            assert dict(map(tuple, connection.execute(text(query)))) == json.loads(of_project[breakdown.document])
            query = f"SELECT key, downloads FROM pyzn.pypi_downloads WHERE day = '{CHOSEN}' AND breakdown = :name"
            assert dict(map(tuple, connection.execute(text(query), {"name": breakdown.name}))) == json.loads(
                of_pypi[breakdown.document]
            )


@pytest.mark.usefixtures("published")
def test_every_day_is_proven_and_says_what_it_holds(command: CliRunner) -> None:
    days = [str(BEFORE), str(AFTER)]
    verified = command.invoke(pyzn, ["verify", "--full", *days])
    assert verified.stdout.endswith("3 of 3 days proven\n"), verified.output
    assert command.invoke(pyzn, ["days", *days]).stdout.count("also by wheel, libc, cpu, implementation") == 1
    chosen = command.invoke(pyzn, ["days", *days], env={"PYZN_BREAKDOWNS": ",".join(NOT_DISTRO)}).stdout
    assert chosen.count("missing by wheel, libc, cpu, implementation, installer_version: ") == 2


def test_exported_and_mirrored_days_are_the_same(published: Engine, postgres: Postgres, tmp_path: Path) -> None:
    list(export_days(published, Folder(tmp_path), BEFORE, AFTER))
    with own_database(postgres) as other:
        mirrored = engine(SecretStr(other.owner_url))
        for day in DAYS:
            ingest_day(day, Mirror(str(tmp_path)), mirrored, "run-1")
        assert content(mirrored) == content(published)
        assert held(mirrored) == held(published)
        mirrored.dispose()


@pytest.fixture
def client(database: Database, published: Engine) -> Iterator[httpx.Client]:
    clock = Clock(datetime.combine(AFTER + timedelta(days=2), time(), UTC))
    with serving(api_settings(database.api_url), clock) as client:
        yield client
    published.dispose()


def test_the_api_answers_by_what_days_hold(client: httpx.Client) -> None:
    window = {"start": str(BEFORE), "end": str(AFTER)}
    answer = client.get("/api/v4/projects/sampleproject/cpus", params=window).json()
    assert answer["days"]["missing"] == [str(BEFORE), str(AFTER)]
    assert {row["cpu"] for row in answer["downloads"]} == {"x86_64", "aarch64", "(unknown)"}
    refused = client.get("/api/v4/projects/sampleproject/distros", params=window)
    assert refused.status_code == 404
    assert refused.json()["message"] == "No day was read by distro: PYZN_BREAKDOWNS does not name it"
    assert client.get("/api/v4/status").json()["breakdowns"] == sorted(FIVE)


@pytest.mark.parametrize("by", ["tag", "family", "arch", "python", "abi", "glibc", "macos"])
def test_wheels_are_summed_by_what_their_tags_mean(client: httpx.Client, by: str) -> None:
    files = [wheel for wheel in WHEELS if wheel.filename.lower().endswith((".whl", ".tar.gz", ".zip"))]
    right = Counter(wheel.key if by == "tag" else getattr(wheel, by) for wheel in files)
    path, window = "/api/v4/projects/sampleproject/wheels", {"start": str(BEFORE), "end": str(AFTER), "by": by}
    answer = client.get(path, params=window).json()
    assert answer["days"]["missing"] == [str(BEFORE), str(AFTER)]
    assert {row["period"] for row in answer["downloads"]} == {str(CHOSEN)}
    assert {row[by]: row["downloads"] for row in answer["downloads"]} == right
    lines = client.get(path, params=window | {"format": "csv"}).text.splitlines()
    assert lines[0] == f"period,{by},downloads"
    assert len(lines) == 1 + len(right)
