"""Exports that mean harm: every size and SHA-256 is right, and what they say is not. Each is refused by name."""

import json
import shutil
from collections.abc import Callable, Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, text

from pyzn_pipeline.exports.errors import DamagedExport
from pyzn_pipeline.exports.index import INDEX, Index, made, written
from pyzn_pipeline.reading.judgement import WorseReading
from tests.exports.conftest import DAY, content, exported, mirror


def change(folder: Path, said: Callable[[dict[str, Any]], None]) -> None:
    """Another `day.json` of DAY, as JSON, and the index that names it."""
    index = Index.model_validate_json((folder / INDEX).read_bytes())
    line = index.by_day()[DAY]
    day = json.loads((folder / line.file.path).read_bytes())
    said(day)
    body = json.dumps(day).encode()
    (folder / line.file.path).write_bytes(body)
    file = line.file.model_copy(update={"bytes": len(body), "sha256": sha256(body).hexdigest()})
    lines = [entry if entry.day != DAY else line.model_copy(update={"file": file}) for entry in index.days]
    (folder / INDEX).write_bytes(written(made(lines, index.written_at)))


def rewrite(folder: Path, view: str, rows: Callable[[pa.Table], pa.Table], **options: Any) -> None:
    """Other rows of a view, and the `day.json` and index that name them."""

    def said(day: dict[str, Any]) -> None:
        by_project = view == "downloads_by_project"
        file = day["projects"] if by_project else day["breakdowns"][view.removeprefix("downloads_by_")]["file"]
        path = folder / file["path"]
        table = rows(pq.read_table(path))
        pq.write_table(table, path, **options)
        body = path.read_bytes()
        file |= {"bytes": len(body), "sha256": sha256(body).hexdigest(), "rows": table.num_rows}

    change(folder, said)


def column(table: pa.Table, name: str, values: Any) -> pa.Table:
    """The table with other values of a column, of the same type unless they have their own."""
    kept = table.schema.get_field_index(name)
    array = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values, table.schema.types[kept])
    return table.set_column(kept, name, array)


def refused(second_store: Engine, folder: Path, message: str, day: date = DAY) -> None:
    """The day is refused with the message, and nothing is there."""
    before = content(second_store)
    with pytest.raises(DamagedExport, match=message):
        mirror(second_store, str(folder), day)
    assert content(second_store) == before


# -- numbers of keys


@pytest.mark.parametrize(
    "numbers",
    [
        lambda numbers: [numbers[0] + numbers[1] + 7, -7, *numbers[2:]],
        lambda numbers: [-sum(numbers[1:]) - 5, *numbers[1:]],
        lambda numbers: [2**31 - 1, *[2**31 - 1] * (len(numbers) - 1)],
        lambda numbers: [numbers[0] - 1, *numbers[1:]],
        lambda numbers: [0] * len(numbers),
    ],
    ids=["one negative", "a negative sum", "more than 32 bits", "a row too few", "none"],
)
def test_numbers_of_keys_that_are_not_those_of_the_rows_are_refused(
    published: Engine, second_store: Engine, folder: Path, numbers: Callable[[list[int]], list[int]]
) -> None:
    exported(published, folder)
    rewrite(
        folder,
        "downloads_by_project",
        lambda table: column(table, "versions", numbers(table["versions"].to_pylist())),
    )
    refused(second_store, folder, rf"day {DAY}: its files do not fit: .*(rows|versions has the number -)")


# -- errors of libraries


def not_utf8(table: pa.Table, name: str) -> pa.Table:
    """The first text of a column, with a byte that is not UTF-8."""
    first, *others = (text.encode() for text in table[name].to_pylist())
    broken = pa.array([b"\xff" + first[1:], *others], pa.binary())
    return column(table, name, pa.Array.from_buffers(pa.string(), len(broken), broken.buffers()))


