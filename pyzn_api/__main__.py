"""`python -m pyzn_api`: the API on one port, until SIGTERM or SIGINT."""

import gc
import logging
import os
import signal
import sys
from contextlib import nullcontext
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import uvicorn
from fastapi import FastAPI
from prometheus_client.multiprocess import mark_process_dead

from pyzn_api.app import build_app
from pyzn_api.observation import JsonLines
from pyzn_api.protocol import LimitedProtocol, raise_descriptor_limit
from pyzn_api.settings import Settings, load
from pyzn_api.windows import Clock, utc_now
from pyzn_pipeline.environment import SettingsError

METRICS = "PROMETHEUS_MULTIPROC_DIR"  # the library's name


def application() -> FastAPI:
    """Return the application of one process, with its log."""
    lines = logging.StreamHandler()
    lines.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    if parent := parent_process():
        Thread(target=_end_with, args=[parent], daemon=True).start()
        _forget_the_dead(Path(os.environ[METRICS]))
    app = build(load())
    gc.freeze()  # it all lives as long as the process; to look through it would hold up every answer for 0.1 s
    return app


def build(settings: Settings, now: Clock = utc_now) -> FastAPI:
    """Return the application with its pages and charts, or without them: then nothing of the site is imported."""
    if settings.pages == "off":
        return build_app(settings, now)
    from pyzn_site import install  # noqa: PLC0415 - at the top it would be imported with pages off as well

    return build_app(settings, now, install)


def _end_with(parent: BaseProcess) -> None:
    """End this worker when its parent is gone, which would end it: it would keep the port."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _forget_the_dead(metrics: Path) -> None:
    """Drop the gauges of workers that died, since this one may replace one of them. Their counters stay."""
    for pid in {int(file.stem.rpartition("_")[2]) for file in metrics.glob("gauge_live*.db")}:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid)


def main() -> None:
    """Serve with the settings of the environment; exit with status 2, naming them, when some are missing.

    With several workers this process only starts them, hands them the socket and replaces one that dies.
    """
    try:
        settings = load()
    except SettingsError as error:
        sys.exit(f"{error}")
    raise_descriptor_limit()
    # Several workers add up their metrics in a folder. One alone ends by its signal, and would leave the folder behind.
    with TemporaryDirectory(prefix="pyzn-api-") if settings.workers > 1 else nullcontext() as folder:
        if folder:
            os.environ[METRICS] = folder
        uvicorn.run(
            "pyzn_api.__main__:application",
            factory=True,
            workers=settings.workers,
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http=LimitedProtocol,
            access_log=False,  # it would write query strings, and with them the admin password
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,  # the last address that is none of these is the client's
            log_config=None,
            timeout_keep_alive=75,  # seconds; longer than a proxy's 60, which must be the one to hang up
            timeout_graceful_shutdown=10,  # seconds for requests that are under way
            timeout_worker_healthcheck=30,  # seconds; uvicorn's 5 end a worker again and again that starts slowly
        )


if __name__ == "__main__":
    main()
