"""A stack's home: the folder that holds its state, its ports and passwords, and its lock."""

import fcntl
import json
import os
import secrets
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyzn_local.ports import free_port, is_taken
from pyzn_pipeline.errors import PyznError

PORTS = ("postgres", "bigquery", "bigquery_storage", "code")
PASSWORDS = ("pyzn", "pyzn_api")
DEPLOYMENT = (
    "PYZN_DATABASE_URL",
    "PYZN_API_DATABASE_URL",
    "PYZN_DAGSTER_DATABASE_URL",
    "PYZN_DAGSTER_URL",
    "PYZN_BIGQUERY_PROJECT",
    "PYZN_BIGQUERY_ENDPOINT",
)
"""Any of these in the environment means a deployment of one's own."""


class StackError(PyznError):
    """The embedded stack cannot do that; the message says why and the way out."""


class Home:
    """The folder `path`. `stack.json` in it marks it as PyZn's."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.settings_file = self.path / "settings.env"
        self.processes_file = self.path / "processes.json"
        self.logs = self.path / "logs"
        self._identity_file = self.path / "stack.json"
        self._lock_file = self.path / "lock"

    @classmethod
    def from_environment(cls) -> "Home":
        """$PYZN_HOME, or .pyzn in the current folder."""
        return cls(Path(os.environ.get("PYZN_HOME") or ".pyzn"))

    def create(self) -> None:
        """Make the folder unless it is there. Raises StackError for a folder that is something else's."""
        if self.path.exists() and not self.path.is_dir():
            raise StackError(f"PYZN_HOME={self.path} is not a folder: name another")
        if self.path.is_dir() and any(self.path.iterdir()) and not self._identity_file.exists():
            raise StackError(
                f"PYZN_HOME={self.path} is not empty and has no stack.json, so it is not PyZn's: "
                "name another folder, or empty this one"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not self._identity_file.exists():
                self._write_identity(  # the first file in it: what follows may be cut short
                    {
                        "ports": {name: free_port() for name in PORTS},
                        "passwords": {name: secrets.token_urlsafe(24) for name in PASSWORDS},
                    }
                )
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise StackError(f"PYZN_HOME={self.path} cannot be written ({error.strerror}): name another") from error

    def ports(self) -> dict[str, int]:
        """The stack's inner ports: those of last time, but for one that something else has taken since."""
        identity = self._identity()
        ports: dict[str, int] = identity["ports"]
        if taken := {name: free_port() for name, port in ports.items() if is_taken(port)}:
            ports |= taken
            self._write_identity(identity)
        return ports

    def password(self, role: str) -> str:
        """The database password of `role`, made with the home."""
        password: str = self._identity()["passwords"][role]
        return password

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The only stack of this home. The kernel drops the lock with the process, so none can be stale."""
        with self._lock_file.open("a+") as lock:
            deadline = time.monotonic() + 1  # a command that only looks holds it for an instant
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise StackError(
                            f"a stack runs in {self.path} already (process {self.supervisor()}): "
                            "`pyzn env` shows where, `pyzn down` stops it; a second one needs another PYZN_HOME"
                        ) from None
                time.sleep(0.02)
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def supervisor(self) -> int | None:
        """The process that runs this home's stack, or None if there is none."""
        if not self._lock_file.exists():
            return None
        try:
            with self._lock_file.open("r+") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(lock.read() or 0) or None
        except PermissionError as error:
            raise StackError(f"PYZN_HOME={self.path} belongs to another user: name another") from error
        return None

    def settings(self) -> dict[str, str] | None:
        """The running stack's settings, or None while it is not up."""
        if not self.settings_file.exists() or self.supervisor() is None:
            return None
        lines = (line.split("=", 1) for line in self.settings_file.read_text().splitlines())
        return {key: shlex.split(value)[0] for key, value in lines}

    def write_settings(self, settings: Mapping[str, str]) -> None:
        """Publish the settings, for its owner's eyes only: they hold passwords."""
        self._write(self.settings_file, "".join(f"{key}={shlex.quote(value)}\n" for key, value in settings.items()))

    def _identity(self) -> dict[str, Any]:
        try:
            identity: dict[str, Any] = json.loads(self._identity_file.read_text())
            if set(identity["ports"]) != set(PORTS) or set(identity["passwords"]) != set(PASSWORDS):
                raise ValueError("it lacks ports or passwords")
        except (ValueError, KeyError) as error:
            raise StackError(
                f"{self._identity_file} is damaged ({error}): restore it, or remove {self.path} to begin anew"
            ) from error
        return identity

    def _write_identity(self, identity: Mapping[str, object]) -> None:
        self._write(self._identity_file, json.dumps(identity, indent=2))

    @staticmethod
    def _write(file: Path, content: str) -> None:
        """Whole or not at all, readable by its owner."""
        unfinished = file.with_suffix(".unfinished")
        unfinished.touch(mode=0o600)
        unfinished.write_text(content)
        unfinished.rename(file)


def adopt_settings() -> None:
    """Let this process's commands talk to the running stack, unless the environment names another deployment.

    All or nothing: a command must never work on one deployment's database with another's Dagster or passwords.
    """
    if not any(os.environ.get(name) for name in DEPLOYMENT):
        os.environ.update(Home.from_environment().settings() or {})
