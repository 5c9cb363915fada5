"""Functions of BigQuery that DuckDB has not, or has with another result: DuckDB calls them for each value."""

from __future__ import annotations

import json

import duckdb

UNLIKE_DUCKDB = r"[\x00-\x1f\x{2028}\x{2029}]"
"""Which texts need `bigquery_json`: DuckDB's own, which is faster, writes \\u001F in capitals, and U+2028 as it is."""


def bigquery_lower(text: str) -> str:
    """LOWER. DuckDB's loses the dot of İ, and does not know that Σ is written ς at a word's end."""
    return text.lower()


def bigquery_json(text: str) -> str:
    """TO_JSON_STRING of a text."""
    return json.dumps(text, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def register(database: duckdb.DuckDBPyConnection) -> None:
    """Make them known to every connection of `database`, under their names."""
    for function in (bigquery_lower, bigquery_json):
        database.create_function(function.__name__, function, ["VARCHAR"], "VARCHAR")
