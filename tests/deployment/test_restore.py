"""A backup restored on a new server, by the commands of docs/operations.md, answers as the old one did."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres, binary
from tests.api.conftest import serving, settings
from tests.api.stock import stock
from tests.conftest import Database
from tests.deployment.compose import ROOT

ROUTES = [
    "/api/v2/projects/sampleproject",
    "/api/projects/busy",
    "/api/v4/projects/sampleproject/countries",
    "/api/v4/days",
    "/api/v4/top",
    "/badge/busy",
]


def documented(heading: str) -> str:
    """The first shell block below that heading of docs/operations.md."""
    page = (ROOT / "docs" / "operations.md").read_text()
    block = re.search(rf"^##+ {heading}$.*?^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert block is not None, heading
    return block[1]


def run(script: str, folder: Path, **environment: str) -> None:
    """A shell script with the server's and PyZn's programs, in `folder`."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(Path(binary("psql")).parent), os.defpath])
    subprocess.run(["sh", "-ec", script], cwd=folder, env={"PATH": path, "HOME": str(folder)} | environment, check=True)


def answers(url: str) -> list[tuple[int, bytes, str]]:
    """What the API over that database answers on ROUTES: status, body, ETag."""
    with serving(settings(url)) as client:
        return [shape(client.get(route)) for route in ROUTES]


def shape(answer: httpx.Response) -> tuple[int, bytes, str]:
    return answer.status_code, answer.content, answer.headers["ETag"]


def test_a_backup_restored_on_a_new_server_answers_the_same_bytes(database: Database, tmp_path: Path) -> None:
    stock(database.owner_url)
    before = answers(database.api_url)
    assert {status for status, _, _ in before} == {200}
    run(documented("Back up"), tmp_path, PYZN_DATABASE_URL=database.owner_url)

    with Postgres(tmp_path / "new", free_port()).running() as server:
        environment = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGPASSWORD": server.password,
            "PYZN_DATABASE_PASSWORD": "new-password",
        }
        create = (ROOT / "deploy" / "create_databases.sh").read_text()
        run(create, tmp_path, **environment)
        reader = server.url("pyzn", "pyzn_api", "new-reader")
        run(
            documented("Restore"),
            tmp_path,
            PYZN_DATABASE_URL=server.url("pyzn", "pyzn", "new-password"),
            PYZN_API_DATABASE_URL=reader,
        )
        assert answers(reader) == before
