"""The application, put together."""

from collections.abc import Callable
from importlib.metadata import version

from fastapi import FastAPI

from pyzn_api import errors
from pyzn_api.middleware import CorsPolicy, HeadMethod, KeyCheck
from pyzn_api.observation import RequestLog
from pyzn_api.routes import (
    badges,
    counts,
    days,
    documentation,
    downloads,
    events,
    health,
    pypistats,
    series,
    summaries,
    top,
    wheels,
)
from pyzn_api.settings import Settings
from pyzn_api.shortcut import Shortcut
from pyzn_api.state import State
from pyzn_api.windows import Clock, utc_now


def build_app(settings: Settings, now: Clock = utc_now, install: Callable[[FastAPI], None] | None = None) -> FastAPI:
    """Return the ASGI application. It connects when it is started, not before; `now` is its only clock.

    `install` adds routes after those of the API, so that these win where a path could be both.
    """
    state = State(settings, now)
    app = FastAPI(
        title="PyZn",
        version=version("pyzn"),
        openapi_url=None,  # ours is made exact first, see openapi.py
        redirect_slashes=False,  # a redirect would repeat the Host header that the client chose
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=state.connected,
    )
    app.state.pyzn = state
    errors.install(app)
    # In the order of the documentation.
    for topic in (
        health,
        downloads,
        pypistats,
        summaries,
        series,
        counts,
        wheels,
        days,
        events,
        top,
        badges,
        documentation,
    ):
        app.include_router(topic.router)
    if install:
        install(app)
    # The last one added is the outermost.
    app.add_middleware(Shortcut, routes=app.routes)
    if settings.keys:
        app.add_middleware(KeyCheck, keys=settings.keys)
    app.add_middleware(CorsPolicy, origins=settings.cors_origins)
    app.add_middleware(RequestLog, registry=state.registry)
    app.add_middleware(HeadMethod)
    return app
