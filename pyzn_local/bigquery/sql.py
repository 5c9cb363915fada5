"""Translates a BigQuery statement: sqlglot parses it, DuckDB runs it. Finds what it reads, which sets its price.

It is for the statements that PyZn sends and a person's SELECT. What is valid GoogleSQL is not checked here: the tests
ask Google's own engine about every statement of the pipeline.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.pushdown_predicates import pushdown_predicates
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from pyzn_local.bigquery.errors import invalid_query
from pyzn_local.bigquery.tables import QUERIED, Table, find_table, leaves

_PARAMETER_TYPES = {"STRING", "INT64", "INTEGER", "FLOAT64", "FLOAT", "BOOL", "BOOLEAN", "DATE", "TIMESTAMP"}
_COMPARISONS = exp.LT | exp.LTE | exp.GT | exp.GTE | exp.EQ | exp.Between


def _schema() -> MappingSchema:
    schema = MappingSchema(dialect="bigquery")
    for table in QUERIED.values():  # names decide what a statement reads; no type does
        schema.add_table(table.path, dict.fromkeys(table.schema.names, "STRING"), dialect="bigquery")
    return schema


_SCHEMA = _schema()


@dataclass(frozen=True, slots=True)
class TableScan:
    """A table in a FROM: the leaf columns that are read, and DuckDB's conditions that choose its partitions."""

    table: Table
    leaves: tuple[tuple[str, ...], ...]
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement in DuckDB's SQL, and what it reads.

    `sorts`: it sorts its whole result. In BigQuery one worker does that; with a LIMIT, many do.
    """

    duckdb_sql: str
    reads: tuple[TableScan, ...]
    sorts: bool

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables read, each once."""
        return tuple({read.table.path: read.table for read in self.reads}.values())


def translate(query: str, parameters: Sequence[Mapping[str, Any]]) -> Statement:
    """Translate `query`; `parameters` are a job's `queryParameters`. A query often comes twice: a dry run is before it.

    Raises:
        BigQueryError: 400 `invalidQuery` when the SQL is wrong, is no SELECT, or reads a partitioned table without a
            filter on its partition column; 404 `notFound` for an unknown table.
    """
    return _translate(query, json.dumps(parameters))


