"""Every shell block of docs/operations.md, run as it stands on the services as processes."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres
from tests.deployment.compose import Deployment
from tests.deployment.docker import docker
from tests.deployment.page import Operator, blocks, make_project, run_page


class Processes(Operator):
    """The services as processes, their state below `folder`, until `stack` is closed."""

    def __init__(self, project: Path, folder: Path, stack: ExitStack) -> None:
        super().__init__(project)
        self._folder = folder
        self._stack = stack
        self._deployment = Deployment(folder / "state")
        stack.callback(self._deployment.stop)
        self._commands = stack.enter_context(docker(self._deployment, project, folder))

    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self._commands}{os.pathsep}{os.environ['PATH']}"}

    def api(self) -> str:
        return self._deployment.url(5200)

    def running(self) -> dict[str, str]:
        return {name: str(service.process.pid) for name, service in self._deployment.running.items()}

    @contextmanager
    def elsewhere(self) -> Iterator[Operator]:
        with ExitStack() as stack:
            yield Processes(self.project, self._new_folder("elsewhere"), stack)

    def other_postgres(self) -> str:
        server = self._stack.enter_context(Postgres(self._new_folder("other"), free_port()).running())
        server.ensure_role("pyzn", "moved")
        server.ensure_database("pyzn", "pyzn")
        server.ensure_database("dagster", "pyzn")
        return f"127.0.0.1:{server.port}"

    def _new_folder(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    with ExitStack() as stack:
        folder = tmp_path / "processes"
        folder.mkdir()
        yield Processes(make_project(tmp_path / "pyzn"), folder, stack)


def test_a_block_that_is_not_run_says_why() -> None:
    marked = [block for block in blocks() if block.unless]
    assert {block.heading for block in marked if block.unless == "not run"} == {
        "Upgrade",
        "Backfill 2016 to today",
        "Rotate a password",
    }
    assert [block.heading for block in marked if block.unless == "containers only"] == ["Back up"]


@pytest.mark.timeout(600)
def test_every_shell_block_of_the_page_runs_as_it_stands(operator: Operator) -> None:
    run_page(operator)
