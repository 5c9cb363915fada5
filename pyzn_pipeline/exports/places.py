"""The places of exported days: a folder, a bucket (gs://, s3://), and, to read only, a web server (http://, https://).

pyarrow's own file systems serve the buckets: they are in its wheels already, with the usual credentials.
"""

import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from errno import ENOSPC
from functools import cached_property, partial
from pathlib import Path
from socket import SHUT_RDWR, socket
from threading import Event, Timer
from typing import Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit, urlunsplit

import pyarrow as pa
import requests
from pyarrow import fs
from requests.adapters import HTTPAdapter

from pyzn_pipeline.exports.errors import WAY_OUT, DamagedExport, PlaceError
from pyzn_pipeline.settings import place_parts

SILENCE_SECONDS = 10  # of a server
SMALL_SECONDS = 20  # for a small file in all: Dagster gives a sensor 60
SLOWEST = 50_000  # bytes a second; a day's largest file then takes some minutes
# Of a bucket's client. Otherwise that of S3 tries a silent server for 99 seconds, and Google's any for 15 minutes.
PATIENCE: dict[str, dict[str, object]] = {
    "s3": {"connect_timeout": 3, "request_timeout": 3},  # three times: the default of S3FileSystem, not of URLs
    "gcs": {"retry_time_limit": timedelta(seconds=SMALL_SECONDS)},
}
CHUNK = 2**20  # bytes
UNFINISHED = ".unfinished"


class Place(ABC):
    """Where exported days are. Paths are relative to it, with slashes. All methods raise PlaceError.

    `name` is its URL, without a password.
    """

    name: str

    def read(self, path: str, limit: int) -> bytes | None:
        """The content of a small file; None if there is no such file. Raises DamagedExport after `limit` bytes."""
        with _place_errors(self.name, path):
            try:
                return b"".join(self._limited(path, limit, SMALL_SECONDS))
            except FileNotFoundError:
                return None

    def fetch(self, path: str, into: Path, size: int) -> None:
        """Copy a file of `size` bytes into a local one. Raises DamagedExport at the first byte after them."""
        with _place_errors(self.name, path), into.open("wb") as out:
            out.writelines(self._limited(path, size, SMALL_SECONDS + size / SLOWEST))

    def _limited(self, path: str, limit: int, seconds: float) -> Iterator[bytes]:
        """The chunks of a file. Whoever wrote it may want to fill our memory or disk."""
        size = 0
        with closing(self._chunks(path, seconds)) as chunks:
            for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise DamagedExport(f"{self.name}/{path}: it has more than {limit:,} bytes: {WAY_OUT}")
                yield chunk

    @abstractmethod
    def _chunks(self, path: str, seconds: float) -> Generator[bytes, None, None]:
        """The content of a file, in pieces of at most CHUNK bytes. Raises FileNotFoundError if there is none.

        A server has `seconds` for all of it.
        """

    @abstractmethod
    def size(self, path: str) -> int | None:
        """The bytes of a file; None if there is no such file."""

    @abstractmethod
    def put(self, path: str, content: Path | bytes) -> None:
        """Write a file, or replace it: at once, or not at all."""


def place_of(url: str) -> Place:
    """The place at `url`: a path or file:// (a folder), gs:// or s3:// (a bucket), http:// or https:// (to read).

    Connects to nothing. Raises PlaceError.
    """
    try:
        parts = place_parts(url)
    except ValueError as error:
        raise PlaceError(f"this place of exported days cannot be used: {error}") from None
    if parts.scheme in {"http", "https"}:
        return Web(url)
    if parts.scheme in {"gs", "s3"}:
        return Bucket(url)
    return Folder(Path(unquote(parts.path) if parts.scheme else url))


def _public(url: str) -> str:
    """The URL without user, password and query, which may be secrets."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")).rstrip("/")


@contextmanager
def _place_errors(name: str, path: str) -> Iterator[None]:
    try:
        yield
    except requests.RequestException as error:  # its message has the URL, perhaps with a password
        raise PlaceError(
            f"{name}/{path}: {type(error).__name__}: check the address and the network, then try again"
        ) from None
    except (OSError, pa.ArrowException) as error:
        said = " ".join(str(error).split())[:300] or type(error).__name__
        full = isinstance(error, OSError) and error.errno == ENOSPC
        mend = "make room, TMPDIR included" if full else "check the address and who may read and write there"
        raise PlaceError(f"{name}/{path}: {said}: {mend}") from error


class Folder(Place):
    """A folder on this machine. A file appears under its name when it is whole and on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self.name = str(self._path)

    def _chunks(self, path: str, seconds: float) -> Generator[bytes, None, None]:  # noqa: ARG002 - Place's
        with self._path.joinpath(path).open("rb") as file:
            yield from _pieces(file)

    def size(self, path: str) -> int | None:
        """As Place says."""
        with _place_errors(self.name, path):
            try:
                return self._path.joinpath(path).stat().st_size
            except FileNotFoundError:
                return None

    def put(self, path: str, content: Path | bytes) -> None:
        """As Place says."""
        file = self._path / path
        unfinished = file.with_name(file.name + UNFINISHED)
        with _place_errors(self.name, path):
            file.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as out:
                _write(content, out)
                out.flush()
                os.fsync(out.fileno())  # or a power failure may keep the new name without the content
            unfinished.replace(file)


