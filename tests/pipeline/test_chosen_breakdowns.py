"""Breakdowns that a deployment chooses: a day holds the same ones in every part of PyZn."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from pyzn_cli import pyzn
from pyzn_local.bigquery.server import Server
from pyzn_local.postgres import Postgres
from pyzn_pipeline.breakdowns import BREAKDOWNS, KNOWN, MIRRORS, known
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.exports.storage import Folder
from pyzn_pipeline.exports.writing import export_days
from pyzn_pipeline.reading.day import DayReading, ingest_day
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients, connect
from tests.conftest import filled_database, own_database
from tests.counted import expected
from tests.days import Download, raw_rows, scanned
from tests.pipeline.conftest import TABLE, api_after
from tests.store.publishing import rows
from tests.wheels import WHEELS

BEFORE, CHOSEN, AFTER, AGAIN = DAYS = [date(2026, 7, day) for day in (13, 14, 15, 16)]
FIVE = [breakdown.name for breakdown in BREAKDOWNS]
AND_WHEEL = [*FIVE, "wheel"]
NOT_DISTRO = [breakdown.name for breakdown in KNOWN if breakdown.name != "distro"]
HELD = dict(zip(DAYS, (FIVE, NOT_DISTRO, FIVE, AND_WHEEL), strict=True))
DOWNLOADS = [  # every shape of file, by pip, by a mirror, and as a sidecar, which is no file
    Download(
        "sampleproject",
        f"{number % 2 + 1}.{number % 5}",
        installer=installer,
        python=["3.14.0", "3.9.1", None][number % 3],
        system="Linux",
        filename=wheel.filename + ending,
        libc=f"glibc 2.{number % 5 + 28}",
        cpu=["x86_64", "aarch64", None][number % 3],
        implementation=["CPython", "PyPy"][number % 2],
        installer_version=f"26.{number % 3}.1",
        distro="Debian",
    )
    for number, wheel in enumerate(WHEELS)
    for installer, ending in (("pip", ""), (MIRRORS[0], ""), ("pip", ".metadata"))
]


@pytest.fixture(scope="module")
def template(postgres: Postgres, emulator: Server) -> Iterator[str]:
    """A day by the five, one by all but one, one by the five again, and one by one more."""

    def fill(store: Engine) -> None:
        with closing(connect("pyzn-test", "US", emulator.endpoint, emulator.storage_endpoint)) as clients:
            for day, names in HELD.items():
                read(clients, store, day, names)

    emulator.reset()
    load(emulator)
    with filled_database(postgres, fill) as name:
        yield name


def load(emulator: Server) -> None:
    for day in DAYS:
        emulator.load(raw_rows(day, DOWNLOADS))


def read(clients: Clients, store: Engine, day: date, names: list[str]) -> DayReading:
    return ingest_day(day, BigQuery(clients, TABLE, 2**40, breakdowns=known(names)), store, "run-1")


def held(store: Engine) -> dict[date, set[str]]:
    """The breakdowns of each day."""
    found = rows(store, "SELECT day, array_agg(breakdown) FROM pyzn.day_breakdowns GROUP BY day")
    return {day: set(names) for day, names in found}


def counted(day: date, names: list[str]) -> list[dict[str, Any]]:
    """All of PyPI, and the only project, as plain Python counts them."""
    return expected(scanned(day, DOWNLOADS), day, breakdowns=known(names))


def test_a_day_holds_what_it_was_read_with_and_keeps_it(bigquery: Server, clients: Clients, store: Engine) -> None:
    load(bigquery)
    before = {day: set(names) for day, names in HELD.items()}
    assert held(store) == before
    assert not read(clients, store, CHOSEN, FIVE).publication.changed
    assert read(clients, store, BEFORE, AND_WHEEL).publication.revision == 2
    assert held(store) == before | {BEFORE: set(AND_WHEEL)}


def test_the_views_hold_what_plain_python_counts(store: Engine) -> None:
    of_pypi, of_project = counted(CHOSEN, NOT_DISTRO)
    assert of_project["files"] > of_project["files_without_mirrors"] > 300
    assert len(json.loads(of_project["by_version_python"])) == 30
    for breakdown in known(NOT_DISTRO):
        keys = ", ".join(key.name for key in breakdown.keys)
        query = f"SELECT concat_ws(' ', {keys}), downloads FROM pyzn.{breakdown.view} WHERE day = :day"
        assert dict(rows(store, query, day=CHOSEN)) == json.loads(of_project[breakdown.document])
        query = "SELECT key, downloads FROM pyzn.pypi_downloads WHERE day = :day AND breakdown = :name"
        found = dict(rows(store, query, day=CHOSEN, name=breakdown.name))
        assert found == json.loads(of_pypi[breakdown.document])


def test_every_day_is_proven_and_names_what_it_holds(bigquery: Server, command: CliRunner) -> None:
    load(bigquery)
    span = [str(BEFORE), str(AGAIN)]
    verified = command.invoke(pyzn, ["verify", "--full", *span])
    assert verified.stdout.endswith("4 of 4 days proven\n"), verified.output

    def lines(**settings: str) -> list[str]:
        shown = command.invoke(pyzn, ["days", *span], env=settings).stdout.splitlines()
        return [line for line in shown if line.strip().startswith("2026-")]

    assert ["also by wheel" in line for line in lines()] == [False, True, False, True]
    chosen = lines(PYZN_BREAKDOWNS=",".join(AND_WHEEL))
    assert ["missing by wheel: " in line for line in chosen] == [True, False, True, False]
    assert ["also by libc, cpu" in line for line in chosen] == [False, True, False, False]


def test_exported_and_mirrored_days_are_the_same(store: Engine, postgres: Postgres, tmp_path: Path) -> None:
    content = ["SELECT * FROM pyzn.project_days ORDER BY day", "SELECT day, checksum FROM pyzn.days ORDER BY day"]
    list(export_days(store, Folder(tmp_path), BEFORE, AGAIN))
    with own_database(postgres) as other, other.owner() as mirrored:
        for day in DAYS:
            ingest_day(day, Mirror(str(tmp_path)), mirrored, "run-1")
        for query in content:
            assert str(rows(mirrored, query)) == str(rows(store, query))
        assert held(mirrored) == held(store)


@pytest.fixture(scope="module")
def client(postgres: Postgres, template: str) -> Iterator[httpx.Client]:
    with own_database(postgres, template) as database, api_after(AGAIN, database) as client:
        yield client


PROJECT = "/api/v4/projects/sampleproject"
WINDOW = {"start": str(BEFORE), "end": str(AGAIN)}


def test_the_api_answers_by_what_days_hold(client: httpx.Client) -> None:
    answer = client.get(f"{PROJECT}/cpus", params=WINDOW).json()
    assert answer["days"]["missing"] == [str(BEFORE), str(AFTER), str(AGAIN)]
    assert {row["cpu"] for row in answer["downloads"]} == {"x86_64", "aarch64", "(unknown)"}
    refused = client.get(f"{PROJECT}/distros", params=WINDOW)
    assert refused.status_code == 404
    assert refused.json()["message"] == "No day was read by distro: PYZN_BREAKDOWNS does not name it"
    assert client.get("/api/v4/status").json()["breakdowns"] == sorted(AND_WHEEL)
    days = client.get("/api/v4/days", params=WINDOW).json()["days"]
    assert ["wheel" in row["breakdowns"] for row in days] == [False, True, False, True]


def test_the_pythons_of_some_versions(client: httpx.Client) -> None:
    def ask(**query: str) -> httpx.Response:
        return client.get(f"{PROJECT}/pythons", params=WINDOW | query)

    answer = ask(version="2.*").json()
    right: Counter[str] = Counter()
    for keys, downloads in json.loads(counted(CHOSEN, NOT_DISTRO)[1]["by_version_python"]).items():
        python, _, version = keys.partition(" ")
        right[python] += downloads * version.startswith("2.")
    assert {row["python"]: row["downloads"] for row in answer["downloads"]} == right
    assert answer["count"] == "files_without_mirrors"
    assert answer["days"]["missing"] == [str(BEFORE), str(AFTER), str(AGAIN)]
    only = ask(version="2.*", python="3.9", format="csv").text
    assert only == f'period,python,downloads\r\n{CHOSEN},"3.9",{right["3.9"]}\r\n'
    assert ask().json()["count"] == "without_mirrors"
    for refused, part in (
        (ask(version="2.*", count="without_mirrors"), "expected files_without_mirrors by python and version"),
        (ask(count="files_without_mirrors"), "expected without_mirrors by python"),
    ):
        assert (refused.status_code, part in refused.json()["message"]) == (400, True), refused.text
    of_all = client.get("/api/v4/projects/__all__/pythons", params=WINDOW | {"version": "2.*"})
    assert of_all.status_code == 400


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
    answer = client.get(f"{PROJECT}/wheels", params=WINDOW | {"by": by}).json()
    assert answer["days"]["missing"] == [str(BEFORE), str(AFTER)]
    for day in (CHOSEN, AGAIN):
        assert {row[by]: row["downloads"] for row in answer["downloads"] if row["period"] == str(day)} == right
    lines = client.get(f"{PROJECT}/wheels", params=WINDOW | {"by": by, "format": "csv"}).text.splitlines()
    assert lines[0] == f"period,{by},downloads"
    assert len(lines) == 1 + 2 * len(right)
