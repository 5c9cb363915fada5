"""/projects/{project}/readme: a badge and a chart for a README, and the Markdown to copy."""

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator

from pyzn_api.badges import LONGEST_TEXT, Units, parse_color, parse_text
from pyzn_api.cache import Snapshot
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import known_form
from pyzn_api.routes.badges import Period
from pyzn_api.state import state
from pyzn_pipeline.breakdowns import BREAKDOWNS
from pyzn_site.rendering import Theme, origin_of, path_of, query, respond
from pyzn_site.switches import RANGES
from pyzn_site.view import By, View, measure_of

PATH = "/projects/{project}/readme"

router = APIRouter(include_in_schema=False)


def _color(text: str) -> str:
    parse_color(text)  # as it was typed, which the form shows again
    return text


Color = Annotated[str, AfterValidator(_color)]


class ReadmeView(View, frozen=True):
    """The fields of the form for badge and chart."""

    period: Period = "month"
    left_text: Annotated[str, AfterValidator(parse_text)] = "downloads/month"
    left_color: Color = "555"
    right_color: Color = "007ec6"
    units: Units = "abbreviation"
    by: Literal[""] | By = "version"
    theme: Literal["both"] | Theme = "both"


def pictures(origin: str, project: str, view: ReadmeView) -> Mapping[str, object]:
    """Return the addresses of badge and chart, and their Markdown, which links to the project's page."""
    page, view = origin + path_of("projects", project), view.ranged("quarter")
    of_badge = view.model_dump(include={"period", "left_text", "left_color", "right_color", "units"})
    badge = query(path_of("personalized-badge", project), **of_badge)
    counted = next((each for each in BREAKDOWNS if each.name == view.by), None)
    other = counted and view.asked and measure_of(counted, view.asked) != view.asked
    changes = ({"count": None, "ci": "include"} if other else {}) | ({} if view.by else {"share": False})
    of_chart = view.parameters(**changes)
    charts = {
        theme: query(path_of("chart", f"{project}.svg"), by=view.by, **of_chart, theme=theme)
        for theme in ("light", "dark")
    }
    if view.theme == "both":
        chart = (
            f'<a href="{page}"><picture>'
            f'<source media="(prefers-color-scheme: dark)" srcset="{origin}{charts["dark"]}">'
            f'<img alt="Downloads of {project}" src="{origin}{charts["light"]}">'
            f"</picture></a>"
        )
    else:
        chart = f"[![Downloads of {project}]({origin}{charts[view.theme]})]({page})"
    return {
        "form": view,
        "ranges": RANGES,
        "longest_text": LONGEST_TEXT,
        "badge": badge,
        "badge_markdown": f"[![Downloads]({origin}{badge})]({page})",
        "charts": charts,
        "chart_markdown": chart.replace("&", "&amp;") if view.theme == "both" else chart,
    }


@router.get(PATH)
async def readme(request: Request, project: str, view: Annotated[ReadmeView, Query()]) -> Response:
    """Return the form, filled in as in the address, with its badge and chart."""
    name, origin = known_form(project), origin_of(request)

    def basis(ledger: Ledger) -> Basis:
        return Basis(ledger.recent(1, state(request).today), totals=True)

    async def make(snapshot: Snapshot) -> Mapping[str, object]:
        await snapshot.project_row("badge", name)  # raises UnknownProjectError
        return {"project": name, **pictures(origin, name, view)}

    return await respond(request, "readme.html", (name, view), basis, make)
