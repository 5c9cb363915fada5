"""A machine without a browser: `make browser` installs one; if it cannot, all tests but those of the pages run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import browser as browsers
from tests.deployment.compose import ROOT

INSTALLED = "apt-get install --yes chromium libatomic1"
TWO_TESTS = """
from tests.browser import browser

def test_a_page():
    with browser():
        pass

def test_another_thing():
    pass
"""


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all there is in PATH, and no browser anywhere."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setattr(browsers, "MAC", "/nowhere")
    monkeypatch.setattr(browsers, "PLAYWRIGHT", ("playwright", "install", "chromium"))
    return tmp_path


def program(folder: Path, name: str, exit_code: int) -> None:
    """A program in that folder which notes how it was called."""
    (folder / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {folder}/calls\nexit {exit_code}\n')
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("user", "apt_get", "calls"),
    [
        (0, 0, ["apt-get update", INSTALLED]),
        (0, 1, ["apt-get update", INSTALLED, "playwright install chromium"]),
        (1000, 0, ["sudo --non-interactive apt-get update", f"sudo --non-interactive {INSTALLED}"]),
        (1000, None, ["playwright install chromium"]),
    ],
)
def test_a_browser_is_installed_by_the_system_or_else_by_playwright(
    bare: Path, monkeypatch: pytest.MonkeyPatch, user: int, apt_get: int | None, calls: list[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    program(bare, "playwright", 0)
    if apt_get is not None:
        program(bare, "apt-get", apt_get)
        program(bare, "sudo", apt_get)
    browsers.install()
    called = (bare / "calls").read_text().splitlines()
    assert [call.removesuffix(" --no-install-recommends") for call in called] == calls


def test_without_a_browser_all_other_tests_run_and_the_last_line_has_the_way_out(bare: Path) -> None:
    (bare / "hidden.py").write_text("from tests import browser\n\nbrowser.MAC = '/nowhere'\n")
    (bare / "test_two.py").write_text(TWO_TESTS)
    program(bare, "apt-get", 1)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-p", "tests.browser", "-p", "hidden",
         "-n", "1", str(bare / "test_two.py")],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(bare)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stdout
    assert "1 failed, 1 passed" in ran.stdout
    last = ran.stdout.strip().splitlines()[-1]
    assert last.startswith("Not run, for lack of a browser: 1 tests, ")
    assert last.endswith(INSTALLED)
