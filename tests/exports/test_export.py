"""`pyzn export`: what it writes, what it does not write again, and what it refuses."""

import json
from datetime import date
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from pyzn_cli import pyzn
from pyzn_pipeline.breakdowns import BREAKDOWNS
from pyzn_pipeline.exports.index import INDEX, read_day
from pyzn_pipeline.exports.storage import DamagedExport, Folder
from pyzn_pipeline.exports.writing import ExportRefused, due_for_export, export_days
from pyzn_pipeline.maintenance.retention import retire
from pyzn_pipeline.store.events import add, withdraw
from tests.conftest import Database
from tests.exports.conftest import DAY, DAYS, DOWNLOADS, exported, file_of, index_of, late
from tests.store.publishing import change, publish, rows


def due(store: Engine, folder: Path) -> list[date]:
    return [row.day for row in due_for_export(store, Folder(folder))]


def refused(store: Engine, folder: Path) -> str:
    """The only reason, which is about DAY; the days before it are exported."""
    *_, last = export_days(store, Folder(folder))
    assert [entry.day for entry in index_of(folder).days] == DAYS[:2]
    assert isinstance(last, ExportRefused)
    assert str(last).startswith(f"day {DAY}: ")
    return str(last)


def files(folder: Path) -> dict[str, bytes]:
    """Every file, by its path."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# -- what is written


def test_the_files_have_the_rows_of_the_views_sorted_by_project(store: Engine, folder: Path) -> None:
    exported(store, folder)
    assert [entry.day for entry in index_of(folder).days] == DAYS
    for entry in index_of(folder).days:
        found = read_day(Folder(folder), entry).by_view()
        assert set(found) == {"downloads_by_project", *(b.view for b in BREAKDOWNS)}
        for view, file in found.items():
            content = (folder / file.path).read_bytes()
            assert (len(content), sha256(content).hexdigest()) == (file.bytes, file.sha256)
            table = pq.read_table(folder / file.path)
            columns = [name for name in table.schema.names if name not in {b.plural for b in BREAKDOWNS}]
            expected = rows(store, f"SELECT {', '.join(columns)} FROM pyzn.{view} WHERE day = '{entry.day}'")
            assert sorted(map(tuple, table.select(columns).to_pandas().to_numpy().tolist())) == sorted(expected)
            assert table["project"].to_pylist() == sorted(table["project"].to_pylist())
            assert table.num_rows == file.rows
            assert pq.ParquetFile(folder / file.path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_day_json_is_the_ledgers_row(store: Engine, folder: Path) -> None:
    exported(store, folder)
    found = json.loads(file_of(folder, "day.json").read_bytes())
    names = ["status", "revision", "checksum", "source", "source_downloads", "downloads", "source_recount", "by_hour"]
    (ledger,) = rows(store, f"SELECT {', '.join(names)}, replaced_rows FROM pyzn.days WHERE day = '{DAY}'")
    assert [found[name] for name in [*names, "replaced_rows"]] == list(ledger)
    totals = dict(rows(store, f"SELECT breakdown, pypi_totals FROM pyzn.day_breakdowns WHERE day = '{DAY}'"))
    assert {name: own["pypi_totals"] for name, own in found["breakdowns"].items()} == totals


def test_only_what_has_changed_is_written_and_a_revision_stays_beside_the_one_before(
    store: Engine, folder: Path
) -> None:
    exported(store, folder)
    before = files(folder)
    assert [result.bytes for result in exported(store, folder)] == [0, 0, 0]
    assert due(store, folder) == []
    assert files(folder) == before

    change(store, f"UPDATE pyzn.days SET status = 'final' WHERE day = '{DAY}'")
    assert due(store, folder) == [DAY]
    exported(store, folder)
    (new,) = files(folder).keys() - before.keys()
    assert new.endswith("/day.json")

    late(store)
    assert [result.bytes > 0 for result in exported(store, folder)] == [False, False, True]
    assert index_of(folder).by_day()[DAY].revision == 2
    assert "late" in pq.read_table(file_of(folder, "downloads_by_project"))["project"].to_pylist()
    assert {path for path in before if files(folder)[path] != before[path]} == {INDEX}
    assert due(store, folder) == []


def test_an_event_comes_into_day_json_and_goes_again(store: Engine, folder: Path) -> None:
    def effects() -> list[list[str]]:
        exported(store, folder)
        assert due(store, folder) == []
        found = [(entry.events, read_day(Folder(folder), entry).events) for entry in index_of(folder).days]
        assert [line for line, _ in found] == [[event["id"] for event in file] for _, file in found]
        return [[str(event["effect"]) for event in file] for _, file in found]

    ((built_in,),) = rows(store, "SELECT effect FROM pyzn.events WHERE id = 'sidecars-counted'")
    assert effects() == [[built_in]] * 3
    before = set(files(folder))
    with store.begin() as connection:
        about = {"last": None, "touches": ["ci"], "effect": "Half of it is lost.", "sources": []}
        own = add(connection, kind="loss", first=DAY, **about)
    assert due(store, folder) == [DAY]
    assert effects() == [[built_in], [built_in], [built_in, "Half of it is lost."]]
    assert [path.endswith("/day.json") for path in files(folder).keys() - before] == [True]
    with store.begin() as connection:
        withdraw(connection, own)
    assert effects() == [[built_in]] * 3


# -- what is refused


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ("project_days SET project = 'flask' WHERE project = 'numpy' AND", "the tables have the checksum"),
        (
            "project_days SET by_country = '{ \"DE\"\\:14}' WHERE project = 'numpy' AND",
            "by_country in pyzn.project_days is not as the scan writes it",
        ),
        (
            "days SET by_hour = '{\"7\"\\: -1}' WHERE",
            "by_hour.7: Input should be greater than or equal to 0: mirrors refuse that",
        ),
    ],
    ids=["other rows", "a document that tidy rows would not give back", "a day that no mirror would accept"],
)
def test_a_day_that_was_changed_is_not_exported(store: Engine, folder: Path, changes: str, reason: str) -> None:
    change(store, f"UPDATE pyzn.{changes} day = '{DAY}'")
    if "by_country" in changes:
        change(store, "UPDATE pyzn.days SET checksum = pyzn.day_checksum(day)")
    assert reason in refused(store, folder)


def test_a_retired_day_stays_and_one_that_was_not_exported_is_refused(store: Engine, folder: Path) -> None:
    list(export_days(store, Folder(folder), DAYS[0], DAYS[1]))
    before = files(folder)
    retire(store, date(2027, 9, 1), 366)
    assert "its rows are retired, and the export does not have all of it" in refused(store, folder)
    assert files(folder) == before
    assert due(store, folder) == []


def test_an_export_of_another_deployment_is_not_overwritten(store: Engine, second: Engine, folder: Path) -> None:
    exported(store, folder)
    before = files(folder)
    publish(second, DAY, DOWNLOADS)
    (done,) = export_days(second, Folder(folder))
    assert isinstance(done, ExportRefused)
    assert f"day {DAY}: {folder} has revision 1 with the checksum" in str(done)
    assert files(folder) == before


def test_a_damaged_index_is_named_and_not_replaced(store: Engine, folder: Path) -> None:
    exported(store, folder)
    changed = (folder / INDEX).read_bytes().replace(b'"downloads": ', b'"downloads": 1', 1)
    (folder / INDEX).write_bytes(changed)
    with pytest.raises(DamagedExport, match=r"index\.json: its lines do not have the SHA-256"):
        exported(store, folder)
    assert (folder / INDEX).read_bytes() == changed


# -- an exporter that dies


@pytest.mark.parametrize("files_first", [3, 8])
def test_an_exporter_that_dies_between_files_leaves_whole_days_and_the_next_one_goes_on(
    store: Engine, folder: Path, files_first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    put = Folder.put

    def dies(storage: Folder, path: str, content: bytes) -> None:
        if len(written) == files_first:
            raise KeyboardInterrupt
        written.append(path)
        put(storage, path, content)

    monkeypatch.setattr(Folder, "put", dies)
    with pytest.raises(KeyboardInterrupt):
        exported(store, folder)
    monkeypatch.undo()
    entries = index_of(folder).days if (folder / INDEX).exists() else []
    assert [entry.day for entry in entries] == (DAYS[:1] if files_first >= 8 else [])
    for entry in entries:
        for file in read_day(Folder(folder), entry).by_view().values():
            assert sha256((folder / file.path).read_bytes()).hexdigest() == file.sha256

    assert len(exported(store, folder)) == len(DAYS)
    assert due(store, folder) == []
    assert not [path for path in files(folder) if path.endswith(".unfinished")]


# -- the command


def test_the_command_reports_what_it_wrote(
    store: Engine, database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYZN_HOME", str(folder / "no-stack"))
    monkeypatch.setenv("PYZN_DATABASE_URL", database.owner_url)
    assert "where to?" in str(CliRunner().invoke(pyzn, ["export"]).exception)
    none = CliRunner().invoke(pyzn, ["export", str(DAYS[1]), str(DAYS[0]), "--to", str(folder)])
    assert "no day from 2026-07-13 to 2026-07-12 is published" in str(none.exception)
    first = CliRunner().invoke(pyzn, ["export", str(DAYS[0]), str(DAYS[1]), "--to", str(folder)])
    assert first.exit_code == 0, first.output
    assert first.stdout.endswith(f"2 of 2 published days written to {folder}, 0 were there already\n")
    monkeypatch.setenv("PYZN_EXPORT_URL", str(folder))
    rest = CliRunner().invoke(pyzn, ["export"])
    assert rest.stdout.endswith(f"1 of 3 published days written to {folder}, 2 were there already\n")
    change(store, f"DELETE FROM pyzn.project_days WHERE day = '{DAY}'")
    change(store, f"UPDATE pyzn.days SET revision = 2 WHERE day = '{DAY}'")
    failed = CliRunner().invoke(pyzn, ["export", str(DAY), "--to", str(folder)])
    assert failed.exit_code == 1
    assert f"day {DAY}: the tables have the checksum" in failed.stderr
