"""Runs the shell blocks of docs/operations.md, in order and unchanged, and checks what the page promises of them.

A block below `<!-- not run: REASON -->` is left out. What a person does between the blocks is here, by its heading.
"""

import re
from collections.abc import Iterator

import httpx

from tests.containers.project import CONTENT, Project
from tests.deployment.compose import ROOT, shell_blocks


def blocks() -> Iterator[tuple[str, str]]:
    """Yield the headings and scripts of the shell blocks to run, in the page's order."""
    page = (ROOT / "docs/operations.md").read_text()
    page = re.sub(r"^<!-- not run: [^\n]+ -->\n```sh\n.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    for section in re.split(r"^##+ ", page, flags=re.MULTILINE)[1:]:
        for script in shell_blocks(section):
            yield section.partition("\n")[0], script


def run_page(project: Project) -> None:
    """Run every block."""
    ran: list[str] = []
    for heading, script in blocks():
        before = project.running()
        if heading == "Restore":
            expected, content = project.answers(), project.sql(CONTENT)
            with project.elsewhere() as new:
                assert re.search(r"^ *\d{4}-\d\d-\d\d", new.script(script), re.MULTILINE) is None
                assert new.sql(CONTENT) == content
                assert new.answers() == expected
        else:
            if heading == "Move to another Postgres" and heading in ran:
                _move(project)
            output = project.script(script)
            if "start-containers" in script:
                _check(project, heading, script, before, output)
        ran.append(heading)
    assert {"Install", "Rotate a password", "Restore", "Move to another Postgres"} <= set(ran)


def _check(project: Project, heading: str, script: str, before: dict[str, str], output: str) -> None:
    """Check which containers a start has made anew, and that the API answers."""
    after = project.running()
    restarted = {name for name in before if after.get(name) != before[name]}
    if heading == "The admin route's password":
        route = f"{project.api()}/api/v1/admin/projects/requests"
        (password,) = re.findall("^the password: (.*)$", output, re.MULTILINE)
        assert httpx.get(route, params={"password": password}, timeout=10).status_code == 200
        assert httpx.get(route, params={"password": "another"}, timeout=10).status_code == 401
        assert restarted == {"api"}
    if "PYZN_DATABASE_PASSWORD" in script:
        assert restarted == {"code", "webserver", "daemon"} | ({"backup"} & set(before))
    if "PYZN_API_DATABASE_PASSWORD" in script:
        assert restarted == {"api"}
    if heading == "Upgrade":
        assert restarted == set()
    assert project.answers()[0][0] == 200


def _move(project: Project) -> None:
    """Do step 2 of that heading."""
    address = project.other_postgres()
    profiles = re.findall(r"^COMPOSE_PROFILES=(.*)$", (project.folder / ".env").read_text(), re.MULTILINE)[-1]
    project.configure(
        COMPOSE_PROFILES=",".join(profile for profile in profiles.split(",") if profile != "postgres"),
        PYZN_DATABASE_URL=f"postgresql://pyzn:moved@{address}/pyzn",
        PYZN_API_DATABASE_URL=f"postgresql://pyzn_api:moved@{address}/pyzn",
        PYZN_DAGSTER_DATABASE_URL=f"postgresql+psycopg2://pyzn:moved@{address}/dagster",
    )
