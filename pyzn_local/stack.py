"""The embedded stack: which processes run, in which order they start, and with which settings."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from pyzn_local import services
from pyzn_local.home import Home, StackError
from pyzn_local.ports import is_taken
from pyzn_local.postgres import Postgres
from pyzn_local.services import Service
from pyzn_pipeline.backfills.dagster_client import DagsterError, ask

ROOT = Path(__file__).parents[1]
"""The project's folder, which has dagster.yaml and workspace.yaml."""

PROJECT = "pyzn-local"
LOCATIONS = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"
OWN_POSTGRES = ("PYZN_DATABASE_URL", "PYZN_API_DATABASE_URL", "PYZN_DAGSTER_DATABASE_URL")

Report = Callable[[str], None]


class Stack:
    """Postgres and the BigQuery emulator (unless the environment names others, or a mirror), Dagster and the API."""

    def __init__(self, home: Home, sample: bool, report: Report) -> None:
        self._home = home
        self._sample = sample
        self._report = report
        self._services: list[Service] = []
        self._api_port = _port("PYZN_API_PORT", 5200)
        self._ui_port = _port("PYZN_UI_PORT", 3000)

    @contextmanager
    def running(self) -> Iterator[dict[str, str]]:
        """Start everything, yield the settings when all is ready, and stop everything at the end, even after an error.

        If something does not start, stops the rest and raises StackError or PostgresError.
        """
        self._home.create()
        with self._home.locked():
            self._home.settings_file.unlink(missing_ok=True)  # a killed stack may have left it
            os.environ[services.MARK] = self._home.mark  # inherited by all processes started from here on
            if left := services.end(self._home.mark):
                self._report(f"ended {left} processes that a killed stack left behind")
            for name, port in (("PYZN_API_PORT", self._api_port), ("PYZN_UI_PORT", self._ui_port)):
                if is_taken(port):
                    raise StackError(f"port {port} is in use: stop what listens there, or set {name} to another")
            try:
                settings = self._start()
                self._home.write_settings(settings)
                yield settings
            finally:
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the shutdown
                with suppress(OSError):  # the terminal or pipe may be closed
                    self._report("stopping")
                self._home.settings_file.unlink(missing_ok=True)
                services.end(self._home.mark)

    def check(self) -> None:
        """Raise StackError if a process of the stack has ended unexpectedly, or the home was moved or removed."""
        if not self._home.exists():  # then `pyzn down` cannot find the stack, and Dagster cannot find its files
            raise StackError(f"{self._home.path} was moved or removed while its stack ran; the stack was stopped")
        services.check(self._services)

    def _start(self) -> dict[str, str]:
        ports = self._home.ports()
        # With all that this stack was started with, so that other commands read days, price and limit them alike.
        given = {name: value for name, value in os.environ.items() if name.startswith("PYZN_") and value}
        del given[services.MARK]
        settings = given | {
            "PYZN_HOME": str(self._home.path),
            "PYZN_API_URL": f"http://127.0.0.1:{self._api_port}",
            "PYZN_DAGSTER_URL": f"http://127.0.0.1:{self._ui_port}",
            "PYZN_API_PORT": str(self._api_port),
            "PYZN_UI_PORT": str(self._ui_port),
            "PYZN_CODE_HOST": "127.0.0.1",
            "PYZN_CODE_PORT": str(ports["code"]),
            "DAGSTER_HOME": str(self._dagster_home()),
        }
        settings |= self._source(ports) | self._databases(ports["postgres"])
        python, environment = sys.executable, {**os.environ, **settings}
        code = [python, "-m", "dagster", "api", "grpc", "-h", "127.0.0.1", "-p", settings["PYZN_CODE_PORT"]]
        web = ["pyzn_pipeline.webserver", "--port", str(self._ui_port), "--workspace", str(ROOT / "workspace.yaml")]
        daemon = ["dagster._daemon", "run", "-w", str(ROOT / "workspace.yaml")]
        self._launch("code location", [*code, "-m", "pyzn_pipeline.definitions"], environment, port=ports["code"])
        run_pyzn(environment, "migrate")
        self._launch("API", [python, "-m", "pyzn_api"], environment, port=self._api_port)
        services.wait(self._services)
        self._report("starting Dagster")
        # The webserver creates Dagster's tables; the daemon must not do that at the same time.
        self._launch("Dagster webserver", [python, "-m", *web], environment, ready=self._location_is_loaded)
        services.wait(self._services)
        # With this, a backfill waits while the code location is away, instead of failing.
        retry = {"DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1"}
        self._launch("Dagster daemon", [python, "-m", *daemon], environment | retry)
        return settings

    def _launch(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str],
        port: int | None = None,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        log = self._home.logs / f"{name.lower().replace(' ', '-')}.log"
        listens = ready if port is None else lambda: is_taken(port)
        self._services.append(services.launch(name, command, environment, log, listens))

    def _databases(self, port: int) -> dict[str, str]:
        """The three connection URLs: those of the environment, or those of the embedded server, which this starts."""
        if given := [name for name in OWN_POSTGRES if os.environ.get(name)]:
            if absent := [name for name in OWN_POSTGRES if name not in given]:
                raise StackError(f"{', '.join(given)} is set and {', '.join(absent)} is not: set all three, or none")
            return {name: os.environ[name] for name in OWN_POSTGRES}
        self._report("starting Postgres")
        postgres = Postgres(self._home.path / "postgres", port)
        postgres.create()
        server = postgres.start(services.postgres_setting(self._home.mark))
        self._services.append(Service("Postgres", server, postgres.is_ready, postgres.home / "log"))
        services.wait(self._services)
        owner, reader = self._home.password("pyzn"), self._home.password("pyzn_api")
        postgres.ensure_role("pyzn", owner)
        for database in ("pyzn", "dagster"):
            postgres.ensure_database(database, "pyzn")
        dagster = postgres.url("dagster", "pyzn", owner)
        # dagster-postgres needs psycopg2; with a plain postgresql:// it would get psycopg 3 and fail.
        dagster = dagster.replace("postgresql://", "postgresql+psycopg2://")
        return {
            "PYZN_DATABASE_URL": postgres.url("pyzn", "pyzn", owner),
            "PYZN_API_DATABASE_URL": postgres.url("pyzn", "pyzn_api", reader),
            "PYZN_DAGSTER_DATABASE_URL": dagster,
        }

    def _source(self, ports: dict[str, int]) -> dict[str, str]:
        """The source's settings: those of the environment, or those of the emulator, which this starts."""
        if mirror := os.environ.get("PYZN_MIRROR_URL"):
            return {"PYZN_MIRROR_URL": mirror}
        if os.environ.get("PYZN_BIGQUERY_PROJECT") or os.environ.get("PYZN_BIGQUERY_ENDPOINT"):
            return {}
        self._report("starting the BigQuery emulator" + (", with a synthetic sample" if self._sample else ""))
        command = [sys.executable, "-m", "pyzn_local.bigquery", "--data", str(self._home.path / "bigquery")]
        command += ["--port", str(ports["bigquery"]), "--storage-port", str(ports["bigquery_storage"])]
        endpoint = f"http://127.0.0.1:{ports['bigquery']}"
        self._launch(
            "BigQuery emulator",
            [*command, *(["--sample"] if self._sample else [])],
            dict(os.environ),
            ready=lambda: _answers(f"{endpoint}/healthz"),
        )
        return {
            "PYZN_BIGQUERY_PROJECT": PROJECT,
            "PYZN_BIGQUERY_ENDPOINT": endpoint,
            "PYZN_BIGQUERY_STORAGE_ENDPOINT": f"127.0.0.1:{ports['bigquery_storage']}",
        }

    def _dagster_home(self) -> Path:
        if not (ROOT / "dagster.yaml").exists():
            raise StackError(f"{ROOT} has no dagster.yaml: `pyzn up` runs from the project's own folder")
        folder = self._home.path / "dagster"
        folder.mkdir(exist_ok=True)
        link = folder / "dagster.yaml"
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT / "dagster.yaml")
        return folder

    def _location_is_loaded(self) -> bool:
        try:
            return bool(ask(f"http://127.0.0.1:{self._ui_port}", LOCATIONS)["repositoriesOrError"].get("nodes"))
        except DagsterError:
            return False


def run_pyzn(environment: dict[str, str], *arguments: str) -> None:
    """Run another `pyzn` subcommand and show its output. Raises StackError if it fails."""
    if subprocess.run([sys.executable, "-m", "pyzn_cli", *arguments], env=environment, check=False).returncode != 0:
        raise StackError(f"pyzn {' '.join(arguments)} failed; see its output above")


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def _port(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise StackError(f"{name}={value!r} is not a port: a number from 1 to 65535")
    return int(value)
