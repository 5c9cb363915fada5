"""`pyzn export`: what it writes, what it does not write again, and what it refuses."""

import json
import multiprocessing
import os
import signal
import tempfile
import threading
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import Engine, text

from pyzn_cli import pyzn
from pyzn_pipeline.breakdowns import BREAKDOWNS
from pyzn_pipeline.exports.errors import DamagedExport, PlaceError
from pyzn_pipeline.exports.index import INDEX, MOST_KEYS, by_view, read_day, read_index
from pyzn_pipeline.exports.places import Folder, place_of
from pyzn_pipeline.exports.scratch import scratch_folder
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.store.retention import retire
from pyzn_pipeline.upkeep.export import Exported, ExportRefused, due_for_export, export_days
from tests.conftest import Database
from tests.days import Download, scan_of
from tests.exports.conftest import DAY, DAYS, DOWNLOADS, downloads
from tests.store.publishing import publish, rows


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "export")


def export(store: Engine, place: Folder) -> list[Exported]:
    """All days, none of which is refused."""
    done = list(export_days(store, place))
    assert not [refused for refused in done if isinstance(refused, ExportRefused)]
    return [one for one in done if isinstance(one, Exported)]


def files(place: Folder) -> dict[str, bytes]:
    """Every file of the place, by its path."""
    root = Path(place.name)
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_the_files_have_the_rows_of_the_views_sorted_by_project(published: Engine, place: Folder) -> None:
    export(published, place)
    index = read_index(place)
    assert index is not None
    assert [entry.day for entry in index.days] == DAYS
    for entry in index.days:
        found = by_view(read_day(place, entry))
        assert set(found) == {"downloads_by_project", *(b.view for b in BREAKDOWNS)}
        for view, file in found.items():
            table = pq.read_table(Path(place.name, file.path))
            columns = [name for name in table.schema.names if name not in {b.plural for b in BREAKDOWNS}]
            expected = rows(published, f"SELECT {', '.join(columns)} FROM pyzn.{view} WHERE day = '{entry.day}'")
            assert sorted(map(tuple, table.select(columns).to_pandas().to_numpy().tolist())) == sorted(expected)
            assert table["project"].to_pylist() == sorted(table["project"].to_pylist())
            assert table.num_rows == file.rows
            content = Path(place.name, file.path).read_bytes()
            assert (len(content), sha256(content).hexdigest()) == (file.bytes, file.sha256)
            assert pq.ParquetFile(Path(place.name, file.path)).metadata.row_group(0).column(0).compression == "ZSTD"


def test_day_json_is_the_ledgers_row(published: Engine, place: Folder) -> None:
    export(published, place)
    (file,) = [path for path in files(place) if path.startswith(f"{DAY}/") and path.endswith("/day.json")]
    said = json.loads(files(place)[file])
    (ledger,) = rows(
        published,
        "SELECT status, revision, checksum, source, source_downloads, downloads, source_recount, replaced_rows, "
        f"by_hour FROM pyzn.days WHERE day = '{DAY}'",
    )
    names = ["status", "revision", "checksum", "source", "source_downloads", "downloads", "source_recount"]
    assert [said[name] for name in [*names, "replaced_rows", "by_hour"]] == list(ledger)
    wholes = dict(rows(published, f"SELECT breakdown, whole FROM pyzn.day_breakdowns WHERE day = '{DAY}'"))
    assert {name: held["whole"] for name, held in said["breakdowns"].items()} == wholes


def test_a_day_that_has_not_changed_is_not_written_again(published: Engine, place: Folder) -> None:
    export(published, place)
    before = {path: Path(place.name, path).stat().st_mtime_ns for path in files(place)}
    assert [exported.bytes for exported in export(published, place)] == [0, 0, 0]
    assert due_for_export(published, place) == []
    assert {path: Path(place.name, path).stat().st_mtime_ns for path in files(place)} == before


def test_a_new_status_writes_day_json_alone(published: Engine, place: Folder) -> None:
    export(published, place)
    before = files(place)
    with published.begin() as connection:
        connection.execute(text("UPDATE pyzn.days SET status = 'final' WHERE day = :day"), {"day": DAY})
    assert [due.day for due in due_for_export(published, place)] == [DAY]
    export(published, place)
    (new,) = files(place).keys() - before.keys()
    assert new.endswith("/day.json")
    assert {path for path in before if files(place)[path] != before[path]} == {INDEX}
    assert due_for_export(published, place) == []


