"""Turns a BigQuery statement into a plan: what is needed to price it and to run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.pushdown_predicates import pushdown_predicates
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.scope import Scope, traverse_scope

from pyzn_local.bigquery.errors import invalid_query
from pyzn_local.bigquery.fields import leaves
from pyzn_local.bigquery.grammar import parse
from pyzn_local.bigquery.names import resolve, table_of
from pyzn_local.bigquery.parameters import bind, read_parameters
from pyzn_local.bigquery.partitions import Bounds, Evaluate, partition_bounds
from pyzn_local.bigquery.rewrite import to_duckdb
from pyzn_local.bigquery.tables import PARTITIONS, Table


@dataclass(frozen=True, slots=True)
class TableUse:
    """One table in a FROM: the leaf columns that are read (paths joined by dots), and on which days."""

    table: Table
    columns: frozenset[str]
    bounds: tuple[Bounds, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A parsed statement: the SQL that DuckDB runs, and what it reads."""

    duckdb_sql: str
    uses: tuple[TableUse, ...]
    sorts: bool
    """Whether it sorts its whole result. In BigQuery one worker does that; with a LIMIT, many do."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables read, each once."""
        return tuple({use.table.path: use.table for use in self.uses}.values())

    @property
    def reads_metadata(self) -> bool:
        """Whether it reads INFORMATION_SCHEMA.PARTITIONS."""
        return PARTITIONS in self.tables


def plan(query: str, parameters: Sequence[Mapping[str, Any]], evaluate: Evaluate) -> Plan:
    """Parse `query`; `parameters` are a job's `queryParameters`.

    Raises:
        BigQueryError: 400 `invalidQuery` when the SQL is wrong, unsupported, or reads a partitioned table
            without a filter on its partition column; 404 `notFound` for an unknown table.
    """
    values = read_parameters(parameters)
    try:
        tree = parse(query)
        bind(tree, values)
        tree = resolve(tree)
        # This changes the billed bytes: unused columns are not read, and a filter outside a CTE is moved into it.
        pruned = pushdown_predicates(pushdown_projections(tree.copy()), dialect="bigquery")
        uses = tuple(use for scope in traverse_scope(pruned) for use in _table_uses(scope, evaluate))
        sorts = tree.args.get("order") is not None and tree.args.get("limit") is None
        return Plan(to_duckdb(tree), uses, sorts)
    except SqlglotError as error:
        raise invalid_query(f"Cannot resolve the query: {error}") from None
    except RecursionError:
        raise invalid_query("Query is too complex: its expressions are nested too deeply") from None


def _table_uses(scope: Scope, evaluate: Evaluate) -> list[TableUse]:
    uses = []
    where = scope.expression.args.get("where")
    for alias, (_, source) in scope.selected_sources.items():
        if not isinstance(source, exp.Table):
            continue
        table = table_of(source)
        column = exp.column(table.partition_column or "", table=alias, quoted=True)
        bounds = partition_bounds(where.this if where else None, column, evaluate)
        if table.partition_column and not bounds:
            raise invalid_query(
                f"Cannot query over table '{table.path}' without a filter over column(s) "
                f"'{table.partition_column}' that can be used for partition elimination"
            )
        paths = [_path(found) for found in scope.columns if found.table == alias]
        columns = {leaf for path in paths for leaf in _leaves_under(table, path)}
        uses.append(TableUse(table, frozenset(columns), tuple(bounds)))
    return uses


def _path(column: exp.Column) -> tuple[str, ...]:
    """The path of a column, from the top-level field down: `details`, `installer`, `name`."""
    path = [column.name]
    node: exp.Expr = column
    while isinstance(node.parent, exp.Dot) and node.parent.this is node:
        node = node.parent
        path.append(node.expression.name)
    return tuple(path)


def _leaves_under(table: Table, path: tuple[str, ...]) -> list[str]:
    wanted = tuple(name.lower() for name in path)
    return [".".join(leaf) for leaf, _ in leaves(table.fields) if leaf[: len(wanted)] == wanted]
