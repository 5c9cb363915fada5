"""Models of all answers, and of the OpenAPI document: first those that existing clients parse, then v4's.

Small answers are made with them. The rows of large ones are written by Postgres, and tested against them.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from pyzn_api.windows import Granularity
from pyzn_pipeline.breakdowns import UNKNOWN, Breakdown

Downloads = Annotated[int, Field(ge=0, description="downloads, mirrors and CI included")]
WithoutMirrors = Annotated[int, Field(ge=0, description="downloads without mirrors")]
NormalName = Annotated[str, Field(description="the PEP 503 normal form of the name")]
DayStatus = Literal["final", "provisional", "suspect"]
EventKind = Literal["definition", "loss", "late", "names", "column"]


class Error(BaseModel):
    """Every error has this shape."""

    error: int = Field(description="the HTTP status")
    message: str


class Health(BaseModel):
    """The process is alive; the database may not be."""

    status: str


class Project(BaseModel):
    """Downloads per day over the last 30 days, newest first."""

    id: NormalName
    total_downloads: Downloads
    downloads: dict[date, Downloads]


class DownloadsByVersion(BaseModel):
    """Downloads per day and version, oldest day first."""

    downloads: dict[date, dict[str, Downloads]]


class ProjectByVersion(DownloadsByVersion):
    """Downloads per day and version, oldest day first, with the versions and the total."""

    id: NormalName
    total_downloads: Downloads
    versions: list[str] = Field(description="those seen in the window, in PEP 440 order; what is not PEP 440 first")


class CountryDownloads(BaseModel):
    """The downloads of one country."""

    country: str = Field(description='ISO 3166-1 alpha-3; unknown is "null"')
    downloads: Downloads


class DownloadsByCountry(BaseModel):
    """Downloads per day and country; days oldest first, most downloads first."""

    downloads: dict[date, list[CountryDownloads]]


class RecentCounts(BaseModel):
    """The downloads of the requested periods."""

    last_day: WithoutMirrors = 0
    last_month: WithoutMirrors = 0
    last_week: WithoutMirrors = 0


class RecentDownloads(BaseModel):
    """Downloads of the last day, week and month."""

    data: RecentCounts
    package: NormalName
    type: Literal["recent_downloads"]


class DailyCount(BaseModel):
    """The downloads of a category on a day."""

    category: str = Field(description='"null" where it is not known')
    date: date
    downloads: int = Field(ge=1)


class DailyDownloads(BaseModel):
    """Downloads per day and category."""

    data: list[DailyCount]
    package: NormalName
    type: Literal["overall_downloads", "python_major_downloads", "python_minor_downloads", "system_downloads"]


class UncertainDays(BaseModel):
    """The days of the answer whose numbers may change."""

    missing: list[date] = Field(description="not published: their downloads are unknown, not zero")
    provisional: list[date] = Field(description="published, and to be recounted")
    suspect: list[date] = Field(description="published, although it differs much from the weeks before")


class RangeEvent(BaseModel):
    """An event of the source that touches the days of the answer."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: EventKind
    first: date = Field(description="its first day, UTC")
    last: date | None = Field(description="its last day; null: a change that stays, or the end is unknown")
    effect: str = Field(description="what it does to the numbers")


class SourceEvent(RangeEvent):
    """A known event of the source."""

    touches: list[str] = Field(description="the counts and breakdowns whose numbers it changes")
    sources: list[str] = Field(description="where that is known from")
    own: bool = Field(description="whether the operator of this server has added it")


class Events(BaseModel):
    """Known events of the source, oldest first."""

    events: list[SourceEvent]


class Summary(BaseModel):
    """The totals of a project; week and month are 7 and 30 days."""

    project: NormalName
    total_downloads: Downloads
    downloads_last_day: Downloads
    downloads_last_week: Downloads
    downloads_last_month: Downloads
    first_day: date | None = Field(description="of downloads")
    latest_day: date | None = Field(description="of downloads")
    versions_last_month: int
    countries_last_month: int


class SummaryRange(BaseModel):
    """The end of the last day, week and month, and how far to trust the last 30 days."""

    as_of: date = Field(description="the latest published day; the last day, week and month end with it")
    days: UncertainDays
    events: list[RangeEvent] = Field(description="those that touch the last 30 days")


class FullSummary(SummaryRange, Summary):
    """The totals of a project, and how far to trust the last 30 days."""


class Summaries(SummaryRange):
    """The totals of several projects, in the order of the request."""

    projects: list[Summary]
    unknown: list[str] = Field(description="those that are not known")


class Range(BaseModel):
    """The days of an answer."""

    start: date
    end: date
    days: UncertainDays
    events: list[RangeEvent]


class Counts(Range):
    """Counts of a project over a range of days."""

    project: NormalName
    granularity: Granularity
    count: str = Field(description="what is counted; without_ci is downloads without those by CI")
    downloads: list[Any]


class PeriodCounts(BaseModel):
    """The downloads in a period by every count."""

    period: date = Field(description="the first day of the period")
    downloads: Downloads
    files: int | None = Field(description="wheels and source archives; null: a day was read without file names")
    pip: int = Field(description="by pip")
    ci: int = Field(description="by CI")
    without_mirrors: int