def test_a_late_row_is_the_next_revision_beside_the_one_before(published: Engine, place: Folder) -> None:
    export(published, place)
    before = files(place)
    publish(published, scan_of(DAY, [*downloads(DAY), Download("late")]))
    assert [exported.bytes > 0 for exported in export(published, place)] == [False, False, True]
    assert {path for path in before if files(place)[path] != before[path]} == {INDEX}
    index = read_index(place)
    assert index is not None
    assert index.by_day()[DAY].revision == 2
    assert (
        "late"
        in pq.read_table(Path(place.name, read_day(place, index.by_day()[DAY]).projects.path))["project"].to_pylist()
    )


def test_a_retired_day_stays_and_one_that_was_not_exported_is_refused_by_name(published: Engine, place: Folder) -> None:
    list(export_days(published, place, DAYS[0], DAYS[1]))
    before = files(place)
    retire(published, date(2027, 9, 1), 366)
    done = list(export_days(published, place))
    assert [isinstance(one, ExportRefused) for one in done] == [False, False, True]
    assert f"day {DAY}: its rows are retired, and the export does not have it whole" in str(done[-1])
    assert files(place) == before
    assert due_for_export(published, place) == []


def test_tables_that_were_changed_are_not_exported(published: Engine, place: Folder) -> None:
    with published.begin() as connection:
        connection.execute(
            text("UPDATE pyzn.project_days SET project = 'flask' WHERE project = 'numpy' AND day = :day"), {"day": DAY}
        )
    *others, refused = export_days(published, place)
    assert isinstance(refused, ExportRefused)
    assert f"day {DAY}: the tables have the checksum" in str(refused)
    assert all(isinstance(other, Exported) for other in others)
    index = read_index(place)
    assert index is not None
    assert DAY not in index.by_day()


def test_a_document_that_tidy_rows_would_not_give_back_is_not_exported(published: Engine, place: Folder) -> None:
    with published.begin() as connection:
        connection.execute(
            text("UPDATE pyzn.project_days SET by_country = :spaced WHERE project = 'numpy' AND day = :day"),
            {"spaced": '{ "DE":14}', "day": DAY},
        )
        connection.execute(text("UPDATE pyzn.days SET checksum = pyzn.day_checksum(day)"))
    *_, refused = export_days(published, place)
    assert f"day {DAY}: by_country in pyzn.project_days is not as the scan writes it" in str(refused)


def test_a_day_that_no_mirror_would_take_is_not_exported(published: Engine, place: Folder) -> None:
    keys = f"(SELECT json_object_agg(n, 1) FROM generate_series(1, {MOST_KEYS + 1}) AS n)"
    with published.begin() as connection:
        connection.execute(
            text(f"UPDATE pyzn.day_breakdowns SET whole = {keys} WHERE breakdown = 'system' AND day = :day"),
            {"day": DAY},
        )
    *_, refused = export_days(published, place)
    assert f"day {DAY}: whole: Dictionary should have at most {MOST_KEYS} items" in str(refused)


def test_an_export_of_another_deployment_is_not_overwritten(
    published: Engine, second_store: Engine, place: Folder
) -> None:
    export(published, place)
    before = files(place)
    publish(second_store, scan_of(DAY, DOWNLOADS))
    (refused,) = export_days(second_store, place)
    assert isinstance(refused, ExportRefused)
    assert f"day {DAY}: {place.name} has revision 1 with the checksum" in str(refused)
    assert files(place) == before


def test_a_damaged_index_is_named_and_not_replaced(published: Engine, place: Folder) -> None:
    export(published, place)
    index = Path(place.name, INDEX)
    index.write_bytes(index.read_bytes().replace(b'"downloads": ', b'"downloads": 1', 1))
    with pytest.raises(DamagedExport, match=r"index\.json: its lines do not have the SHA-256"):
        list(export_days(published, place))


def test_a_place_that_cannot_be_written_is_named(published: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PlaceError, match=r"file/below/index\.json: .*Not a directory"):
        list(export_days(published, place_of(str(tmp_path / "file" / "below"))))
    with pytest.raises(PlaceError, match="ftp:// is not known"):
        place_of("ftp://example.org/pyzn")
    with pytest.raises(PlaceError, match=r"127\.0\.0\.1:9/a: a web server is only read"):
        place_of("http://user:secret@127.0.0.1:9/").put("a", b"")
    with pytest.raises(PlaceError) as error:
        place_of("http://user:secret@127.0.0.1:9/").read("index.json", 1)
    assert "secret" not in str(error.value)


