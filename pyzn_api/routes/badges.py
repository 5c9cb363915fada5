"""Badges for READMEs."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator

from pyzn_api import projects
from pyzn_api.badges import (
    COLOR_PATTERN,
    COLORS,
    LONGEST_TEXT,
    PREFIXES,
    TEXT_PATTERN,
    Units,
    abbreviated,
    parse_color,
    parse_text,
    svg,
)
from pyzn_api.caching import Recipe
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import known_form
from pyzn_api.openapi import errors, svg_badge
from pyzn_api.responses import Form
from pyzn_api.routes.parameters import ProjectName
from pyzn_api.snapshot import Snapshot
from pyzn_api.state import state

Period = Literal["total", "month", "week"]

DAYS: dict[Period, int] = {"total": 1, "month": 30, "week": 7}
FORM = Form(
    "image/svg+xml",
    "public, max-age=86400",
    (("Content-Security-Policy", "default-src 'none'; sandbox"),),  # opened as a page, it can do nothing
)

router = APIRouter(tags=["badges"])


Color = Annotated[
    str,
    AfterValidator(parse_color),
    Query(
        description=f"hexadecimal digits, or one of {', '.join(COLORS)}", json_schema_extra={"pattern": COLOR_PATTERN}
    ),
]


async def _badge(
    request: Request,
    project: str,
    period: Period,
    left: str,
    colors: tuple[str, str] = ("grey", "blue"),
    units: Units = "international_system",
) -> Response:
    name = known_form(project)

    def basis(ledger: Ledger) -> Basis:
        return Basis(ledger.recent(DAYS[period], state(request).today), totals=period == "total")

    async def render(snapshot: Snapshot) -> bytes:
        ever, recently, *_ = await projects.row_of(snapshot, "badge", name)
        number = int(ever if period == "total" else recently)
        return svg(left, abbreviated(number, units), *map(parse_color, colors))

    recipe = Recipe(("badge", name, period, left, colors, units), basis, render, FORM)
    return await state(request).answers.respond(request, recipe)


@router.get("/badge/{project}", summary="All-time downloads", responses=errors(404, 503) | svg_badge())
async def total(request: Request, project: ProjectName) -> Response:
    """Grey and blue."""
    return await _badge(request, project, "total", "downloads")


@router.get("/badge/{project}/month", summary="Downloads, last 30 days", responses=errors(404, 503) | svg_badge())
async def month(request: Request, project: ProjectName) -> Response:
    """The 30 days that end with the latest published one."""
    return await _badge(request, project, "month", "downloads/month")


@router.get("/badge/{project}/week", summary="Downloads, last 7 days", responses=errors(404, 503) | svg_badge())
async def week(request: Request, project: ProjectName) -> Response:
    """The 7 days that end with the latest published one."""
    return await _badge(request, project, "week", "downloads/week")


@router.get(
    "/personalized-badge/{project}",
    summary="Downloads, in a text and colours of one's own",
    responses=errors(400, 404, 503) | svg_badge(),
)
async def personalized(
    request: Request,
    project: ProjectName,
    period: Annotated[Period, Query(description="all time, 30 days or 7 days")] = "total",
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
        Query(description="; ".join(f"{name}: {prefixes or 'written out'}" for name, prefixes in PREFIXES.items())),
    ] = "international_system",
) -> Response:
    """Numbers are cut down to the prefix: 1999 is 1k."""
    return await _badge(request, project, period, left_text, (left_color, right_color), units)
