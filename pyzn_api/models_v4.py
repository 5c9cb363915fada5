"""The shapes of v4, for the OpenAPI document only: no answer passes through them."""

from datetime import date, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from pyzn_api.models import BY_VERSION, Downloads, example
from pyzn_pipeline.breakdowns import UNKNOWN, Breakdown


class NotFinal(BaseModel):
    """The days of the answer whose numbers are not the last word."""

    missing: list[date] = Field(description="not published: their downloads are unknown, not zero")
    provisional: list[date] = Field(description="published, and to be recounted")
    suspect: list[date] = Field(description="published, although it differs much from the weeks before")


class Summary(BaseModel):
    """The totals of a project; week and month are 7 and 30 days."""

    project: str = Field(description="the PEP 503 normal form of the name")
    total_downloads: Downloads
    downloads_last_day: Downloads
    downloads_last_week: Downloads
    downloads_last_month: Downloads
    first_day: date | None = Field(description="of downloads")
    latest_day: date | None = Field(description="of downloads")
    versions_last_month: int
    countries_last_month: int


_SUMMARY = {
    "project": "sampleproject",
    "total_downloads": 319,
    "downloads_last_day": 120,
    "downloads_last_week": 215,
    "downloads_last_month": 227,
    "first_day": "2025-07-19",
    "latest_day": "2026-07-19",
    "versions_last_month": 7,
    "countries_last_month": 5,
}
_JUNE_21 = date(2026, 6, 21)
_DAYS = {
    "missing": [str(_JUNE_21 + timedelta(days=n)) for n in range(28) if n != 26],
    "provisional": ["2026-07-19"],
    "suspect": ["2026-07-17"],
}

_EVER_MISSING = [
    str(day)
    for day in (date(2025, 7, 19) + timedelta(days=n) for n in range(366))
    if str(day) not in BY_VERSION | {"2025-07-19": {}}
]


class SummaryOfOne(Summary):
    """The totals of a project, and how far to trust the last 30 days."""

    model_config = example(_SUMMARY | {"as_of": "2026-07-19", "days": _DAYS})

    as_of: date = Field(description="the latest published day; the last day, week and month end with it")
    days: NotFinal


class Summaries(BaseModel):
    """The totals of several projects, in the order asked for."""

    model_config = example(
        {"projects": [_SUMMARY], "unknown": ["no-such-project"], "as_of": "2026-07-19", "days": _DAYS}
    )

    projects: list[Summary]
    unknown: list[str] = Field(description="those that nobody has heard of")
    as_of: date = Field(description="the latest published day; the last day, week and month end with it")
    days: NotFinal


class Counts(BaseModel):
    """Counts of a project over a range of days."""

    project: str
    start: date
    end: date
    granularity: Literal["day", "week", "month"]
    days: NotFinal


_EXAMPLES = {
    "version": [
        (day, version, counts[version])
        for day, counts in BY_VERSION.items()
        if day >= "2026-06-20"
        for version in sorted(counts, key=lambda version: (-counts[version], version))
    ],
    "country": [
        ("2026-06-20", "US", 12),
        ("2026-07-17", "US", 95),
        ("2026-07-19", "US", 60),
        ("2026-07-19", "(unknown)", 15),
        ("2026-07-19", "DE", 15),
        ("2026-07-19", "FR", 15),
        ("2026-07-19", "XK", 15),
    ],
    "installer": [
        ("2026-06-20", "bandersnatch", 12),
        ("2026-07-17", "pip", 60),
        ("2026-07-17", "bandersnatch", 35),
        ("2026-07-19", "pip", 95),
        ("2026-07-19", "bandersnatch", 25),
    ],
    "python": [
        ("2026-07-17", "3.12", 45),
        ("2026-07-17", "3.9", 15),
        ("2026-07-19", "3.12", 72),
        ("2026-07-19", "3.9", 23),
    ],
    "system": [("2026-07-17", "Linux", 60), ("2026-07-19", "Linux", 95)],
}
"""Real answers, by breakdown."""


def counts_by(breakdown: Breakdown) -> type[Counts]:
    """The shape of the counts by one breakdown."""
    name = breakdown.name
    title = name.title().replace("_", "")
    fields: dict[str, Any] = {name: (str, Field(description=f'{breakdown.key}; unknown is "{UNKNOWN}"'))}
    count = create_model(
        f"{title}Count",
        __doc__=f"The downloads of a project with one {name} in a period.",
        period=(date, Field(description="the first day of the period")),
        downloads=(Downloads, ...),
        **fields,
    )
    answer = {
        "project": "sampleproject",
        "start": "2026-06-20",
        "end": "2026-07-19",
        "granularity": "day",
        "downloads": [{"period": period, name: key, "downloads": n} for period, key, n in _EXAMPLES.get(name, [])],
        "days": _DAYS,
    }
    return create_model(
        f"CountsBy{title}",
        __base__=Counts,
        __doc__=f"Downloads per period and {name}.",
        __cls_kwargs__={"json_schema_extra": {"example": answer}},
        downloads=(list[count], ...),
    )


