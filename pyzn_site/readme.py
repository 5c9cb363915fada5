"""/projects/{project}/readme: a badge and a chart for a README, and the Markdown to copy."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator

from pyzn_api.badges import LONGEST_TEXT, Units, parse_color, parse_text
from pyzn_api.cache import Snapshot
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import known_form
from pyzn_api.routes.badges import Period
from pyzn_api.state import state
from pyzn_site.periods import Range
from pyzn_site.rendering import path_of, query, respond

PATH = "/projects/{project}/readme"
By = Literal["", "version", "country", "python", "system", "installer"]
Theme = Literal["both", "light", "dark"]
# What may be in an address that a page repeats, since the client chooses it: a name or an address, and a port.
_ORIGIN = re.compile(r"https?://([a-z0-9._-]{1,255}|\[[0-9a-f:.]{2,45}\])(:\d{1,5})?")

router = APIRouter(include_in_schema=False)


def _color(text: str) -> str:
    parse_color(text)
    return text


Color = Annotated[str, AfterValidator(_color), Query()]


class ReadmeOptions(NamedTuple):
    """How badge and chart are to be; the names are those of the form."""

    period: Period = "month"
    left_text: str = "downloads/month"
    left_color: str = "555"
    right_color: str = "007ec6"
    units: Units = "abbreviation"
    by: By = "version"
    range: Range = "quarter"
    theme: Theme = "both"


def origin_of(request: Request) -> str:
    """Where this server is for the client, as `https://pyzn.example`; nothing if it says something odd.

    It becomes part of a page, so it is also part of that page's key in the cache: nobody gets what another client said.
    """
    said = str(request.base_url).removesuffix("/").lower()
    return said if _ORIGIN.fullmatch(said) else ""


def pictures(origin: str, project: str, options: ReadmeOptions) -> Mapping[str, object]:
    """The addresses of badge and chart, and the Markdown that shows them and leads to the project's page."""
    page = origin + path_of("projects", project)
    badge = query(
        path_of("personalized-badge", project),
        period=options.period,
        left_text=options.left_text,
        left_color=options.left_color,
        right_color=options.right_color,
        units=options.units,
    )
    charts = {
        theme: query(path_of("chart", f"{project}.svg"), by=options.by, range=options.range, theme=theme)
        for theme in ("light", "dark")
    }
    if options.theme == "both":
        chart = (
            f'<a href="{page}"><picture>'
            f'<source media="(prefers-color-scheme: dark)" srcset="{origin}{charts["dark"]}">'
            f'<img alt="Downloads of {project}" src="{origin}{charts["light"]}">'
            f"</picture></a>"
        )
    else:
        chart = f"[![Downloads of {project}]({origin}{charts[options.theme]})]({page})"
    return {
        "form": options,
        "longest_text": LONGEST_TEXT,
        "badge": badge,
        "badge_markdown": f"[![Downloads]({origin}{badge})]({page})",
        "charts": charts,
        "chart_markdown": chart.replace("&", "&amp;") if options.theme == "both" else chart,
    }


@router.get(PATH)
async def readme(
    request: Request,
    project: str,
    period: Annotated[Period, Query()] = "month",
    left_text: Annotated[str, AfterValidator(parse_text), Query()] = "downloads/month",
    left_color: Color = "555",
    right_color: Color = "007ec6",
    units: Annotated[Units, Query()] = "abbreviation",
    by: Annotated[By, Query()] = "version",
    asked: Annotated[Range, Query(alias="range")] = "quarter",
    theme: Annotated[Theme, Query()] = "both",
) -> Response:
    """The form, filled in as asked, with what comes out of it."""
    parts, name, origin = state(request), known_form(project), origin_of(request)
    options = ReadmeOptions(period, left_text, left_color, right_color, units, by, asked, theme)

    def basis(ledger: Ledger) -> Basis:
        return Basis(ledger.recent(1, parts.today), totals=True)

    async def make(snapshot: Snapshot) -> Mapping[str, object]:
        await snapshot.project_row("badge", name)  # raises UnknownProjectError
        return {"project": name, **pictures(origin, name, options)}

    return await respond(request, "readme.html", (name, options, origin), basis, make)
