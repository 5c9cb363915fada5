"""A project's packed day as tidy rows, and back: the same bytes. Arrow and DuckDB do the work, batch by batch."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from string import Template

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pyzn_pipeline.breakdowns import Breakdown, Contents
from pyzn_pipeline.store.database import text_of

_DAY = pa.field("day", pa.date32(), nullable=False)
_PROJECT = pa.field("project", pa.string(), nullable=False)


def _count_fields(contents: Contents) -> list[pa.Field]:
    return [pa.field(column, pa.int64(), nullable=False) for column in contents.count_columns]


def packed_schema(contents: Contents) -> pa.Schema:
    """Return the columns of a project's packed day: its counts, and its documents."""
    documents = [column for breakdown in contents.breakdowns for column in breakdown.columns]
    return pa.schema([_PROJECT, *_count_fields(contents), *(pa.field(column, pa.string()) for column in documents)])


def projects_schema(contents: Contents) -> pa.Schema:
    """Return the columns of a project: its counts, and its number of keys by each breakdown (`versions`, …)."""
    keys = [pa.field(breakdown.plural, pa.int32(), nullable=False) for breakdown in contents.breakdowns]
    return pa.schema([_DAY, _PROJECT, *_count_fields(contents), *keys])


def tidy_schema(breakdown: Breakdown) -> pa.Schema:
    """Return the columns of a project and key, as in the breakdown's view."""
    return pa.schema(
        [_DAY, _PROJECT, *(pa.field(key.name, pa.string(), nullable=False) for key in breakdown.keys)]
        + [pa.field(column, pa.int64(), nullable=False) for column in _numbers(breakdown)]
    )


def _numbers(breakdown: Breakdown) -> list[str]:
    """Return the columns of numbers in the view, one for each of the breakdown's columns: the first is `downloads`."""
    return ["downloads", *(subset.column for subset in breakdown.subsets)]


def unpacked(connection: duckdb.DuckDBPyConnection, day: date, packed: pa.Table, breakdown: Breakdown) -> pa.Table:
    """Return the rows of tidy_schema, in the order of the projects and of the keys in their documents.

    Threads may share the connection.
    """
    with connection.cursor() as cursor:
        cursor.register("packed", packed)
        rows = cursor.sql(_unpack_query(breakdown)).to_arrow_table()
    return rows.add_column(0, _DAY, _days(day, rows)).cast(tidy_schema(breakdown))


@cache
def _unpack_query(breakdown: Breakdown) -> str:
    """Return the SQL of unpack.sql for the columns of a breakdown."""
    numbers = [
        f"unnest(json_extract({column}, '{'$[*]' if n else '$.*'}')::VARCHAR[]::BIGINT[]) AS {name}"
        for n, (column, name) in enumerate(zip(breakdown.columns, _numbers(breakdown), strict=True))
    ]
    template = Template(text_of("unpack", __file__).decode())
    parts = ["key"] if len(breakdown.keys) == 1 else ["split_part(key, ' ', 1)", "substr(key, instr(key, ' ') + 1)"]
    keys = ", ".join(f"{part} AS {key.name}" for part, key in zip(parts, breakdown.keys, strict=True))
    return template.substitute(
        document=breakdown.document, keys=keys, numbers=", ".join(numbers), names=", ".join(_numbers(breakdown))
    )


def project_rows(day: date, packed: pa.Table, contents: Contents, keys: Mapping[Breakdown, pa.Array]) -> pa.Table:
    """Return the rows of projects_schema. `keys` has the number of keys of each project."""
    numbers = [packed[name] for name in ("project", *contents.count_columns)]
    return pa.Table.from_arrays([_days(day, packed), *numbers, *keys.values()], schema=projects_schema(contents))


def _days(day: date, rows: pa.Table) -> pa.Array:
    return pa.repeat(pa.scalar(day, pa.date32()), rows.num_rows)


def keys_of(projects: pa.ChunkedArray, of_rows: pa.ChunkedArray) -> pa.Array:
    """Return the number of rows of each project; both are in the same order, and a project has its rows together."""
    runs = pc.run_end_encode(of_rows.combine_chunks(), pa.int32())
    numbers = np.zeros(len(projects), dtype=np.int32)
    positions = pc.index_in(runs.values, value_set=projects.combine_chunks()).to_numpy(zero_copy_only=False)
    numbers[positions] = np.diff(runs.run_ends.to_numpy(), prepend=0)
    return pa.array(numbers)


