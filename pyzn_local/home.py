"""A stack's home: the folder with its state, ports, passwords and lock. The stack is the processes (stack.py)."""

import fcntl
import json
import os
import secrets
import shlex
import struct
import sys
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
    "PYZN_MIRROR_URL",
    "PYZN_BIGQUERY_PROJECT",
    "PYZN_BIGQUERY_ENDPOINT",
)
"""If any of these is set, and not as the stack has it, the environment describes another deployment."""

MACOS = sys.platform == "darwin"
_LOCK = "qqihh" if MACOS else "hhqqi4x"  # `struct flock` of fcntl(2), whose fields have an order of their own on macOS
_WRITE_LOCK = struct.pack(_LOCK, *((0, 0, 0, fcntl.F_WRLCK, 0) if MACOS else (fcntl.F_WRLCK, 0, 0, 0, 0)))


class StackError(PyznError):
    """A request that the embedded stack cannot serve. The message has the reason and the way out."""


class Home:
    """The folder `path`. The file `stack.json` in it shows that it is PyZn's. Raises StackError for another user's."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.mark = str(self.path)  # of its processes, see services.py
        self.settings_file = self.path / "settings.env"
        self.logs = self.path / "logs"
        self._identity_file = self.path / "stack.json"
        self._lock_file = self.path / "lock"
        try:
            entered = not self.path.is_dir() or os.access(self.path, os.R_OK | os.W_OK | os.X_OK)
        except PermissionError:  # of a folder above it
            entered = False
        if not entered:
            raise StackError(f"PYZN_HOME={self.path} is not this user's to read and write: name another")

    @classmethod
    def from_environment(cls) -> "Home":
        """$PYZN_HOME, or .pyzn in the current folder."""
        return cls(Path(os.environ.get("PYZN_HOME") or ".pyzn"))

    def create(self) -> None:
        """Create the folder unless it exists. Raises StackError if the folder is used for something else."""
        if self.path.exists() and not self.path.is_dir():
            raise StackError(f"PYZN_HOME={self.path} is not a folder: name another")
        unfinished = self._unfinished(self._identity_file)  # all that is there if a start is killed at once
        others = set(self.path.iterdir()) - {unfinished} if self.path.is_dir() else set()
        if others and not self._identity_file.exists():
            raise StackError(
                f"PYZN_HOME={self.path} is not empty and has no stack.json, so it is not PyZn's: "
                "name another folder, or empty this one"
            )
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)  # nobody else may hold its lock or read its logs
            if not self._identity_file.exists():
                self._write_identity(  # the first file, because a kill may interrupt what follows
                    {
                        "ports": {name: free_port() for name in PORTS},
                        "passwords": {name: secrets.token_urlsafe(24) for name in PASSWORDS},
                    }
                )
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise StackError(f"PYZN_HOME={self.path} cannot be written ({error.strerror}): name another") from error

    def exists(self) -> bool:
        """Return whether the folder exists and is PyZn's."""
        return self._identity_file.exists()

    def ports(self) -> dict[str, int]:
        """The stack's internal ports: the same as last time, except one that another process has taken since."""
        identity = self._identity()
        ports = identity["ports"]
        if taken := {name: free_port() for name, port in ports.items() if is_taken(port)}:
            ports |= taken
            self._write_identity(identity)
        return ports

    def password(self, role: str) -> str:
        """The database password of `role`, which was created with the home."""
        return str(self._identity()["passwords"][role])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of this home, so that only one stack runs. The kernel releases it when the process ends."""
        self._lock_file.touch(mode=0o600)
        self._lock_file.chmod(0o600)
        with self._lock_file.open("r+b") as lock:
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StackError(
                    f"a stack runs in {self.path} already (process {self.supervisor()}): "
                    "`pyzn env` shows where, `pyzn down` stops it; a second one needs another PYZN_HOME"
                ) from None
            yield

    def supervisor(self) -> int | None:
        """The pid of the process that runs this home's stack, by the kernel's own record of its lock; None without one.

        Never called by that process itself: to close the file again would release its lock.
        """
        if not self._lock_file.exists():
            return None
        with self._lock_file.open("r+b") as lock:
            found = struct.unpack(_LOCK, fcntl.fcntl(lock, fcntl.F_GETLK, _WRITE_LOCK))
        kind, pid = (found[3], found[2]) if MACOS else (found[0], found[4])
        if kind == fcntl.F_UNLCK:
            return None
        if pid <= 0:
            raise StackError(f"a stack runs in {self.path} in another container: use it there, or name another home")
        return int(pid)

    def settings(self) -> dict[str, str] | None:
        """The running stack's settings, or None while it is not ready."""
        if not self.settings_file.exists() or self.supervisor() is None:
            return None
        words = (word.partition("=") for word in shlex.split(self.settings_file.read_text()))
        return {key: value for key, _, value in words}

    def write_settings(self, settings: Mapping[str, str]) -> None:
        """Write the settings to a file that only its owner can read, because it has passwords."""
        self._write(self.settings_file, "".join(f"{key}={shlex.quote(value)}\n" for key, value in settings.items()))

    def _identity(self) -> dict[str, dict[str, Any]]:
        try:
            found = json.loads(self._identity_file.read_text())
            return {
                "ports": {name: int(found["ports"][name]) for name in PORTS},
                "passwords": {name: str(found["passwords"][name]) for name in PASSWORDS},
            }
        except (ValueError, KeyError, TypeError) as error:
            raise StackError(
                f"{self._identity_file} is damaged ({error}): restore it, or remove {self.path} to start again"
            ) from error

    def _write_identity(self, identity: Mapping[str, object]) -> None:
        self._write(self._identity_file, json.dumps(identity, indent=2))

    def _write(self, file: Path, content: str) -> None:
        """Write the whole file or nothing, even if the machine fails; only its owner can read it."""
        unfinished = self._unfinished(file)
        unfinished.touch(mode=0o600)
        with unfinished.open("w") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())  # or a power failure may keep the new name without the content
        unfinished.rename(file)

    @staticmethod
    def _unfinished(file: Path) -> Path:
        return file.with_suffix(".unfinished")


def adopt_settings() -> None:
    """Use the running stack's settings in this process, unless the environment describes another deployment.

    All settings or none: a command must never use one deployment's database with another's Dagster or passwords. What
    else the environment has for PyZn, such as a limit, wins.
    """
    own = {name: value for name, value in os.environ.items() if name.startswith("PYZN_") and value}
    given = {name: own[name] for name in DEPLOYMENT if name in own}
    try:
        settings = Home.from_environment().settings() or {}
    except StackError:
        if given:  # another deployment, whatever this folder is
            return
        raise
    if given.items() <= settings.items():
        os.environ.update(settings | own)
