"""Published rows are read for an export in this thread, and only as far as they are asked for."""

from threading import get_ident

import psycopg
import pyarrow as pa
import pytest
from sqlalchemy import Engine

from pyzn_pipeline.breakdowns import BREAKDOWNS
from pyzn_pipeline.exports.tidy import packed_schema
from pyzn_pipeline.store import exporting
from tests.days import Download, scan_of
from tests.exports.conftest import AWKWARD, DAY
from tests.store.publishing import publish, rows


@pytest.fixture
def many(store: Engine) -> Engine:
    """A day of 4,000 projects, with text that CSV must quote."""
    publish(store, scan_of(DAY, [Download(f"{AWKWARD}-{n}", AWKWARD, "") for n in range(4000)]))
    return store


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The thread of each row that is read from now on."""
    threads: list[int] = []
    read = psycopg.Copy.read

    def watched(copy: psycopg.Copy) -> object:
        threads.append(get_ident())
        return read(copy)

    monkeypatch.setattr(psycopg.Copy, "read", watched)
    monkeypatch.setattr(exporting, "BLOCK", 2**14)
    return threads


def test_every_row_is_read_and_memory_holds_a_block(many: Engine, readers: list[int]) -> None:
    schema = packed_schema(BREAKDOWNS)
    found: list[tuple[object, ...]] = []
    with many.connect() as connection:
        for batch in exporting.packed_rows(connection, DAY, schema):
            found += map(tuple, (row.values() for row in batch.to_pylist()))
            assert len(readers) - len(found) <= 1  # the end
            assert batch.nbytes < 4 * exporting.BLOCK
    columns = [field.name if field.type == pa.int64() else f"{field.name}::text" for field in schema]
    assert found == rows(many, f"SELECT {', '.join(columns)} FROM pyzn.project_days ORDER BY project")
    assert set(readers) == {get_ident()}


def test_a_reader_that_fails_leaves_a_connection_that_nobody_else_reads(many: Engine, readers: list[int]) -> None:
    with many.connect() as connection:
        connection.begin()
        batches = exporting.packed_rows(connection, DAY, packed_schema(BREAKDOWNS))
        next(batches)
        read = len(readers)
        batches.close()  # type: ignore[attr-defined]
        connection.rollback()
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    assert read < 400
    assert set(readers) == {get_ident()}
