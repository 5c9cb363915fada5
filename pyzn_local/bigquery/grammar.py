"""The part of BigQuery SQL that the emulator supports. Everything else is refused by name.

It is an allow list: add a construct only when DuckDB is known to give BigQuery's answer for it. The list also
keeps queries away from the machine's files and settings, which DuckDB's functions could reach.
"""

from __future__ import annotations

from itertools import chain

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from pyzn_local.bigquery.errors import BigQueryError, invalid_query

_CLAUSES = (
    "Alias CTE Distinct From Group GroupingSets Cube Rollup Having Join Limit Offset Order Ordered Select Star "
    "Subquery Table TableAlias Union Where With"
)
_EXPRESSIONS = (
    "Add And Between Boolean Case Cast Column DPipe DataType Div Dot EQ Exists GT GTE Identifier If In Interval Is "
    "LT LTE Like Literal Mul NEQ Neg Not Null Or Paren Parameter RawString Sub Tuple Var"
)
_FUNCTIONS = (
    "AnyValue Coalesce Concat Count CountIf CurrentDate CurrentTimestamp Date DateAdd DateSub EndsWith Extract "
    "GroupConcat JSONFormat Length Lower Max Min Nullif RegexpExtract RegexpLike RegexpReplace Replace SafeDivide "
    "StartsWith Substring Sum Timestamp TimestampAdd TimestampSub TimestampTrunc"
)
_ALLOWED = frozenset(f"{_CLAUSES} {_EXPRESSIONS} {_FUNCTIONS}".split())