def _export_and_stop(url: str, folder: str, files_first: int, reached: "multiprocessing.synchronize.Event") -> None:
    """Export, and stop for good before the next file once `files_first` are written."""

    class Stopping(Folder):
        written = 0

        def put(self, path: str, content: Path | bytes) -> None:
            if self.written == files_first:
                reached.set()
                threading.Event().wait()
            self.written += 1
            super().put(path, content)

    list(export_days(engine(SecretStr(url)), Stopping(Path(folder))))


@pytest.mark.parametrize("files_first", [3, 7, 8])
def test_an_exporter_that_is_killed_between_files_leaves_whole_days_and_the_next_one_goes_on(
    published: Engine, database: Database, place: Folder, files_first: int
) -> None:
    processes = multiprocessing.get_context("spawn")
    reached = processes.Event()
    killed = processes.Process(target=_export_and_stop, args=(database.owner_url, place.name, files_first, reached))
    killed.start()
    assert reached.wait(60)
    assert killed.pid
    os.kill(killed.pid, signal.SIGKILL)
    killed.join()

    index = read_index(place)
    whole = index.days if index else []
    assert [entry.day for entry in whole] == (DAYS[:1] if files_first >= 8 else [])
    for entry in whole:
        for file in by_view(read_day(place, entry)).values():
            assert sha256(Path(place.name, file.path).read_bytes()).hexdigest() == file.sha256

    assert len(export(published, place)) == len(DAYS)
    assert due_for_export(published, place) == []
    assert not [path for path in files(place) if path.endswith(".unfinished")]


def test_the_command_says_what_it_wrote(
    published: Engine, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYZN_HOME", str(tmp_path / "no-stack"))
    monkeypatch.setenv("PYZN_DATABASE_URL", database.owner_url)
    where = tmp_path / "export"
    assert "where to?" in str(CliRunner().invoke(pyzn, ["export"]).exception)
    first = CliRunner().invoke(pyzn, ["export", str(DAYS[0]), str(DAYS[1]), "--to", str(where)])
    assert first.exit_code == 0, first.output
    assert first.stdout.endswith(f"2 of 2 published days written to {where}, 0 were there already\n")
    monkeypatch.setenv("PYZN_EXPORT_URL", str(where))
    assert (
        CliRunner()
        .invoke(pyzn, ["export"])
        .stdout.endswith(f"1 of 3 published days written to {where}, 2 were there already\n")
    )
    with published.begin() as connection:
        connection.execute(text("DELETE FROM pyzn.project_days WHERE day = :day"), {"day": DAY})
        connection.execute(text("UPDATE pyzn.days SET revision = 2 WHERE day = :day"), {"day": DAY})
    refused = CliRunner().invoke(pyzn, ["export", str(DAY), "--to", str(where)])
    assert refused.exit_code == 1
    assert f"day {DAY}: the tables have the checksum" in refused.stderr
    assert str(DAY + timedelta(days=1)) not in refused.output


def test_what_a_killed_process_left_is_removed_and_a_full_disk_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old, young = tmp_path / "pyzn-day-old", tmp_path / "pyzn-day-young"
    for left in (old, young):
        left.mkdir()
        (left / "downloads_by_version.parquet").touch()
    os.utime(old, (0, 0))
    with scratch_folder() as folder:
        assert {*tmp_path.iterdir()} == {young, folder}
    with pytest.raises(PlaceError, match=f"{tmp_path}: no space is left .* set TMPDIR"), scratch_folder():
        Path("/dev/full").write_bytes(b"x")
    assert [*tmp_path.iterdir()] == [young]


@pytest.mark.usefixtures("published")
def test_an_export_of_no_published_day_says_so(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYZN_HOME", str(tmp_path / "no-stack"))
    monkeypatch.setenv("PYZN_DATABASE_URL", database.owner_url)
    said = CliRunner().invoke(pyzn, ["export", str(DAYS[1]), str(DAYS[0]), "--to", str(tmp_path)])
    assert "no day from 2026-07-13 to 2026-07-12 is published" in str(said.exception)
