"""A mirrored day is the exported day, row for row."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from pyzn_cli import pyzn
from pyzn_pipeline.exports import mirror as mirror_module
from pyzn_pipeline.exports.following import OlderIndex, follow
from pyzn_pipeline.reading.judgement import WorseReading
from tests.conftest import Database
from tests.exports.conftest import DAY, DAYS, content, downloads, exported, file_of, index_of, late, mirror, sql
from tests.store.publishing import publish, rows
from tests.web import WebServer


@pytest.mark.parametrize("way", ["from a folder", "over HTTP", "in many batches"])
def test_every_row_figure_and_checksum_is_the_exporters(
    store: Engine, second: Engine, folder: Path, web: WebServer, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql(
        store,
        "UPDATE pyzn.days SET replaced_rows = 3, by_hour = CAST(format('{\"7\"\\:%s}', source_downloads) AS json)",
        f"UPDATE pyzn.days SET status = 'final' WHERE day = '{DAYS[0]}'",
        f"UPDATE pyzn.days SET accepted_because = 'a \"holiday\"' WHERE day = '{DAYS[1]}'",
        f"UPDATE pyzn.days SET status = 'suspect', suspect_because = 'a quiet hour' WHERE day = '{DAY}'",
    )
    exported(store, folder)
    url = web.url if way == "over HTTP" else str(folder)
    if way == "in many batches":
        monkeypatch.setattr(mirror_module, "PROJECTS", 1)
        monkeypatch.setattr(mirror_module, "ROWS", 2)
    mirror(second, url, *DAYS)
    assert content(second) == content(store)
    (again,) = mirror(second, url, DAYS[1])
    assert (again.publication.changed, again.publication.revision) == (False, 1)
    late(store, DAYS[1])
    exported(store, folder)
    mirror(second, url, DAYS[1])
    assert content(second) == content(store)
    query = (
        "SELECT bool_and(checksum = pyzn.day_checksum(day)), sum(bytes_billed)::int, count(bigquery_job) FROM pyzn.days"
    )
    assert rows(second, query) == [(True, 0, 0)]
    query = "SELECT source, revision, mirrored_revision FROM pyzn.days ORDER BY day"
    assert rows(second, query) == [(url, 1, 1), (url, 2, 2), (url, 1, 1)]


def test_a_mirror_of_a_synthetic_day_is_synthetic_and_so_is_its_mirror(
    store: Engine, second: Engine, folder: Path, web: WebServer, tmp_path: Path
) -> None:
    sql(store, f"UPDATE pyzn.days SET source = 'a.table of the emulator' WHERE day = '{DAY}'")
    exported(store, folder)
    mirror(second, web.url, *DAYS[1:])
    sources = "SELECT source FROM pyzn.days ORDER BY day"
    assert rows(second, sources) == [(web.url,), (f"{web.url} of the emulator",)]
    exported(second, tmp_path / "again")
    assert '"source": "http' in (day := file_of(tmp_path / "again", "day.json").read_text())
    assert ' of the emulator"' in day
    late(store)  # follows its mirror as any other day
    exported(store, folder)
    follow(second, web.url, index_of(folder))
    assert rows(second, "SELECT day FROM pyzn.wanted") == [(DAY,)]
    mirror(second, web.url, DAY)
    sql(store, "UPDATE pyzn.days SET revision = 1")
    shutil.rmtree(folder)
    exported(store, folder)
    with pytest.raises(OlderIndex, match="goes back in time: revision 2 was read before"):
        mirror(second, web.url, DAY)


def test_the_command_publishes_what_is_not_there(
    store: Engine,
    second: Engine,
    second_database: Database,
    folder: Path,
    web: WebServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYZN_HOME", str(folder / "no-stack"))
    monkeypatch.setenv("PYZN_DATABASE_URL", second_database.owner_url)
    exported(store, folder)
    done = CliRunner().invoke(pyzn, ["mirror", web.url, str(DAYS[0]), str(DAYS[1])])
    assert done.exit_code == 0, done.output
    assert done.stdout == (
        f"{DAYS[1]}  revision 1  provisional\n{DAYS[0]}  revision 1  provisional\n"
        "2 of 2 days published, 0 were there already\n"
    )
    file_of(folder, "downloads_by_python").write_bytes(b"")
    failed = CliRunner().invoke(pyzn, ["mirror", web.url])
    assert failed.exit_code == 1
    assert "downloads_by_python.parquet: it has 0 bytes" in failed.stderr
    assert failed.stdout == "0 of 3 days published, 2 were there already\n"
    nothing = CliRunner().invoke(pyzn, ["mirror", web.url, "2026-01-01"])
    assert "has no day from 2026-01-01 to 2026-01-01: its index has 3 days from" in str(nothing.exception)
    assert rows(second, "SELECT count(*)::int FROM pyzn.wanted") == [(0,)]


def test_a_day_without_a_breakdown_or_a_count_is_mirrored_without_it_and_does_not_replace_one_with_it(
    store: Engine, second: Engine, folder: Path
) -> None:
    sql(
        store,
        f"UPDATE pyzn.project_days SET by_system = NULL WHERE day = '{DAYS[0]}'",
        f"DELETE FROM pyzn.day_breakdowns WHERE breakdown = 'system' AND day = '{DAYS[0]}'",
        f"UPDATE pyzn.days SET checksum = pyzn.day_checksum(day) WHERE day = '{DAYS[0]}'",
    )
    publish(store, DAY, downloads(DAY), files=False, accept_worse=True)
    exported(store, folder)
    files = {day: pq.read_schema(file_of(folder, "downloads_by_project", day)).names for day in DAYS}
    assert [day for day, names in files.items() if "files" in names] == DAYS[:2]
    mirror(second, folder, *DAYS)
    assert content(second) == content(store)
    for day, lacking in ((DAYS[0], "it has no downloads by system"), (DAY, "it has no count of files")):
        publish(second, day, downloads(day))
        before = content(second)
        with pytest.raises(WorseReading, match=f"worse than revision .*: {lacking}.*; not published"):
            mirror(second, folder, day)
        assert content(second) == before
        (accepted,) = mirror(second, folder, day, accept_worse=True)
        assert accepted.publication.changed
