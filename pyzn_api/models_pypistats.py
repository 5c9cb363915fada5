"""The shapes of pypistats.org. Postgres writes these answers; the tests hold them to these models."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from pyzn_api.models import NormalName

Downloads = Annotated[int, Field(ge=0, description="downloads without mirrors")]


class RecentCounts(BaseModel):
    """The downloads of the requested periods."""

    last_day: Downloads = 0
    last_month: Downloads = 0
    last_week: Downloads = 0


class Recent(BaseModel):
    """Downloads of the last day, week and month."""

    data: RecentCounts
    package: NormalName
    type: Literal["recent_downloads"]


class Count(BaseModel):
    """The downloads of a category on a day."""

    category: str = Field(description='"null" where it is not known')
    date: date
    downloads: int = Field(ge=1)


class Daily(BaseModel):
    """Downloads per day and category."""

    data: list[Count]
    package: NormalName
    type: Literal["overall_downloads", "python_major_downloads", "python_minor_downloads", "system_downloads"]