class ProjectPeriodCounts(PeriodCounts):
    """The downloads of a project in a period by every count."""

    project: NormalName


class Series(Range):
    """The downloads of a project per period, every count side by side."""

    project: NormalName
    granularity: Granularity
    downloads: list[PeriodCounts]


class SeveralSeries(Range):
    """The downloads of several projects per period, every count side by side."""

    granularity: Granularity
    unknown: list[str] = Field(description="those that are not known")
    downloads: list[ProjectPeriodCounts]


def counts_by(breakdown: Breakdown) -> type[Counts]:
    """Return the shape of the counts by one breakdown."""
    (key,), name, title = breakdown.keys, breakdown.name, breakdown.name.title().replace("_", "")
    fields: dict[str, Any] = {name: (str, Field(description=f'{key.description}; unknown is "{UNKNOWN}"'))}
    count = create_model(
        f"{title}Count",
        __doc__=f"The downloads of a project with one {name} in a period.",
        period=(date, Field(description="the first day of the period")),
        downloads=(Downloads, ...),
        **fields,
    )
    doc = f"Downloads per period and {name}."
    return create_model(f"CountsBy{title}", __base__=Counts, __doc__=doc, downloads=(list[count], ...))


class WheelCount(BaseModel):
    """The downloads of files of one kind in a period: it has the part that was asked for."""

    model_config = ConfigDict(json_schema_extra={"required": ["period", "downloads"]})

    period: date = Field(description="the first day of the period")
    tag: str = Field(description="python-abi-platform, `sdist` or `(other)`")
    family: str = Field(
        description="any, manylinux, musllinux, linux (neither or both), macos, windows, android, ios, other, sdist"
    )
    arch: str = Field(description="as Linux calls it: x86_64, i686, aarch64")
    python: str = Field(description="cp312, py3, py2.py3, pp310, …")
    abi: str = Field(description="none, abi3, abi3t, free-threaded, version (of one version of an interpreter), other")
    glibc: str = Field(description="the least version")
    macos: str = Field(description="the least version")
    downloads: Downloads


class WheelCounts(Counts):
    """Downloads per period and kind of wheel."""

    downloads: list[WheelCount]


class MissingDay(BaseModel):
    """A day that is not published."""

    day: date
    status: Literal["missing"]
    events: list[str]


class Day(BaseModel):
    """A published day of the ledger."""

    day: date
    status: DayStatus
    revision: int = Field(description="how often its content has been published")
    downloads: int = Field(description="of all projects")
    files: int | None = Field(None, description="of them, wheels and source archives; absent if it was not counted")
    projects: int = Field(description="with downloads")
    published_at: datetime = Field(description="UTC")
    suspect_because: str | None = Field(None, description="in what it differed from the weeks before, if it did")
    accepted_because: str | None = Field(None, description="why a person has accepted it nevertheless")
    breakdowns: list[str] = Field(description="by what it was read")
    events: list[str] = Field(description="the ids of the events that touch it")


class Days(BaseModel):
    """The ledger over a range of days."""

    start: date
    end: date
    days: list[Day | MissingDay]
    events: list[RangeEvent]


class ServiceStatus(BaseModel):
    """State of the service: whether anything is published, and what is not."""

    ready: bool = Field(description="whether any day is published")
    synthetic: bool = Field(description="whether a day was read from a BigQuery emulator: the numbers are not PyPI's")
    latest_day: date | None = Field(description="the latest published day")
    days_late: int | None = Field(description="late days after the latest one; a day is late from 20:00 UTC of D+1 on")
    days_missing: int = Field(description="days not published, from the first published one to the last late one")
    days_suspect: int
    missing: list[date] = Field(description="those that are not published of the last 366 days")
    suspect: list[date]
    days_wanted: int = Field(description="days that somebody, or the calendar, asked for and that are not read yet")
    days_given_up: int = Field(description="those of them that are not tried again unless a person asks")
    given_up: list[date] = Field(description="the latest 366 of these")
    breakdowns: list[str] = Field(description="by what the latest published day was read")


class RankedProject(BaseModel):
    """A project's rank. Without `change` where that is unknown: no downloads then, or a day of then is missing."""

    model_config = ConfigDict(json_schema_extra={"required": ["rank", "project", "downloads"]})

    rank: int
    project: str
    downloads: Downloads
    change: int = Field(description="places gained since the 1, 7 or 30 days before; negative is lost")


class TopProjects(Range):
    """The most downloaded projects."""

    period: Granularity
    count: str = Field(description="what they are ranked by: files if all of the days have them, else downloads")
    projects: list[RankedProject]


class TopPackage(BaseModel):
    """A project of the list."""

    download_count: Downloads
    project: str


class ListMeta(Range):
    """The days of the list, and what is counted."""

    count: str = Field(description="what `download_count` counts: files if all of the days have them, else downloads")


class TopPackages(BaseModel):
    """The list of the most downloaded projects, in the shape that scanners parse."""

    last_update: str | None = Field(description="UTC: the latest publication of a day that is counted; null before any")
    source: str
    meta: ListMeta
    total_rows: int
    rows: list[TopPackage]
