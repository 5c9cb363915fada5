"""The route that only operators may read."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pyzn_api import models
from pyzn_api.errors import UNAUTHORIZED, ApiError
from pyzn_api.ledger import Basis
from pyzn_api.openapi import errors
from pyzn_api.responses import JSON
from pyzn_api.routes.downloads import respond_by_version
from pyzn_api.routes.parameters import ProjectName
from pyzn_api.state import state
from pyzn_api.windows import EVER

HEADERS = {**JSON, "Cache-Control": "private, no-store"}  # its URL holds the password

router = APIRouter(tags=["admin"], responses=errors(401, 404, 503))


@router.get(
    "/api/v1/admin/projects/{project}",
    summary="Downloads per day and version, every day held",
    responses={200: {"model": models.ProjectByVersion}},
)
async def by_version_ever(
    request: Request,
    project: ProjectName,
    password: Annotated[str, Query(description="checked against PYZN_ADMIN_PASSWORD_HASH")] = "",
) -> Response:
    """The shape of v2, over every day held."""
    parts = state(request)
    expected = parts.settings.admin_password_hash
    if expected is None or not password or not await parts.guesses.are_right(request, password, expected):
        raise ApiError(UNAUTHORIZED, 401)
    return await respond_by_version(request, project, Basis(EVER, totals=True), HEADERS)
