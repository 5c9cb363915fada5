"""Liveness, and the numbers of this process."""

from datetime import UTC, datetime, time

from fastapi import APIRouter, Response

from pyzn_api import models
from pyzn_api.caching import Answers
from pyzn_api.database import Database
from pyzn_api.ledger import LedgerReader
from pyzn_api.observation import CONTENT_TYPE, Metrics
from pyzn_api.openapi import errors


def router(database: Database, reader: LedgerReader, answers: Answers, metrics: Metrics) -> APIRouter:
    """The routes for whoever runs the process."""
    routes = APIRouter(tags=["service"], responses=errors())

    @routes.get(
        "/health-check",
        summary="Whether the process is alive",
        responses={200: {"model": models.Health}},
    )
    async def health_check() -> Response:
        """Liveness only: asks no database, so a Postgres that is away does not get the API restarted."""
        return Response('{"status":"healthy"}', headers={"Cache-Control": "no-store"}, media_type="application/json")

    @routes.get("/metrics", include_in_schema=False)
    async def prometheus() -> Response:
        """Counters since the process started, in Prometheus' text format."""
        pool = database.pool_stats()
        gauges: dict[str, float] = {
            **{f'pyzn_api_answers_total{{outcome="{name}"}}': n for name, n in answers.outcomes.items()},
            "pyzn_api_cache_bytes": answers.bytes,
            "pyzn_api_database_statements_total": database.statements,
            "pyzn_api_database_connections": pool.get("pool_size", 0),
            "pyzn_api_database_connections_idle": pool.get("pool_available", 0),
            "pyzn_api_database_requests_waiting": pool.get("requests_waiting", 0),
        }
        if reader.latest is not None:
            gauges["pyzn_api_latest_day_timestamp_seconds"] = datetime.combine(reader.latest, time(), UTC).timestamp()
        return Response(metrics.text(gauges), headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE)

    return routes
