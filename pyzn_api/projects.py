"""The answers about one project, as bytes that Postgres made ready."""

import json

from pyzn_api.database import Database
from pyzn_api.errors import UnknownProjectError
from pyzn_api.versions import in_order
from pyzn_api.windows import Window


async def ready_made(database: Database, statement: str, project: str, window: Window, **more: object) -> bytes:
    """The body that `statement` returns whole. Raises UnknownProjectError when it returns no row."""
    parameters = {"project": project, "start": window.start, "end": window.end, **more}
    row = await database.row(statement, parameters)
    if row is None:
        raise UnknownProjectError(project)
    return row[0]


async def by_version(database: Database, project: str, window: Window) -> bytes:
    """The body `{"id", "total_downloads", "versions", "downloads"}`.

    Only the versions are decoded here, to be put in order. Raises UnknownProjectError.
    """
    row = await database.row("project_by_version", {"project": project, "start": window.start, "end": window.end})
    if row is None:
        raise UnknownProjectError(project)
    total, versions, days = row
    ordered = json.dumps(in_order(json.loads(versions)), ensure_ascii=False, separators=(",", ":"))
    return b'{"id":%b,"total_downloads":%b,"versions":%b,"downloads":{%b}}' % (
        json.dumps(project).encode(),
        total,
        ordered.encode(),
        days,
    )
