"""What is damaged, renamed or older is refused by name, and changes nothing."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, text

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports.index import INDEX, Index, made, read_day, written
from pyzn_pipeline.exports.places import Folder
from pyzn_pipeline.source.mirror import Mirror
from pyzn_pipeline.store.following import OlderIndex
from pyzn_pipeline.upkeep.following import follow
from tests.days import Download, scan_of
from tests.exports.conftest import DAY, DAYS, Served, content, downloads, exported, file_of, flip, index_of, mirror
from tests.store.publishing import publish, rows


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
