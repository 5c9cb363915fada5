"""Two PyZn side by side, one on the BigQuery emulator and one on what that exports: all by their sensors."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, Definitions, ExecuteInProcessResult, RunRequest, build_sensor_context
from pydantic import SecretStr
from sqlalchemy import Engine

from pyzn_local.bigquery.server import Server
from pyzn_pipeline.definitions import build_defs
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.exports.defs import export_sensor
from pyzn_pipeline.exports.index import INDEX
from pyzn_pipeline.exports.storage import Folder
from pyzn_pipeline.exports.writing import ExportResult, export_days
from pyzn_pipeline.maintenance.retention import RetirementFailed
from pyzn_pipeline.settings import Settings
from pyzn_pipeline.store.partitions import RetiredDay
from tests.conftest import TEMPLATE, Database
from tests.days import Download, raw_rows
from tests.exports.conftest import Pair, content, downloads
from tests.pipeline.conftest import carried_out, code_location, evaluated, memory_instance
from tests.store.publishing import change, publish, rows
from tests.web import WebServer

TODAY = datetime.now(UTC).date()
OLD = [TODAY - timedelta(days=n) for n in (12, 11, 10)]


@pytest.fixture(scope="session")
def template() -> str:
    """No day is published before a test."""
    return TEMPLATE


@dataclass
class Side:
    """One PyZn: its store, its definitions, its Dagster, and the cursors of its sensors."""

    store: Engine
    defs: Definitions
    instance: DagsterInstance
    cursors: dict[str, str | None] = field(default_factory=dict)

    def tick(self, sensor: str) -> list[RunRequest]:
        """Return the requests of one tick of a sensor."""
        tick = evaluated(self.defs, self.instance, sensor, self.cursors.get(sensor))
        self.cursors[sensor] = tick.cursor
        return list(tick.run_requests or [])

    def live(self, *sensors: str) -> list[ExecuteInProcessResult]:
        """Carry out the requests of the sensors until there are none."""
        done: list[ExecuteInProcessResult] = []
        while requests := [request for name in sensors for request in self.tick(name)]:
            assert len(done) < 20, requests
            done += carried_out(self.defs, self.instance, requests)
        return done

    def ask(self, *days: date) -> None:
        """Ask for days; the calendar asks for none."""
        for day in days:
            wanted = "INSERT INTO pyzn.wanted (day, asked_by, next_attempt_at) VALUES (:day, '{calendar}', now())"
            change(self.store, wanted, day=day)

    def later(self) -> None:
        """Make the last look at the mirror's index older."""
        moment = datetime.fromisoformat(str(self.cursors["keep_days_true"])) - timedelta(minutes=6)
        self.cursors["keep_days_true"] = moment.isoformat()

    def materialized(self, asset: str) -> dict[str, dict[str, Any]]:
        """Return the newest metadata of each partition of an asset."""
        found: dict[str, dict[str, Any]] = {}
        for record in self.instance.fetch_materializations(AssetKey(asset), limit=100).records:
            assert record.asset_materialization is not None
            values = {name: entry.value for name, entry in record.asset_materialization.metadata.items()}
            found.setdefault(str(record.partition_key), values)
        return found


@pytest.fixture
def exporter(bigquery: Server, database: Database, store: Engine, folder: Path, tmp_path: Path) -> Iterator[Side]:
    with memory_instance(tmp_path) as instance:
        yield Side(store, code_location(bigquery, database, export_url=str(folder), repair_from=date.max), instance)


@pytest.fixture
def mirror(second_database: Database, second: Engine, web: WebServer, tmp_path: Path) -> Iterator[Side]:
    url = second_database.owner_url
    settings = Settings(
        database_url=SecretStr(url), mirror_url=web.url, first_day=date(2026, 1, 1), repair_from=date.max
    )
    with memory_instance(tmp_path) as instance:
        yield Side(second, build_defs(settings, store=Store(database_url=url)), instance)


def test_what_one_reads_the_other_mirrors_and_a_late_row_gives_both_revision_2(
    bigquery: Server, exporter: Side, mirror: Side, web: WebServer
) -> None:
    for day in OLD:
        bigquery.load(raw_rows(day, downloads(day)))
    exporter.ask(*OLD)
    exporter.live("keep_days_true", "export_what_has_changed")
    assert set(exporter.materialized("exported_days")) == set(map(str, OLD))

    mirror.ask(*OLD)
    mirror.live("keep_days_true")
    assert content(mirror.store) == content(exporter.store)
    shown = mirror.materialized("project_days")[str(OLD[-1])]
    assert (shown["source"], shown["bytes billed"], shown["US dollars"]) == (f"{web.url} of the emulator", 0, 0)

    bigquery.load(raw_rows(OLD[-1], [Download("late")]))
    change(
        exporter.store,
        "UPDATE pyzn.days SET status = 'provisional', published_at = published_at - interval '61 minutes',"
        " recounted_at = published_at - interval '61 minutes'",
    )
    exporter.live("keep_days_true", "export_what_has_changed")
    assert rows(exporter.store, "SELECT revision FROM pyzn.days ORDER BY day") == [(1,), (1,), (2,)]
    assert mirror.tick("keep_days_true") == []  # it was looked at just before
    mirror.later()
    done = mirror.live("keep_days_true")
    assert [result.job_def.name for result in done] == ["recount", "daily_downloads"]
    assert content(mirror.store) == content(exporter.store)
    assert rows(mirror.store, "SELECT revision, status FROM pyzn.days ORDER BY day") == [
        (n, "final") for n in (1, 1, 2)
    ]
    mirror.later()
    assert mirror.tick("keep_days_true") == []
    assert exporter.tick("export_what_has_changed") == []


