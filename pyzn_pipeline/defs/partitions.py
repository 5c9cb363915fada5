"""The partition: a UTC day. And how a range of them is divided into runs."""

from datetime import date

from dagster import BackfillPolicy, DailyPartitionsDefinition

# A run process costs seconds to start, a day of the sample half a second: a run for each day would
# spend most of a backfill on starting. A month is what a killed run can repeat at the most, and
# days it has published already are re-read, at their full price, and found unchanged. Measured in docs/decisions/0003.
DAYS_A_RUN = 31
BACKFILL_POLICY = BackfillPolicy.multi_run(max_partitions_per_run=DAYS_A_RUN)


def utc_days(first_day: date) -> DailyPartitionsDefinition:
    """Every UTC day from `first_day` to yesterday; a day becomes a partition when it is over."""
    return DailyPartitionsDefinition(start_date=first_day.isoformat(), timezone="UTC")
