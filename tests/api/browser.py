"""A real browser for tests: the system's Chromium or Chrome, or the one that Playwright has installed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
MISSING = (
    "no browser to look at the pages with: none of "
    f"{', '.join(NAMES)} is in PATH, and Playwright has installed none. Get one: apt-get install chromium "
    "(Debian), or .venv/bin/playwright install --with-deps chromium (anywhere; it downloads one)"
)


def executable(playwright: Playwright) -> str:
    """The browser's program. Raises RuntimeError that says how to get one."""
    found = [path for name in NAMES if (path := shutil.which(name))]
    found += [path for path in (MAC, playwright.chromium.executable_path) if Path(path).exists()]
    if not found:
        raise RuntimeError(MISSING)
    return found[0]


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium without a window. Chromium's sandbox cannot be had by root."""
    with sync_playwright() as playwright:
        arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        chromium = playwright.chromium.launch(executable_path=executable(playwright), args=arguments)
        expect.set_options(timeout=30_000)  # milliseconds; a browser on a busy machine
        yield chromium
        chromium.close()