# Arguments that change the meaning of an allowed node.
_REFUSED_ARGUMENTS: dict[type[exp.Expr], dict[str, str]] = {
    exp.Select: {"kind": "SELECT AS STRUCT and SELECT AS VALUE", "hint": "Hints", "operation_modifiers": "Modifiers"},
    exp.Join: {"using": "JOIN USING", "method": "NATURAL and ASOF joins", "hint": "Join hints"},
    exp.Table: {"when": "FOR SYSTEM_TIME AS OF", "version": "FOR SYSTEM_TIME AS OF", "ordinality": "WITH OFFSET"},
    exp.With: {"recursive": "WITH RECURSIVE"},
    exp.Cast: {"format": "CAST with FORMAT"},
    exp.Date: {"zone": "DATE with a time zone", "expressions": "DATE with several arguments"},
    exp.Timestamp: {"zone": "TIMESTAMP with a time zone"},
    exp.TimestampTrunc: {"zone": "TIMESTAMP_TRUNC with a time zone"},
    exp.CurrentDate: {"this": "CURRENT_DATE with a time zone"},
    exp.RegexpReplace: {"position": "This form of REGEXP_REPLACE", "modifiers": "This form of REGEXP_REPLACE"},
    exp.JSONFormat: {"options": "TO_JSON_STRING with line breaks"},
    exp.GroupConcat: {"on_overflow": "STRING_AGG with LIMIT"},
}
# Only units that mean the same in both: WEEK, for example, starts on Sunday in BigQuery and on Monday in DuckDB.
_UNITS = frozenset({"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "DATE"})
# DuckDB reads other texts as numbers and booleans, and rounds half to even.
_CASTS = frozenset({exp.DType.TEXT, exp.DType.DATE, exp.DType.TIMESTAMPTZ})
# What has the same text in both: not a FLOAT64, and not a TIMESTAMP with a fraction of a second.
_TEXTS = frozenset({*exp.DataType.TEXT_TYPES, exp.DType.NULL})
_AS_TEXT = _TEXTS | {*exp.DataType.INTEGER_TYPES, exp.DType.BOOLEAN, exp.DType.DATE}
_STATEMENTS: tuple[tuple[tuple[type[exp.Expr], ...], str], ...] = (
    ((exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable), "DML statements are"),
    ((exp.Create, exp.Drop, exp.Alter), "DDL statements are"),
    ((exp.Set, exp.Declare, exp.Block, exp.Transaction, exp.Commit), "Scripting is"),
)
_MAX_LENGTH = 1_000_000  # characters; BigQuery's own limit is 1 MB of unresolved SQL


def position(node: exp.Expr) -> str:
    """` at [line:column]` of the first name or literal in `node` (both from 1), or '' when unknown."""
    for found in node.walk():
        meta = found.meta
        if meta.get("col") is not None:  # sqlglot joins INFORMATION_SCHEMA.x to one name, and loses its column
            return f" at [{meta['line']}:{max(1, meta['col'] - (meta['end'] - meta['start']))}]"
    return ""


def unsupported(what: str, node: exp.Expr | None = None) -> BigQueryError:
    """400 for valid BigQuery SQL that the emulator does not support."""
    where = position(node) if node is not None else ""
    return invalid_query(f"{what} not supported by this local BigQuery{where}")


def parse(query: str) -> exp.Query:
    """Parse the one SELECT statement in `query`, and check that every part of it is supported.

    Raises:
        BigQueryError: 400 `invalidQuery`.
    """
    if len(query) > _MAX_LENGTH:
        raise invalid_query(f"The query is too large. The maximum query length is {_MAX_LENGTH} characters")
    if "\x00" in query:
        raise invalid_query('Syntax error: Illegal input character "\\000"')
    try:
        statements = [found for found in sqlglot.parse(query, read="bigquery") if found is not None]
    except ParseError as error:
        raise _syntax_error(error) from None
    except TokenError as error:
        raise invalid_query(f"Syntax error: {error}") from None
    if not statements:
        raise invalid_query("Syntax error: Unexpected end of statement")
    if len(statements) > 1:
        raise unsupported("Multiple statements in one query are")
    statement = statements[0]
    for kinds, what in _STATEMENTS:
        if isinstance(statement, kinds):
            raise unsupported(what)
    if not isinstance(statement, exp.Select | exp.SetOperation | exp.Subquery):
        raise unsupported("Statements other than SELECT are")
    for node in statement.walk():
        _check(node)
    return statement


def _syntax_error(error: ParseError) -> BigQueryError:
    first = error.errors[0] if error.errors else {}
    token, line, column = first.get("highlight"), first.get("line"), first.get("col")
    if not token or line is None or column is None:
        return invalid_query("Syntax error: Unexpected end of statement")
    return invalid_query(f'Syntax error: Unexpected "{token}" at [{line}:{max(1, column - len(token) + 1)}]')


def _check(node: exp.Expr) -> None:
    """Refuse one node of the tree if its kind or one of its arguments is not supported."""
    name = type(node).__name__
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        raise invalid_query(f"Function not found: {node.name}{position(node)}")
    if name not in _ALLOWED:
        what = f"Function {node.sql_name()} is" if isinstance(node, exp.Func) else f"{name} is"
        raise unsupported(what, node)
    for argument, what in _REFUSED_ARGUMENTS.get(type(node), {}).items():
        if node.args.get(argument):
            raise unsupported(f"{what}:", node)
    if isinstance(node, exp.DataType) and node.this not in _CASTS:
        raise unsupported(f"Type {node.sql('bigquery')} is", node.parent)
    if isinstance(node, exp.Var) and _is_unit(node) and node.name.upper() not in _UNITS:
        raise unsupported(f"Date part {node.name} is", node.parent)
    if isinstance(node, exp.Like) and "\\" in _constant_pattern(node):
        raise unsupported("An escape in LIKE is", node)
    if isinstance(node, exp.Parameter) and not node.name:
        raise unsupported("Positional query parameters are", node)
    if isinstance(node, exp.Substring):
        numbers = [node.args["start"], *filter(None, [node.args.get("length")])]
        if not all(isinstance(number, exp.Literal) and number.is_int for number in numbers) or numbers[0].name == "0":
            raise unsupported("SUBSTR with other than a literal position from 1 and length is", node)


def check_types(tree: exp.Query) -> None:
    """Refuse what DuckDB may write as another text than BigQuery, once every expression has its type."""
    jsons = ((node, _TEXTS) for node in tree.find_all(exp.JSONFormat))
    casts = ((node, _AS_TEXT) for node in tree.find_all(exp.Cast) if node.to.this is exp.DType.TEXT)
    for node, known in chain(jsons, casts):
        kind = node.this.type
        if kind is None or kind.this not in known:
            raise unsupported(f"{node.sql('bigquery')}: text of {kind.sql('bigquery') if kind else '?'} is", node)


def _is_unit(node: exp.Var) -> bool:
    return not isinstance(node.parent, exp.Parameter)


def _constant_pattern(node: exp.Like) -> str:
    if not isinstance(node.expression, exp.Literal):
        raise unsupported("LIKE with a pattern that is not a literal is", node)
    return node.expression.name
