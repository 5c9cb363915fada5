"""The calendar of a UTC day D: when it is read, missing, late, re-counted, settled; and the hours of the nightly work.

Every hour and every age that PyZn acts on is here: schedules, sensors, checks and their descriptions take it from
here, SQL by bound parameters. The API, which knows the database alone, reads `pyzn.calendar`, and `pyzn migrate`
writes that row from here. All times are UTC.
"""

from datetime import UTC, date, datetime, time, timedelta

READ_AT = time(17)
"""Of D+1: the day is due, and the daily run reads it. BigQuery has the whole day by then."""

MISSING_AT = time(18)
"""Of D+1: no row in the ledger yet, so the day is asked for again."""

LATE_AT = time(20)
"""Of D+1: three hours and a retry or two later, people and monitors are told that the day is late."""

RECOUNTED_AT = time(23)
"""Of D+1, D+3 and D+7: the source is asked for its COUNT(*) of the day."""

RECOUNTED_AFTER = (1, 3, 7)  # days
RECOUNT_PAUSE = timedelta(hours=1)  # between a publication and a re-count, or both would see the source at one moment

SETTLED_AFTER = 7
"""Days: late rows arrive within a week, so a day that is read or counted on D+7 or later and is the same is final."""

PACKED_AT = time(3)
RETIRED_AT = time(4)


def latest(now: datetime, at: time) -> date:
    """The latest day for which the time `at` of the day after it has come at `now`."""
    return (now.astimezone(UTC) - timedelta(days=1, hours=at.hour, minutes=at.minute)).date()


def settled(day: date, now: datetime) -> bool:
    """Whether what the source says of `day` at `now` is what it will say for ever."""
    return (now.astimezone(UTC).date() - day).days >= SETTLED_AFTER


def cron(at: time) -> str:
    """The cron line of every day at that time."""
    return f"{at.minute} {at.hour} * * *"


def said(at: time) -> str:
    """As people read it: '17:00 UTC'."""
    return f"{at:%H:%M} UTC"


def recounts_said() -> str:
    """As people read it: '23:00 UTC of D+1, D+3 and D+7'."""
    *ages, last = (f"D+{age}" for age in RECOUNTED_AFTER)
    return f"{said(RECOUNTED_AT)} of {', '.join(ages)} and {last}"