class Day(BaseModel):
    """A day of the ledger. A missing one has no more than its date and status."""

    model_config = ConfigDict(json_schema_extra={"required": ["day", "status"]})

    day: date
    status: Literal["final", "provisional", "suspect", "missing"]
    revision: int = Field(description="how often its content has been published")
    downloads: int = Field(description="of all projects")
    projects: int = Field(description="with downloads")
    published_at: datetime = Field(description="UTC")


class Days(BaseModel):
    """The ledger over a range of days."""

    model_config = example(
        {
            "start": "2026-07-17",
            "end": "2026-07-19",
            "days": [
                {
                    "day": "2026-07-17",
                    "status": "suspect",
                    "revision": 1,
                    "downloads": 1095,
                    "projects": 2,
                    "published_at": "2026-07-18T17:20:00Z",
                },
                {"day": "2026-07-18", "status": "missing"},
                {
                    "day": "2026-07-19",
                    "status": "provisional",
                    "revision": 1,
                    "downloads": 1120,
                    "projects": 2,
                    "published_at": "2026-07-20T17:20:00Z",
                },
            ],
        }
    )

    start: date
    end: date
    days: list[Day]


class ServiceStatus(BaseModel):
    """Whether anything is published, and what is not."""

    model_config = example(
        {
            "ready": True,
            "latest_day": "2026-07-19",
            "days_late": 0,
            "days_missing": len(_EVER_MISSING),
            "days_suspect": 1,
            "missing": _EVER_MISSING,
            "suspect": ["2026-07-17"],
            "days_wanted": 0,
            "days_given_up": 0,
            "given_up": [],
        }
    )

    ready: bool = Field(description="whether any day is published")
    latest_day: date | None = Field(description="the latest published day")
    days_late: int | None = Field(description="late days after the latest one; a day is late from 20:00 UTC of D+1 on")
    days_missing: int = Field(description="days not published, from the first published one to the last late one")
    days_suspect: int
    missing: list[date] = Field(description="those that are not published of the last 366 days")
    suspect: list[date]
    days_wanted: int = Field(description="days that somebody, or the calendar, asked for and that are not read yet")
    days_given_up: int = Field(description="those of them that are not tried again unless a person asks")
    given_up: list[date] = Field(description="the latest 366 of these")


class Ranked(BaseModel):
    """A project's place. Without `change` where it cannot be said: no downloads then, or a day of then is missing."""

    model_config = ConfigDict(json_schema_extra={"required": ["rank", "project", "downloads"]})

    rank: int
    project: str
    downloads: Downloads
    change: int = Field(description="places gained since the 1, 7 or 30 days before; negative is lost")


class Top(BaseModel):
    """The most downloaded projects."""

    model_config = example(
        {
            "period": "day",
            "start": "2026-07-19",
            "end": "2026-07-19",
            "projects": [
                {"rank": 1, "project": "busy", "downloads": 1000},
                {"rank": 2, "project": "sampleproject", "downloads": 120},
            ],
            "days": {"missing": [], "provisional": ["2026-07-19"], "suspect": []},
        }
    )

    period: Literal["day", "week", "month"]
    start: date
    end: date
    projects: list[Ranked]
    days: NotFinal


class TopPackage(BaseModel):
    """A project of the list."""

    download_count: Downloads
    project: str


class ListedDays(BaseModel):
    """What the list counts."""

    start: date
    end: date
    days: NotFinal


class TopPackages(BaseModel):
    """The list of the most downloaded projects, as scanners know it."""

    model_config = example(
        {
            "last_update": "2026-07-20 17:20:00",
            "source": "bigquery-public-data.pypi.file_downloads, by PyZn",
            "meta": {"start": "2026-06-20", "end": "2026-07-19", "days": _DAYS},
            "total_rows": 2,
            "rows": [
                {"download_count": 3000, "project": "busy"},
                {"download_count": 227, "project": "sampleproject"},
            ],
        }
    )

    last_update: str | None = Field(description="UTC: the latest publication of a day that is counted; null before any")
    source: str
    meta: ListedDays
    total_rows: int
    rows: list[TopPackage]
