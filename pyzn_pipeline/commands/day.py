"""A UTC day as an argument of a command."""

from datetime import UTC, date, datetime

import click


class Day(click.ParamType[date]):
    """A UTC day, YYYY-MM-DD."""

    name = "day"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day; anything else is a usage error that names the value."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=UTC).date()
        except ValueError:
            self.fail(f"{str(value)[:40]!r} is not a day; write it as 2026-07-14", param, ctx)


DAY = Day()
