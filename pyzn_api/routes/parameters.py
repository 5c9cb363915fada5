"""Parameters that several routes take."""

from datetime import date
from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import BeforeValidator

from pyzn_api.names import ALL
from pyzn_api.ranges import parse_day

_NAME = "a project's name, in any form that PEP 503 takes for the same"
_EXAMPLE = {"example": "sampleproject"}
ProjectName = Annotated[str, Path(description=_NAME, json_schema_extra=_EXAMPLE)]
ProjectNameOrAll = Annotated[str, Path(description=f"{_NAME}; {ALL} is all of PyPI", json_schema_extra=_EXAMPLE)]

_Day = Annotated[date | None, BeforeValidator(parse_day)]
Start = Annotated[_Day, Query(description="the first day, UTC; unless given, 30 days end with the last")]
End = Annotated[_Day, Query(description="the last day, UTC; unless given, the latest published one")]
Format = Annotated[
    Literal["json", "csv"] | None,
    Query(alias="format", description="csv, or an Accept header with text/csv, gives the table as CSV"),
]
