"""Waits that end when the thing is there; their limit is far away, for a busy machine is no failure."""

import time
from collections.abc import Callable

LIMIT = 120  # seconds


def wait_until(true: Callable[[], object], seconds: float = LIMIT) -> None:
    """Return once `true` returns something true. AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.05)
