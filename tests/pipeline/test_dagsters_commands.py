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

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        "dg check defs",
        "dagster dev",
        "dagster asset materialize --select top_projects -m pyzn_pipeline.definitions",
    ],
)
def test_a_command_of_dagster_without_settings_names_them_and_the_way_to_export_them(command: str) -> None:
    given = {name: value for name, value in os.environ.items() if not name.startswith(("PYZN_", "DAGSTER_"))}
    environment = given | {"PATH": f"{BIN}:{given['PATH']}"}
    program, *arguments = command.split()
    done = subprocess.run(
        [BIN / program, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"Error: {NO_SETTINGS}"
    assert "Traceback" not in done.stdout + done.stderr
    assert "Stack Trace" not in done.stdout + done.stderr


def test_a_command_of_dagster_with_the_settings_of_a_stopped_stack_ends_in_a_sentence() -> None:
    given = {name: value for name, value in os.environ.items() if not name.startswith(("PYZN_", "DAGSTER_"))}
    url = "postgresql+psycopg2://pyzn:secret@127.0.0.1:9/dagster"
    done = subprocess.run(
        [BIN / "dg", "list", "defs"], cwd=ROOT, env=given | {"PYZN_DAGSTER_DATABASE_URL": url},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch(r"Error: PYZN_DAGSTER_DATABASE_URL: .*refused.*" + re.escape(NOT_RUNNING), last), last
    assert not re.search("Traceback|Stack Trace|secret", done.stdout + done.stderr)


def test_definitions_without_settings_name_each_of_them() -> None:
    given = {name: value for name, value in os.environ.items() if not name.startswith(("PYZN_", "DAGSTER_"))}
    done = subprocess.run(
        [BIN / "dagster", "asset", "list", "-m", "pyzn_pipeline.definitions"],
        cwd=ROOT, env=given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "PYZN_DATABASE_URL is not set" in done.stderr
    assert "Traceback" not in done.stderr
