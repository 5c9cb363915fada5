"""Runs the shell blocks of docs/operations.md, in order and unchanged, and checks what the page promises of them.

A block below `<!-- not run: REASON -->` is left out. What a person does between the blocks is here, by its heading.
"""

import re
from dataclasses import dataclass

import httpx

from tests.containers.project import CONTENT, Project
from tests.deployment.compose import ROOT


@dataclass(frozen=True)
class Block:
    """A shell block and its heading."""

    heading: str
    script: str


def blocks() -> list[Block]:
    """Return the shell blocks to run, in the page's order."""
    page = re.sub(
        r"^<!-- not run: [^\n]+ -->\n```sh\n.*?^```$", "", (ROOT / "docs/operations.md").read_text(), flags=re.M | re.S
    )
    return [
        Block(section.partition("\n")[0], script)
        for section in re.split(r"^##+ ", page, flags=re.MULTILINE)[1:]
        for script in re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    ]


def run_page(project: Project) -> None:
    """Run every block."""
    ran: list[str] = []
    for block in blocks():
        before = project.running()
        if block.heading == "Restore":
            expected, content = project.answers(), project.sql(CONTENT)
            with project.elsewhere() as new:
                assert re.search(r"^ *\d{4}-\d\d-\d\d", new.script(block.script), re.MULTILINE) is None
                assert new.sql(CONTENT) == content
                assert new.answers() == expected
            ran.append(block.heading)
            continue
        if block.heading == "Move to another Postgres" and block.heading in ran:
            _move(project)
        output = project.script(block.script)
        ran.append(block.heading)
        if "start-containers" in block.script:
            _check(project, block, before, output)
    assert {"Install", "Rotate a password", "Restore", "Move to another Postgres"} <= set(ran)


def _check(project: Project, block: Block, before: dict[str, str], output: str) -> None:
    after = project.running()
    restarted = {name for name in before if after.get(name) != before[name]}
    if block.heading == "The admin route's password":
        route = f"{project.api()}/api/v1/admin/projects/requests"
        (password,) = re.findall("^the password: (.*)$", output, re.MULTILINE)
        assert httpx.get(route, params={"password": password}, timeout=10).status_code == 200
        assert httpx.get(route, params={"password": "another"}, timeout=10).status_code == 401
        assert restarted == {"api"}
    if "PYZN_DATABASE_PASSWORD" in block.script:
        assert restarted == {"code", "webserver", "daemon"} | ({"backup"} & set(before))
    if "PYZN_API_DATABASE_PASSWORD" in block.script:
        assert restarted == {"api"}
    if block.heading == "Upgrade":
        assert restarted == set()
    assert project.answers()[0][0] == 200


def _move(project: Project) -> None:
    """Do step 2 of that heading."""
    address = project.other_postgres()
    settings = dict(line.split("=", 1) for line in (project.folder / ".env").read_text().splitlines() if line)
    profiles = settings["COMPOSE_PROFILES"].split(",")
    project.configure(
        COMPOSE_PROFILES=",".join(profile for profile in profiles if profile != "postgres"),
        PYZN_DATABASE_URL=f"postgresql://pyzn:moved@{address}/pyzn",
        PYZN_API_DATABASE_URL=f"postgresql://pyzn_api:moved@{address}/pyzn",
        PYZN_DAGSTER_DATABASE_URL=f"postgresql+psycopg2://pyzn:moved@{address}/dagster",
    )
