"""Observation for operators: a line of JSON per request, and metrics for Prometheus."""

import asyncio
import json
import logging
import time
from datetime import UTC, datetime
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pyzn_api.cache import AnswerCache
from pyzn_api.database import Database
from pyzn_api.ledger import LedgerReader

BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0)  # seconds
LONGEST_PATH = 300  # characters of a path in the log

logger = logging.getLogger(__name__)
# A second time series beside each counter, which no dashboard uses.
disable_created_metrics()


class JsonLines(logging.Formatter):
    """One JSON object per record; the items of extra={"fields": {...}} become its members."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


class Gauges:
    """Metrics that are sampled: every second, and when Prometheus asks. Of several workers, the sum."""

    def __init__(
        self, registry: CollectorRegistry, database: Database, answers: AnswerCache, reader: LedgerReader
    ) -> None:
        self._registry = registry
        self._database = database
        self._answers = answers
        self._reader = reader
        self._gauges: dict[str, Gauge] = {}

    async def keep_updated(self) -> None:
        """Sample every second, since another worker may be the one that Prometheus asks."""
        while True:
            self.update()
            await asyncio.sleep(1)

    def update(self) -> None:
        """Sample now; the latest day has no gauge before the ledger is read."""
        pool = self._database.pool_stats()
        self._set("workers", "Processes that answer.", 1)
        self._set("cache_bytes", "Bytes of the answers in the cache.", self._answers.size)
        self._set("database_connections", "Connections that answers use.", pool.get("pool_size", 0))
        self._set("database_connections_idle", "Those of them that are idle.", pool.get("pool_available", 0))
        self._set("database_requests_waiting", "Answers that wait for a connection.", pool.get("requests_waiting", 0))
        if (latest := self._reader.latest) is not None:
            begins = datetime.combine(latest, datetime.min.time(), UTC).timestamp()
            self._set("latest_day_timestamp_seconds", "When the latest published day began.", begins, "livemax")

    def _set(self, name: str, meaning: str, value: float, mode: Literal["livesum", "livemax"] = "livesum") -> None:
        if name not in self._gauges:
            self._gauges[name] = Gauge(f"pyzn_api_{name}", meaning, registry=self._registry, multiprocess_mode=mode)
        self._gauges[name].set(value)


def exposition(registry: CollectorRegistry, workers: int) -> bytes:
    """Return the metrics in Prometheus' format: of this process, or of all workers added up."""
    if workers > 1:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return generate_latest(registry)


class RequestLog:
    """Metrics and a log line of every request. The query is not logged: it may hold a password."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "pyzn_api_requests_total", "Requests answered.", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "pyzn_api_request_seconds", "Time to answer.", ["route"], buckets=BUCKETS, registry=registry
        )
        self._series: dict[tuple[str, int], tuple[Counter, Histogram]] = {}  # looking one up takes as long as adding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, sent = 500, 0

        async def observe(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, observe)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "none")
            if (route, status) not in self._series:
                self._series[route, status] = self._requests.labels(route, status), self._seconds.labels(route)
            requests, duration = self._series[route, status]
            requests.inc()
            duration.observe(seconds)
            fields = {
                "client": (scope.get("client") or ("",))[0],
                "method": scope["method"],
                "path": scope["path"][:LONGEST_PATH],
                "route": route,
                "status": status,
                "bytes": sent,
                "milliseconds": round(seconds * 1000, 2),
            }
            logger.info("request", extra={"fields": fields})
