"""HTTP load from `wrk`: requests over keep-alive connections, each as soon as the one before is answered."""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import NamedTuple

GoOn = Callable[[float], bool]
"""Called ten times a second with the seconds so far; false ends the load."""

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}  # milliseconds


class Load(NamedTuple):
    """Answers a second, milliseconds of the 99th percentile and of the longest, and the number of errors."""

    per_second: float
    p99: float
    longest: float
    refused: int


def require_wrk() -> str:
    """Return the path of `wrk`; exit without it, because a client in Python would take the cores that it measures."""
    if path := shutil.which("wrk"):
        return path
    sys.exit("the figures of serving need wrk: apt-get install wrk, brew install wrk")


def load(port: int, path: str, projects: int, connections: int, go_on: GoOn) -> Load:
    """Request `path`, in which `{}` is a random number up to `projects`, until `go_on` returns false."""
    before, _, after = path.partition("{}")
    number = f' .. math.random({projects}) .. "{after}"' if "{}" in path else ""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f'request = function() return wrk.format("GET", "{before}"{number}) end\n')
        script.flush()
        options = ["-t", "1", "-c", str(connections), "-d", "1h", "--timeout", "30s", "--latency", "-s", script.name]
        command = [require_wrk(), *options, f"http://127.0.0.1:{port}"]
        started = time.perf_counter()
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        while go_on(time.perf_counter() - started):
            time.sleep(0.1)
        running.send_signal(signal.SIGINT)  # wrk then prints its report
        report = running.communicate()[0]
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    longest = re.search(r"Latency +\S+ +\S+ +([\d.]+)([a-z]+)", report)
    p99 = re.search(r"99% +([\d.]+)([a-z]+)", report)
    count = re.search(r"(\d+) requests in", report)
    rate = re.search(r"Requests/sec: +([\d.]+)", report)
    if not (longest and p99 and count and rate):
        raise RuntimeError(f"unknown output of wrk: {report}")
    failed = int(refused[1]) if refused else 0
    answered = float(rate[1]) * (1 - failed / int(count[1]))
    return Load(answered, float(p99[1]) * _UNITS[p99[2]], float(longest[1]) * _UNITS[longest[2]], failed)
