"""A mirrored day is the exported day, row for row; what is damaged, renamed or older is refused by name."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from pyzn_cli import pyzn
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports import tidy
from pyzn_pipeline.exports.index import INDEX, Index, by_view, made, read_day, written
from pyzn_pipeline.exports.places import Folder
from pyzn_pipeline.reading.day import Ingested, ingest_day
from pyzn_pipeline.source import mirror as mirror_module
from pyzn_pipeline.source.mirror import Mirror
from pyzn_pipeline.store.following import OlderIndex
from pyzn_pipeline.store.rankings import rank
from pyzn_pipeline.upkeep.following import follow
from tests.api.conftest import Clock, serving, settings
from tests.conftest import Database
from tests.days import Download, scan_of
from tests.exports.conftest import DAY, DAYS, Served, downloads, exported
from tests.store.publishing import publish, rows

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


@pytest.mark.parametrize("over_http", [False, True], ids=["from a folder", "over HTTP"])
def test_every_row_figure_and_checksum_is_the_exporters(
    published: Engine, second_store: Engine, folder: Path, web: Served, over_http: bool
) -> None:
    with published.begin() as connection:
        connection.execute(text("UPDATE pyzn.days SET status = 'final' WHERE day = :day"), {"day": DAYS[0]})
        hours = "replaced_rows = 3, by_hour = CAST(format('{\"7\":%s}', source_downloads) AS json)"
        connection.execute(text(f"UPDATE pyzn.days SET {hours}".replace(":%", r"\:%")))
        connection.execute(
            text("UPDATE pyzn.days SET accepted_because = :why WHERE day = :day"),
            {"why": 'a "holiday"', "day": DAYS[1]},
        )
    exported(published, folder)
    url = web.url if over_http else str(folder)
    mirror(second_store, url, *DAYS)
    assert content(second_store) == content(published)
    query = (
        "SELECT bool_and(checksum = pyzn.day_checksum(day)), sum(bytes_billed)::int, count(bigquery_job) FROM pyzn.days"
    )
    assert rows(second_store, query) == [(True, 0, 0)]
    assert rows(second_store, "SELECT DISTINCT source, mirrored_revision FROM pyzn.days") == [(url, 1)]


def test_a_day_of_many_batches_is_the_exporters(
    published: Engine, second_store: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(published, folder)
    monkeypatch.setattr(tidy, "PROJECTS_AT_ONCE", 1)
    monkeypatch.setattr(mirror_module, "ROWS", 2)
    mirror(second_store, str(folder), *DAYS)
    assert content(second_store) == content(published)


def test_the_api_answers_the_same_but_for_the_time_of_publication(
    published: Engine, second_store: Engine, database: Database, second: Database, folder: Path
) -> None:
    exported(published, folder)
    mirror(second_store, str(folder), *DAYS)
    for store in (published, second_store):
        rank(store, DAY)
    clock = Clock(datetime.combine(DAY + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=18))
    with serving(settings(database.api_url), clock) as ours, serving(settings(second.api_url), clock) as theirs:
        paths = ours.get("/openapi.json").json()["paths"]
        asked = [path.replace("{project}", "requests").replace("{package}", "requests") for path in paths]
        plain = [path for path in asked if "{" not in path and "admin" not in path and path not in VOLATILE]
        assert len(plain) > 20
        for path in plain:
            one, other = ours.get(path), theirs.get(path)
            assert (one.status_code, one.headers["content-type"]) == (other.status_code, other.headers["content-type"])
            assert WHEN(one.content) == WHEN(other.content), path


VOLATILE = {"/metrics", "/health-check"}


def WHEN(body: bytes) -> bytes:  # noqa: N802 - reads as what it leaves out
    """An answer without the times at which something was published or ranked."""
    try:
        said = json.loads(body)
    except ValueError:
        return body
    return json.dumps(_timeless(said)).encode()


def _timeless(said: Any) -> Any:
    if isinstance(said, dict):
        times = {"published_at", "ranked_at", "last_update", "updated_at"}
        return {key: None if key in times else _timeless(value) for key, value in said.items()}
    return [_timeless(each) for each in said] if isinstance(said, list) else said


def test_a_day_from_before_a_breakdown_existed_is_mirrored_without_it(
    published: Engine, second_store: Engine, folder: Path
) -> None:
    with published.begin() as connection:
        connection.execute(text("UPDATE pyzn.project_days SET by_system = NULL"))
        connection.execute(text("DELETE FROM pyzn.day_breakdowns WHERE breakdown = 'system'"))
        connection.execute(text("UPDATE pyzn.days SET checksum = pyzn.day_checksum(day)"))
    exported(published, folder)
    mirror(second_store, str(folder), *DAYS)
    assert content(second_store) == content(published)


def test_a_day_read_again_is_unchanged_and_a_late_row_is_revision_2(
    published: Engine, second_store: Engine, folder: Path
) -> None:
    exported(published, folder)
    mirror(second_store, str(folder), *DAYS)
    (again,) = mirror(second_store, str(folder), DAY)
    assert (again.publication.changed, again.publication.revision) == (False, 1)
    publish(published, scan_of(DAY, [*downloads(DAY), Download("late")]))
    exported(published, folder)
    (late,) = mirror(second_store, str(folder), DAY)
    assert (late.publication.changed, late.publication.revision) == (True, 2)
    assert content(second_store) == content(published)


def test_a_day_that_starts_at_the_mirrors_third_revision_has_it(
    published: Engine, second_store: Engine, folder: Path
) -> None:
    for late in (1, 2):
        publish(published, scan_of(DAY, [*downloads(DAY), *[Download("late")] * late]))
    exported(published, folder)
    mirror(second_store, str(folder), *DAYS)
    assert content(second_store) == content(published)
    assert rows(second_store, f"SELECT revision FROM pyzn.days WHERE day = '{DAY}'") == [(3,)]


def test_what_is_doubted_at_the_exporter_is_doubted_here(published: Engine, second_store: Engine, folder: Path) -> None:
    with published.begin() as connection:
        connection.execute(
            text("UPDATE pyzn.days SET status = 'suspect', suspect_because = 'a quiet hour' WHERE day = :day"),
            {"day": DAY},
        )
    exported(published, folder)
    mirror(second_store, str(folder), *DAYS)
    assert content(second_store) == content(published)


# -- damage


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


def cut(file: Path, size: int = -7) -> None:
    file.write_bytes(file.read_bytes()[:size])


def swap(folder: Path) -> None:
    """The folders of two days change places."""
    one, other, aside = folder / str(DAYS[0]), folder / str(DAY), folder / "aside"
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def swap_lines(folder: Path) -> None:
    """Two lines of the index name each other's files, and the index is right in itself."""
    index = index_of(folder)
    first, *others, last = index.days
    lines = [first.model_copy(update={"file": last.file}), *others, last.model_copy(update={"file": first.file})]
    (folder / INDEX).write_bytes(written(made(lines, index.written_at)))