class Bucket(Place):
    """A bucket of Google's or Amazon's kind, or a folder in it. An object appears when its upload is complete."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.name = _public(url)

    @cached_property
    def _files(self) -> fs.FileSystem:
        """The bucket's file system. It connects: S3 is asked for the region of the bucket."""
        try:
            files, path = fs.FileSystem.from_uri(self._url)
        except pa.ArrowInvalid as error:  # its message has the URL, perhaps with a password
            raise PlaceError(
                f"{self.name}: {type(error).__name__}: check the URL and its query, and write %25 for %"
            ) from None
        if limits := PATIENCE.get(files.type_name):
            again, (options,) = files.__reduce__()  # as pickle does: a URL cannot say all options
            files = again(options | limits)
        return fs.SubTreeFileSystem(path, files)

    def _chunks(self, path: str, seconds: float) -> Generator[bytes, None, None]:  # noqa: ARG002 - Place's
        with self._files.open_input_stream(path) as file:
            yield from _pieces(file)

    def size(self, path: str) -> int | None:
        """As Place says."""
        with _place_errors(self.name, path):
            (found,) = self._files.get_file_info([path])
        return None if found.size is None else int(found.size)

    def put(self, path: str, content: Path | bytes) -> None:
        """As Place says."""
        with _place_errors(self.name, path), self._files.open_output_stream(path) as out:
            _write(content, cast("BinaryIO", out))


class Web(Place):
    """A web server, which can only be read."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self.name = _public(url)

    def _chunks(self, path: str, seconds: float) -> Generator[bytes, None, None]:
        with requests.Session() as session:
            deadline = _Deadline(seconds)
            session.mount("http://", deadline)
            session.mount("https://", deadline)
            try:
                with session.get(
                    f"{self._url}/{path}",
                    stream=True,
                    timeout=SILENCE_SECONDS,
                    headers={"Accept-Encoding": "identity"},  # what is packed may be a thousand times as large
                ) as answer:
                    self._check(answer, path)
                    yield from answer.iter_content(CHUNK)
            finally:
                if deadline.over.is_set():  # the error that it caused, or none, does not say so
                    raise PlaceError(
                        f"{self.name}/{path}: it took longer than {seconds:,.0f} seconds: try again when the server is "
                        "faster, or use another mirror"
                    ) from None

    def _check(self, answer: requests.Response, path: str) -> None:
        if answer.status_code == requests.codes.not_found:
            raise FileNotFoundError("the server answers 404, there is no such file")
        packed = answer.headers.get("Content-Encoding", "identity")
        if not answer.ok or packed != "identity":
            said = answer.status_code if not answer.ok else f"with the Content-Encoding {packed:.40}"
            raise PlaceError(f"{self.name}/{path}: the server answers {said}: check the address and its settings")

    def size(self, path: str) -> int | None:
        """Raises PlaceError."""
        raise self._only_read(path)

    def put(self, path: str, content: Path | bytes) -> None:  # noqa: ARG002 - Place's
        """Raises PlaceError."""
        raise self._only_read(path)

    def _only_read(self, path: str) -> PlaceError:
        return PlaceError(f"{self.name}/{path}: a web server is only read: export to a folder, gs://… or s3://…")


class _Deadline(HTTPAdapter):
    """Hangs up after so many seconds in all, whatever the server sends: a timeout of requests is for a single read.

    Otherwise a server that sends a byte from time to time, in a header too, keeps its reader for ever.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.over = Event()
        self._sockets: list[socket] = []
        self._timer = Timer(seconds, self._hang_up)
        self._timer.daemon = True
        self._timer.start()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """A pool whose connections are ended with the time."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        ordinary, watch = pool.ConnectionCls, self._watch

        class Connection(ordinary):  # type: ignore[misc, valid-type]
            def _new_conn(self) -> socket:
                made: socket = super()._new_conn()
                watch(made)
                return made

        pool.ConnectionCls = Connection
        return pool

    def close(self) -> None:
        """Nothing is ended any more."""
        self._timer.cancel()
        self._timer.join()  # it may be hanging up
        for watched in self._sockets:
            watched.close()
        super().close()

    def _watch(self, made: socket) -> None:
        self._sockets.append(made.dup())  # TLS takes the first away
        if self.over.is_set():
            self._hang_up()

    def _hang_up(self) -> None:
        self.over.set()
        for watched in self._sockets:
            with suppress(OSError):  # the server was faster, or it is closed already
                watched.shutdown(SHUT_RDWR)


def sha256_of(file: Path) -> str:
    """The SHA-256 of a local file, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(file.read, CHUNK), b"")


def _write(content: Path | bytes, out: BinaryIO) -> None:
    if isinstance(content, bytes):
        out.write(content)
    else:
        with content.open("rb") as file:
            shutil.copyfileobj(file, out, CHUNK)
