"""A UTC day as an argument of a command."""

from datetime import date

import click

from pyzn_pipeline.days import DaysRefused, day_of


class Day(click.ParamType[date]):
    """A UTC day, YYYY-MM-DD."""

    name = "day"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the day; anything else is a usage error that names the value."""
        if isinstance(value, date):
            return value
        try:
            return day_of(str(value))
        except DaysRefused as error:
            self.fail(str(error), param, ctx)


DAY = Day()
