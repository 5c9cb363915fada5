"""The job that shows in the UI what a backfill would cost: Dagster's own dialog cannot show a price."""

from datetime import UTC, date, datetime, timedelta

from dagster import Failure, Field, JobDefinition, OpExecutionContext, String, job, op

from pyzn_pipeline.backfills.price import backfill_cost
from pyzn_pipeline.days import day_of, days_between
from pyzn_pipeline.defs.resources import DaySource, Store
from pyzn_pipeline.errors import PyznError


def backfill_cost_job(first_day: date, breakdowns: list[str]) -> JobDefinition:
    """The job. The range is set in its launchpad; the answer is on the run's page."""

    # Not a Config, whose texts can be {env: …}: the error of one that is no day would show a secret.
    range_ = {
        "start": Field(String, default_value=str(first_day), description="first UTC day, YYYY-MM-DD"),
        "end": Field(String, default_value="yesterday", description="last UTC day, YYYY-MM-DD, or yesterday"),
    }

    @op(
        config_schema=range_,
        description="Asks the source for its price, which is free, and the ledger which days are published.",
    )
    def price_a_backfill(context: OpExecutionContext, source: DaySource, store: Store) -> None:
        try:
            days = days_between(_day(context.op_config["start"]), _day(context.op_config["end"]), first_day)
            with store.engine() as engine, source.opened() as opened:
                cost = backfill_cost(opened, engine, days, source.usd_per_tib, breakdowns)
        except PyznError as error:
            raise Failure(str(error), allow_retries=False) from error
        context.log.info(str(cost))
        context.add_output_metadata(
            {
                "days": cost.days,
                "days published already": cost.published,
                "days retired": cost.retired,
                "bytes billed": cost.price.billed,
                "bytes billed without file names": cost.price.without_filenames,
                "bytes billed with all file names": cost.price.with_filenames,
                **{f"bytes by {name} of one day": billed for name, billed in cost.by_breakdown.items()},
                "US dollars": round(cost.dollars, 6),
            }
        )

    @job(
        description="Shows the cost of a backfill: set `start` and `end` in the launchpad, launch, and read the answer "
        "in the run. Bills nothing. The same in a terminal: `pyzn backfill --dry-run START END`."
    )
    def price_backfill() -> None:
        price_a_backfill()

    return price_backfill


def _day(written: str) -> date:
    if written == "yesterday":
        return datetime.now(UTC).date() - timedelta(days=1)
    return day_of(written)
