"""A project's packed day as tidy rows, and back: the same bytes. Arrow and DuckDB do the work, batch by batch."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from string import Template
from typing import Self

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pyzn_pipeline.breakdowns import COUNT_COLUMNS, Breakdown

PROJECTS = "downloads_by_project"
PROJECTS_AT_ONCE = 8_192  # in a batch of a mirrored day, as BigQuery sends them
MOST_KEYS = 2**21  # of the projects of a batch; all of PyPI, some 90 batches, has less than four times as many
MOST_TEXT = 2**26  # bytes in a column of a batch: 1 KB a row, 40 times as much as PyPI's
_DAY = pa.field("day", pa.date32(), nullable=False)
_PROJECT = pa.field("project", pa.string(), nullable=False)


def packed_schema(breakdowns: Sequence[Breakdown]) -> pa.Schema:
    """The columns of a project's packed day: its counts, and its documents by these breakdowns."""
    return pa.schema(
        [_PROJECT]
        + [pa.field(column, pa.int64(), nullable=False) for column in COUNT_COLUMNS]
        + [pa.field(column, pa.string()) for breakdown in breakdowns for column in breakdown.columns]
    )


def projects_schema(breakdowns: Sequence[Breakdown]) -> pa.Schema:
    """A row for each project: its counts, and its number of keys by each breakdown (`versions`, `countries`, …)."""
    return pa.schema(
        [_DAY, *list(packed_schema([]))]
        + [pa.field(breakdown.plural, pa.int32(), nullable=False) for breakdown in breakdowns]
    )


def tidy_schema(breakdown: Breakdown) -> pa.Schema:
    """A row for each project and key, with the columns of the breakdown's view."""
    return pa.schema(
        [_DAY, _PROJECT, pa.field(breakdown.name, pa.string(), nullable=False)]
        + [pa.field(column, pa.int64(), nullable=False) for column in _numbers(breakdown)]
    )


def _numbers(breakdown: Breakdown) -> list[str]:
    """The columns of numbers in the view, one for each of the breakdown's columns: the first is `downloads`."""
    return ["downloads", *(subset.column for subset in breakdown.subsets)]


class Unpacking:
    """Makes tidy rows of packed ones. A context manager, because it opens a DuckDB."""

    def __init__(self, day: date, breakdowns: Sequence[Breakdown]) -> None:
        self._day = day
        self._breakdowns = breakdowns
        self._duckdb = duckdb.connect(config={"threads": 1, "enable_external_access": False})
        self._cursors = {
            breakdown: self._duckdb.cursor() for breakdown in breakdowns
        }  # each used by a thread at a time

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in (*self._cursors.values(), self._duckdb):
            connection.close()

    def rows(self, packed: pa.Table, breakdown: Breakdown) -> pa.Table:
        """The rows of tidy_schema, in the order of the projects and of the keys in their documents.

        Different breakdowns may be unpacked by different threads.
        """
        cursor = self._cursors[breakdown]
        name = f"packed_{breakdown.name}"
        cursor.register(name, packed)
        tidy = cursor.sql(_unpack_query(breakdown)).to_arrow_table()
        cursor.unregister(name)
        return tidy.add_column(0, _DAY, self._days(tidy)).cast(tidy_schema(breakdown))

    def projects(self, packed: pa.Table, keys: Mapping[str, pa.Array]) -> pa.Table:
        """The rows of projects_schema. `keys` has the number of keys of each project, by the name of the breakdown."""
        columns = [self._days(packed), *(packed[name] for name in ("project", *COUNT_COLUMNS))]
        columns += [keys[breakdown.name] for breakdown in self._breakdowns]
        return pa.Table.from_arrays(columns, schema=projects_schema(self._breakdowns))

    def _days(self, rows: pa.Table) -> pa.Array:
        return pa.repeat(pa.scalar(self._day, pa.date32()), rows.num_rows)


@cache
def _unpack_query(breakdown: Breakdown) -> str:
    """The SQL of unpack.sql for the columns of a breakdown."""
    template = Template(files(__package__).joinpath("unpack.sql").read_text(encoding="utf-8"))
    numbers = [
        f"unnest(json_extract({column}, '{'$[*]' if n else '$.*'}')::VARCHAR[]::BIGINT[]) AS {name}"
        for n, (column, name) in enumerate(zip(breakdown.columns, _numbers(breakdown), strict=True))
    ]
    return template.substitute(
        packed=f"packed_{breakdown.name}", document=breakdown.document, name=breakdown.name, numbers=", ".join(numbers)
    )


def keys_of(projects: pa.ChunkedArray, of_rows: pa.ChunkedArray) -> pa.Array:
    """How many of the rows are of each project; both are in the same order, and a project has its rows together."""
    runs = pc.run_end_encode(of_rows.combine_chunks(), pa.int32())
    numbers = np.zeros(len(projects), dtype=np.int32)
    places = pc.index_in(runs.values, value_set=projects.combine_chunks()).to_numpy(zero_copy_only=False)
    numbers[places] = np.diff(runs.run_ends.to_numpy(), prepend=0)
    return pa.array(numbers)


def packed(projects: pa.Table, tidy: Mapping[str, pa.Table], breakdowns: Sequence[Breakdown]) -> pa.Table:
    """The rows of packed_schema, of rows of projects_schema and all their tidy rows. The inverse of Unpacking."""
    columns: list[pa.Array] = [projects[name] for name in ("project", *COUNT_COLUMNS)]
    for breakdown in breakdowns:
        columns += documents(breakdown, projects[breakdown.plural], tidy[breakdown.name])
    return pa.Table.from_arrays(columns, schema=packed_schema(breakdowns))


