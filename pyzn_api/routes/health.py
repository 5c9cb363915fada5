"""Liveness, and the numbers of this process."""

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from pyzn_api.models import Health
from pyzn_api.observation import exposition
from pyzn_api.openapi import errors
from pyzn_api.state import state
from pyzn_api.tables import json_body

NO_STORE = {"Cache-Control": "no-store"}
HEALTHY = json_body(Health(status="healthy"))

router = APIRouter(tags=["service"], responses=errors())


@router.get("/health-check", summary="Whether the process is alive", responses={200: {"model": Health}})
async def health_check(_request: Request) -> Response:
    """Liveness only: asks no database, so a Postgres that is away does not get the API restarted."""
    return Response(HEALTHY, headers=NO_STORE, media_type="application/json")


@router.get("/metrics", include_in_schema=False)
async def prometheus(request: Request) -> Response:
    """Numbers since the start, of all workers, for Prometheus."""
    parts = state(request)
    parts.gauges.update()
    text = exposition(parts.registry, parts.settings.workers)
    return Response(text, headers=NO_STORE, media_type=CONTENT_TYPE_PLAIN_0_0_4)
