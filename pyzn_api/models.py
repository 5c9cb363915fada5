"""The shapes that existing clients parse, pypistats.org's among them. Postgres writes most of these answers; tests hold
them to these models.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

Downloads = Annotated[int, Field(ge=0, description="downloads, mirrors and CI included")]
WithoutMirrors = Annotated[int, Field(ge=0, description="downloads without mirrors")]
NormalName = Annotated[str, Field(description="the PEP 503 normal form of the name")]


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


class Recent(BaseModel):
    """Downloads of the last day, week and month."""

    data: RecentCounts
    package: NormalName
    type: Literal["recent_downloads"]


class DailyCount(BaseModel):
    """The downloads of a category on a day."""

    category: str = Field(description='"null" where it is not known')
    date: date
    downloads: int = Field(ge=1)


class Daily(BaseModel):
    """Downloads per day and category."""

    data: list[DailyCount]
    package: NormalName
    type: Literal["overall_downloads", "python_major_downloads", "python_minor_downloads", "system_downloads"]
