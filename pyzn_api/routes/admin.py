"""What only operators may read."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import SecretStr

from pyzn_api import models, projects
from pyzn_api.caching import Answers, Recipe
from pyzn_api.errors import UnauthorizedError
from pyzn_api.ledger import Basis
from pyzn_api.names import known_form
from pyzn_api.openapi import errors
from pyzn_api.passwords import matches
from pyzn_api.responses import JSON, Form
from pyzn_api.routes.parameters import ProjectName
from pyzn_api.snapshot import Snapshot
from pyzn_api.windows import EVER

FORM = Form(JSON.media_type, "private, no-store")  # its URL holds the password


def router(answers: Answers, password_hash: SecretStr | None) -> APIRouter:
    """The admin routes; without a hash each answers 401."""
    routes = APIRouter(tags=["admin"], responses=errors(401, 404, 503))
    one_at_a_time = asyncio.Lock()  # guesses queue for one core, and leave the others to everybody else

    @routes.get(
        "/api/v1/admin/projects/{project}",
        summary="Downloads per day and version, every day held",
        responses={200: {"model": models.ProjectByVersionEver}},
    )
    async def by_version_ever(
        request: Request,
        project: ProjectName,
        password: Annotated[str, Query(description="checked against PYZN_ADMIN_PASSWORD_HASH")] = "",
    ) -> Response:
        """As v2, over every day held."""
        if password_hash is None or not password:
            raise UnauthorizedError
        async with one_at_a_time:
            if not await asyncio.to_thread(matches, password, password_hash):
                raise UnauthorizedError
        name = known_form(project)

        async def render(snapshot: Snapshot) -> bytes:
            return await projects.by_version(snapshot, name)

        return await answers.respond(request, Recipe(("ever", name), lambda _: Basis(EVER, totals=True), render, FORM))

    return routes
