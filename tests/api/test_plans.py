"""A statement about projects has the names themselves in each condition on an index: any planner prunes by them."""

import re
from datetime import date
from pathlib import Path
from string import Template

import psycopg
import pytest
from psycopg.types.json import Jsonb

import pyzn_api
from tests.conftest import Database

STATEMENTS = {
    path.stem: text
    for path in Path(pyzn_api.__file__).with_name("sql").glob("*.sql")
    if re.search(r"^[^-].*\bproject = (ANY \()?%\((project|names)\)s", text := path.read_text(), re.MULTILINE)
}
VERSION = {"name": "version", "document": "by_version", "downloads": "downloads", "view": "downloads_by_version"}
VALUES = {
    "project": "requests", "start": date(2026, 7, 1), "end": date(2026, 7, 14), "codes": Jsonb({}), "ci": True,
    "names": ["requests"], "several": False, "partial": False,
    "by": "system", "category": None, "with_mirrors": True, "without_mirrors": True, "csv": False, "most": 2**20,
    "granularity": "day", "pattern": None,
}  # fmt: skip


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_name_is_in_every_index_condition_on_a_project(name: str, stocked: Database) -> None:
    statement = Template(STATEMENTS[name]).safe_substitute(VERSION)
    with psycopg.connect(stocked.api_url) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = [row[0] for row in connection.execute(f"EXPLAIN {statement}".encode(), VALUES)]
    conditions = [line for line in plan if re.search(r"Index Cond: .*\bproject = ", line)]
    assert conditions, plan
    own = r"project = ('requests'|ANY \('\{requests\}')"
    assert [line for line in conditions if not re.search(own, line)] == []