def documents(breakdown: Breakdown, of_project: pa.Array | pa.ChunkedArray, rows: pa.Table) -> list[pa.Array]:
    """Return the columns of a breakdown, of its tidy rows and the number of keys of each project.

    Arrow trusts offsets, and would read any memory: the numbers must be at least 0 and add up to the rows.
    """
    offsets = np.concatenate([[0], np.cumsum(of_project.to_numpy(), dtype=np.int64)])
    first, *subsets = (rows[name].combine_chunks().cast(pa.string()) for name in _numbers(breakdown))
    keys = pc.binary_join_element_wise(*(rows[key.name].combine_chunks() for key in breakdown.keys), " ")
    entries = pc.binary_join_element_wise(_quoted(keys), first, ":")
    return [_joined(offsets, entries, "{", "}"), *(_joined(offsets, subset, "[", "]") for subset in subsets)]


def _joined(offsets: np.ndarray, texts: pa.Array, opening: str, closing: str) -> pa.Array:
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts)
    return pc.binary_join_element_wise(opening, pc.binary_join(lists, ","), closing, "")


def _quoted(keys: pa.Array) -> pa.Array:
    """Return the keys as JSON strings, as BigQuery's TO_JSON_STRING writes them."""
    plain = pc.binary_join_element_wise('"', keys, '"', "")
    special = pc.match_substring_regex(keys, r'["\\\x00-\x1f\x{2028}\x{2029}]')
    if not pc.any(special).as_py():
        return plain
    return pc.replace_with_mask(
        plain, special, pa.array(map(json_string, keys.filter(special).to_pylist()), pa.string())
    )


def json_string(key: str) -> str:
    """Return a string as BigQuery's TO_JSON_STRING writes it."""
    return json.dumps(key, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def document(counts: Mapping[str, int]) -> str:
    """Return {"key": downloads, …} as the scan writes it, in the order of `counts`."""
    return "{" + ",".join(f"{json_string(key)}:{count}" for key, count in counts.items()) + "}"


def checked(batch: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    """Return rows of a mirror as a table of `schema`.

    Raises ValueError or ArrowException for NULL, a negative number, and text that is not UTF-8: Arrow lets it through.
    """
    rows = pa.Table.from_batches([batch]).cast(schema)
    rows.validate(full=True)
    for field in schema:
        if pa.types.is_integer(field.type) and (least := pc.min(rows[field.name]).as_py() or 0) < 0:
            raise ValueError(f"{field.name} has the number {least:,}")
    return rows


class Reader:
    """The tidy rows of a mirrored breakdown, as many as are asked for, and what they add up to by key."""

    def __init__(self, breakdown: Breakdown, batches: Iterable[pa.RecordBatch]) -> None:
        self._breakdown = breakdown
        self._batches = iter(batches)
        self._rest = tidy_schema(breakdown).empty_table()
        self._downloads: Counter[str] = Counter()

    def take(self, rows: int) -> pa.Table:
        """Return the next rows. Raises EOFError if there are fewer."""
        found = [self._rest]
        while sum(part.num_rows for part in found) < rows:
            batch = next(self._batches, None)
            if batch is None:
                raise EOFError(f"{rows:,} more rows by {self._breakdown.name} were expected")
            found.append(checked(batch, self._rest.schema))
            if self._breakdown.common:
                sums = found[-1].group_by(self._breakdown.name).aggregate([("downloads", "sum")])
                self._downloads.update(dict(zip(*(column.to_pylist() for column in sums.columns), strict=True)))
        together = pa.concat_tables(found)
        self._rest = together.slice(rows)
        return together.slice(0, rows)

    def end(self, totals: Mapping[str, int]) -> None:
        """Raise ValueError unless all rows were taken and, by a common breakdown, add up to the PyPI totals by key."""
        name = self._breakdown.name
        if self._rest.num_rows or any(batch.num_rows for batch in self._batches):
            raise ValueError(f"rows by {name} are left that are of no project")
        for key in sorted(self._downloads.keys() | totals.keys()) if self._breakdown.common else []:
            if self._downloads.get(key) != totals.get(key):
                raise ValueError(
                    f"{name} {key[:50]!r} has {totals.get(key)} downloads of all PyPI, its rows have "
                    f"{self._downloads.get(key)}"
                )
