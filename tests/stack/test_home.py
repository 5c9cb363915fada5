"""What keeps a stack from starting is one clear message, and leaves nothing running."""

import json
import signal
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

import pyzn_cli
from pyzn_local.home import Home
from tests.stack.conftest import Pyzn, alive, processes


def refused(pyzn: Pyzn, *arguments: str) -> str:
    """The message of a command that must fail without a trace."""
    finished = pyzn(*arguments)
    assert finished.returncode == 1, finished.stdout + finished.stderr
    assert "Traceback" not in finished.stderr
    return finished.stderr


@pytest.mark.parametrize("name", ["PYZN_API_PORT", "PYZN_UI_PORT"])
def test_a_port_in_use_is_named(pyzn: Pyzn, name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(pyzn.environment[name])))
        taken.listen()
        message = refused(pyzn, "up")
    assert f"port {pyzn.environment[name]} is in use" in message
    assert name in message


def test_a_port_that_is_no_port_is_named(pyzn: Pyzn) -> None:
    pyzn.environment["PYZN_API_PORT"] = "http"
    assert "PYZN_API_PORT='http' is not a port" in refused(pyzn, "up")


def test_a_folder_of_something_else_is_not_filled(pyzn: Pyzn) -> None:
    pyzn.home.mkdir()
    (pyzn.home / "thesis.txt").write_text("precious")
    assert f"PYZN_HOME={pyzn.home} is not empty" in refused(pyzn, "up")
    assert [file.name for file in pyzn.home.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_home_is_named(pyzn: Pyzn) -> None:
    pyzn.home.write_text("")
    assert f"PYZN_HOME={pyzn.home} is not a folder" in refused(pyzn, "up")


@pytest.mark.parametrize("content", ["", "{", "null", "[]", "\0\0", json.dumps({"ports": {}, "passwords": None})])
def test_a_damaged_home_is_named(pyzn: Pyzn, content: str) -> None:
    pyzn.home.mkdir()
    (pyzn.home / "stack.json").write_text(content)
    assert "stack.json is damaged" in refused(pyzn, "up")


@pytest.mark.parametrize(
    "content", [b"", b"[[1, 2", b"\xff\0\xff", b"\0" * 4096], ids=["empty", "cut", "binary", "zeros"]
)
def test_what_a_power_failure_leaves_of_files_keeps_no_stack_from_starting(pyzn: Pyzn, content: bytes) -> None:
    Home(pyzn.home).create()
    for left in ("processes.json", "settings.env", "lock", "settings.unfinished"):
        (pyzn.home / left).write_bytes(content)
    with socket.socket() as taken:  # it starts, as far as to this
        taken.bind(("127.0.0.1", int(pyzn.environment["PYZN_API_PORT"])))
        taken.listen()
        assert "is in use" in refused(pyzn, "up")
    assert "pyzn up" in refused(pyzn, "days")
    assert "no stack runs" in pyzn("down").stdout


def test_a_start_that_was_killed_before_its_first_file_is_begun_again(pyzn: Pyzn) -> None:
    pyzn.home.mkdir()
    (pyzn.home / "stack.unfinished").write_text("")
    pyzn.environment["PYZN_UI_PORT"] = pyzn.environment["PYZN_API_PORT"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(pyzn.environment["PYZN_API_PORT"])))
        taken.listen()
        assert "is in use" in refused(pyzn, "up")


def test_nobody_else_may_enter_a_home_or_take_its_lock(pyzn: Pyzn) -> None:
    pyzn.home.mkdir(mode=0o755)
    home = Home(pyzn.home)
    home.create()
    (pyzn.home / "lock").touch(mode=0o644)
    with home.locked():
        assert [(pyzn.home / name).stat().st_mode & 0o777 for name in (".", "lock", "stack.json")] == [
            0o700, 0o600, 0o600,
        ]  # fmt: skip


@pytest.mark.parametrize("content", ["", "no number", "\0", "1", "9" * 30])
def test_a_lock_that_does_not_say_whose_it_is_is_named(pyzn: Pyzn, content: str) -> None:
    home = Home(pyzn.home)
    home.create()
    with home.locked():
        (pyzn.home / "lock").write_text(content)
        for command in ("up", "down"):
            assert f"`lsof {pyzn.home / 'lock'}`" in refused(pyzn, command)


@pytest.mark.parametrize("content", ["PYZN_API_PORT", "PYZN_API_PORT='5", "\0"])
def test_damaged_settings_of_a_running_stack_are_named(pyzn: Pyzn, content: str) -> None:
    home = Home(pyzn.home)
    home.create()
    with home.locked():
        home.settings_file.write_text(content)
        assert f"{home.settings_file} is damaged" in refused(pyzn, "days")


@pytest.mark.slow
def test_ctrl_c_ends_every_process_even_when_nobody_reads_what_it_says(pyzn: Pyzn) -> None:
    foreground = pyzn.in_the_foreground("up", "--no-sample")
    assert foreground.stdout is not None
    assert any(line == "pyzn: starting Dagster\n" for line in foreground.stdout)
    supervisor, *children = processes(pyzn)
    assert len(children) > 3
    foreground.stdout.close()  # as when the terminal, or the pipe it was read through, is gone

    supervisor.send_signal(signal.SIGINT)

    foreground.wait(60)
    assert not alive(children)


def test_half_of_ones_own_postgres_is_refused(pyzn: Pyzn) -> None:
    pyzn.environment["PYZN_DATABASE_URL"] = "postgresql://a:b@127.0.0.1/c"
    message = refused(pyzn, "up")
    assert "PYZN_API_DATABASE_URL, PYZN_DAGSTER_DATABASE_URL" in message


def test_commands_without_a_stack_say_how_to_start_one(pyzn: Pyzn, tmp_path: Path) -> None:
    assert "pyzn up" in refused(pyzn, "env")
    assert "pyzn up" in refused(pyzn, "days")
    some_file = tmp_path / "some.parquet"
    some_file.write_text("x")
    assert "pyzn up" in refused(pyzn, "seed", str(some_file))
    assert "no stack runs" in pyzn("down").stdout


def test_every_command_teaches() -> None:
    overview = CliRunner().invoke(pyzn_cli.pyzn, ["--help"]).output
    for command in ("up", "down", "env", "seed", "migrate", "backfill", "days", "check"):
        assert f"  {command} " in overview
        taught = CliRunner().invoke(pyzn_cli.pyzn, [command, "--help"]).output
        assert len(taught.splitlines()) > 6
