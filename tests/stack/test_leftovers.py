"""A supervisor that is killed takes nothing with it; `pyzn down` ends what it left, and nothing else."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.stack.conftest import Pyzn, alive, processes, pyzn_at, wait_for_the_end

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


def killed(pyzn: Pyzn) -> list[psutil.Process]:
    """What a stack that ran leaves when its supervisor is killed."""
    started = pyzn("up", "--detach", "--no-sample")
    assert started.returncode == 0, started.stderr
    supervisor, *children = processes(pyzn)
    supervisor.kill()
    supervisor.wait(120)
    assert len(alive(children)) > 5
    return children


def test_down_ends_what_a_killed_supervisor_left(pyzn: Pyzn) -> None:
    in_a_container = Pyzn(pyzn.environment, IN_A_CONTAINER)
    children = killed(in_a_container)

    down = in_a_container("down")

    assert "processes that a killed stack left behind" in down.stdout
    wait_for_the_end(children)
    assert not of_home(pyzn.home)
    assert pyzn("down").stdout == f"no stack runs in {pyzn.home}\n"


def test_a_killed_stack_is_ended_from_its_own_home_alone(pyzn: Pyzn, tmp_path: Path) -> None:
    children = killed(pyzn)
    another, copy = (pyzn_at(tmp_path / name) for name in ("another", "copy"))
    another.home.mkdir()
    shutil.copy(pyzn.home / "stack.json", another.home)
    subprocess.run(["cp", "-a", pyzn.home, copy.home], check=True)
    for home in (another, copy):
        assert home("down").stdout == f"no stack runs in {home.home}\n"
    assert len(alive(children)) == len(children)


@pytest.mark.parametrize("said", ["starting Postgres", "starting the BigQuery emulator", "starting Dagster"])
def test_a_supervisor_that_is_killed_while_it_starts_leaves_nothing_that_down_does_not_find(
    pyzn: Pyzn, said: str
) -> None:
    foreground = pyzn.in_the_foreground("up", "--no-sample")
    assert foreground.stdout is not None
    assert any(line == f"pyzn: {said}\n" for line in foreground.stdout)
    foreground.send_signal(signal.SIGKILL)
    foreground.wait(120)
    foreground.stdout.close()

    down = pyzn("down")

    assert down.returncode == 0, down.stderr
    assert not of_home(pyzn.home)


def test_a_stack_whose_home_is_moved_stops(pyzn: Pyzn, tmp_path: Path) -> None:
    foreground = pyzn.in_the_foreground("up", "--no-sample")
    assert foreground.stdout is not None
    assert any(line == "PyZn runs; Ctrl-C stops it.\n" for line in foreground.stdout)
    _, *children = processes(pyzn)

    pyzn.home.rename(tmp_path / "moved")

    assert f"{pyzn.home} was moved or removed" in foreground.stdout.read()
    foreground.stdout.close()
    assert foreground.wait(120) == 1
    wait_for_the_end(children)
