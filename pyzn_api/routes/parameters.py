"""Parameters that several routes take, and the refusal of those that a route does not take."""

from collections.abc import Callable, Coroutine
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_origin

from fastapi import Path, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BeforeValidator

from pyzn_api.errors import ApiError, shortened
from pyzn_api.names import ALL
from pyzn_api.windows import Granularity, parse_day

_NAME = "a project's name, in any form that PEP 503 takes for the same"
_EXAMPLE = {"example": "sampleproject"}
ProjectName = Annotated[str, Path(description=_NAME, json_schema_extra=_EXAMPLE)]
ProjectNameOrAll = Annotated[str, Path(description=f"{_NAME}; {ALL} is all of PyPI", json_schema_extra=_EXAMPLE)]

OptionalDay = Annotated[date | None, BeforeValidator(parse_day)]
Start = Annotated[OptionalDay, Query(description="the first day, UTC; unless given, 30 days end with the last")]
End = Annotated[OptionalDay, Query(description="the last day, UTC; unless given, the latest published one")]
ByPeriod = Annotated[Granularity, Query(description="weeks begin on Monday; a period is named by its first day")]
Format = Annotated[
    Literal["json", "csv"] | None,
    Query(alias="format", description="csv, or an Accept header that prefers text/csv, gives the table as CSV"),
]


def names_query(most: int, more: str = "") -> Any:
    """Return the declaration of the names of several projects."""
    return Query(
        description=f"a project's name; repeat it, or separate names by commas, for more, {most} at most{more}",
        json_schema_extra={"example": ["sampleproject", "busy"], "maxItems": most},
    )


# Names of other APIs, among them the fixed shapes' own, that are no misspelling.
_SYNONYMS = {"from": "start", "since": "start", "to": "end", "until": "end", "names": "name", "project": "name"}


class StrictRoute(APIRoute):
    """A route of v4: a parameter that it does not take is 400, since the answer would be another question's.

    So are two values of a parameter of which it takes one.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the framework's handler behind that check."""
        answer = super().get_route_handler()
        parameters = [each for part in (self.dependant, *self.dependant.dependencies) for each in part.query_params]
        known = [each.alias for each in parameters]
        repeated = {each.alias for each in parameters if get_origin(each.field_info.annotation) is list}

        async def checked(request: Request) -> Response:
            for name in request.query_params:
                if name not in known:
                    likely = get_close_matches(_SYNONYMS.get(name.lower(), name.lower()), known, 1)
                    takes = f"takes {', '.join(known)}" if known else "takes no parameters"
                    guess = f"; is {likely[0]} meant?" if likely else ""
                    raise ApiError(f"{shortened(name)!r} is no parameter of this route, which {takes}{guess}")
                if name not in repeated and len(values := set(request.query_params.getlist(name))) > 1:
                    shown = " and ".join(repr(shortened(each)) for each in sorted(values)[:2])
                    raise ApiError(f"{name} is given as {shown}: this route takes one {name}; ask for each by itself")
            return await answer(request)

        return checked