def documents(breakdown: Breakdown, keys: pa.Array | pa.ChunkedArray, rows: pa.Table) -> list[pa.Array]:
    """The columns of a breakdown, of its tidy rows and the number of keys of each project.

    Raises ValueError if these numbers are not of these rows: Arrow trusts offsets, and would read any memory.
    """
    numbers = keys.to_numpy()
    offsets = np.concatenate([[0], np.cumsum(numbers, dtype=np.int64)])
    if (numbers < 0).any() or offsets[-1] != rows.num_rows:
        raise ValueError(f"the {breakdown.plural} of the projects are not those of {rows.num_rows:,} rows")
    first, *subsets = (rows[name].combine_chunks().cast(pa.string()) for name in _numbers(breakdown))
    entries = pc.binary_join_element_wise(_quoted(rows[breakdown.name].combine_chunks()), first, ":")
    return [_joined(offsets, entries, "{", "}"), *(_joined(offsets, subset, "[", "]") for subset in subsets)]


def _joined(offsets: np.ndarray, texts: pa.Array, opening: str, closing: str) -> pa.Array:
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts)
    return pc.binary_join_element_wise(opening, pc.binary_join(lists, ","), closing, "")


def _quoted(keys: pa.Array) -> pa.Array:
    """The keys as JSON strings, as BigQuery's TO_JSON_STRING writes them."""
    plain = pc.binary_join_element_wise('"', keys, '"', "")
    special = pc.match_substring_regex(keys, r'["\\\x00-\x1f\x{2028}\x{2029}]')
    if not pc.any(special).as_py():
        return plain
    return pc.replace_with_mask(
        plain, special, pa.array(map(json_string, keys.filter(special).to_pylist()), pa.string())
    )


def json_string(key: str) -> str:
    """A string as BigQuery's TO_JSON_STRING writes it."""
    return json.dumps(key, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def document(counts: Mapping[str, int]) -> str:
    """{"key": downloads, …} as the scan writes it, in the order of `counts`."""
    return "{" + ",".join(f"{json_string(key)}:{count}" for key, count in counts.items()) + "}"


def strict(batch: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    """Rows that somebody else wrote, with these columns. Their texts may be encoded as dictionaries.

    Raises ValueError or ArrowException if there are others, NULL, a negative number, more text than rows have, or text
    that is not UTF-8, which Arrow lets through.
    """
    for texts in batch.columns:
        if pa.types.is_dictionary(texts.type):
            size = pc.sum(pc.binary_length(texts.dictionary).take(texts.indices)).as_py() or 0
            if size > MOST_TEXT:
                raise ValueError(f"{batch.num_rows:,} rows have a column of {size:,} bytes of text")
    rows = pa.Table.from_batches([batch]).cast(schema)
    rows.validate(full=True)
    for field in schema:
        if pa.types.is_integer(field.type) and (least := pc.min(rows[field.name]).as_py() or 0) < 0:
            raise ValueError(f"{field.name} has the number {least:,}")
    return rows


class Shares:
    """What the downloads of tidy rows add up to by key: all of PyPI by a breakdown."""

    def __init__(self, breakdown: Breakdown, said: Mapping[str, int]) -> None:
        self._name = breakdown.name
        self._said = said
        self._found = tidy_schema(breakdown).empty_table().select([self._name, "downloads"])

    def add(self, rows: pa.Table) -> None:
        """Add rows. Raises ValueError if there are more keys than were said."""
        both = pa.concat_tables([self._found, rows.select(self._found.column_names)])
        sums = both.group_by(self._name).aggregate([("downloads", "sum")])
        self._found = sums.rename_columns(both.column_names).cast(both.schema)
        if self._found.num_rows > len(self._said):
            raise ValueError(f"by_{self._name} of all of PyPI has {len(self._said):,} keys, its rows have more")

    def end(self) -> None:
        """Raise ValueError unless the shares are those that were said."""
        found = dict(zip(*self._found.to_pydict().values(), strict=True))
        for key in sorted(found.keys() | self._said.keys()):
            if found.get(key) != self._said.get(key):
                raise ValueError(
                    f"by_{self._name} of all of PyPI has {self._said.get(key)} downloads for {key[:50]!r}, "
                    f"its rows have {found.get(key)}"
                )


class Reader:
    """Takes rows of a stream, as many as asked for."""

    def __init__(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
        self._batches = iter(batches)
        self._rest = schema.empty_table()

    def take(self, rows: int) -> pa.Table:
        """The next rows. Raises EOFError if there are fewer, ValueError if there cannot be as many."""
        if not 0 <= rows <= MOST_KEYS:
            raise ValueError(f"{rows:,} rows are of {PROJECTS_AT_ONCE:,} projects")
        found = [self._rest]
        while sum(part.num_rows for part in found) < rows:
            batch = next(self._batches, None)
            if batch is None:
                raise EOFError(f"{rows:,} more rows were expected")
            found.append(strict(batch, self._rest.schema))
        together = pa.concat_tables(found)
        self._rest = together.slice(rows)
        return together.slice(0, rows)

    def end(self) -> None:
        """Raise ValueError unless all rows were taken."""
        if self._rest.num_rows or any(batch.num_rows for batch in self._batches):
            raise ValueError(f"rows with {self._rest.schema.names[2]} are left that are of no project")
