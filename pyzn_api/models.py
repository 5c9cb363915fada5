"""The shapes that existing clients parse. Postgres writes most of these answers; tests hold them to these models."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

Downloads = Annotated[int, Field(ge=0, description="downloads, mirrors and CI included")]
NormalName = Annotated[str, Field(description="the PEP 503 normal form of the name")]


class Error(BaseModel):
    """Every error has this shape."""

    error: int = Field(description="the HTTP status")
    message: str


class Health(BaseModel):
    """The process is alive; nothing is said about the database."""

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