OTHERS = "has the columns"
ROWS: dict[str, tuple[Callable[[pa.Table], pa.Table], str]] = {
    "another name": (lambda table: table.rename_columns(["a", *table.column_names[1:]]), OTHERS),
    "another order": (lambda table: table.select(table.column_names[::-1]), OTHERS),
    "a column too few": (lambda table: table.drop_columns("downloads"), OTHERS),
    "no project": (lambda table: column(table, "project", [None, *table["project"].to_pylist()[1:]]), "non-nullable"),
    "no number": (lambda table: column(table, "downloads", [None] * table.num_rows), "non-nullable"),
    "text for a number": (
        lambda table: column(table, "downloads", pa.array(["a"] * table.num_rows)),
        OTHERS,
    ),
    "a list for a text": (lambda table: column(table, "project", pa.array([[1]] * table.num_rows)), OTHERS),
    "text of another type": (
        lambda table: column(table, "project", table["project"].cast(pa.large_string())),
        OTHERS,
    ),
    "not UTF-8": (lambda table: not_utf8(table, "project"), "UTF8"),
    "a number too large": (
        lambda table: column(table, "downloads", pa.array([2**63] * table.num_rows, pa.uint64())),
        OTHERS,
    ),
}


@pytest.mark.parametrize("view", ["downloads_by_project", "downloads_by_country"])
def test_rows_of_another_kind_are_refused_by_the_name_of_the_day(
    published: Engine, second_store: Engine, tmp_path: Path, view: str
) -> None:
    exported(published, tmp_path / "good")
    for name, (rows, message) in ROWS.items():
        folder = shutil.copytree(tmp_path / "good", tmp_path / name)
        rewrite(folder, view, rows)
        refused(second_store, folder, rf"/{name}: day {DAY}: its files do not fit: .*{message}")


@pytest.mark.parametrize("view", ["country", "version"])
def test_a_key_that_is_not_utf8_is_refused(published: Engine, second_store: Engine, folder: Path, view: str) -> None:
    exported(published, folder)
    rewrite(folder, f"downloads_by_{view}", lambda table: not_utf8(table, view))
    refused(second_store, folder, rf"day {DAY}: its files do not fit: .*UTF8")


IN_DAY_JSON: list[tuple[str, Sequence[object]]] = [
    *(
        (path, [-1, 2**63, 2**200, 1.5])
        for path in (
            "revision",
            "downloads",
            "source_downloads",
            "source_recount",
            "replaced_rows",
            "counts.pip_downloads",
            "by_hour.0",
            "projects.rows",
            "projects.bytes",
            "breakdowns.country.downloads",
            "breakdowns.country.project_keys",
            "breakdowns.country.whole.US",
        )
    ),
    *((path, ["a\0"]) for path in ("source", "suspect_because", "accepted_because")),
    ("published_at", ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00"]),
]


def test_what_postgres_cannot_store_is_refused_by_its_name_in_day_json(
    published: Engine, second_store: Engine, tmp_path: Path
) -> None:
    exported(published, tmp_path / "good")
    for path, values in IN_DAY_JSON:
        for n, value in enumerate(values):

            def put(day: dict[str, Any], path: str = path, value: object = value) -> None:
                *above, last = path.split(".")
                for name in above:
                    day = day[name]
                day[last] = value

            folder = shutil.copytree(tmp_path / "good", tmp_path / f"{path} {n}")
            change(folder, put)
            refused(second_store, folder, rf"day\.json: {path}: ")


# -- small files of many bytes


@pytest.mark.parametrize("view", ["downloads_by_project", "downloads_by_country"])
def test_a_file_that_is_far_larger_uncompressed_is_refused(
    published: Engine, second_store: Engine, folder: Path, view: str
) -> None:
    exported(published, folder)
    rewrite(
        folder,
        view,
        lambda table: column(table, "project", ["a" * (400 * 2**20), *table["project"].to_pylist()[1:]]),
        compression="zstd",
        use_dictionary=False,
        write_statistics=False,
    )
    refused(
        second_store, folder, rf"{view}\.parquet has 4[0-9]+,[0-9,]+ bytes uncompressed, [0-9]+ rows need less than"
    )


def test_a_text_that_is_repeated_is_refused_before_it_is(published: Engine, second_store: Engine, folder: Path) -> None:
    exported(published, folder)
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 10_000, pa.int32()), ["a" * 100_000])

    def rows(table: pa.Table) -> pa.Table:
        many = pa.concat_tables([table.slice(0, 1)] * 10_000)
        return column(many, "country", repeated)

    rewrite(folder, "downloads_by_country", rows, compression="zstd", store_schema=False)
    refused(second_store, folder, r"files do not fit: 10,000 rows have a column of 1,000,000,000 bytes of text")


