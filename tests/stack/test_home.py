"""A stack that cannot start ends with one clear message, and leaves nothing running."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from unittest.mock import patch

import pytest
from click.testing import CliRunner

import pyzn_cli
from pyzn_local.home import Home, adopt_settings
from tests.stack.conftest import Pyzn, processes, wait_for_the_end

Run = Callable[..., str]


@pytest.fixture
def output(pyzn: Pyzn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The output of `pyzn` with these arguments, run in this process, which does not take a second to start."""

    def output(*arguments: str, code: int = 0) -> str:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        monkeypatch.setattr(sys, "argv", ["pyzn", *arguments])
        with patch.dict(os.environ, pyzn.environment), pytest.raises(SystemExit) as ended:
            pyzn_cli.main()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        out, err = capsys.readouterr()
        assert ended.value.code == code, err
        return out + err

    return output


@pytest.fixture
def refusal(output: Run) -> Run:
    """The message of a command that must fail without a trace."""

    def refusal(*arguments: str) -> str:
        message = output(*arguments, code=1)
        assert "Traceback" not in message
        return message

    return refusal


@pytest.mark.parametrize("name", ["PYZN_API_PORT", "PYZN_UI_PORT"])
@pytest.mark.parametrize("left", [[], ["stack.unfinished"]])  # by a start that was killed before its first file
def test_a_port_in_use_is_named(pyzn: Pyzn, refusal: Run, name: str, left: list[str]) -> None:
    pyzn.home.mkdir()
    for file in left:
        (pyzn.home / file).touch()
    with socket.create_server(("127.0.0.1", int(pyzn.environment[name]))):
        message = refusal("up")
    assert f"port {pyzn.environment[name]} is in use" in message
    assert name in message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"PYZN_API_PORT": "http"}, "PYZN_API_PORT='http' is not a port"),
        (
            {"PYZN_DATABASE_URL": "postgresql://a:b@127.0.0.1/c", "PYZN_MIRROR_URL": "/nowhere"},
            "PYZN_API_DATABASE_URL, PYZN_DAGSTER_DATABASE_URL is not: set all three, or none",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_named(pyzn: Pyzn, refusal: Run, settings: dict[str, str], message: str) -> None:
    pyzn.environment.update(settings)
    assert message in refusal("up")


def test_what_is_something_else_is_not_filled(pyzn: Pyzn, refusal: Run) -> None:
    pyzn.home.write_text("")
    assert f"PYZN_HOME={pyzn.home} is not a folder" in refusal("up")
    pyzn.home.unlink()
    pyzn.home.mkdir()
    (pyzn.home / "thesis.txt").write_text("precious")
    assert f"PYZN_HOME={pyzn.home} is not empty" in refusal("up")
    assert [file.name for file in pyzn.home.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("content", ["", "null", json.dumps({"ports": {}, "passwords": None})])
def test_a_damaged_home_is_named(pyzn: Pyzn, refusal: Run, content: str) -> None:
    pyzn.home.mkdir()
    (pyzn.home / "stack.json").write_text(content)
    assert "stack.json is damaged" in refusal("up")


def test_what_a_power_failure_leaves_of_files_keeps_no_stack_from_starting(
    pyzn: Pyzn, refusal: Run, output: Run
) -> None:
    Home(pyzn.home).create()
    for left in ("settings.env", "lock", "settings.unfinished"):
        (pyzn.home / left).write_bytes(b"\xff\0\xff")
    with socket.create_server(("127.0.0.1", int(pyzn.environment["PYZN_API_PORT"]))):  # it starts, as far as to this
        assert "is in use" in refusal("up")
    assert "pyzn up" in refusal("days")
    assert "no stack runs" in output("down")


def test_nobody_else_may_enter_a_home_or_take_its_lock(pyzn: Pyzn) -> None:
    pyzn.home.mkdir(mode=0o755)
    home = Home(pyzn.home)
    home.create()
    (pyzn.home / "lock").touch(mode=0o644)
    with home.locked():
        modes = [(pyzn.home / name).stat().st_mode & 0o777 for name in (".", "lock", "stack.json")]
    assert modes == [0o700, 0o600, 0o600]


HOLD = """
import pathlib, sys
from pyzn_local.home import Home, adopt_settings
home = Home(pathlib.Path(sys.argv[1]))
home.create()
with home.locked():
    print(flush=True)
    sys.stdin.read()
"""


def test_a_second_stack_in_the_same_home_is_refused_and_names_the_first(pyzn: Pyzn, refusal: Run) -> None:
    with subprocess.Popen(  # a process of its own: a lock does not keep out the one that holds it
        [sys.executable, "-c", HOLD, str(pyzn.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        first.stdout.readline()
        for arguments in (("up",), ("up", "--detach")):
            assert f"a stack runs in {pyzn.home} already (process {first.pid})" in refusal(*arguments)
        first.stdin.close()


@pytest.mark.slow
def test_ctrl_c_ends_every_process_even_when_nobody_reads_the_output(pyzn: Pyzn) -> None:
    with pyzn.up("--no-sample", until="pyzn: starting Dagster") as foreground:
        supervisor, *children = processes(pyzn)
        assert len(children) > 3
        assert foreground.stdout is not None
        foreground.stdout.close()  # as when the terminal, or the pipe it was read through, is gone
        supervisor.send_signal(signal.SIGINT)
    wait_for_the_end(children)


def test_commands_without_a_stack_name_the_one_that_starts_it(refusal: Run, output: Run) -> None:
    for arguments in (("env",), ("days",), ("seed", __file__)):
        assert "pyzn up" in refusal(*arguments)
    assert "no stack runs" in output("down")


def test_every_command_has_its_help() -> None:
    overview = CliRunner().invoke(pyzn_cli.pyzn, ["--help"]).output
    for command in ("up", "down", "env", "seed", "migrate", "backfill", "days", "check"):
        assert f"  {command} " in overview
        shown = CliRunner().invoke(pyzn_cli.pyzn, [command, "--help"]).output
        assert len(shown.splitlines()) > 6


@pytest.mark.parametrize("command", ["up", "days", "env", "down"])
def test_a_home_of_another_user_is_named(
    refusal: Run, pyzn: Pyzn, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyzn.home.mkdir()
    pyzn.home.chmod(0)
    user = os.geteuid()
    os.seteuid(user or 65534)  # root may enter every folder
    try:
        assert f"PYZN_HOME={pyzn.home} is not this user's" in refusal(command)
        monkeypatch.setattr(os, "environ", {"PYZN_HOME": str(pyzn.home), "PYZN_DATABASE_URL": "postgresql://…"})
        adopt_settings()  # of another deployment
    finally:
        os.seteuid(user)


def test_a_command_has_the_settings_of_the_stack_but_for_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    started_with = {"PYZN_DATABASE_URL": "postgresql://…", "PYZN_BIGQUERY_PROJECT": "own", "PYZN_USD_PER_TIB": "5"}
    monkeypatch.setattr(Home, "settings", lambda _: started_with)
    for own in ({}, {"PYZN_BREAKDOWNS": "version"}, {"PYZN_USD_PER_TIB": "7"}, {"PYZN_BIGQUERY_PROJECT": "own"}):
        monkeypatch.setattr(os, "environ", dict(own))
        adopt_settings()
        assert os.environ == started_with | own
    monkeypatch.setattr(os, "environ", {"PYZN_BIGQUERY_PROJECT": "another"})
    adopt_settings()
    assert os.environ == {"PYZN_BIGQUERY_PROJECT": "another"}
