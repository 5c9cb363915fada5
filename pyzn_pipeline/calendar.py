"""The calendar of a UTC day D: when it is read, missing, late, recounted, settled; and the hours of the nightly work.

Every hour and every age that PyZn acts on is defined here. Schedules, sensors, checks and their descriptions import
it; SQL gets it as bound parameters. The API may not import it: it reads `pyzn.calendar`, which `pyzn migrate`
writes from here. All times are UTC.
"""

from datetime import UTC, date, datetime, time, timedelta

READ_AT = time(17)
"""On D+1: the daily run reads the day. BigQuery has the whole day by then."""

MISSING_AT = time(18)
"""On D+1: if the ledger has no row for the day, the day is asked for again."""

LATE_AT = time(20)
"""On D+1: the day is late, which is an alert. Until then there was time for one or two retries."""

RECOUNTED_AT = time(23)
"""On D+1, D+3 and D+7: the source is asked for its count of the day."""

RECOUNTED_AFTER = (1, 3, 7)  # days
RECOUNT_PAUSE = timedelta(hours=1)  # from a publication to its first recount: sooner, the source cannot have changed

MIRROR_INTERVAL = timedelta(minutes=5)  # how often its index is fetched, to see whether it has changed

SETTLED_AFTER = 7
"""Days. Late rows arrive within a week, so a day that is read or recounted on D+7 or later and is the same is final."""

PACKED_AT = time(3)
RETIRED_AT = time(4)


def latest(now: datetime, at: time) -> date:
    """Return the latest day D for which `at` on D+1 is not after `now`."""
    return (now.astimezone(UTC) - timedelta(days=1, hours=at.hour, minutes=at.minute)).date()


def settled(day: date, now: datetime) -> bool:
    """Return whether the source gets no more rows for `day` after `now`."""
    return (now.astimezone(UTC).date() - day).days >= SETTLED_AFTER


def cron(at: time) -> str:
    """Return the cron expression for every day at that time."""
    return f"{at.minute} {at.hour} * * *"


def clock_time(at: time) -> str:
    """Return the time as text: '17:00 UTC'."""
    return f"{at:%H:%M} UTC"


def recount_times() -> str:
    """Return the times of the recounts as text: '23:00 UTC of D+1, D+3 and D+7'."""
    *ages, last = (f"D+{age}" for age in RECOUNTED_AFTER)
    return f"{clock_time(RECOUNTED_AT)} of {', '.join(ages)} and {last}"
