"""The shapes of pypistats.org, for the OpenAPI document only: no answer passes through them."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pyzn_api.models import example

Downloads = Annotated[int, Field(ge=0, description="downloads without mirrors")]


class RecentCounts(BaseModel):
    """The downloads of the periods asked for."""

    model_config = ConfigDict(json_schema_extra={"required": []})

    last_day: Downloads
    last_month: Downloads
    last_week: Downloads


class Recent(BaseModel):
    """Downloads of the last day, week and month."""

    model_config = example(
        {
            "data": {"last_day": 95, "last_month": 155, "last_week": 155},
            "package": "sampleproject",
            "type": "recent_downloads",
        }
    )

    data: RecentCounts
    package: str = Field(description="the PEP 503 normal form of the name")
    type: Literal["recent_downloads"]


class Count(BaseModel):
    """The downloads of a category on a day."""

    category: str = Field(description='"null" where it is not known')
    date: date
    downloads: int = Field(ge=1)


def _daily(kind: str, counts: dict[str, dict[str, int]]) -> ConfigDict:
    data = [
        {"category": category, "date": day, "downloads": downloads}
        for category, days in counts.items()
        for day, downloads in days.items()
    ]
    return example({"data": data, "package": "sampleproject", "type": f"{kind}_downloads"})


class Daily(BaseModel):
    """Downloads per day and category."""

    data: list[Count]
    package: str = Field(description="the PEP 503 normal form of the name")


class Overall(Daily):
    """Downloads per day, with and without mirrors."""

    model_config = _daily(
        "overall",
        {
            "with_mirrors": {
                "2026-03-19": 7,
                "2026-03-20": 8,
                "2026-03-31": 9,
                "2026-04-01": 12,
                "2026-06-19": 11,
                "2026-06-20": 12,
                "2026-07-17": 95,
                "2026-07-19": 120,
            },
            "without_mirrors": {"2026-04-01": 8, "2026-07-17": 60, "2026-07-19": 95},
        },
    )

    type: Literal["overall_downloads"]


class PythonMajor(Daily):
    """Downloads per day and major version of Python."""

    model_config = _daily("python_major", {"3": {"2026-04-01": 8, "2026-07-17": 60, "2026-07-19": 95}})

    type: Literal["python_major_downloads"]


class PythonMinor(Daily):
    """Downloads per day and minor version of Python."""

    model_config = _daily(
        "python_minor",
        {
            "3.12": {"2026-04-01": 6, "2026-07-17": 45, "2026-07-19": 72},
            "3.9": {"2026-04-01": 2, "2026-07-17": 15, "2026-07-19": 23},
        },
    )

    type: Literal["python_minor_downloads"]


class System(Daily):
    """Downloads per day and operating system."""

    model_config = _daily("system", {"Linux": {"2026-04-01": 8, "2026-07-17": 60, "2026-07-19": 95}})

    type: Literal["system_downloads"]
