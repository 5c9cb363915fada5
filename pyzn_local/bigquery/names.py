"""Resolves every name in a statement by BigQuery's rules.

DuckDB has other rules: WHERE and SELECT may use aliases of the same SELECT, and GROUP BY prefers a column to an
alias. A statement that would mean something else in DuckDB is refused here.
"""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from pyzn_local.bigquery.errors import BigQueryError, invalid_query
from pyzn_local.bigquery.grammar import position, unsupported
from pyzn_local.bigquery.tables import TABLES, Table, find_table

_BARE = "bare"  # marks a column that was written without its table

_FAMILIES = {
    **dict.fromkeys(exp.DataType.TEXT_TYPES, "STRING"),
    **dict.fromkeys(exp.DataType.INTEGER_TYPES, "INT64"),
    **dict.fromkeys(exp.DataType.FLOAT_TYPES, "FLOAT64"),
    exp.DType.BOOLEAN: "BOOL",
    exp.DType.DATE: "DATE",
    exp.DType.TIMESTAMPTZ: "TIMESTAMP",
    exp.DType.TIMESTAMP: "TIMESTAMP",
}
_OPERATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_NUMBERS = frozenset({"INT64", "FLOAT64"})


def _schema() -> MappingSchema:
    schema = MappingSchema(dialect="bigquery")
    for table in TABLES.values():
        schema.add_table(table.path, {field.name: field.sql_type for field in table.fields}, dialect="bigquery")
    return schema


SCHEMA = _schema()


def resolve(tree: exp.Query) -> exp.Query:
    """Return `tree` with a table or CTE and a type for every column, and a name for every result column.

    Raises:
        BigQueryError: 400 `invalidQuery` for unknown names, 404 `notFound` for unknown tables.
    """
    for table in tree.find_all(exp.Table):
        _check_table(table, tree)
    names = _result_names(tree)
    for column in tree.find_all(exp.Column):
        column.meta[_BARE] = not column.table
    try:
        tree = qualify(tree, schema=SCHEMA, dialect="bigquery", expand_alias_refs=False, validate_qualify_columns=False)
    except OptimizeError as error:
        raise _unresolved(error) from None
    for scope in traverse_scope(tree):
        _check_scope(scope)
    _name_results(tree, names)
    annotate_types(tree, schema=SCHEMA, dialect="bigquery")
    for node in tree.find_all(exp.Predicate):
        _check_types(node)
    return tree


def table_of(node: exp.Table) -> Table:
    """The stored table for a qualified table node."""
    return find_table(node.catalog, node.db, node.name)


def _check_table(node: exp.Table, tree: exp.Query) -> None:
    if isinstance(node.this, exp.Func):
        raise invalid_query(f"Table-valued function not found: {node.this.name}{position(node)}")
    if not node.db:
        if node.name not in {cte.alias for cte in tree.find_all(exp.CTE)}:
            raise invalid_query(f'Table "{node.name}" must be qualified with a dataset (e.g. dataset.table).')
        return
    if "*" in node.name:
        raise unsupported("Wildcard tables are", node)
    if not node.catalog:
        raise unsupported(f"A table without its project ({node.db}.{node.name}) is", node)
    table_of(node)


def _result_names(tree: exp.Query) -> list[str] | None:
    """The result's column names, f0_, f1_, … for unnamed ones; None if a star makes their number unknown."""
    first: exp.Expr = tree
    while not isinstance(first, exp.Select):
        first = first.this
    names: list[str] = []
    unnamed = 0
    for projection in first.expressions:
        if projection.is_star:
            return None
        named = isinstance(projection, exp.Alias | exp.Column | exp.Dot)
        names.append(projection.alias_or_name or projection.name if named else f"f{unnamed}_")
        unnamed += not named
    return names


def _name_results(tree: exp.Query, names: list[str] | None) -> None:
    first: exp.Expr = tree
    while not isinstance(first, exp.Select):
        first = first.this
    for projection, name in zip(first.expressions, names or (), strict=False):
        if isinstance(projection, exp.Alias):
            projection.set("alias", exp.to_identifier(name, quoted=True))
    seen: set[str] = set()
    for name in (projection.alias_or_name for projection in first.expressions):
        if name.lower() in seen:
            raise invalid_query(f"Duplicate column names in the result are not supported. Found duplicate(s): {name}")
        seen.add(name.lower())


