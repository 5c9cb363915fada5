"""Dagster's own commands, run from the root: without a stack they end in one sentence."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyzn_pipeline.instance.instance import NO_SETTINGS, NOT_RUNNING
from tests.deployment.compose import ROOT

pytestmark = pytest.mark.slow


def last_words(command: str, **settings: str) -> str:
    """The output of a command that fails, which has neither a trace nor a secret."""
    given = {name: value for name, value in os.environ.items() if not name.startswith(("PYZN_", "DAGSTER_"))}
    folder = Path(sys.executable).parent
    program, *arguments = command.split()
    done = subprocess.run(
        [folder / program, *arguments],
        cwd=ROOT,
        env=given | {"PATH": f"{folder}:{given['PATH']}"} | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert not re.search("Traceback|Stack Trace|secret", done.stdout + done.stderr)
    return done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "dg check defs",
        "dagster dev",
        "dagster asset materialize --select top_projects -m pyzn_pipeline.definitions",
    ],
)
def test_a_command_of_dagster_without_settings_names_them_and_the_way_to_export_them(command: str) -> None:
    assert last_words(command).splitlines()[-1] == f"Error: {NO_SETTINGS}"


def test_a_command_of_dagster_with_the_settings_of_a_stopped_stack_ends_in_a_sentence() -> None:
    url = "postgresql+psycopg2://pyzn:secret@127.0.0.1:9/dagster"
    last = last_words("dg list defs", PYZN_DAGSTER_DATABASE_URL=url).splitlines()[-1]
    assert re.fullmatch(r"Error: PYZN_DAGSTER_DATABASE_URL: .*refused.*" + re.escape(NOT_RUNNING), last), last


def test_definitions_without_settings_name_each_of_them() -> None:
    assert "PYZN_DATABASE_URL is not set" in last_words("dagster asset list -m pyzn_pipeline.definitions")
