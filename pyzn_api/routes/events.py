"""/api/v4/events: the known events of the source, and the same as a feed."""

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Query, Request, Response

from pyzn_api.cache import ResponseSpec, Snapshot
from pyzn_api.errors import BadParameterError
from pyzn_api.ledger import Basis, Event
from pyzn_api.models import EventKind, Events, SourceEvent
from pyzn_api.openapi import errors, table_of
from pyzn_api.responses import CACHE_CONTROL, Headers
from pyzn_api.routes.parameters import Format, OptionalDay, StrictRoute
from pyzn_api.state import state
from pyzn_api.tables import csv_body, json_body, respond_with_table
from pyzn_api.windows import EVER, Window

ATOM: Headers = {"Content-Type": "application/atom+xml", "Cache-Control": CACHE_CONTROL}

router = APIRouter(tags=["v4"])
_v4 = APIRouter(prefix="/api/v4", route_class=StrictRoute)


@_v4.get("/events", summary="The known events of the source", responses=errors(400, 401, 503) | table_of(Events))
async def events(
    request: Request,
    start: Annotated[OptionalDay, Query(description="the first day, UTC; unless given, there is no first")] = None,
    end: Annotated[OptionalDay, Query(description="the last day, UTC; unless given, there is no last")] = None,
    kind: Annotated[EventKind | None, Query(description="only events of this kind")] = None,
    table: Format = None,
) -> Response:
    """Oldest first; without `start` and `end` all. An event without `last` touches its first day."""
    window = Window(start or date.min, end or date.max)
    if window.start > window.end:
        raise BadParameterError("start", start, f"{end} (the end) at the latest")

    async def render(snapshot: Snapshot, as_csv: bool) -> bytes:
        found = (each for each in snapshot.ledger.events if kind in {None, each.kind})
        rows = [SourceEvent.model_validate(each) for each in found]
        return csv_body(SourceEvent, rows) if as_csv else json_body(Events(events=rows))

    key = ("events", start, end, kind)
    return await respond_with_table(request, table, key, lambda _: window, render, days=False, events=True)


@router.get(
    "/events.atom",
    summary="The same as a feed",
    responses=errors(503) | {200: {"content": {"application/atom+xml": {"schema": {"type": "string"}}}}},
)
async def feed(request: Request) -> Response:
    """Atom (RFC 4287), the events that changed last first."""

    async def render(snapshot: Snapshot) -> bytes:
        return _feed(sorted(snapshot.ledger.events, key=lambda each: (each.changed_at, each.first), reverse=True))

    spec = ResponseSpec(("events.atom",), lambda _: Basis(EVER, events=True), render, ATOM)
    return await state(request).answers.respond(request, spec)


def _feed(found: list[Event]) -> bytes:
    root = ET.Element("feed", xmlns="http://www.w3.org/2005/Atom")
    _text(root, "title", "Events of PyPI's download statistics")
    _text(root, "id", _urn("events"))
    _text(root, "updated", (found[0].changed_at if found else datetime(2016, 1, 1, tzinfo=UTC)).isoformat())
    _text(ET.SubElement(root, "author"), "name", "PyZn")
    ET.SubElement(root, "link", rel="self", href="/events.atom")
    for each in found:
        entry = ET.SubElement(root, "entry")
        days = str(each.first) if each.last in {None, each.first} else f"{each.first} to {each.last}"
        _text(entry, "title", f"{days}: {each.kind}")
        _text(entry, "id", _urn(f"{each.id} {each.first}"))
        _text(entry, "updated", each.changed_at.isoformat())
        _text(entry, "content", each.effect)
        for source in each.sources:
            ET.SubElement(entry, "link", rel="related", href=source)
    made: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return made


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = text


def _urn(name: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'pyzn {name}')}"


router.include_router(_v4)