def rename(folder: Path) -> None:
    """The line of a day says that it is another day, and the index is right in itself."""
    index = index_of(folder)
    lines = [*index.days[:-1], index.days[-1].model_copy(update={"day": DAY + timedelta(days=1)})]
    (folder / INDEX).write_bytes(written(made(lines, index.written_at)))


def other_rows(folder: Path) -> None:
    """The files of another day under this day's name, every size and hash right: only the checksum tells."""
    index, place = index_of(folder), Folder(folder)
    said, other = (read_day(place, line) for line in (index.days[-1], index.days[-2]))
    held = {
        name: held.model_copy(update={"file": other.breakdowns[name].file}) for name, held in said.breakdowns.items()
    }
    _replace(folder, said.model_copy(update={"projects": other.projects, "breakdowns": held}))


def other_counts(folder: Path) -> None:
    """The source's count is one more than the rows, every hash right."""
    said = read_day(Folder(folder), index_of(folder).days[-1])
    _replace(folder, said.model_copy(update={"source_downloads": said.source_downloads + 1, "by_hour": {}}))


def missing_rows(folder: Path) -> None:
    """A breakdown's file is another day's, every size and hash right: it has too few rows."""
    index, place = index_of(folder), Folder(folder)
    said, other = (read_day(place, line) for line in (index.days[-1], index.days[0]))
    short = other.breakdowns["version"].file
    version = said.breakdowns["version"].model_copy(update={"file": short.model_copy(update={"path": short.path})})
    projects = said.projects
    assert projects.rows
    _replace(folder, said.model_copy(update={"breakdowns": said.breakdowns | {"version": version}}))


