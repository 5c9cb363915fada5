"""/search: from a name or a part of it to a project's page."""

import json
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from pyzn_api.cache import Snapshot
from pyzn_api.database import Row
from pyzn_api.errors import shortened
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.state import state
from pyzn_api.windows import EVER
from pyzn_pipeline.names import is_name, normalise
from pyzn_site.rendering import path_of, respond

PATH = "/search"
MOST = 30  # projects

Found = list[tuple[str, int | None]]

router = APIRouter(include_in_schema=False)


@router.get(PATH)
async def search(request: Request, q: Annotated[str, Query()] = "") -> Response:
    """Redirect to the project of exactly this name, otherwise return projects with similar names."""
    parts, name = state(request), normalise(q.strip())
    asked = name if is_name(name) else shortened(q.strip())  # as the page shows it, and so as it is kept
    if is_name(name):
        exact, _ = _found((await parts.database.rows("pyzn_site:search", {"project": name, "limit": 0}))[0])
        if exact:
            return RedirectResponse(path_of("projects", name), 303, {"Cache-Control": "no-store"})

    def basis(_: Ledger) -> Basis:
        return Basis(EVER, totals=True, ranking=True)

    async def make(snapshot: Snapshot) -> Mapping[str, object]:
        found: Found = []
        if is_name(name):
            _, found = _found((await snapshot.rows("pyzn_site:search", project=name, limit=MOST))[0])
        return {"asked": asked, "found": found}

    return await respond(request, "search.html", (asked,), basis, make)


async def similar(request: Request, name: str) -> Found:
    """Return projects whose names hold `name`, or begin as it does; none for a name that no project can have."""
    if not is_name(name):
        return []
    database = state(request).database
    stem = name
    while stem and not (
        found := _found((await database.rows("pyzn_site:search", {"project": stem, "limit": 10}))[0])[1]
    ):
        stem = stem[: len(stem) // 2].rstrip("-")
    return found if stem else []


def _found(row: Row) -> tuple[bool, Found]:
    """Return whether there is a project of that name, and others."""
    return row[0] == b"t", json.loads(row[1])