@lru_cache(maxsize=64)
def _translate(query: str, parameters: str) -> Statement:
    try:
        tree = sqlglot.parse_one(query, read="bigquery")
        if not isinstance(tree, exp.Query):
            raise invalid_query(f"{tree.key.upper()} is not supported by this emulator: only SELECT is")
        _bind(tree, json.loads(parameters))
        ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
        for table in tree.find_all(exp.Table):
            if table.db or table.name not in ctes:
                _table(table)
        qualified = qualify(tree.copy(), schema=_SCHEMA, dialect="bigquery", validate_qualify_columns=False)
        # As in BigQuery, columns that are not used are not read, and a filter outside a CTE is moved into it.
        pruned = pushdown_predicates(pushdown_projections(qualified), dialect="bigquery")
        reads = tuple(read for scope in traverse_scope(pruned) for read in _reads(scope))
        sorts = tree.args.get("order") is not None and tree.args.get("limit") is None
        return Statement(_to_duckdb(tree), reads, sorts)
    except SqlglotError as error:
        raise invalid_query(f"Syntax error: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise invalid_query("Query is too complex: its expressions are nested too deeply") from None


def _bind(tree: exp.Query, parameters: Sequence[Mapping[str, Any]]) -> None:
    """Replace each @name with its value, a typed literal."""
    values: dict[str, exp.Expr] = {}
    for parameter in parameters:
        name, kind = parameter.get("name"), parameter["parameterType"]["type"]
        if not name or kind not in _PARAMETER_TYPES:
            raise invalid_query(f"Query parameter {name!r} of type {kind}: only named scalars are supported")
        text = parameter["parameterValue"].get("value")  # the client sends a FLOAT64 as a number, all else as text
        literal = exp.null() if text is None else exp.Literal.string(str(text))
        values[name.lower()] = exp.cast(literal, kind, dialect="bigquery")
    for node in list(tree.find_all(exp.Parameter)):
        if node.name.lower() not in values:
            raise invalid_query(f"Query parameter '{node.name}' not found")
        node.replace(values[node.name.lower()].copy())


def _table(node: exp.Table) -> Table:
    if not node.catalog:
        raise invalid_query(f'Table "{node.name}" must be qualified with its project and dataset')
    return find_table(node.catalog, node.db, node.name)


def _reads(scope: Scope) -> Iterator[TableScan]:
    where = scope.expression.args.get("where")
    for alias, (_, source) in scope.selected_sources.items():
        if not isinstance(source, exp.Table):
            continue
        table = _table(source)
        conditions: list[str] = []
        if table.partition_column:
            conditions = list(_conditions(where, exp.column(table.partition_column, table=alias, quoted=True)))
            if not conditions:
                raise invalid_query(
                    f"Cannot query over table '{table.path}' without a filter over column(s) "
                    f"'{table.partition_column}' that can be used for partition elimination"
                )
        paths = [_path(column) for column in scope.columns if column.table == alias]
        read = (leaf for leaf, _ in leaves(table.schema) if any(leaf[: len(path)] == path for path in paths))
        yield TableScan(table, tuple(read), tuple(conditions))


def _path(column: exp.Column) -> tuple[str, ...]:
    """The path of a column, from the top-level field down: `details`, `installer`, `name`."""
    path, node = [column.name.lower()], column.parent
    while isinstance(node, exp.Dot):
        path.append(node.name.lower())
        node = node.parent
    return tuple(path)


def _conditions(where: exp.Where | None, column: exp.Column) -> Iterator[str]:
    """Yield DuckDB's form of each part of a WHERE that compares `column`, or its day, with a constant.

    https://cloud.google.com/bigquery/docs/querying-partitioned-tables
    """
    if where is None:
        return
    for part in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
        columns = list(part.find_all(exp.Column))
        alone = columns and all(each == column for each in columns) and not part.find(exp.Query)
        if alone and isinstance(part.unnest(), _COMPARISONS):
            yield _to_duckdb(part.transform(lambda n: exp.column(column.name, quoted=True) if n == column else n))


# -- DuckDB's SQL where it would give another answer than BigQuery to a statement of the pipeline

_UNLIKE_DUCKDB = r"[\x00-\x1f\x{2028}\x{2029}]"
"""Texts that need `bigquery_json`: DuckDB's own, which is faster, writes \\u001F in capitals, and U+2028 as it is."""


def bigquery_lower(text: str) -> str:
    """LOWER. DuckDB's loses the dot of İ, and does not write Σ as ς at a word's end."""
    return text.lower()


def bigquery_json(text: str) -> str:
    """TO_JSON_STRING of a text."""
    return json.dumps(text, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def register(database: duckdb.DuckDBPyConnection) -> None:
    """Add these functions to every connection of `database`."""
    for function in (bigquery_lower, bigquery_json):
        database.create_function(function.__name__, function, ["VARCHAR"], "VARCHAR")


def _to_duckdb(tree: exp.Expr) -> str:
    return tree.transform(_rewritten).sql(dialect="duckdb")


def _rewritten(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.Table() if node.db:
            return exp.alias_(exp.table_(node.name, quoted=True), node.alias_or_name, table=True, quoted=True)
        case exp.Lower():
            return exp.func(bigquery_lower.__name__, node.this.transform(_rewritten))
        case exp.JSONFormat():  # DuckDB's is NULL for NULL
            text = node.this.transform(_rewritten)
            unlike = exp.RegexpLike(this=text, expression=exp.Literal.string(_UNLIKE_DUCKDB))
            found = (
                exp.Case()
                .when(unlike, exp.func(bigquery_json.__name__, text))
                .else_(exp.cast(exp.func("to_json", text), "text"))
            )
            return exp.func("coalesce", found, exp.Literal.string("null"))
        case exp.DateAdd() | exp.DateSub():  # DuckDB's is a timestamp
            return exp.cast(node, "date")
        case exp.CountIf():  # DuckDB's is NULL without rows
            return exp.func("coalesce", exp.CountIf(this=node.this.transform(_rewritten)), exp.Literal.number(0))
        case exp.Group() if node.find(exp.GroupingSets, exp.Rollup, exp.Cube) and isinstance(node.parent, exp.Select):
            node.parent.having("COUNT(*) > 0", copy=False)  # without rows, BigQuery returns no grand total
    return node
