"""What operators see: a line of JSON per request, and counters for Prometheus."""

import json
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0)  # seconds
LONGEST_PATH = 300  # characters of a path in the log
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

logger = logging.getLogger(__name__)


class JsonLines(logging.Formatter):
    """One JSON object per record; what the caller passes as extra={"fields": {...}} becomes its members."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
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


class Metrics:
    """Requests by route and status, and how long they took."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._at_most: Counter[tuple[str, float]] = Counter()

    def count(self, route: str, status: int, seconds: float) -> None:
        """One request answered."""
        self._requests[route, status] += 1
        self._seconds[route] += seconds
        for bucket in BUCKETS:
            if seconds <= bucket:
                self._at_most[route, bucket] += 1

    def text(self, gauges: Mapping[str, float]) -> str:
        """The counters and `gauges` in Prometheus' text format 0.0.4."""
        return "".join(f"{line}\n" for line in self._lines(gauges))

    def _lines(self, gauges: Mapping[str, float]) -> Iterator[str]:
        yield "# TYPE pyzn_api_requests_total counter"
        for (route, status), count in sorted(self._requests.items()):
            yield f'pyzn_api_requests_total{{route="{route}",status="{status}"}} {count}'
        yield "# TYPE pyzn_api_request_seconds histogram"
        for route, seconds in sorted(self._seconds.items()):
            total = sum(count for (of_route, _), count in self._requests.items() if of_route == route)
            for bucket in BUCKETS:
                count = self._at_most[route, bucket]
                yield f'pyzn_api_request_seconds_bucket{{route="{route}",le="{bucket}"}} {count}'
            yield f'pyzn_api_request_seconds_bucket{{route="{route}",le="+Inf"}} {total}'
            yield f'pyzn_api_request_seconds_sum{{route="{route}"}} {seconds}'
            yield f'pyzn_api_request_seconds_count{{route="{route}"}} {total}'
        for name, value in gauges.items():
            yield f"# TYPE {name.partition('{')[0]} {'counter' if '_total' in name else 'gauge'}"
            yield f"{name} {value}"


class Observed:
    """Counts and logs every request. The query is not logged: it may hold a password."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

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
            self._metrics.count(route, status, seconds)
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
