"""The shapes that existing clients know, for the OpenAPI document only: no answer passes through them."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Downloads = Annotated[int, Field(ge=0, description="downloads, mirrors and CI included")]


BY_VERSION = {
    "2025-07-20": {"1.0": 40},
    "2026-03-19": {"1.9": 7},
    "2026-03-20": {"1.9": 8},
    "2026-03-31": {"1.9": 9},
    "2026-04-01": {"1.10": 10, "1.9": 2},
    "2026-06-19": {"1.10": 11},
    "2026-06-20": {"1.10": 12},
    "2026-07-17": {"1.10": 95},
    "2026-07-19": {"(unknown)": 3, "1.10": 100, "1.10.0": 1, "1.9": 10, "2.0rc1": 4, "snap10": 1, "snap9": 1},
}
_BY_COUNTRY = {
    "2025-07-20": [("DEU", 20), ("USA", 20)],
    "2026-03-19": [("FRA", 7)],
    "2026-03-20": [("FRA", 8)],
    "2026-03-31": [("FRA", 9)],
    "2026-04-01": [("USA", 10), ("null", 2)],
    "2026-06-19": [("USA", 11)],
    "2026-06-20": [("USA", 12)],
    "2026-07-17": [("USA", 95)],
    "2026-07-19": [("USA", 60), ("DEU", 15), ("FRA", 15), ("XK", 15), ("null", 15)],
}


def example(value: Any) -> ConfigDict:
    """The configuration of a model with that example."""
    return ConfigDict(json_schema_extra={"example": value})


class Error(BaseModel):
    """Every error has this shape."""

    error: int = Field(description="the HTTP status")
    message: str


class Health(BaseModel):
    """The process is alive; says nothing about the database."""

    model_config = example({"status": "healthy"})

    status: str


class Project(BaseModel):
    """Downloads per day over the last 30 days, newest first."""

    model_config = example(
        {
            "id": "sampleproject",
            "total_downloads": 319,
            "downloads": {"2026-07-19": 120, "2026-07-17": 95, "2026-06-20": 12},
        }
    )

    id: str = Field(description="the PEP 503 normal form of the name")
    total_downloads: Downloads
    downloads: dict[date, Downloads]


class ProjectByVersion(BaseModel):
    """Downloads per day and version, oldest day first."""

    model_config = example(
        {
            "id": "sampleproject",
            "total_downloads": 319,
            "versions": ["(unknown)", "snap9", "snap10", "1.9", "1.10", "1.10.0", "2.0rc1"],
            "downloads": {day: versions for day, versions in BY_VERSION.items() if day >= "2026-04-01"},
        }
    )

    id: str = Field(description="the PEP 503 normal form of the name")
    total_downloads: Downloads
    versions: list[str] = Field(description="those seen in the window, in PEP 440 order; what is not PEP 440 first")
    downloads: dict[date, dict[str, Downloads]]


class ProjectByVersionEver(ProjectByVersion):
    """Downloads per day and version of every day held, oldest day first."""

    model_config = example(
        {
            "id": "sampleproject",
            "total_downloads": 319,
            "versions": ["(unknown)", "snap9", "snap10", "1.0", "1.9", "1.10", "1.10.0", "2.0rc1"],
            "downloads": {"2025-07-19": {"1.0": 5}, **BY_VERSION},
        }
    )


class DownloadsByVersion(BaseModel):
    """Downloads per day and version, oldest day first."""

    model_config = example({"downloads": BY_VERSION})

    downloads: dict[date, dict[str, Downloads]]


class CountryDownloads(BaseModel):
    """The downloads of one country."""

    country: str = Field(description='ISO 3166-1 alpha-3; unknown is "null"')
    downloads: Downloads


class DownloadsByCountry(BaseModel):
    """Downloads per day and country; days oldest first, most downloads first."""

    model_config = example(
        {
            "downloads": {
                day: [{"country": country, "downloads": downloads} for country, downloads in counts]
                for day, counts in _BY_COUNTRY.items()
            }
        }
    )

    downloads: dict[date, list[CountryDownloads]]
