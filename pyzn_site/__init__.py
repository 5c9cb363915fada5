"""Pages and charts for people, from the same data and caches as the API's answers.

Put here: what a person looks at in a browser, and what a page loads. Do not put here: what programs call
(`pyzn_api/routes/`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from pyzn_site import chart, compare, days, errors, home, project, readme, search, static
from pyzn_site.charts.process import DrawingProcess

TOPICS = (home, search, project, readme, compare, days)


def install(app: FastAPI) -> None:
    """Add the charts and pages to `app`, after all its other routes: where a path could be both, those win."""
    drawing = app.state.charts = DrawingProcess()
    connected = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with connected(app):
            yield
        drawing.close()

    app.router.lifespan_context = lifespan
    for topic in (chart, *TOPICS, static):
        app.include_router(topic.router)
    app.state.error_page = errors.for_pages({topic.PATH for topic in TOPICS})
