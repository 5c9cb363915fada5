"""Gives every column its table, by BigQuery's rules: DuckDB prefers other names in GROUP BY, HAVING and ORDER BY.

What BigQuery refuses and DuckDB takes, such as an alias in WHERE, is not looked for: the tests ask Google's own engine.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from pyzn_local.bigquery.errors import invalid_query
from pyzn_local.bigquery.grammar import check_types, position, unsupported
from pyzn_local.bigquery.tables import PARTITIONS, QUERIED, Table, find_table

_BARE = "bare"  # marks a column that was written without its table after WHERE, where an alias may be meant


def _schema() -> MappingSchema:
    schema = MappingSchema(dialect="bigquery")
    for table in QUERIED.values():
        schema.add_table(table.path, {field.name: field.sql_type for field in table.fields}, dialect="bigquery")
    return schema


SCHEMA = _schema()


def resolve(tree: exp.Query) -> exp.Query:
    """Return `tree` with a table or CTE and a type for every column, and a name for every result column.

    Raises:
        BigQueryError: 400 `invalidQuery` for ambiguous names, 404 `notFound` for unknown tables.
    """
    for table in tree.find_all(exp.Table):
        _check_table(table, tree)
    names = _result_names(tree)
    for column in tree.find_all(exp.Column):
        # ORDER BY x takes the alias in both.
        column.meta[_BARE] = not column.table and _is_after_where(column) and not isinstance(column.parent, exp.Ordered)
    try:
        tree = qualify(tree, schema=SCHEMA, dialect="bigquery", expand_alias_refs=False, validate_qualify_columns=False)
    except OptimizeError as error:
        raise invalid_query(f"Cannot resolve the query: {error}") from None
    for scope in traverse_scope(tree):
        _check_scope(scope)
    _name_results(tree, names)
    annotate_types(tree, schema=SCHEMA, dialect="bigquery")
    check_types(tree)
    return tree


def table_of(node: exp.Table) -> Table:
    """The stored table, or view of metadata, for a qualified table node."""
    return find_table(node.catalog, node.db, node.name, among=QUERIED)


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
    if table_of(node) is PARTITIONS and any(select.is_star for select in tree.find_all(exp.Select)):
        raise unsupported(f"A * over {PARTITIONS.name}, which has fewer columns here, is", node)


def _result_names(tree: exp.Query) -> list[str] | None:
    """The result's column names, f0_, f1_, … for unnamed ones; None if a star makes their number unknown."""
    names: list[str] = []
    unnamed = 0
    for projection in _first_select(tree).expressions:
        if projection.is_star:
            return None
        named = isinstance(projection, exp.Alias | exp.Column | exp.Dot)
        names.append(projection.alias_or_name or projection.name if named else f"f{unnamed}_")
        unnamed += not named
    return names


def _name_results(tree: exp.Query, names: list[str] | None) -> None:
    projections = _first_select(tree).expressions
    for projection, name in zip(projections, names or (), strict=False):
        if isinstance(projection, exp.Alias):
            projection.set("alias", exp.to_identifier(name, quoted=True))
    seen: set[str] = set()
    for name in (projection.alias_or_name for projection in projections):
        if name.lower() in seen:
            raise invalid_query(f"Duplicate column names in the result are not supported. Found duplicate(s): {name}")
        seen.add(name.lower())


def _first_select(tree: exp.Query) -> exp.Select:
    first: exp.Expr = tree
    while not isinstance(first, exp.Select):
        first = first.this
    return first


def _check_scope(scope: Scope) -> None:
    """In one SELECT, refuse a name in GROUP BY, HAVING or ORDER BY that is a column and the alias of something else.

    BigQuery takes the one or the other, or calls it ambiguous. DuckDB often takes the other one.
    """
    select = scope.expression
    if not isinstance(select, exp.Select):
        return
    columns = _source_columns(scope)
    aliases = {projection.alias.lower(): projection.this for projection in select.selects if projection.alias}
    for column in list(select.find_all(exp.Column)):
        name = column.name.lower()
        alias = aliases.get(name)
        same = isinstance(alias, exp.Column) and alias.name.lower() == name
        if alias is None or same or name not in columns or column.parent_select is not select:
            continue
        if column.meta.get(_BARE):
            raise invalid_query(f"Column name {column.name} is ambiguous{position(column)}")
        if not column.table and _is_after_where(column):
            column.replace(alias.copy())  # it was written as a position: GROUP BY 1


def _source_columns(scope: Scope) -> set[str]:
    found: set[str] = set()
    for source in scope.sources.values():
        if isinstance(source, exp.Table):
            found.update(field.name for field in table_of(source).fields)
        else:
            found.update(name.lower() for name in source.expression.named_selects)  # type: ignore[attr-defined]  # a source is a Query
    return found


def _is_after_where(column: exp.Column) -> bool:
    node: exp.Expr = column
    while node.parent is not None and not isinstance(node.parent, exp.Select):
        node = node.parent
    return isinstance(node, exp.Group | exp.Having | exp.Order)
