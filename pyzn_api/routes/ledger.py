"""/api/v4/days and /api/v4/status: what is published, and how late; /api/v4/top: the most downloaded."""

import json
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from pyzn_api import models_v4
from pyzn_api.caching import Answers, Recipe
from pyzn_api.database import DatabaseAwayError
from pyzn_api.ledger import Basis, Ledger, LedgerReader
from pyzn_api.openapi import errors, table_of
from pyzn_api.ranges import resolve
from pyzn_api.routes.parameters import End, Format, Start
from pyzn_api.snapshot import Snapshot
from pyzn_api.tables import csv_body, days_not_final, form, json_body, wants_csv
from pyzn_api.windows import Clock, Window

LISTED = 366  # days, the last of which the status lists one by one
MOST_RANKED = 1000  # projects
PERIODS = {"day": 1, "week": 7, "month": 30}  # days


def router(reader: LedgerReader, answers: Answers, now: Clock) -> APIRouter:
    """The routes about days, not about one project."""
    routes = APIRouter(prefix="/api/v4", tags=["v4"])

    @routes.get(
        "/days",
        summary="The ledger: what is published of each day",
        responses=errors(400, 401, 503) | table_of(models_v4.Days),
    )
    async def days(request: Request, start: Start = None, end: End = None, table: Format = None) -> Response:
        """Every day of the range, oldest first, at most 366; one that is not published is `missing`."""
        as_csv = wants_csv(request, table)

        def basis(ledger: Ledger) -> Basis:
            return Basis(resolve(start, end, "day", ledger, now().date()), days=True)

        async def render(snapshot: Snapshot) -> bytes:
            window = snapshot.window
            rows = _rows(snapshot.ledger, window)
            if as_csv:
                return csv_body(tuple(models_v4.Day.model_fields), rows)
            return json_body({"start": str(window.start), "end": str(window.end), "days": rows})

        return await answers.respond(request, Recipe(("days", start, end, as_csv), basis, render, form(as_csv=as_csv)))

    @routes.get(
        "/status",
        summary="Whether it is ready, and how late",
        responses=errors(401, 503) | {200: {"model": models_v4.ServiceStatus}},
    )
    async def status() -> Response:
        """Never cached, never stale: 503 while the database does not answer."""
        ledger, fresh = await reader.read()
        if not fresh:
            raise DatabaseAwayError("the ledger could not be read")
        return Response(
            json_body(_status(ledger, now()) | await reader.wanted()),
            headers={"Cache-Control": "no-store"},
            media_type="application/json",
        )

    @routes.get(
        "/top",
        summary="The most downloaded projects",
        responses=errors(400, 401, 503) | table_of(models_v4.Top),
    )
    async def top(
        request: Request,
        period: Annotated[
            Literal["day", "week", "month"], Query(description="1, 7 or 30 days up to the latest ranked one")
        ] = "day",
        limit: Annotated[int, Query(ge=1, le=MOST_RANKED, description="projects at most")] = 100,
        table: Format = None,
    ) -> Response:
        """Most downloads first, ties by name. A day is ranked within a minute or two of its publication."""
        as_csv = wants_csv(request, table)

        def basis(ledger: Ledger) -> Basis:
            return Basis(ledger.ranked(PERIODS[period], now().date()), days=not as_csv, ranking=True)

        async def render(snapshot: Snapshot) -> bytes:
            ledger, window = snapshot.ledger, snapshot.window
            row = await snapshot.row("top", {"period": period, "limit": limit})
            rows = [
                {"rank": rank, "project": project, "downloads": count} | ({} if change is None else {"change": change})
                for rank, (project, count, change) in enumerate(json.loads(row[0]) if row else (), start=1)
            ]
            if as_csv:
                return csv_body(tuple(models_v4.Ranked.model_fields), rows)
            head = {"period": period, "start": str(window.start), "end": str(window.end)}
            return json_body(
                head | {"projects": rows, "days": days_not_final(ledger, window, ledger.not_ranked(window))}
            )

        return await answers.respond(
            request, Recipe(("top", period, limit, as_csv), basis, render, form(as_csv=as_csv))
        )

    return routes


def _rows(ledger: Ledger, window: Window) -> list[dict[str, object]]:
    """A row per day of the window, published or not, oldest first."""
    rows: dict[date, dict[str, object]] = {
        day: {"day": str(day), "status": "missing"} for day in ledger.missing(window)
    }
    for row in ledger.within(window):
        rows[row.day] = {
            "day": str(row.day),
            "status": row.status,
            "revision": row.revision,
            "downloads": row.downloads,
            "projects": row.projects,
            "published_at": f"{row.published_at:%Y-%m-%dT%H:%M:%SZ}",
        }
    return [rows[day] for day in sorted(rows)]


def _status(ledger: Ledger, now: datetime) -> dict[str, object]:
    """Counts are of the days from the first published one to the last late one, lists of the last year of them."""
    expected = ledger.expected(now)
    answer: dict[str, object] = {"ready": False, "latest_day": None, "days_late": None}
    found: dict[str, list[str]] = {"missing": [], "suspect": []}
    if ledger.latest is not None:
        answer = {"ready": True, "latest_day": str(ledger.latest), "days_late": max((expected - ledger.latest).days, 0)}
        ever = Window(ledger.days[0].day, max(expected, ledger.latest))
        found = {name: days for name, days in days_not_final(ledger, ever).items() if name in found}
        listed = str(ever.end - timedelta(days=LISTED - 1))
    return (
        answer
        | {f"days_{name}": len(days) for name, days in found.items()}
        | {name: [day for day in days if day >= listed] for name, days in found.items()}
    )
