"""Versions, installers, systems … that strangers have chosen: on every route, and in tables that others open."""

import csv
import json
from collections.abc import Iterator
from io import StringIO

import httpx
import pandas as pd
import polars as pl
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyzn_api.versions import in_order
from pyzn_pipeline.breakdowns import BREAKDOWNS
from tests.api.conftest import hashed, serving, settings
from tests.api.routes import urls
from tests.api.stock import NEWEST, publish
from tests.conftest import Database
from tests.days import Download

DIGITS = "9" * 5000  # of which Python makes no int
FORMULAS = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "'=1", "'"]
KEYS = [
    "constructor", "toString", "__proto__", "hasOwnProperty", "NaN", "null", "", " ", "%s", "{}", '"', "\\", "\u2028",
    "</script>", "\u202e", "\ud7ff", "\U0001f40d", "a\x01b", "a\r\nb", "a,b", "NA", "1.10", "2.1.0+cu118",
    DIGITS, f"1.{DIGITS}", f"v{DIGITS}!1", f"1.0.dev{DIGITS}", f"1+{DIGITS}", f"a{DIGITS}", *FORMULAS,
]  # fmt: skip


@pytest.fixture
def hostile(database: Database, owner: psycopg.Connection) -> Iterator[httpx.Client]:
    """A client of a server over a project with each of those keys, once, in each breakdown."""
    counts = json.dumps(dict.fromkeys(sorted(KEYS), 1))
    publish(owner, NEWEST, [Download("sampleproject", key) for key in sorted(KEYS)])
    columns = ", ".join(f"{breakdown.document} = %(counts)s" for breakdown in BREAKDOWNS)
    owner.execute(f"UPDATE pyzn.project_days SET {columns}", {"counts": counts})
    owner.execute("UPDATE pyzn.day_breakdowns SET pypi_totals = %s WHERE pypi_totals IS NOT NULL", [counts])
    with serving(settings(database.api_url, admin_password_hash=hashed("secret"))) as client:
        yield client


def test_they_break_no_route_and_each_is_listed_once(hostile: httpx.Client) -> None:
    for url in [*urls("sampleproject"), "/projects/sampleproject", "/compare?name=sampleproject"]:
        assert hostile.get(url).status_code == 200, url
    v2 = hostile.get("/api/v2/projects/sampleproject").json()
    assert set(v2["versions"]) == set(KEYS)
    assert v2["downloads"] == {str(NEWEST): dict.fromkeys(KEYS, 1)}
    for breakdown in BREAKDOWNS:
        rows = hostile.get(f"/api/v4/projects/sampleproject/{breakdown.plural}").json()["downloads"]
        assert {row[breakdown.name] for row in rows} == set(KEYS)
    for plus in ("+", "%2B"):
        found = hostile.get(f"/api/v4/projects/sampleproject/versions?version=2.1.0{plus}cu118").json()["downloads"]
        assert [row["version"] for row in found] == ["2.1.0+cu118"]


def test_no_spreadsheet_runs_one_and_programs_get_them_back(hostile: httpx.Client) -> None:
    path = "/api/v4/projects/sampleproject/installers?format=csv"
    cells = [row["installer"] for row in csv.DictReader(StringIO(hostile.get(path).text, newline=""))]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {f"'{key}" for key in FORMULAS} <= set(cells)
    assert sorted(cell.removeprefix("'") for cell in cells) == sorted(KEYS)


def test_pandas_and_polars_read_a_table_by_its_address(client: httpx.Client) -> None:
    address = f"{client.base_url}/api/v4/projects/sampleproject/versions?start=2026-07-17&format=csv"
    expected = [
        (row["period"], row["version"], row["downloads"])
        for row in client.get(address.replace("&format=csv", "")).json()["downloads"]
    ]
    frame = pd.read_csv(address, dtype={"version": str}, keep_default_na=False)
    assert list(frame.itertuples(index=False, name=None)) == expected
    assert pl.read_csv(address, schema_overrides={"version": pl.String}).rows() == expected
    assert pl.scan_csv(address, schema_overrides={"version": pl.String}).collect().rows() == expected


TAILS = st.builds(str.__mul__, st.sampled_from("09\u0669"), st.sampled_from([0, 1, 2, 199, 200, 201, 4301]))
LONG = st.builds(str.__add__, st.sampled_from(["", "1.", "v", "a", "1!", "1rc"]), TAILS)


@given(st.lists(st.text(max_size=8) | LONG, unique=True))
def test_ordering_versions_neither_loses_nor_makes_any(texts: list[str]) -> None:
    assert sorted(in_order(texts)) == sorted(texts)
