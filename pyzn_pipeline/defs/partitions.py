"""The partitions, which are UTC days, and how a range of them is divided into runs."""

from datetime import date

from dagster import AssetExecutionContext, BackfillPolicy, DailyPartitionsDefinition, Failure

from pyzn_pipeline.days import PARTITION, RANGE_START

# A run's process takes seconds to start, a day of the sample half a second: with a run for each day, most of a
# backfill would be start-up time. If a run is killed, Dagster can repeat at most this month; days that it has published
# are then re-read at full price and found unchanged. Measured in docs/decisions/0003.
DAYS_A_RUN = 31
BACKFILL_POLICY = BackfillPolicy.multi_run(max_partitions_per_run=DAYS_A_RUN)


def ensure_partitions(context: AssetExecutionContext) -> None:
    """Raise Failure for a run that names no partition. Dagster's own error would not name the way out."""
    if not {PARTITION, RANGE_START} & context.run.tags.keys():
        raise Failure("the run names no partition: choose days when you launch it", allow_retries=False)


def utc_days(first_day: date) -> DailyPartitionsDefinition:
    """Return every UTC day from `first_day` to yesterday; a day becomes a partition when it is over."""
    return DailyPartitionsDefinition(start_date=first_day.isoformat(), timezone="UTC")
