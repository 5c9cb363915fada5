"""The answers about one project, as bytes that Postgres made ready."""

import json

from pyzn_api.errors import UnknownProjectError
from pyzn_api.snapshot import Snapshot
from pyzn_api.versions import in_order


async def ready_made(snapshot: Snapshot, statement: str, project: str, **more: object) -> bytes:
    """The body that `statement` returns whole. Raises UnknownProjectError when it returns no row."""
    row = await snapshot.row(statement, {"project": project, **more})
    if row is None:
        raise UnknownProjectError(project)
    return row[0]


async def by_version(snapshot: Snapshot, project: str) -> bytes:
    """The body `{"id", "total_downloads", "versions", "downloads"}`.

    Only the versions are decoded here, to be put in order. Raises UnknownProjectError.
    """
    row = await snapshot.row("project_by_version", {"project": project})
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