def test_another_number_of_rows_is_refused_before_they_are_read(
    published: Engine, second_store: Engine, folder: Path
) -> None:
    exported(published, folder)
    change(folder, lambda day: day["projects"].update(rows=99))
    refused(second_store, folder, r"downloads_by_project\.parquet has [0-9] rows, 99 were exported")


# -- all of PyPI, and the hours


def other_whole(**shares: int | None) -> Callable[[dict[str, Any]], None]:
    """A `day.json` with other shares of countries; None: without one."""

    def said(day: dict[str, Any]) -> None:
        whole = day["breakdowns"]["country"]["whole"] | shares
        day["breakdowns"]["country"]["whole"] = {key: share for key, share in whole.items() if share is not None}

    return said


def other_hours(hours: dict[str, int]) -> Callable[[dict[str, Any]], None]:
    return lambda day: day.update(by_hour=hours)


UNPROVEN: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "two shares change places": (other_whole(US=15, DE=28), "by_country of all of PyPI has 28 downloads for 'DE', its"),
    "a key too many": (other_whole(FR=0), "by_country of all of PyPI has 0 downloads for 'FR', its rows have None"),
    "a key too few": (other_whole(US=None), "by_country of all of PyPI has 3 keys, its rows have more"),
    "another key": (other_whole(US=None, **{"\0": 29}), "all of PyPI has 29 downloads for '.x00', its rows have None"),
    "an hour too many": (other_hours({"0": 70, "24": 1}), "by_hour has the hour '24'"),
    "an hour that is none": (other_hours({"0": 70, "\0": 1}), "by_hour has the hour '.x00'"),
    "downloads of an hour too few": (other_hours({"0": 70}), "by_hour has 70 downloads, the source counts 71"),
}


def test_shares_and_hours_that_the_rows_do_not_prove_are_refused(
    published: Engine, second_store: Engine, tmp_path: Path
) -> None:
    exported(published, tmp_path / "good")
    for name, (said, message) in UNPROVEN.items():
        folder = shutil.copytree(tmp_path / "good", tmp_path / name)
        change(folder, said)
        refused(second_store, folder, rf"/{name}: day {DAY}: its files do not fit: .*{message}")


@pytest.mark.parametrize(
    ("view", "name"),
    [
        ("downloads_by_project", "ci_downloads"),
        ("downloads_by_version", "pip_downloads"),
        ("downloads_by_country", "downloads"),
    ],
)
def test_a_negative_number_of_downloads_is_refused(
    published: Engine, second_store: Engine, folder: Path, view: str, name: str
) -> None:
    exported(published, folder)

    def rows(table: pa.Table) -> pa.Table:
        first, second, *others = table[name].to_pylist()
        return column(table, name, [-1, first + second + 1, *others])

    rewrite(folder, view, rows)
    refused(second_store, folder, rf"day {DAY}: its files do not fit: {name} has the number -1")


# -- what a day is divided by


def test_a_day_without_breakdowns_is_refused(published: Engine, second_store: Engine, folder: Path) -> None:
    exported(published, folder)
    change(folder, lambda day: day.update(breakdowns={}))
    refused(second_store, folder, r"day\.json: breakdowns: Dictionary should have at least 1 item")


def test_a_reading_that_lacks_a_published_breakdown_is_refused_unless_it_is_asked_for(
    published: Engine, second_store: Engine, folder: Path
) -> None:
    exported(published, folder)
    mirror(second_store, str(folder), DAY)
    before = content(second_store)
    with published.begin() as connection:
        for statement in (
            "UPDATE pyzn.project_days SET by_system = NULL",
            "DELETE FROM pyzn.day_breakdowns WHERE breakdown = 'system'",
            "UPDATE pyzn.days SET checksum = pyzn.day_checksum(day), revision = 2",
        ):
            connection.execute(text(statement))
    exported(published, folder)
    with pytest.raises(WorseReading, match=r"worse than revision 1 .*: it has no downloads by system; not published"):
        mirror(second_store, str(folder), DAY)
    assert content(second_store) == before
    (accepted,) = mirror(second_store, str(folder), DAY, accept_worse=True)
    assert accepted.publication.revision == 2