def _unresolved(error: OptimizeError) -> BigQueryError:
    """BigQuery's error for a name that sqlglot could not resolve."""
    text = str(error)
    name = re.search(r"(?:Column|column:|Ambiguous column) '?\"?([\w.$]+)", text)
    place = re.search(r"Line: (\d+), Col: (\d+)", text)
    where = f" at [{place[1]}:{max(1, int(place[2]) - len(name[1]) + 1)}]" if place and name else ""
    if name and text.startswith("Unknown column"):
        return invalid_query(f"Name {name[1]} not found inside its table")
    if name and "mbiguous" in text:
        return invalid_query(f"Column name {name[1]} is ambiguous{where}")
    return invalid_query(f"Unrecognized name: {name[1]}{where}" if name else f"Cannot resolve the query: {text}")


def _check_scope(scope: Scope) -> None:
    """In one SELECT, refuse unknown names, and names that BigQuery and DuckDB would resolve differently."""
    select = scope.expression
    if not isinstance(select, exp.Select):
        return
    aliases = {projection.alias.lower(): projection.this for projection in select.selects if projection.alias}
    columns = _source_columns(scope)
    for column in scope.columns:
        clause = _clause_of(column, select)
        name = column.name.lower()
        if column.table:
            if not _is_known(column.table, scope):
                raise invalid_query(f"Unrecognized name: {column.table}{position(column)}")
            alias = aliases.get(name)
            if column.meta.get(_BARE) and alias not in {None, column} and _is_grouping_key(column):
                raise invalid_query(f"Column name {column.name} is ambiguous{position(column)}")
        elif name not in aliases or clause not in {exp.Group, exp.Having, exp.Order}:
            raise invalid_query(f"Unrecognized name: {column.name}{position(column)}")
        elif name in columns and aliases[name] != _sole_column(aliases[name], name):
            if clause is exp.Group and not column.meta.get(_BARE):
                column.replace(aliases[name].copy())  # it was written as a position: GROUP BY 1
            elif clause is not exp.Order or column.find_ancestor(exp.AggFunc, exp.Order) is not select.args["order"]:
                raise invalid_query(f"Column name {column.name} is ambiguous{position(column)}")


def _is_known(name: str, scope: Scope | None) -> bool:
    """Whether `name` is a table or CTE of this SELECT or of an outer one."""
    while scope is not None:
        if name in scope.sources:
            return True
        scope = scope.parent
    return False


def _is_grouping_key(column: exp.Expr) -> bool:
    """Whether GROUP BY has `column` itself, not an expression of it."""
    node = column.parent
    while isinstance(node, exp.Tuple | exp.Paren | exp.GroupingSets | exp.Cube | exp.Rollup):
        node = node.parent
    return isinstance(node, exp.Group)


def _sole_column(node: exp.Expr, name: str) -> exp.Expr | None:
    return node if isinstance(node, exp.Column) and node.name.lower() == name else None


def _source_columns(scope: Scope) -> set[str]:
    found: set[str] = set()
    for source in scope.sources.values():
        if isinstance(source, exp.Table):
            found.update(field.name for field in table_of(source).fields)
        else:
            found.update(name.lower() for name in source.expression.named_selects)  # type: ignore[attr-defined]  # a source is a Query
    return found


def _clause_of(column: exp.Expr, select: exp.Select) -> type[exp.Expr] | None:
    """The clause of `select` (Where, Group, …) that holds `column`; None for its projections."""
    node: exp.Expr | None = column
    while node is not None and node.parent is not select:
        node = node.parent
    return type(node) if isinstance(node, exp.Where | exp.Group | exp.Having | exp.Order | exp.Join) else None


def _check_types(node: exp.Expr) -> None:
    """Refuse a comparison of types that BigQuery has no signature for, and DuckDB would convert."""
    if isinstance(node, exp.Between):
        operands, operator = [node.this, node.args["low"], node.args["high"]], "BETWEEN"
    elif isinstance(node, exp.In) and node.expressions:
        operands, operator = [node.this, *node.expressions], "IN"
    elif isinstance(node, exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE):
        operands, operator = [node.left, node.right], _OPERATORS[type(node)]
    else:
        return
    typed = [(operand, _FAMILIES.get(operand.type.this)) for operand in operands if operand.type is not None]
    families = [family for operand, family in typed if family and not _coerces(operand)]
    if len(set(families) - _NUMBERS) > 1 or (set(families) & _NUMBERS and set(families) - _NUMBERS):
        listed = ", ".join(str(family) for _, family in typed)
        raise invalid_query(
            f"No matching signature for operator {operator} for argument types: {listed}{position(node)}"
        )


def _coerces(operand: exp.Expr) -> bool:
    """Whether `operand` is a literal, which BigQuery converts to the type of the other side if it can."""
    return isinstance(operand, exp.Literal | exp.RawString | exp.Null) and not operand.is_number
