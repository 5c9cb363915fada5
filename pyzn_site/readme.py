"""/projects/{project}/readme: a badge and a chart for a README, and the Markdown to copy."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel

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
    parse_color(text)  # as it was typed, which the form shows again
    return text


Color = Annotated[str, AfterValidator(_color)]


class ReadmeOptions(BaseModel, frozen=True):
    """The fields of the form for badge and chart."""

    period: Period = "month"
    left_text: Annotated[str, AfterValidator(parse_text)] = "downloads/month"
    left_color: Color = "555"
    right_color: Color = "007ec6"
    units: Units = "abbreviation"
    by: By = "version"
    range: Range = "quarter"
    theme: Theme = "both"


def origin_of(request: Request) -> str:
    """Return the server's address as the client sees it, `https://pyzn.example`; nothing for an odd one.

    It is shown in a page, and so it is part of that page's key in the cache: nobody gets another client's.
    """
    address = str(request.base_url).removesuffix("/").lower()
    return address if _ORIGIN.fullmatch(address) else ""


def pictures(origin: str, project: str, options: ReadmeOptions) -> Mapping[str, object]:
    """Return the addresses of badge and chart, and their Markdown, which links to the project's page."""
    page = origin + path_of("projects", project)
    badge = query(path_of("personalized-badge", project), **options.model_dump(exclude={"by", "range", "theme"}))
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
async def readme(request: Request, project: str, options: Annotated[ReadmeOptions, Query()]) -> Response:
    """Return the form, filled in as in the address, with its badge and chart."""
    parts, name, origin = state(request), known_form(project), origin_of(request)

    def basis(ledger: Ledger) -> Basis:
        return Basis(ledger.recent(1, parts.today), totals=True)

    async def make(snapshot: Snapshot) -> Mapping[str, object]:
        await snapshot.project_row("badge", name)  # raises UnknownProjectError
        return {"project": name, **pictures(origin, name, options)}

    return await respond(request, "readme.html", (name, options, origin), basis, make)