def test_an_index_is_followed_until_a_recount_of_it_has_succeeded(exporter: Side, mirror: Side) -> None:
    day = OLD[0]
    publish(exporter.store, day, downloads(day))
    exporter.live("export_what_has_changed")
    (first,) = mirror.tick("keep_days_true")  # and its run dies
    mirror.later()
    assert mirror.tick("keep_days_true") == [first]
    mirror.later()
    assert len(mirror.live("keep_days_true")) == 1
    mirror.later()
    assert mirror.tick("keep_days_true") == []


def test_a_day_that_has_no_partition_stops_no_sensor(exporter: Side, mirror: Side, folder: Path) -> None:
    early = date(2025, 12, 31)  # the mirror's first day is after it
    for side in (exporter, mirror):
        publish(side.store, early, downloads(early))
    mirror.ask(early, OLD[0])
    keys = [request.partition_key for request in mirror.tick("keep_days_true")]
    assert [key for key in keys if key] == [str(OLD[0])]
    context = build_sensor_context(instance=exporter.instance, resources=dict(exporter.defs.resources or {}))
    tick = export_sensor(str(folder), OLD[0]).evaluate_tick(context)
    assert (tick.run_requests, tick.skip_message) == ([], "every day is exported")


def test_an_export_whose_index_is_gone_fails_its_run_while_days_are_retired(exporter: Side, folder: Path) -> None:
    publish(exporter.store, OLD[0], downloads(OLD[0]))
    exporter.live("export_what_has_changed")
    change(exporter.store, "UPDATE pyzn.days SET retired_at = now()")
    (folder / INDEX).unlink()
    (result,) = carried_out(exporter.defs, exporter.instance, exporter.tick("export_what_has_changed"))
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    reason = str(failure.step_failure_data.error)
    assert f"{folder}/{INDEX}: there is no such file, and 1 days, {OLD[0]} to {OLD[0]}, are retired" in reason
    assert not (folder / INDEX).exists()
    assert list(export_days(exporter.store, Folder(folder), new=True))
    assert not (folder / INDEX).exists()


def test_a_mirror_that_is_away_stops_no_sensor_and_is_the_days_reason(mirror: Side, web: WebServer) -> None:
    mirror.ask(OLD[0])
    web.__exit__()
    (result,) = mirror.live("keep_days_true")
    assert not result.success
    ((reason,),) = rows(mirror.store, "SELECT reason FROM pyzn.wanted WHERE attempts > 0")
    assert f"{web.url}/{INDEX}: ConnectionError: check the address and the network" in reason


def test_an_exported_day_that_is_refused_fails_its_run_and_lets_older_ones_be_exported(
    exporter: Side, folder: Path
) -> None:
    days = [TODAY - timedelta(days=n) for n in (60, 10)]
    for day in days:
        publish(exporter.store, day, downloads(day))
    change(
        exporter.store,
        "UPDATE pyzn.project_days SET project = 'other' WHERE project = 'numpy' AND day = :day",
        day=days[1],
    )
    first, second = exporter.live("export_what_has_changed")
    assert (first.success, second.success) == (False, True)
    assert set(exporter.materialized("exported_days")) == {str(days[0])}
    assert (folder / str(days[0])).is_dir()
    assert not (folder / str(days[1])).exists()


def test_a_month_is_retired_when_its_days_are_exported_and_can_then_be_mirrored(
    bigquery: Server, database: Database, store: Engine, pair: Pair, folder: Path, tmp_path: Path
) -> None:
    days = [date(2025, 6, 1), date(2025, 6, 2)]
    for day in days:
        publish(store, day, downloads(day))
    known = content(store)
    defs = code_location(bigquery, database, retention_days=366, export_url=str(folder), first_day=days[0])
    retired = "SELECT day FROM pyzn.days WHERE retired_at IS NOT NULL ORDER BY day"

    def retire() -> None:
        assert defs.resolve_job_def("retention").execute_in_process().success

    with memory_instance(tmp_path) as instance:
        list(export_days(store, Folder(folder), days[0], days[0]))
        retire()
        assert rows(store, retired) == []
        Side(store, defs, instance).live("export_what_has_changed")
        (lost,) = (folder / str(days[1])).rglob("downloads_by_version.parquet")
        lost.unlink()
        with pytest.raises(RetirementFailed, match=rf"{lost}: it is not there, .*pyzn export --check( {days[1]}){{2}}"):
            retire()
        assert rows(store, retired) == []
        (done,) = export_days(store, Folder(folder), days[1], check=True)
        assert isinstance(done, ExportResult)
        assert done.bytes > 0
        retire()
    assert rows(store, retired) == [(day,) for day in days]
    assert rows(store, "SELECT FROM pyzn.project_days") == []

    pair.mirror(*days)
    assert content(pair.mirrored) == known
    with pytest.raises(RetiredDay):
        Pair(store, store, folder).mirror(days[0])
