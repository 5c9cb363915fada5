"""`python -m pyzn_api`: the API on one port, until SIGTERM or SIGINT."""

import logging
import sys

import uvicorn

from pyzn_api.app import build_app
from pyzn_api.observation import JsonLines
from pyzn_api.settings import SettingsError, load


def main() -> None:
    """Serve with the settings of the environment; exit with status 2, naming them, when some are missing."""
    try:
        settings = load()
    except SettingsError as error:
        sys.exit(f"{error}")
    lines = logging.StreamHandler()
    lines.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    uvicorn.run(
        build_app(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        access_log=False,  # it would write query strings, and with them the admin password
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,  # the last address that is none of these is the client's
        log_config=None,
        timeout_keep_alive=75,  # seconds; longer than a proxy's 60, which must be the one to hang up
        timeout_graceful_shutdown=10,  # seconds for requests that are under way
    )


if __name__ == "__main__":
    main()
