"""/compare: up to eight projects beside each other."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pyzn_api.cache import Snapshot
from pyzn_api.errors import BadParameterError, shortened
from pyzn_api.state import state
from pyzn_pipeline.names import is_name, normalise
from pyzn_site.charts import comparison
from pyzn_site.counting import by_period
from pyzn_site.rendering import query, respond
from pyzn_site.switches import switches
from pyzn_site.view import View

PATH = "/compare"
MOST = 8  # projects

router = APIRouter(include_in_schema=False)


class CompareView(View, frozen=True):
    """The parameters of the page; a `name` may hold several, as people type them."""

    name: tuple[str, ...] = ()


def split(names: Sequence[str]) -> tuple[str, ...]:
    """Return each name once, normalised. Raises BadParameterError for too many."""
    parts = (each for text in names for each in re.split(r"[\s,]+", text) if each)
    found = tuple(dict.fromkeys(normalise(each) for each in parts))
    if len(found) > MOST:
        raise BadParameterError("name", f"{len(found)} names", f"{MOST} at most")
    return tuple(each if is_name(each) else shortened(each) for each in found)


@router.get(PATH)
async def compare(request: Request, view: Annotated[CompareView, Query()]) -> Response:
    """Return the projects in the order given."""
    today, names = state(request).today, split(view.name)
    view = view.ranged("quarter").model_copy(update={"name": names})

    async def make(snapshot: Snapshot) -> Mapping[str, object]:
        ledger, scope = snapshot.ledger, view.scope(snapshot.ledger, today)
        possible = [each for each in names if is_name(each)]
        ((row,),) = await snapshot.rows("summaries", names=possible, latest=ledger.recent(1, today).end)
        totals = json.loads(row)
        known = [each["project"] for each in totals]
        counted = await by_period(snapshot, known, scope)
        sums = {each: sum(downloads.values()) for each, downloads in counted.items()}
        return {
            "names": names,
            "totals": totals,
            "unknown": [each for each in names if each not in known],
            "most": MOST,
            "sums": sums,
            "largest": max(sums.values(), default=0),
            "scope": scope,
            "view": view,
            "switches": switches(PATH, view, scope, ledger, "Lines", name=names),
            "chart": comparison(scope, ledger, counted, share=view.share),
            "canonical": query(PATH, name=names),
        }

    return await respond(request, "compare.html", (view,), lambda ledger: view.basis(ledger, today), make)
