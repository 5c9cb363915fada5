"""Rewrites SQL where DuckDB would give another answer than BigQuery for the same names."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import ErrorLevel, UnsupportedError

from pyzn_local.bigquery.functions import UNLIKE_DUCKDB, bigquery_json, bigquery_lower
from pyzn_local.bigquery.grammar import unsupported

_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Div)


def to_duckdb(tree: exp.Expr) -> str:
    """The DuckDB SQL for a resolved BigQuery statement or expression. Does not change `tree`.

    Raises:
        BigQueryError: 400 `invalidQuery` for what cannot be written in DuckDB SQL.
    """
    tree = tree.copy()
    for node in reversed(list(tree.walk())):  # inner nodes first
        replacement = _rewrite(node)
        if replacement is not node:
            node.replace(replacement)
    try:
        return tree.sql(dialect="duckdb", unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise unsupported(f"{error}:") from None


def _rewrite(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Table) and node.db:
        alias = node.alias or node.name
        return exp.alias_(exp.table_(node.name, db="main", quoted=True), alias, table=True, quoted=True)
    if isinstance(node, exp.Lower):
        return exp.Anonymous(this=bigquery_lower.__name__, expressions=[node.this.copy()])
    if isinstance(node, exp.JSONFormat):
        return _json(node)
    if isinstance(node, exp.Select) and (group := node.args.get("group")):
        if group.find(exp.GroupingSets, exp.Rollup, exp.Cube):  # without rows, BigQuery returns no grand total
            node.having(exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(0)), copy=False)
        return node
    if isinstance(node, exp.CountIf):  # DuckDB's is NULL without rows
        return exp.Coalesce(this=node.copy(), expressions=[exp.Literal.number(0)])
    if isinstance(node, exp.DateAdd | exp.DateSub):  # DuckDB returns a timestamp
        return exp.cast(node.copy(), exp.DType.DATE)
    if isinstance(node, exp.Extract):
        return _extract(node)
    if isinstance(node, exp.Literal) and node.is_number:
        return _number(node)
    if isinstance(node, exp.Div):  # DuckDB's division by zero is NULL
        node.set("expression", _not_zero(node.expression))
    return node


def _json(node: exp.JSONFormat) -> exp.Expr:
    """BigQuery's JSON of a text; DuckDB's differs for some characters, and is NULL for NULL."""
    unlike = exp.RegexpLike(this=node.this.copy(), expression=exp.Literal.string(UNLIKE_DUCKDB))
    text = exp.Anonymous(this=bigquery_json.__name__, expressions=[node.this.copy()])
    found = exp.Case(ifs=[exp.If(this=unlike, true=text)], default=node.copy())
    return exp.Coalesce(this=found, expressions=[exp.Literal.string("null")])


def _extract(node: exp.Extract) -> exp.Expr:
    """The part of a timestamp in UTC, as in BigQuery; DuckDB does not guarantee that."""
    if node.name.upper() == "DATE":
        return exp.cast(node.expression.copy(), exp.DType.DATE)
    if node.expression.is_type(exp.DType.TIMESTAMPTZ):
        in_utc = exp.AtTimeZone(this=node.expression.copy(), zone=exp.Literal.string("UTC"))
        return exp.Extract(this=node.this.copy(), expression=in_utc)
    return node


def _number(node: exp.Literal) -> exp.Expr:
    """A 64-bit number: DuckDB reads 1.5 as a decimal, and 1 as a 32-bit integer."""
    if not node.is_int:
        return exp.cast(node.copy(), exp.DType.DOUBLE)
    if isinstance(node.parent, _ARITHMETIC):
        return exp.cast(node.copy(), exp.DType.BIGINT)
    return node


def _not_zero(divisor: exp.Expr) -> exp.Expr:
    if isinstance(divisor, exp.Literal) and float(divisor.name) != 0:
        return divisor
    zero = exp.EQ(this=exp.paren(divisor.copy()), expression=exp.Literal.number(0))
    failure = exp.Anonymous(this="ERROR", expressions=[exp.Literal.string("division by zero")])
    return exp.paren(exp.Case(ifs=[exp.If(this=zero, true=failure)], default=divisor.copy()))
