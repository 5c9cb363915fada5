"""The parts of an application, one of each per process, and access to them from a route.

Belongs here: what lives as long as the application. Does not: anything about one request or one route.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry

from pyzn_api.cache import AnswerCache
from pyzn_api.database import Database
from pyzn_api.ledger import LedgerReader
from pyzn_api.observation import Gauges
from pyzn_api.passwords import Guesses
from pyzn_api.responses import Answer
from pyzn_api.settings import Settings
from pyzn_api.windows import Clock


class State:
    """The parts of one application. Nothing connects before `connected`."""

    def __init__(self, settings: Settings, now: Clock) -> None:
        self.settings = settings
        self.now = now  # the only clock
        self.database = Database(settings.database_url, settings.pool_size)
        # Of its own, so that slow answers cannot keep the ledger from being read.
        self._ledger_database = Database(settings.database_url, 1)
        self.reader = LedgerReader(self._ledger_database)
        self.answers = AnswerCache(self.database, self.reader, settings.cache_bytes)
        self.registry = CollectorRegistry()  # of the exported metrics
        for counter in (self.database.statements, self.answers.outcomes):
            self.registry.register(counter)
        self.gauges = Gauges(self.registry, self.database, self.answers, self.reader)
        self.files: dict[str, Answer] = {}  # of the documentation, made at the first request
        self.guesses = Guesses()

    @property
    def today(self) -> date:
        """The date, UTC."""
        return self.now().date()

    @asynccontextmanager
    async def connected(self, _: FastAPI) -> AsyncIterator[None]:
        """Connect for the lifespan of the application."""
        await self.database.open()
        await self._ledger_database.open()
        looking = asyncio.create_task(self.gauges.keep_updated())
        yield
        looking.cancel()
        await self.database.close()
        await self._ledger_database.close()


def state(request: Request) -> State:
    """Return the parts of the application that answers `request`."""
    found: State = request.app.state.pyzn
    return found