def _replace(folder: Path, day: Any) -> None:
    index = index_of(folder)
    body = written(day)
    line = index.days[-1]
    (folder / line.file.path).write_bytes(body)
    file = line.file.model_copy(update={"bytes": len(body), "sha256": sha256(body).hexdigest()})
    lines = [*index.days[:-1], line.model_copy(update={"file": file})]
    (folder / INDEX).write_bytes(written(made(lines, index.written_at)))


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "bit of the index": (lambda folder: flip(folder / INDEX), r"/index\.json: "),
    "index cut": (lambda folder: cut(folder / INDEX), r"/index\.json: "),
    "no index": (lambda folder: (folder / INDEX).unlink(), r"/index\.json: there is no such file: name the folder"),
    "index cut early": (lambda folder: cut(folder / INDEX, 40), r"/index\.json: .*JSON"),
    "bit of day.json": (lambda folder: flip(file_of(folder, "day.json")), r"/day\.json: it has the SHA-256 "),
    "day.json cut": (lambda folder: cut(file_of(folder, "day.json")), r"/day\.json: it has [0-9,]+ bytes, "),
    "no day.json": (lambda folder: file_of(folder, "day.json").unlink(), r"/day\.json: there is no such file"),
    "bit of a file": (
        lambda folder: flip(file_of(folder, "downloads_by_version")),
        r"/2026-07-14/1-[0-9a-f]{32}/downloads_by_version\.parquet: it has the SHA-256 ",
    ),
    "file cut": (
        lambda folder: cut(file_of(folder, "downloads_by_country")),
        r"/downloads_by_country\.parquet: it has [0-9,]+ bytes, [0-9,]+ were exported",
    ),
    "no file": (
        lambda folder: file_of(folder, "downloads_by_project").unlink(),
        r"/downloads_by_project\.parquet: .*(No such file|there is no such file)",
    ),
    "days swapped": (swap, r"/day\.json: there is no such file"),
    "lines swapped": (swap_lines, r"/day\.json: it says day 2026-07-12, the index 2026-07-14"),
    "rows of another day": (other_rows, r"day 2026-07-14: "),
    "another count": (other_counts, r"day 2026-07-14: source says [0-9,]+ downloads"),
    "too few rows": (missing_rows, r"day 2026-07-14: "),
}


@pytest.mark.parametrize("before", [False, True], ids=["a new day", "a published day"])
def test_damage_is_refused_by_name_and_changes_nothing(
    published: Engine, second_store: Engine, tmp_path: Path, before: bool
) -> None:
    good = tmp_path / "good"
    exported(published, good)
    if before:
        mirror(second_store, str(good), DAY)
        publish(published, scan_of(DAY, [*downloads(DAY), Download("late")]))
        exported(published, good)
    known = content(second_store)
    with Served(tmp_path) as web:
        for name, (damage, message) in DAMAGES.items():
            shutil.copytree(good, tmp_path / name)
            damage(tmp_path / name)
            with pytest.raises(PyznError, match=message.replace("/1-", f"/{1 + before}-")):
                mirror(second_store, f"{web.url}/{quote(name)}", DAY)
            assert content(second_store) == known, name


def test_a_renamed_day_is_refused_by_name(published: Engine, second_store: Engine, folder: Path) -> None:
    exported(published, folder)
    rename(folder)
    with pytest.raises(PyznError, match=r"day\.json: it says day 2026-07-14, the index 2026-07-15"):
        mirror(second_store, str(folder), DAY + timedelta(days=1))
    with pytest.raises(PyznError, match=r"day 2026-07-14: .* does not have it; its newest day is 2026-07-15"):
        mirror(second_store, str(folder), DAY)
    assert rows(second_store, "SELECT FROM pyzn.days") == []


