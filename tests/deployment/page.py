"""docs/operations.md, executed: its shell blocks in order, against the deployment they are for.

A block runs as it stands. One below `<!-- not run: WHY -->` does not, and one below `<!-- containers only: WHY -->`
needs a container engine. What a person does between the blocks is here, by the heading it belongs to.
"""

import re
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import click
import httpx

from tests.deployment.compose import ROOT, example

ROUTES = [
    "/api/v2/projects/requests",
    "/api/projects/requests",
    "/api/v4/projects/requests/countries",
    "/api/v4/days",
    "/api/v4/top",
    "/badge/requests",
]
CONTENT = "SELECT day, revision, status, checksum FROM pyzn.days ORDER BY day"


@dataclass(frozen=True)
class Block:
    """A shell block, what it is below, and why it is not run, if it is not: `not run` or `containers only`."""

    heading: str
    script: str
    unless: str


def blocks() -> list[Block]:
    """The page's shell blocks, in order."""
    page = (ROOT / "docs" / "operations.md").read_text()
    found: list[Block] = []
    for section in re.split(r"^##+ ", page, flags=re.MULTILINE)[1:]:
        heading = section.partition("\n")[0]
        for _, unless, script in re.findall(
            r"^(<!-- (not run|containers only): .+ -->\n)?```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL
        ):
            found.append(Block(heading, script, unless))
    return found


class Operator(ABC):
    """Who runs the page: in `project`, a folder with the files of the repository and a `.env`."""

    has_engine = False

    def __init__(self, project: Path) -> None:
        self.project = project
        self.said = ""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """What the scripts find in their environment."""

    @abstractmethod
    def api(self) -> str:
        """Where the API answers, http://HOST:PORT."""

    @abstractmethod
    def running(self) -> dict[str, str]:
        """What runs, and by which mark the same service started again can be told from it."""

    @abstractmethod
    def elsewhere(self) -> AbstractContextManager["Operator"]:
        """A new machine, on which nothing was started, with the same folder; gone at the end."""

    @abstractmethod
    def other_postgres(self) -> str:
        """HOST:PORT of another server, with the owner `pyzn`, password `moved`, and the two empty databases."""

    def script(self, text: str) -> str:
        """What that shell script says; it must succeed."""
        began = time.monotonic()
        done = subprocess.run(
            ["sh", "-ec", text],
            cwd=self.project,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        first = text.strip().splitlines()
        click.echo(f"{time.monotonic() - began:6.1f} s  {first[0][:90]}{' …' if len(first) > 1 else ''}")
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        self.said = done.stdout
        return done.stdout

    def sql(self, query: str) -> str:
        """What a query of the database pyzn answers, as the page asks."""
        return self.script(
            "docker compose run --rm -T backup sh -c "
            f'\'psql --no-psqlrc --tuples-only --command "{query}" "$PYZN_DATABASE_URL"\''
        )

    def answers(self) -> list[tuple[int, bytes, str]]:
        """What the API answers on ROUTES: status, body, ETag; the rankings must be there."""
        with httpx.Client(base_url=self.api(), timeout=10) as client:
            deadline = time.monotonic() + 120
            while not (top := client.get("/api/v4/top").json()).get("projects") and time.monotonic() < deadline:
                time.sleep(1)
            assert top["projects"], top
            got = [client.get(route) for route in ROUTES]
        return [(answer.status_code, answer.content, answer.headers["ETag"]) for answer in got]

    def configure(self, **settings: str) -> None:
        """Write settings into `.env`, each in place of what is there."""
        file = self.project / ".env"
        kept = [line for line in file.read_text().splitlines() if line.partition("=")[0] not in settings]
        file.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in settings.items()), ""]))


def run_page(operator: Operator) -> None:
    """Run every block that can be run, and look at what the page promises of it."""
    ran: list[str] = []
    for block in blocks():
        if block.unless == "not run" or (block.unless == "containers only" and not operator.has_engine):
            continue
        before = operator.running()
        if block.heading == "Restore":
            expected, content = operator.answers(), operator.sql(CONTENT)
            with operator.elsewhere() as new:
                assert re.search(r"^ *\d{4}-\d\d-\d\d", new.script(block.script), re.MULTILINE) is None, new.said
                assert new.sql(CONTENT) == content
                assert new.answers() == expected
            ran.append(block.heading)
            continue
        if block.heading == "Move to another Postgres" and block.heading in ran:
            _move(operator)
        operator.script(block.script)
        ran.append(block.heading)
        if "start-containers" in block.script:
            _look_at(operator, block, before)
    assert {"Install", "Rotate a password", "Restore", "Move to another Postgres"} <= set(ran)


def _look_at(operator: Operator, block: Block, before: dict[str, str]) -> None:
    after = operator.running()
    restarted = {name for name in before if after.get(name) != before[name]}
    if block.heading == "The admin route's password":
        route = f"{operator.api()}/api/v1/admin/projects/requests"
        (password,) = re.findall("^the password: (.*)$", operator.said, re.MULTILINE)
        assert httpx.get(route, params={"password": password}, timeout=10).status_code == 200
        assert httpx.get(route, params={"password": "another"}, timeout=10).status_code == 401
        assert restarted == {"api"}
    if "PYZN_DATABASE_PASSWORD" in block.script:
        assert restarted == {"code", "webserver", "daemon"} | ({"backup"} & set(before))
    if "PYZN_API_DATABASE_PASSWORD" in block.script:
        assert restarted == {"api"}
    if block.heading == "Upgrade":
        assert restarted == set()
    assert operator.answers()[0][0] == 200


def _move(operator: Operator) -> None:
    """Step 2 of that heading."""
    address = operator.other_postgres()
    settings = dict(line.split("=", 1) for line in (operator.project / ".env").read_text().splitlines() if line)
    profiles = settings["COMPOSE_PROFILES"].split(",")
    operator.configure(
        COMPOSE_PROFILES=",".join(profile for profile in profiles if profile != "postgres"),
        PYZN_DATABASE_URL=f"postgresql://pyzn:moved@{address}/pyzn",
        PYZN_API_DATABASE_URL=f"postgresql://pyzn_api:moved@{address}/pyzn",
        PYZN_DAGSTER_DATABASE_URL=f"postgresql+psycopg2://pyzn:moved@{address}/dagster",
    )


def make_project(folder: Path, **settings: str) -> Path:
    """The repository's files in a new folder, and a `.env` filled in from the example with these settings."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / ".env").write_text(example())
    with (folder / ".env").open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in settings.items())
    return folder
