"""Badges for READMEs."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from pyzn_api.badges import (
    COLOR_PATTERN,
    EXPECTED_COLOR,
    LONGEST_TEXT,
    PREFIXES,
    TEXT_PATTERN,
    Units,
    abbreviated,
    in_any_case,
    parse_color,
    parse_text,
    svg,
)
from pyzn_api.cache import ResponseSpec, Snapshot
from pyzn_api.errors import UnknownProjectError
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import known_form
from pyzn_api.openapi import errors, svg_of
from pyzn_api.responses import Headers
from pyzn_api.routes.parameters import ProjectName
from pyzn_api.state import state

Period = Literal["total", "month", "week"]

DAYS: dict[Period, int] = {"total": 1, "month": 30, "week": 7}
ALIASES = {"monthly": "month", "weekly": "week"}
GREY, BLUE, PALE = "#555", "#007ec6", "#9f9f9f"  # of shields.io
HEADERS: Headers = {
    "Content-Type": "image/svg+xml",
    "Cache-Control": "public, max-age=86400",
    "Content-Security-Policy": "default-src 'none'; sandbox",  # opened as a page, it can do nothing
}

router = APIRouter(tags=["badges"])


def _lower(text: object) -> object:
    """Return the word in lower case, and `month` for `monthly`."""
    return ALIASES.get(text.lower(), text.lower()) if isinstance(text, str) else text


def _in_any_case(words: Iterable[str]) -> WithJsonSchema:
    """Return the schema of one of those words, in any case."""
    return WithJsonSchema({"type": "string", "pattern": f"^({in_any_case(words)})$"})


Color = Annotated[
    str,
    AfterValidator(parse_color),
    Query(description=f"{EXPECTED_COLOR}; in any case", json_schema_extra={"pattern": COLOR_PATTERN}),
]


def picture_of(error: UnknownProjectError, picture: bytes) -> Response:
    """Return the error as a picture, since a README shows nothing else."""
    return Response(
        picture, error.status, {**HEADERS, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    )


async def _badge(
    request: Request,
    project: str,
    period: Period,
    left: str,
    colors: tuple[str, str] = (GREY, BLUE),
    units: Units = "international_system",
) -> Response:
    today = state(request).today

    def basis(ledger: Ledger) -> Basis:
        return Basis(ledger.recent(DAYS[period], today), totals=period == "total")

    try:
        name = known_form(project)

        async def render(snapshot: Snapshot) -> bytes:
            ever, recently = await snapshot.project_row("badge", name)
            number = int(ever if period == "total" else recently)
            return svg(left, abbreviated(number, units), *colors)

        spec = ResponseSpec(("badge", name, period, left, colors, units), basis, render, HEADERS)
        return await state(request).answers.respond(request, spec)
    except UnknownProjectError as error:
        return picture_of(error, svg(left, "unknown project", GREY, PALE))


def _fixed(period: Period, left: str) -> Callable[..., Awaitable[Response]]:
    async def fixed(request: Request, project: ProjectName) -> Response:
        return await _badge(request, project, period, left)

    return fixed


_FIXED: dict[Period, str] = {
    "total": "All-time downloads",
    "month": "Downloads, last 30 days",
    "week": "Downloads, last 7 days",
}
for _period, _counted in _FIXED.items():
    _path = "" if _period == "total" else f"/{_period}"
    router.add_api_route(
        f"/badge/{{project}}{_path}",
        _fixed(_period, f"downloads{_path}"),
        name=_period,
        summary=_counted,
        description="Grey and blue. Days end with the latest published one.",
        responses=errors(503) | svg_of("badge"),
    )


@router.get(
    "/personalized-badge/{project}",
    summary="Downloads, in a text and colours of one's own",
    responses=errors(400, 503) | svg_of("badge"),
)
async def personalized(
    request: Request,
    project: ProjectName,
    period: Annotated[
        Period,
        BeforeValidator(_lower),
        _in_any_case([*DAYS, *ALIASES]),
        Query(description="all time, 30 days or 7 days: total, month or monthly, week or weekly; in any case"),
    ] = "total",
    left_color: Color = "green",
    right_color: Color = "green",
    left_text: Annotated[
        str,
        AfterValidator(parse_text),
        Query(
            description=f"at most {LONGEST_TEXT} characters that can be shown",
            json_schema_extra={"pattern": TEXT_PATTERN, "maxLength": LONGEST_TEXT},
        ),
    ] = "downloads/month",
    units: Annotated[
        Units,
        BeforeValidator(_lower),
        _in_any_case(PREFIXES),
        Query(
            description="; ".join(f"{name}: {prefixes or 'written out'}" for name, prefixes in PREFIXES.items())
            + "; in any case"
        ),
    ] = "international_system",
) -> Response:
    """Numbers are cut down to the prefix: 1999 is 1k."""
    colors = parse_color(left_color), parse_color(right_color)  # a default is not validated
    return await _badge(request, project, period, left_text, colors, units)