@pytest.mark.parametrize("kept", [0, 100, 1000])
def test_a_connection_that_is_cut_publishes_nothing(
    published: Engine, second_store: Engine, folder: Path, web: Served, kept: int
) -> None:
    exported(published, folder)
    web.cut_after = kept
    with pytest.raises(PyznError, match=web.url):
        mirror(second_store, web.url, DAY)
    web.cut_after = None
    mirror(second_store, web.url, DAY)


def test_a_mirror_that_goes_back_in_time_is_refused(published: Engine, second_store: Engine, folder: Path) -> None:
    exported(published, folder)
    old = (folder / INDEX).read_bytes()
    publish(published, scan_of(DAY, [*downloads(DAY), Download("late")]))
    exported(published, folder)
    mirror(second_store, str(folder), DAY)
    known = content(second_store)
    new = (folder / INDEX).read_bytes()

    (folder / INDEX).write_bytes(old)
    for day in (DAY, DAYS[0]):  # one that it has newer, and one that it has not
        with pytest.raises(PyznError, match=rf"day {day}: .*goes back in time: its index of .* was used before"):
            mirror(second_store, str(folder), day)
    with pytest.raises(OlderIndex, match=r"recount: .* goes back in time"):
        follow(Mirror(str(folder)), second_store)
    late = made(Index.model_validate_json(old).days, datetime.now(UTC))  # as if its owner had restored a backup
    (folder / INDEX).write_bytes(written(late))
    with pytest.raises(PyznError, match=r"goes back in time: revision 2 was read before, this is revision 1"):
        mirror(second_store, str(folder), DAY)
    assert content(second_store) == known

    (folder / INDEX).write_bytes(new)
    follow(Mirror(str(folder)), second_store)
    (folder / INDEX).write_bytes(old)
    with pytest.raises(OlderIndex):
        follow(Mirror(str(folder)), second_store)
    (accepted,) = mirror(second_store, str(folder), DAY, accept_worse=True)
    assert accepted.publication.revision == 3
    follow(Mirror(str(folder)), second_store)


def test_other_content_under_the_same_revision_is_refused(
    published: Engine, second_store: Engine, folder: Path, tmp_path: Path
) -> None:
    exported(published, folder)
    mirror(second_store, str(folder), DAY)
    with published.begin() as connection:  # another database that has read the day only once, but later
        connection.execute(text("UPDATE pyzn.days SET revision = 0 + 1 WHERE day = :day"), {"day": DAY})
    publish(published, scan_of(DAY, [*downloads(DAY), Download("late")]))
    with published.begin() as connection:
        connection.execute(text("UPDATE pyzn.days SET revision = 1 WHERE day = :day"), {"day": DAY})
    exported(published, tmp_path / "other")
    for file in (tmp_path / "other").rglob("*.*"):
        target = folder / file.relative_to(tmp_path / "other")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    with pytest.raises(PyznError, match=r"its revision 1 had the checksum [0-9a-f]{32} before, now [0-9a-f]{32}"):
        mirror(second_store, str(folder), DAY)


# -- the command


def test_the_command_publishes_what_is_not_there(
    published: Engine,
    second_store: Engine,
    second: Database,
    folder: Path,
    web: Served,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYZN_HOME", str(folder / "no-stack"))
    monkeypatch.setenv("PYZN_DATABASE_URL", second.owner_url)
    exported(published, folder)
    done = CliRunner().invoke(pyzn, ["mirror", web.url, str(DAYS[0]), str(DAYS[1])])
    assert done.exit_code == 0, done.output
    assert done.stdout == (
        f"{DAYS[1]}  revision 1  provisional\n{DAYS[0]}  revision 1  provisional\n"
        "2 of 2 days published, 0 were there already\n"
    )
    flip(file_of(folder, "downloads_by_python"))
    failed = CliRunner().invoke(pyzn, ["mirror", web.url])
    assert failed.exit_code == 1
    assert "downloads_by_python.parquet: it has the SHA-256" in failed.stderr
    assert failed.stdout == "0 of 3 days published, 2 were there already\n"
    nothing = CliRunner().invoke(pyzn, ["mirror", web.url, "2026-01-01"])
    assert "has no day from 2026-01-01 to 2026-01-01: its index has 3 days from" in str(nothing.exception)
    assert rows(second_store, "SELECT count(*)::int FROM pyzn.wanted") == [(0,)]
