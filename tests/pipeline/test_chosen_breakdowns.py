"""Breakdowns that a deployment chooses: what a day holds is the same in every part of PyZn."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
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
from pyzn_pipeline.reading.day import DayReading, ingest_day
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients, connect
from pyzn_pipeline.store.database import engine
from tests.api.conftest import Clock, serving
from tests.api.conftest import settings as api_settings
from tests.conftest import filled_database, own_database
from tests.counted import expected
from tests.pipeline.conftest import TABLE
from tests.wheels import WHEELS

BEFORE, CHOSEN, AFTER, AGAIN = DAYS = [date(2026, 7, day) for day in (13, 14, 15, 16)]
FIVE = [breakdown.name for breakdown in BREAKDOWNS]
NOT_DISTRO = [breakdown.name for breakdown in KNOWN if breakdown.name != "distro"]


def rows(day: date) -> list[dict[str, Any]]:
    """Every shape of file, by pip, by a mirror, and as a sidecar, which is no file."""
    return [
        {
            "timestamp": datetime.combine(day, time(), UTC) + timedelta(seconds=number),
            "country_code": "US",
            "file": {
                "project": "sampleproject",
                "version": f"{number % 2 + 1}.{number % 5}",
                "filename": wheel.filename + ending,
            },
            "details": {
                "installer": {"name": installer, "version": f"26.{number % 3}.1"},
                "python": ["3.14.0", "3.9.1", None][number % 3],
                "system": {"name": "Linux"},
                "cpu": ["x86_64", "aarch64", None][number % 3],
                "implementation": {"name": ["CPython", "PyPy"][number % 2]},
                "distro": {"name": "Debian", "libc": {"lib": "glibc", "version": f"2.{number % 5 + 28}"}},
            },
        }
        for number, wheel in enumerate(WHEELS)
        for installer, ending in (("pip", ""), (MIRRORS[0], ""), ("pip", ".metadata"))
    ]


@pytest.fixture(scope="module")
def template(postgres: Postgres, emulator: Server) -> Iterator[str]:
    """A day by the five, one by all but one, one by the five again, and one by one more."""

    def fill(store: Engine) -> None:
        with closing(connect("pyzn-test", "US", emulator.endpoint, emulator.storage_endpoint)) as clients:
            for day, names in zip(DAYS, (FIVE, NOT_DISTRO, FIVE, [*FIVE, "wheel"]), strict=True):
                read(clients, store, day, names)

    emulator.reset()
    load(emulator)
    with filled_database(postgres, fill) as name:
        yield name


def load(emulator: Server) -> None:
    for day in DAYS:
        emulator.load(pa.Table.from_pylist(rows(day), FILE_DOWNLOADS.schema))


def read(clients: Clients, store: Engine, day: date, names: list[str]) -> DayReading:
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


def test_a_day_holds_what_it_was_read_with_and_keeps_it(bigquery: Server, clients: Clients, store: Engine) -> None:
    load(bigquery)
    before = {BEFORE: set(FIVE), CHOSEN: set(NOT_DISTRO), AFTER: set(FIVE), AGAIN: {*FIVE, "wheel"}}
    assert held(store) == before
    assert not read(clients, store, CHOSEN, FIVE).publication.changed
    assert read(clients, store, BEFORE, [*FIVE, "wheel"]).publication.revision == 2
    assert held(store) == before | {BEFORE: {*FIVE, "wheel"}}


def test_the_views_hold_what_plain_python_counts(store: Engine) -> None:
    of_pypi, of_project = expected(rows(CHOSEN), CHOSEN, breakdowns=known(NOT_DISTRO))
    assert of_project["files"] > of_project["files_without_mirrors"] > 300
    assert len(json.loads(of_project["by_version_python"])) == 30
    with store.connect() as connection:
        for breakdown in known(NOT_DISTRO):
            keys = ", ".join(key.name for key in breakdown.keys)
            query = f"SELECT concat_ws(' ', {keys}), downloads FROM pyzn.{breakdown.view} WHERE day = '{CHOSEN}'"
            assert dict(map(tuple, connection.execute(text(query)))) == json.loads(of_project[breakdown.document])
            query = f"SELECT key, downloads FROM pyzn.pypi_downloads WHERE day = '{CHOSEN}' AND breakdown = :name"
            assert dict(map(tuple, connection.execute(text(query), {"name": breakdown.name}))) == json.loads(
                of_pypi[breakdown.document]
            )


def test_every_day_is_proven_and_names_what_it_holds(bigquery: Server, command: CliRunner) -> None:
    load(bigquery)
    days = [str(BEFORE), str(AGAIN)]
    verified = command.invoke(pyzn, ["verify", "--full", *days])
    assert verified.stdout.endswith("4 of 4 days proven\n"), verified.output
    off = command.invoke(pyzn, ["days", *days]).stdout.splitlines()
    assert ["also by wheel" in line for line in off if line.strip().startswith("2026-")] == [False, True, False, True]
    chosen = command.invoke(pyzn, ["days", *days], env={"PYZN_BREAKDOWNS": ",".join([*FIVE, "wheel"])}).stdout
    on = [line for line in chosen.splitlines() if line.strip().startswith("2026-")]
    assert ["missing by wheel: " in line for line in on] == [True, False, True, False]
    assert ["also by libc, cpu" in line for line in on] == [False, True, False, False]


def test_exported_and_mirrored_days_are_the_same(store: Engine, postgres: Postgres, tmp_path: Path) -> None:
    list(export_days(store, Folder(tmp_path), BEFORE, AGAIN))
    with own_database(postgres) as other:
        mirrored = engine(SecretStr(other.owner_url))
        for day in DAYS:
            ingest_day(day, Mirror(str(tmp_path)), mirrored, "run-1")
        assert content(mirrored) == content(store)
        assert held(mirrored) == held(store)
        mirrored.dispose()


@pytest.fixture(scope="module")
def client(postgres: Postgres, template: str) -> Iterator[httpx.Client]:
    clock = Clock(datetime.combine(AGAIN + timedelta(days=2), time(), UTC))
    with own_database(postgres, template) as database, serving(api_settings(database.api_url), clock) as client:
        yield client


WINDOW = {"start": str(BEFORE), "end": str(AGAIN)}


def test_the_api_answers_by_what_days_hold(client: httpx.Client) -> None:
    answer = client.get("/api/v4/projects/sampleproject/cpus", params=WINDOW).json()
    assert answer["days"]["missing"] == [str(BEFORE), str(AFTER), str(AGAIN)]
    assert {row["cpu"] for row in answer["downloads"]} == {"x86_64", "aarch64", "(unknown)"}
    refused = client.get("/api/v4/projects/sampleproject/distros", params=WINDOW)
    assert refused.status_code == 404
    assert refused.json()["message"] == "No day was read by distro: PYZN_BREAKDOWNS does not name it"
    assert client.get("/api/v4/status").json()["breakdowns"] == sorted([*FIVE, "wheel"])
    days = client.get("/api/v4/days", params=WINDOW).json()["days"]
    assert ["wheel" in row["breakdowns"] for row in days] == [False, True, False, True]


def test_the_pythons_of_some_versions(client: httpx.Client) -> None:
    path = "/api/v4/projects/sampleproject/pythons"
    answer = client.get(path, params=WINDOW | {"version": "2.*"}).json()
    found = json.loads(expected(rows(CHOSEN), CHOSEN, breakdowns=KNOWN)[1]["by_version_python"])
    right: Counter[str] = Counter()
    for keys, downloads in found.items():
        python, _, version = keys.partition(" ")
        right[python] += downloads * version.startswith("2.")
    assert {row["python"]: row["downloads"] for row in answer["downloads"]} == right
    assert answer["count"] == "files_without_mirrors"
    assert answer["days"]["missing"] == [str(BEFORE), str(AFTER), str(AGAIN)]
    only = client.get(path, params=WINDOW | {"version": "2.*", "python": "3.9", "format": "csv"}).text
    assert only == f'period,python,downloads\r\n{CHOSEN},"3.9",{right["3.9"]}\r\n'
    assert client.get(path, params=WINDOW).json()["count"] == "without_mirrors"
    for query, part in (
        ({"version": "2.*", "count": "without_mirrors"}, "expected files_without_mirrors by python and version"),
        ({"count": "files_without_mirrors"}, "expected without_mirrors by python"),
    ):
        refused = client.get(path, params=WINDOW | query)
        assert (refused.status_code, part in refused.json()["message"]) == (400, True), refused.text
    refused = client.get("/api/v4/projects/__all__/pythons", params=WINDOW | {"version": "2.*"})
    assert refused.status_code == 400


@pytest.mark.parametrize(
    "route", ["countries?", "pythons?", "libcs?libc=glibc*", "installer-versions?", "wheels?by=arch"]
)
@pytest.mark.parametrize("form", ["json", "csv"])
def test_all_of_pypi_is_counted_by_a_breakdown_as_its_only_project_is(
    client: httpx.Client, route: str, form: str
) -> None:
    window = f"start={BEFORE}&end={AGAIN}&granularity=month&format={form}"
    of_all, of_one = (client.get(f"/api/v4/projects/{name}/{route}&{window}") for name in ("__all__", "sampleproject"))
    assert of_all.text.replace("__all__", "sampleproject") == of_one.text
    assert of_one.status_code == 200
    assert len(of_one.text.splitlines()) > (form == "csv")


@pytest.mark.parametrize("by", ["tag", "family", "arch", "python", "abi", "glibc", "macos"])
def test_wheels_are_summed_by_what_their_tags_mean(client: httpx.Client, by: str) -> None:
    files = [wheel for wheel in WHEELS if wheel.filename.lower().endswith((".whl", ".tar.gz", ".zip"))]
    right = Counter(wheel.key if by == "tag" else getattr(wheel, by) for wheel in files)
    path, window = "/api/v4/projects/sampleproject/wheels", WINDOW | {"by": by}
    answer = client.get(path, params=window).json()
    assert answer["days"]["missing"] == [str(BEFORE), str(AFTER)]
    for day in (CHOSEN, AGAIN):
        assert {row[by]: row["downloads"] for row in answer["downloads"] if row["period"] == str(day)} == right
    lines = client.get(path, params=window | {"format": "csv"}).text.splitlines()
    assert lines[0] == f"period,{by},downloads"
    assert len(lines) == 1 + 2 * len(right)
