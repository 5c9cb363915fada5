"""A mirror that is damaged, lies or goes back in time is refused by name, and changes nothing."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports.following import OlderIndex
from pyzn_pipeline.exports.index import INDEX, Index, json_of
from tests.exports.conftest import DAY, DAYS, Pair, content, file_of, index_of, late
from tests.store.publishing import change, rows
from tests.web import serving_folder

Damage = Callable[[Path], object]


def on(view: str, changed: Callable[[bytes], bytes]) -> Damage:
    """Other bytes in a file of DAY, or in the index."""

    def damage(folder: Path) -> None:
        file = folder / INDEX if view == INDEX else file_of(folder, view)
        file.write_bytes(changed(file.read_bytes()))

    return damage


def flipped(body: bytes) -> bytes:
    """One bit in the middle is another."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


PROJECTS, VERSIONS, COUNTRIES = "downloads_by_project", "downloads_by_version", "downloads_by_country"


def rewrite(
    folder: Path,
    change_day: Callable[[dict[str, Any]], object] = lambda day: day,
    view: str = "",
    change_rows: Callable[[pa.Table], pa.Table] = lambda table: table,
    later: timedelta = timedelta(),
    **line: object,
) -> None:
    """Write other rows of a view of DAY, another `day.json` and another index, with every size and SHA-256 right."""
    path = file_of(folder, "day.json")
    day, before = json.loads(path.read_bytes()), json.loads(path.read_bytes())
    if view:
        table = change_rows(pq.read_table(file_of(folder, view)))
        pq.write_table(table, file_of(folder, view))
        file = day["projects"] if view == PROJECTS else day["breakdowns"][view.removeprefix("downloads_by_")]["file"]
        file |= {**named(file_of(folder, view)), "rows": table.num_rows}
    change_day(day)
    if day != before:
        path.write_text(json.dumps(day))
    index = index_of(folder)
    changed = index.days[-1].model_copy(update={"file": index.days[-1].file.model_copy(update=named(path))} | line)
    (folder / INDEX).write_bytes(json_of(Index.of([*index.days[:-1], changed], index.written_at + later)))


def named(path: Path) -> dict[str, object]:
    """Return what an export has of a file beside its name."""
    return {"bytes": path.stat().st_size, "sha256": sha256(path.read_bytes()).hexdigest()}


def column(view: str, name: str, values: Callable[[list[Any]], Any]) -> Damage:
    """Other values in a column of a view, of the same type unless they have their own."""

    def changed(table: pa.Table) -> pa.Table:
        found, place = values(table[name].to_pylist()), table.schema.get_field_index(name)
        array = found if isinstance(found, pa.Array) else pa.array(found, table.schema.types[place])
        return table.set_column(place, name, array)

    return lambda folder: rewrite(folder, view=view, change_rows=changed)


def value(path: str, new: object) -> Damage:
    """Another value in `day.json`."""

    def put(day: dict[str, Any]) -> None:
        *above, last = path.split(".")
        for name in above:
            day = day[name]
        day[last] = new

    return lambda folder: rewrite(folder, put)


def other_day(folder: Path, *views: str) -> None:
    """The files of another day under this day's name."""
    for view in views:
        shutil.copy(file_of(folder, view, DAYS[0]), file_of(folder, view))
        rewrite(folder, view=view)


def not_utf8(texts: list[str]) -> pa.Array:
    broken = pa.array([b"\xff", *(text.encode() for text in texts[1:])], pa.binary())
    return pa.Array.from_buffers(pa.string(), len(broken), broken.buffers())


FIT = "day 2026-07-14: its files do not fit: "
DAMAGES: dict[str, tuple[Damage, str]] = {
    # bytes
    "bit of the index": (on(INDEX, flipped), r"/index\.json: "),
    "index cut": (on(INDEX, lambda body: body[:-7]), r"/index\.json: the file: Invalid JSON"),
    "no index": (lambda folder: (folder / INDEX).unlink(), r"/index\.json: there is no such file: name the folder"),
    "bit of a file": (on(VERSIONS, flipped), r"/2026-07-14/1-[0-9a-f]{32}/\w+_version\.parquet: it has the SHA-256 "),
    "file cut": (on(COUNTRIES, lambda body: body[:-7]), r"_country\.parquet: it has [0-9,]+ bytes, [0-9,]+ were exp"),
    "no file": (lambda folder: file_of(folder, PROJECTS).unlink(), r"_project\.parquet: there is no such file"),
    # lies, with every size and SHA-256 right
    "files swapped": (
        lambda folder: rewrite(folder, file=index_of(folder).days[0].file),
        r"/day\.json: its day is 2026-07-12, in the index 2026-07-14",
    ),
    "day renamed": (
        lambda folder: rewrite(folder, day=DAY + timedelta(days=1)),
        "day 2026-07-14: .* does not have it; its newest day is 2026-07-15",
    ),
    "too few rows": (lambda folder: other_day(folder, VERSIONS), "version documents sum to 61 downloads"),
    "another day": (lambda folder: other_day(folder, PROJECTS, VERSIONS, COUNTRIES), FIT),
    "another number of rows": (value("projects.rows", 99), "day 2026-07-14: "),
    "text for a number": (
        column(COUNTRIES, "downloads", lambda found: pa.array(["1"] * len(found))),
        FIT + ".* has the columns day date32",
    ),
    "no project": (column(PROJECTS, "project", lambda found: [None, *found[1:]]), FIT + ".*non-nullable"),
    "not UTF-8": (column(COUNTRIES, "country", not_utf8), FIT + ".*UTF8"),
    "negative keys": (column(PROJECTS, "versions", lambda found: [-7, *found[1:]]), FIT + "versions has the number -7"),
    "many keys": (column(PROJECTS, "versions", lambda found: [2**31 - 1] * len(found)), FIT + ".* rows .*expected"),
    "a key too few": (column(PROJECTS, "versions", lambda found: [found[0] - 1, *found[1:]]), FIT + "rows by version"),
    "another checksum": (
        column(VERSIONS, "version", lambda found: [f"{version}x" for version in found]),
        r"day 2026-07-14: its rows at .* have the checksum [0-9a-f]{32}, [0-9a-f]{32} was exported",
    ),
    "another count": (
        lambda folder: rewrite(folder, lambda day: day.update(source_downloads=72, by_hour={})),
        r"day 2026-07-14: source says [0-9,]+ downloads",
    ),
    "other totals": (value("breakdowns.country.pypi_totals.US", 1), FIT + "country 'US' has 1 downloads of all PyPI"),
    "a total too many": (value("breakdowns.country.pypi_totals.\x1b]0;x", 0), FIT + r"country '\\x1b\]0;x' has 0"),
    "an hour that is none": (value("by_hour", {"24": 71}), FIT + "by_hour has the hour '24'"),
    "other hours": (value("by_hour", {"0": 70}), FIT + "by_hour has 70 downloads, the source counts 71"),
    "another path": (value("projects.path", "../../etc/passwd"), r"day\.json: projects\.path: "),
    "a huge file": (value("projects.bytes", 2**40), r"day\.json: projects\.bytes: "),
    "a negative count": (value("breakdowns.country.downloads", -1), r"day\.json: breakdowns\.country\.downloads: "),
    "a huge count": (value("replaced_rows", 2**63), r"day\.json: replaced_rows: "),
    "a time too late": (value("published_at", "9999-12-31T23:59:59-23:00"), r"day\.json: published_at: "),
    "no breakdown": (value("breakdowns", {}), r"day\.json: breakdowns: Dictionary should have at least 1 item"),
    "a later breakdown": (value("counts", {"libc": 1}), "day 2026-07-14: .*libc.*: this PyZn does not count the same"),
}


