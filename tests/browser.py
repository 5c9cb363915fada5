"""A real browser for tests: the system's Chromium or Chrome, or Playwright's own.

`python -m tests.browser` installs one where there is none. Where that is not possible, the tests that need a browser
end as errors, all others run, and the last line of the run names the command that gets one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
PLAYWRIGHT = (sys.executable, "-m", "playwright", "install", "chromium")
MISSING = "no browser to look at the pages with"


def executable() -> str | None:
    """Return the browser's program, or None if there is none, or Playwright cannot start here to drive it."""
    if not _ran((sys.executable, "-m", "playwright", "--version")):
        return None
    named = next((found for name in NAMES if (found := shutil.which(name))), None)
    if named or Path(MAC).exists():
        return named or MAC
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def packaged() -> list[str] | None:
    """Return the command that installs Debian's packages, or None on systems without apt-get.

    Playwright's own Node needs libatomic1, which a bare Debian does not have.
    """
    if shutil.which("apt-get") is None:
        return None
    return [*([] if os.geteuid() == 0 else ["sudo"]), "apt-get", "install", "--yes", "chromium", "libatomic1"]


def remedy() -> str:
    """Return the one command that gets a browser on this machine."""
    return " ".join(packaged() or PLAYWRIGHT)


def install() -> None:
    """Install Chromium by apt-get, if it may be used without a password, else by Playwright's own download."""
    if command := packaged():
        if command[0] == "sudo":
            command.insert(1, "--non-interactive")
        _ran([*command[: command.index("install")], "update"])
        if _ran([*command, "--no-install-recommends"]):
            return
    _ran(PLAYWRIGHT)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write the tests that lacked a browser, and the command that gets one, below everything else."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None:
        return  # one of several test processes
    reports = [report for outcome in ("error", "failed") for report in terminal.stats.get(outcome, [])]
    if missed := [report.nodeid for report in reports if MISSING in report.longreprtext]:
        files = ", ".join(sorted({test.partition("::")[0] for test in missed}))
        line = f"Not run, for lack of a browser: {len(missed)} tests, {files}. To run them: {remedy()}"
        terminal.write_line(line, red=True)


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium without a window. Chromium's sandbox is not available to root.

    Raises RuntimeError where there is no browser, with the command that gets one.
    """
    program = executable()
    if program is None:
        raise RuntimeError(f"{MISSING}; to get one: {remedy()}")
    with sync_playwright() as playwright:
        arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        chromium = playwright.chromium.launch(executable_path=program, args=arguments)
        expect.set_options(timeout=30_000)  # milliseconds; a browser on a busy machine
        yield chromium
        chromium.close()


def _ran(command: Sequence[str]) -> bool:
    """Run it, with its output only where it fails. Return whether it succeeded."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except FileNotFoundError as error:  # no sudo
        sys.stderr.write(f"{error}\n")
        return False
    if done.returncode:
        sys.stderr.write(f"{' '.join(command)}\n{done.stdout}")
    return done.returncode == 0


if __name__ == "__main__" and executable() is None:
    install()
