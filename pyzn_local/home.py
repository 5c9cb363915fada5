"""A stack's home: the folder with its state, ports, passwords and lock. The stack is the processes (stack.py)."""

import fcntl
import json
import os
import secrets
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

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
"""If any of these is set, the environment describes your own deployment."""


class StackError(PyznError):
    """The embedded stack cannot do that. The message says why and what to do."""


class Home:
    """The folder `path`. The file `stack.json` in it shows that it is PyZn's."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.settings_file = self.path / "settings.env"
        self.logs = self.path / "logs"
        self._identity_file = self.path / "stack.json"
        self._lock_file = self.path / "lock"

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

    @property
    def mark(self) -> str | None:
        """The mark of this home's processes, see services.py; None if the folder does not exist.

        It is made of the folder's device and inode: they stay the same when it is moved, and a copy has others.
        """
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return f"{found.st_dev}:{found.st_ino}"

    def exists(self) -> bool:
        """Whether the folder exists and is PyZn's."""
        return self._identity_file.exists()

    def ports(self) -> dict[str, int]:
        """The stack's internal ports: the same as last time, except one that another process has taken since."""
        identity = self._identity()
        ports: dict[str, int] = identity["ports"]
        if taken := {name: free_port() for name, port in ports.items() if is_taken(port)}:
            ports |= taken
            self._write_identity(identity)
        return ports

    def password(self, role: str) -> str:
        """The database password of `role`, which was created with the home."""
        password: str = self._identity()["passwords"][role]
        return password

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of this home, so that only one stack runs. The kernel releases it when the process ends."""
        self._lock_file.touch(mode=0o600)
        self._lock_file.chmod(0o600)
        with self._lock_file.open("a+", errors="replace") as lock:
            deadline = time.monotonic() + 1  # a command that only looks holds it briefly
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
        """The pid of the process that runs this home's stack, or None."""
        if not self._lock_file.exists():
            return None
        try:
            with self._lock_file.open("r+", errors="replace") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return self._holder(lock)
        except PermissionError as error:
            raise StackError(f"PYZN_HOME={self.path} belongs to another user: name another") from error
        return None

    def settings(self) -> dict[str, str] | None:
        """The running stack's settings, or None while it is not ready."""
        if not self.settings_file.exists() or self.supervisor() is None:
            return None
        try:
            words = (word.split("=", 1) for word in shlex.split(self.settings_file.read_text()))
            return {key: value for key, value in words}  # noqa: C416 - dict() would accept "AB" as a key and a value
        except ValueError as error:
            raise StackError(
                f"{self.settings_file} is damaged ({error}): `pyzn down` and then `pyzn up` writes it again"
            ) from error

    def write_settings(self, settings: Mapping[str, str]) -> None:
        """Write the settings to a file that only its owner can read, because it has passwords."""
        self._write(self.settings_file, "".join(f"{key}={shlex.quote(value)}\n" for key, value in settings.items()))

    def _identity(self) -> dict[str, Any]:
        try:
            identity: dict[str, Any] = json.loads(self._identity_file.read_text())
            for name, keys, kind in (("ports", PORTS, int), ("passwords", PASSWORDS, str)):
                if set(identity[name]) != set(keys) or not all(type(identity[name][key]) is kind for key in keys):
                    raise ValueError(f"it lacks {name}")
        except (ValueError, KeyError, TypeError) as error:
            raise StackError(
                f"{self._identity_file} is damaged ({error}): restore it, or remove {self.path} to start again"
            ) from error
        return identity

    def _write_identity(self, identity: Mapping[str, object]) -> None:
        self._write(self._identity_file, json.dumps(identity, indent=2))

    def _holder(self, lock: TextIO) -> int:
        """The pid of the process that holds the lock; the process has written it into the lock file."""
        deadline = time.monotonic() + 1  # it writes its pid just after it has taken the lock
        while not self._has_lock_open(number := lock.read().strip()):
            if time.monotonic() > deadline:
                raise StackError(
                    f"a process holds {self._lock_file}, which has {number[:20]!r} instead of its process id: find it "
                    f"with `lsof {self._lock_file}`, end it, then run `pyzn down` to end what it started"
                )
            time.sleep(0.02)
            lock.seek(0)
        return int(number)

    def _has_lock_open(self, pid: str) -> bool:
        """Return whether that process has the lock file open: a number that was left there may be anybody's now."""
        import psutil  # noqa: PLC0415 - only where stacks run: production imports this module and has no psutil

        try:
            lock = self._lock_file.resolve()
            return pid.isdecimal() and any(Path(file.path) == lock for file in psutil.Process(int(pid)).open_files())
        except (psutil.Error, OverflowError):
            return False

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

    All settings or none: a command must never use one deployment's database with another's Dagster or passwords.
    """
    if not any(os.environ.get(name) for name in DEPLOYMENT):
        os.environ.update(Home.from_environment().settings() or {})
