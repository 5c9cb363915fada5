"""The application, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from pyzn_api import errors
from pyzn_api.caching import Answers
from pyzn_api.database import Database
from pyzn_api.ledger import LedgerReader
from pyzn_api.middleware import CrossOrigin, HeadAsGet, KeyRequired
from pyzn_api.observation import Metrics, Observed
from pyzn_api.routes import admin, badges, counts, documentation, downloads, health, ledger, summaries
from pyzn_api.settings import Settings
from pyzn_api.windows import Clock, utc_now


def build_app(settings: Settings, now: Clock = utc_now) -> FastAPI:
    """The ASGI application. Connects when it is started, not before; `now` is its only clock."""
    database = Database(settings.database_url, settings.pool_size)
    # Of its own, so that slow answers cannot keep the ledger from being read.
    ledger_database = Database(settings.database_url, 1)
    reader = LedgerReader(ledger_database)
    answers = Answers(database, reader, settings.cache_bytes)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await database.open()
        await ledger_database.open()
        yield
        await database.close()
        await ledger_database.close()

    app = FastAPI(
        title="PyZn",
        version=version("pyzn"),
        openapi_url=None,  # ours is made exact first, see openapi.py
        redirect_slashes=False,  # a redirect would repeat the Host header that the client chose
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=lifespan,
    )
    errors.install(app)
    app.include_router(health.router(database, reader, answers, metrics))
    app.include_router(downloads.router(answers, now))
    app.include_router(summaries.router(answers, now))
    app.include_router(counts.router(answers, now))
    app.include_router(ledger.router(reader, answers, now))
    app.include_router(badges.router(answers, now))
    app.include_router(admin.router(answers, settings.admin_password_hash))
    app.include_router(documentation.router(app, keyed=bool(settings.keys)))
    # The last one added is the outermost.
    if settings.keys:
        app.add_middleware(KeyRequired, keys=settings.keys)
    app.add_middleware(CrossOrigin, origins=settings.cors_origins)
    app.add_middleware(Observed, metrics=metrics)
    app.add_middleware(HeadAsGet)
    return app
