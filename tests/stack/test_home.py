"""What keeps a stack from starting is one clear message, and leaves nothing running."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

import pyzn_cli
from pyzn_local.home import Home
from tests.stack.conftest import Pyzn, processes, wait_for_the_end


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(pyzn: Pyzn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `pyzn` with these arguments in this process, which does not take a second to start."""

    def run(*arguments: str) -> Ended:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        before = dict(os.environ)
        os.environ |= pyzn.environment
        monkeypatch.setattr(sys, "argv", ["pyzn", *arguments])
        try:
            with pytest.raises(SystemExit) as ended:
                pyzn_cli.main()
        finally:
            os.environ.clear()
            os.environ |= before
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return run


def refused(ended: Ended) -> str:
    """The message of a command that must fail without a trace."""
    assert ended.code == 1, ended
    assert "Traceback" not in ended.err
    return ended.err


@contextmanager
def taken(port: str) -> Iterator[None]:
    """Something else that listens there."""
    with socket.create_server(("127.0.0.1", int(port))):
        yield


@pytest.mark.parametrize("name", ["PYZN_API_PORT", "PYZN_UI_PORT"])
def test_a_port_in_use_is_named(pyzn: Pyzn, run: Run, name: str) -> None:
    with taken(pyzn.environment[name]):
        message = refused(run("up"))
    assert f"port {pyzn.environment[name]} is in use" in message
    assert name in message


def test_a_port_that_is_no_port_is_named(pyzn: Pyzn, run: Run) -> None:
    pyzn.environment["PYZN_API_PORT"] = "http"
    assert "PYZN_API_PORT='http' is not a port" in refused(run("up"))


def test_what_is_something_else_is_not_filled(pyzn: Pyzn, run: Run) -> None:
    pyzn.home.write_text("")
    assert f"PYZN_HOME={pyzn.home} is not a folder" in refused(run("up"))
    pyzn.home.unlink()
    pyzn.home.mkdir()
    (pyzn.home / "thesis.txt").write_text("precious")
    assert f"PYZN_HOME={pyzn.home} is not empty" in refused(run("up"))
    assert [file.name for file in pyzn.home.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("content", ["", "null", json.dumps({"ports": {}, "passwords": None})])
def test_a_damaged_home_is_named(pyzn: Pyzn, run: Run, content: str) -> None:
    pyzn.home.mkdir()
    (pyzn.home / "stack.json").write_text(content)
    assert "stack.json is damaged" in refused(run("up"))


def test_what_a_power_failure_leaves_of_files_keeps_no_stack_from_starting(pyzn: Pyzn, run: Run) -> None:
    Home(pyzn.home).create()
    for left in ("settings.env", "lock", "settings.unfinished"):
        (pyzn.home / left).write_bytes(b"\xff\0\xff")
    with taken(pyzn.environment["PYZN_API_PORT"]):  # it starts, as far as to this
        assert "is in use" in refused(run("up"))
    assert "pyzn up" in refused(run("days"))
    assert "no stack runs" in run("down").out


def test_a_start_that_was_killed_before_its_first_file_is_begun_again(pyzn: Pyzn, run: Run) -> None:
    pyzn.home.mkdir()
    (pyzn.home / "stack.unfinished").write_text("")
    with taken(pyzn.environment["PYZN_API_PORT"]):
        assert "is in use" in refused(run("up"))


def test_nobody_else_may_enter_a_home_or_take_its_lock(pyzn: Pyzn) -> None:
    pyzn.home.mkdir(mode=0o755)
    home = Home(pyzn.home)
    home.create()
    (pyzn.home / "lock").touch(mode=0o644)
    with home.locked():
        assert [(pyzn.home / name).stat().st_mode & 0o777 for name in (".", "lock", "stack.json")] == [
            0o700, 0o600, 0o600,
        ]  # fmt: skip


HOLD = """
import pathlib, sys
from pyzn_local.home import Home
home = Home(pathlib.Path(sys.argv[1]))
home.create()
with home.locked():
    print(flush=True)
    sys.stdin.read()
"""


def test_a_second_stack_in_the_same_home_is_refused_and_names_the_first(pyzn: Pyzn, run: Run) -> None:
    with subprocess.Popen(  # a process of its own: a lock does not keep out the one that holds it
        [sys.executable, "-c", HOLD, str(pyzn.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        first.stdout.readline()
        for arguments in (("up",), ("up", "--detach")):
            assert f"a stack runs in {pyzn.home} already (process {first.pid})" in refused(run(*arguments))
        first.stdin.close()


@pytest.mark.slow
def test_ctrl_c_ends_every_process_even_when_nobody_reads_what_it_says(pyzn: Pyzn) -> None:
    foreground = pyzn.in_the_foreground("up", "--no-sample")
    assert foreground.stdout is not None
    assert any(line == "pyzn: starting Dagster\n" for line in foreground.stdout)
    supervisor, *children = processes(pyzn)
    assert len(children) > 3
    foreground.stdout.close()  # as when the terminal, or the pipe it was read through, is gone

    supervisor.send_signal(signal.SIGINT)

    foreground.wait(120)
    wait_for_the_end(children)


def test_half_of_ones_own_postgres_is_refused(pyzn: Pyzn, run: Run, tmp_path: Path) -> None:
    pyzn.environment.update(PYZN_DATABASE_URL="postgresql://a:b@127.0.0.1/c", PYZN_MIRROR_URL=str(tmp_path))
    assert "PYZN_API_DATABASE_URL, PYZN_DAGSTER_DATABASE_URL" in refused(run("up"))


def test_commands_without_a_stack_say_how_to_start_one(run: Run, tmp_path: Path) -> None:
    assert "pyzn up" in refused(run("env"))
    assert "pyzn up" in refused(run("days"))
    some_file = tmp_path / "some.parquet"
    some_file.write_text("x")
    assert "pyzn up" in refused(run("seed", str(some_file)))
    assert "no stack runs" in run("down").out


def test_every_command_teaches() -> None:
    overview = CliRunner().invoke(pyzn_cli.pyzn, ["--help"]).output
    for command in ("up", "down", "env", "seed", "migrate", "backfill", "days", "check"):
        assert f"  {command} " in overview
        taught = CliRunner().invoke(pyzn_cli.pyzn, [command, "--help"]).output
        assert len(taught.splitlines()) > 6
