"""A statement about projects has the names themselves in each condition on an index: any planner prunes by them."""

import re
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

import pyzn_api
from pyzn_api.database import statements
from tests.conftest import Database

NAMES = [
    path.stem + " by version" * ("$document" in path.read_text())
    for path in Path(pyzn_api.__file__).with_name("sql").glob("*.sql")
    if path.stem not in {"weight", "summaries"}  # a part of others; it joins its names
]
VALUES = {
    "project": "requests", "start": date(2026, 7, 1), "end": date(2026, 7, 14), "codes": Jsonb({}), "ci": True,
    "names": ["requests"], "latest": date(2026, 7, 14), "several": False, "partial": False, "light": 2**20,
    "kind": "system", "category": None, "with_mirrors": True, "without_mirrors": True, "csv": False, "most": 2**20,
    "granularity": "day", "pattern": None, "count": "downloads",
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [name for name in NAMES if re.search(rb"\bproject = (ANY \()?\$", statements(name)[0].sql)]
)
def test_the_name_is_in_every_index_condition_on_a_project(name: str, stocked: Database) -> None:
    with psycopg.connect(stocked.api_url) as connection:
        connection.execute("SET enable_seqscan = off")
        sql, parameters, _ = statements(name)[0]
        values = [VALUES[each] for each in parameters]
        plan = [row[0] for row in psycopg.RawCursor(connection).execute(b"EXPLAIN " + sql, values)]
    conditions = [line for line in plan if re.search(r"Index Cond: .*\bproject = ", line)]
    assert conditions, plan
    own = r"project = ('requests'|ANY \('\{requests\}')"
    assert [line for line in conditions if not re.search(own, line)] == []