def test_damage_and_lies_are_refused_by_name_and_change_nothing(pair: Pair, tmp_path: Path) -> None:
    pair.export()
    pair.mirror(DAYS[0])
    before = content(pair.mirrored)
    with serving_folder(tmp_path) as web:
        for name, (damage, message) in DAMAGES.items():
            damage(shutil.copytree(pair.folder, tmp_path / name))
            with pytest.raises(PyznError, match=message):
                pair.mirror(DAY, url=f"{web.url}/{quote(name)}")
            assert content(pair.mirrored) == before, name


def test_words_of_a_mirror_are_short_and_printable_in_error_and_ledger(pair: Pair) -> None:
    pair.export()
    words = "\x1b[2J\x9b31m\u202e<!channel>\nok " * 1000
    rewrite(pair.folder, lambda day: day["breakdowns"].update({words: {}}))
    with pytest.raises(PyznError, match=r"day\.json: breakdowns\.\\x1b\[2J") as error:
        pair.mirror(DAY)

    def doubt(day: dict[str, Any]) -> None:
        del day["breakdowns"][words]
        day |= {"status": "suspect", "suspect_because": words}

    rewrite(pair.folder, doubt, status="suspect")
    pair.mirror(DAY)
    ((reason,),) = rows(pair.mirrored, "SELECT suspect_because FROM pyzn.days")
    assert "\\x1b[2J\\x9b31m\\u202e<!channel> ok" in reason
    for text, most in ((str(error.value), 1000), (reason, 5000)):
        assert len(text) < most
        assert text.isprintable()


def test_a_mirror_that_goes_back_in_time_or_is_from_the_future_is_refused(pair: Pair) -> None:
    index = pair.folder / INDEX
    pair.export()
    old = index.read_bytes()
    late(pair.exporter)
    pair.export()
    pair.mirror(DAY)
    new, before = index.read_bytes(), content(pair.mirrored)

    index.write_bytes(old)
    for day in (DAY, DAYS[0]):  # one that it has newer, and one that it has not
        with pytest.raises(PyznError, match=rf"day {day}: .*goes back in time: its index of .* was used before"):
            pair.mirror(day)
    with pytest.raises(OlderIndex, match=r"recount: .* goes back in time"):
        pair.follow()
    rewrite(pair.folder, later=datetime.now(UTC) - index_of(pair.folder).written_at)  # a backup was restored
    with pytest.raises(PyznError, match=r"goes back in time: revision 2 was read before, this is revision 1"):
        pair.mirror(DAY)
    assert content(pair.mirrored) == before

    rewrite(pair.folder, later=timedelta(hours=2))
    with pytest.raises(OlderIndex, match=r"recount: the index of .* which is in the future; not used"):
        pair.follow()
    with pytest.raises(OlderIndex, match=f"day {DAY}: the index of .* which is in the future; not used"):
        pair.mirror(DAY, accept_worse=True)

    index.write_bytes(new)
    pair.follow()
    index.write_bytes(old)
    with pytest.raises(OlderIndex):
        pair.follow()
    assert pair.mirror(DAY, accept_worse=True)[0].revision == 3
    pair.follow()


def test_other_content_under_the_same_revision_is_refused(pair: Pair) -> None:
    pair.export()
    pair.mirror(DAY)
    late(pair.exporter)
    change(pair.exporter, f"UPDATE pyzn.days SET revision = 1 WHERE day = '{DAY}'")  # as another database would have it
    shutil.rmtree(pair.folder)
    pair.export()
    with pytest.raises(PyznError, match=r"its revision 1 had the checksum [0-9a-f]{32} before, now [0-9a-f]{32}"):
        pair.mirror(DAY)
