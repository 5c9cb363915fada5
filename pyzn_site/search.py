"""/search: from a name, a part of it, a requirement, a command or an address to a project's page."""

import json
import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from pyzn_api.cache import ResponseSpec, Snapshot
from pyzn_api.database import Row
from pyzn_api.errors import shortened
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.state import state
from pyzn_api.windows import EVER
from pyzn_pipeline.names import is_name, normalise
from pyzn_site.rendering import path_of, respond

PATH = "/search"
MOST = 30  # projects
COMPLETED = 10  # names
_AROUND = " \t\r\n'\"`"
LONGEST_NEAR = 64  # characters of a name; one of 255 has 19,000 names near it
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"

# `pip install -U requests`, `uv add requests`, `https://pypi.org/project/requests/#files`; and of what is left
# `requests[socks]>=2.31; …`.
_COMMAND = re.compile(r".*?\b(?:install|add)\s+(?:-\S+\s+)*")
_ADDRESS = re.compile(r"(?:https?://)?[\w.-]+\.\w+/(?:project|projects|packages|pypi|simple)/([^/?#]+).*", re.DOTALL)
_NAME = re.compile(r"[\w.-]+(?=\s*(?:[\[<>=!~;@(,].*)?$)", re.DOTALL)

router = APIRouter(include_in_schema=False)


def name_in(text: str) -> str:
    """Return the name, normalised, in what people paste into the field; the text itself if there is none."""
    text = text.strip(_AROUND)
    if found := _ADDRESS.fullmatch(text):
        text = found[1]
    elif found := _COMMAND.match(text):
        text = text[found.end() :].partition(" ")[0].strip(_AROUND) or text
    found = _NAME.match(text)
    return normalise(found[0] if found else re.sub(r"\s+", "-", text))


def near(name: str) -> list[str]:
    """Return the names that one letter more, less, other or swapped with its neighbour makes of it.

    None of a long name: they would be too many to look up for everybody who asks.
    """
    if len(name) > LONGEST_NEAR:
        return []
    parts = [(name[:place], name[place:]) for place in range(len(name) + 1)]
    found = {left + right[1:] for left, right in parts} | {
        left + right[1] + right[0] + right[2:] for left, right in parts if len(right) > 1
    }
    found |= {left + letter + right[cut:] for left, right in parts for letter in LETTERS for cut in (0, 1)}
    return [each for each in found - {name} if is_name(each) and normalise(each) == each]


@router.get(PATH)
async def search(request: Request, q: Annotated[str, Query()] = "") -> Response:
    """Redirect to the project of exactly this name, otherwise return projects with similar names."""
    name, known = name_in(q), state(request).database
    asked = name if is_name(name) else shortened(q.strip())  # as the page shows it, and so as it is kept
    if is_name(name):
        exact, *_ = (await known.rows("pyzn_site:search", {"project": name, "near": [], "limit": 0}))[0]
        if exact == b"t":
            return RedirectResponse(path_of("projects", name), 303, {"Cache-Control": "no-store"})

    async def make(snapshot: Snapshot) -> Mapping[str, object]:
        if not is_name(name):
            return {"asked": asked, "near": [], "found": []}
        row = (await snapshot.rows("pyzn_site:search", project=name, near=near(name), limit=MOST))[0]
        return {"asked": asked, **_found(row)}

    return await respond(request, "search.html", (asked,), _basis, make)


@router.get("/search/names")
async def names(request: Request, q: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Return the names that complete what is being typed, as a JSON array."""
    name = normalise(q.strip()).rstrip("-")

    async def render(snapshot: Snapshot) -> bytes:
        if not is_name(name):
            return b"[]"
        row = (await snapshot.rows("pyzn_site:search", project=name, near=[], limit=COMPLETED))[0]
        found = [each for each, _ in json.loads(row[2])]
        return json.dumps(([name] if row[0] == b"t" else []) + found, separators=(",", ":")).encode()

    return await state(request).answers.respond(request, ResponseSpec(("names", name), _basis, render))


async def similar(request: Request, name: str) -> Mapping[str, object]:
    """Return projects whose names differ in a letter, hold `name`, or begin as it does."""
    found: Mapping[str, object] = {"near": [], "found": []}
    stem = name if is_name(name) else ""
    while stem and not any(found.values()):
        given = {"project": stem, "near": near(stem) if stem == name else [], "limit": 10}
        found = _found((await state(request).database.rows("pyzn_site:search", given))[0])
        stem = stem[: len(stem) // 2].rstrip("-")
    return found


def _basis(_: Ledger) -> Basis:
    return Basis(EVER, totals=True, ranking=True)


def _found(row: Row) -> Mapping[str, object]:
    """Return the names that are near, and others."""
    return {"near": json.loads(row[1]), "found": json.loads(row[2])}
