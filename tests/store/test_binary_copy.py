"""Rows sent by binary COPY come back from Postgres as they were, or are refused."""

from datetime import date
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from pyzn_pipeline.store.binary_copy import HEADER, TRAILER, encode

SCHEMA = pa.schema([("a_number", pa.int64()), ("a_text", pa.string()), ("a_day", pa.date32()), ("a_word", pa.string())])
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
ROWS = st.lists(
    st.tuples(st.none() | st.integers(-(2**63), 2**63 - 1), TEXTS, st.none() | st.dates(), TEXTS), max_size=20
)
HOSTILE = [
    "", "NULL", "\\N", "\\.", "\n\\.\n", '"', '""', "'", ",", "\t", "\\", "\\\\", "\r\n", "\v\f\b\x01\x7f",
    "\u0085\u2028\u2029\ufeff\u200b\u202e", "e\u0301 \u00e9", "\U0001f40d\U0010ffff\uffff", "x" * 2**20,
]  # fmt: skip


def sent_and_read(store: Engine, batches: list[pa.RecordBatch]) -> list[tuple[Any, ...]]:
    """The rows of `batches` as a table has them once they were copied."""
    with store.begin() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        driver.execute(
            "CREATE TEMP TABLE sent (place int GENERATED ALWAYS AS IDENTITY, a_number bigint, a_text text, a_day date,"
            " a_word text) ON COMMIT DROP"
        )
        copying = "COPY sent (a_number, a_text, a_day, a_word) FROM STDIN WITH (FORMAT BINARY)"
        with driver.cursor() as cursor, cursor.copy(copying) as copy:
            copy.write(HEADER)
            for batch in batches:
                copy.write(encode(batch))
            copy.write(TRAILER)
        return driver.execute("SELECT a_number, a_text, a_day, a_word FROM sent ORDER BY place").fetchall()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.integers(0, 20))
@example([(n, text, date(1999, 12, 31), None) for n, text in enumerate(HOSTILE)], 7)
@example([(None, None, None, None), (-(2**63), "", date.max, ""), (2**63 - 1, None, date.min, "")], 1)
def test_any_row_comes_back_as_it_was_however_the_rows_are_divided(
    store: Engine, rows: list[tuple[Any, ...]], cut: int
) -> None:
    whole = pa.RecordBatch.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)
    assert sent_and_read(store, [whole.slice(0, cut), whole.slice(cut)]) == rows


def test_a_text_with_a_nul_is_refused(store: Engine) -> None:
    batch = pa.RecordBatch.from_pylist([{"a_text": "before\x00after"}], schema=SCHEMA)
    with pytest.raises(psycopg.errors.CharacterNotInRepertoire, match="0x00"):
        sent_and_read(store, [batch])


def test_a_column_that_it_cannot_write_is_named_by_its_type() -> None:
    with pytest.raises(TypeError, match="a column of type double: the binary COPY writes int64, date32 and string"):
        encode(pa.record_batch({"share": [0.5]}))
