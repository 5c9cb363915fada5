"""A supervisor that is killed takes nothing with it; `pyzn down` ends what it left, and nothing else."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.stack.conftest import Pyzn, alive, kill_supervisor, processes, pyzn_at, wait_for_the_end

pytestmark = pytest.mark.slow

# Root in a container may not look into another user's processes, of which Postgres is one then.
IN_A_CONTAINER = ("setpriv", "--bounding-set=-sys_ptrace,-sys_admin,-perfmon") if os.geteuid() == 0 else ()


def of_home(home: Path) -> list[psutil.Process]:
    """Every process that has to do with that home: it is named in its command or its environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(str(home) in text for text in [*process.cmdline(), *process.environ().values()]):
                found.append(process)
    return found


def test_down_ends_what_a_killed_supervisor_left_in_its_own_home_alone(pyzn: Pyzn, tmp_path: Path) -> None:
    in_a_container = Pyzn(pyzn.environment, IN_A_CONTAINER)
    started = in_a_container("up", "--detach", "--no-sample")
    assert started.returncode == 0, started.stderr
    children = kill_supervisor(pyzn)
    another, copy = (pyzn_at(tmp_path / name) for name in ("another", "copy"))
    another.home.mkdir()
    shutil.copy(pyzn.home / "stack.json", another.home)
    subprocess.run(["cp", "-a", pyzn.home, copy.home], check=True)
    for home in (another, copy):
        assert home("down").stdout == f"no stack runs in {home.home}\n"
    assert len(alive(children)) == len(children)

    down = in_a_container("down")

    assert "processes that a killed stack left behind" in down.stdout
    wait_for_the_end(children)
    assert not of_home(pyzn.home)
    assert pyzn("down").stdout == f"no stack runs in {pyzn.home}\n"


@pytest.mark.parametrize("step", ["starting Postgres", "starting the BigQuery emulator", "starting Dagster"])
def test_a_supervisor_that_is_killed_while_it_starts_leaves_nothing_that_down_does_not_find(
    pyzn: Pyzn, step: str
) -> None:
    with pyzn.up("--no-sample", until=f"pyzn: {step}") as foreground:
        foreground.send_signal(signal.SIGKILL)

    down = pyzn("down")

    assert down.returncode == 0, down.stderr
    assert not of_home(pyzn.home)


def test_a_stack_whose_home_is_moved_stops(pyzn: Pyzn, tmp_path: Path) -> None:
    with pyzn.up("--no-sample") as foreground:
        _, *children = processes(pyzn)

        pyzn.home.rename(tmp_path / "moved")

        assert f"{pyzn.home} was moved or removed" in foreground.communicate()[0]
    assert foreground.returncode == 1
    wait_for_the_end(children)
