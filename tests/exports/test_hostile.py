"""Exports that mean harm: every size and SHA-256 is right, and what they say is not. Each is refused by name."""

import json
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine

from pyzn_pipeline.exports.errors import DamagedExport
from pyzn_pipeline.exports.index import INDEX, Index, made, written
from tests.exports.conftest import DAY, exported
from tests.exports.test_mirror import content, mirror


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
        file |= {"bytes": len(body), "sha256": sha256(body).hexdigest()} | (
            {} if "rows" in options else {"rows": table.num_rows}
        )

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
    refused(second_store, folder, rf"day {DAY}: its files do not fit: .*rows")
