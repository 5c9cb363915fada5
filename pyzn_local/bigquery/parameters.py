"""Query parameters: named scalars, which are written into the statement as typed literals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlglot import exp

from pyzn_local.bigquery.errors import invalid, invalid_query
from pyzn_local.bigquery.grammar import position, unsupported
from pyzn_local.bigquery.requests import section

_TYPES = {
    "STRING": exp.DType.TEXT,
    "INT64": exp.DType.BIGINT,
    "INTEGER": exp.DType.BIGINT,
    "FLOAT64": exp.DType.DOUBLE,
    "FLOAT": exp.DType.DOUBLE,
    "BOOL": exp.DType.BOOLEAN,
    "BOOLEAN": exp.DType.BOOLEAN,
    "DATE": exp.DType.DATE,
    "TIMESTAMP": exp.DType.TIMESTAMPTZ,
}


def read_parameters(resources: Sequence[Mapping[str, Any]]) -> dict[str, exp.Expr]:
    """The value of each `queryParameters` entry of a job, by lower-case name (BigQuery ignores their case).

    Raises:
        BigQueryError: 400 for positional, array and struct parameters, unknown types and malformed values.
    """
    values: dict[str, exp.Expr] = {}
    for resource in resources:
        name = resource.get("name")
        if not name:
            raise unsupported("Positional query parameters are")
        kind = str(section(resource, "parameterType").get("type", "")).upper()
        if kind in {"ARRAY", "STRUCT", "RANGE"}:
            raise unsupported(f"Query parameter '{name}': {kind} parameters are")
        if kind not in _TYPES:
            raise unsupported(f"Query parameter '{name}': type {kind or '(none)'} is")
        text = section(resource, "parameterValue").get("value")
        literal = exp.Null() if text is None else exp.Literal.string(_checked(str(name), kind, text))
        values[str(name).lower()] = exp.Cast(this=literal, to=exp.DataType.build(_TYPES[kind]))
    return values


def _checked(name: str, kind: str, text: object) -> str:
    """`text` in the form that DuckDB casts, after checking that it is a value of that type."""
    try:
        if isinstance(text, int | float) and not isinstance(text, bool):
            text = repr(text)  # the client sends floats as JSON numbers
        if not isinstance(text, str) or "\x00" in text:
            raise TypeError
        if kind.startswith("INT"):
            if not -(2**63) <= int(text) < 2**63:
                raise ValueError
            return str(int(text))
        if kind.startswith("FLOAT"):
            return str(float(text))
        if kind == "DATE":
            return dt.date.fromisoformat(text).isoformat()
        if kind == "TIMESTAMP":
            moment = dt.datetime.fromisoformat(text.replace(" UTC", "+00:00"))
            zoned = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
            return zoned.astimezone(dt.UTC).isoformat(sep=" ", timespec="microseconds")
        if kind.startswith("BOOL") and text.lower() not in {"true", "false"}:
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        raise invalid(f"Invalid value {text!r} for query parameter '{name}' of type {kind}") from None
    return text


def bind(tree: exp.Query, values: Mapping[str, exp.Expr]) -> None:
    """Replace each `@name` with its value.

    Raises:
        BigQueryError: 400 `invalidQuery` naming a parameter that has no value.
    """
    for parameter in list(tree.find_all(exp.Parameter)):
        value = values.get(parameter.name.lower())
        if value is None:
            raise invalid_query(f"Query parameter '{parameter.name}' not found{position(parameter)}")
        parameter.replace(value.copy())
