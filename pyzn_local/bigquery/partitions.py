"""Finds which days of a partitioned table a query reads, from the comparisons in its WHERE clauses.

Partitions are eliminated only by comparisons of the partition column with a constant, joined by AND:
https://cloud.google.com/bigquery/docs/querying-partitioned-tables
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp

# Returns the value of a constant SQL expression, cast to a type: evaluate(expression, DType.DATE).
Evaluate = Callable[[exp.Expr, exp.DType], object]

_MIRRORED = {exp.LT: exp.GT, exp.LTE: exp.GTE, exp.GT: exp.LT, exp.GTE: exp.LTE, exp.EQ: exp.EQ}
_INSTANT = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The instants from `first` to `last`, both included; None means no limit."""

    first: dt.datetime | None = None
    last: dt.datetime | None = None

    def touches(self, day: dt.date) -> bool:
        """Whether some instant of that UTC day is within the bounds."""
        start = dt.datetime.combine(day, dt.time(), dt.UTC)
        end = start + dt.timedelta(days=1) - _INSTANT
        return (self.first is None or end >= self.first) and (self.last is None or start <= self.last)


def partition_bounds(where: exp.Expr | None, column: exp.Column, evaluate: Evaluate) -> list[Bounds]:
    """The bounds that `where` sets for `column`, one for each comparison. A day is read when all bounds touch it.

    An empty list means that no partition is eliminated. A comparison with NULL touches no day.
    """
    if where is None:
        return []
    return [bounds for conjunct in _conjuncts(where) for bounds in _bounds(conjunct, column, evaluate)]


def _conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    node = node.unnest()
    if isinstance(node, exp.And):
        yield from _conjuncts(node.left)
        yield from _conjuncts(node.right)
    else:
        yield node


def _bounds(node: exp.Expr, column: exp.Column, evaluate: Evaluate) -> Iterator[Bounds]:
    if isinstance(node, exp.Between):
        if precision := _precision(node.this, column):
            yield from _compare(exp.GTE, precision, node.args["low"], evaluate)
            yield from _compare(exp.LTE, precision, node.args["high"], evaluate)
    elif isinstance(node, exp.LT | exp.LTE | exp.GT | exp.GTE | exp.EQ):
        if precision := _precision(node.left, column):
            yield from _compare(type(node), precision, node.right, evaluate)
        elif precision := _precision(node.right, column):
            yield from _compare(_MIRRORED[type(node)], precision, node.left, evaluate)


def _precision(node: exp.Expr, column: exp.Column) -> exp.DType | None:
    """TIMESTAMPTZ for the column itself, DATE for its day, None for anything else."""
    node = node.unnest()
    if node == column:
        return exp.DType.TIMESTAMPTZ
    whole_day = (
        (isinstance(node, exp.Date) and not node.args.get("zone"))
        or (isinstance(node, exp.Cast) and node.to.this is exp.DType.DATE)
        or (isinstance(node, exp.TimestampTrunc) and node.text("unit").upper() == "DAY")
        or (isinstance(node, exp.Extract) and node.name.upper() == "DATE")
    )
    operand = node.expression if isinstance(node, exp.Extract) else node.this
    return exp.DType.DATE if whole_day and operand == column else None


def _compare(
    operator: type[exp.Expr], precision: exp.DType, constant: exp.Expr, evaluate: Evaluate
) -> Iterator[Bounds]:
    if any(constant.find_all(exp.Column, exp.Query)):
        return
    value = evaluate(constant, precision)
    if value is None:
        yield Bounds(first=dt.datetime.max.replace(tzinfo=dt.UTC), last=dt.datetime.min.replace(tzinfo=dt.UTC))
        return
    if isinstance(value, dt.datetime):
        start, end = value, value
    elif isinstance(value, dt.date):
        start = dt.datetime.combine(value, dt.time(), dt.UTC)
        end = start + dt.timedelta(days=1) - _INSTANT
    else:
        return
    if operator is exp.EQ:
        yield Bounds(start, end)
    elif operator is exp.GTE:
        yield Bounds(first=start)
    elif operator is exp.GT:
        yield Bounds(first=end + _INSTANT)
    elif operator is exp.LTE:
        yield Bounds(last=end)
    else:
        yield Bounds(last=start - _INSTANT)
