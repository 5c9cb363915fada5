"""The answers about one project, as bytes that Postgres made ready."""

import json
from collections.abc import Awaitable, Callable

from pyzn_api.database import Row
from pyzn_api.errors import UnknownProjectError
from pyzn_api.snapshot import Snapshot
from pyzn_api.versions import in_order

Make = Callable[[Snapshot, str], Awaitable[bytes]]
"""Makes the body for a project, by its normalised name. Raises UnknownProjectError."""


async def row_of(snapshot: Snapshot, statement: str, project: str, **parameters: object) -> Row:
    """The row that `statement` returns for the project. Raises UnknownProjectError when there is none."""
    rows = await snapshot.rows(statement, project=project, **parameters)
    if not rows:
        raise UnknownProjectError(project)
    return rows[0]


def ready_made(statement: str, **parameters: object) -> Make:
    """The body that `statement` returns whole."""

    async def make(snapshot: Snapshot, project: str) -> bytes:
        return (await row_of(snapshot, statement, project, **parameters))[0]

    return make


async def by_version(snapshot: Snapshot, project: str) -> bytes:
    """The body `{"id", "total_downloads", "versions", "downloads"}`.

    Only the versions are decoded here, to be put in order. Raises UnknownProjectError.
    """
    total, versions, days = await row_of(snapshot, "project_by_version", project)
    ordered = json.dumps(in_order(json.loads(versions)), ensure_ascii=False, separators=(",", ":"))
    return b'{"id":%b,"total_downloads":%b,"versions":%b,"downloads":{%b}}' % (
        json.dumps(project).encode(),
        total,
        ordered.encode(),
        days,
    )
