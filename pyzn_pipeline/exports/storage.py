"""Storage of exported days: a folder, a bucket (gs://, s3://), and, to read only, a web server (http://, https://).

pyarrow reaches folders and buckets, with the usual credentials; requests reaches web servers, and lets us keep their
redirects on one origin. Why not one library for both: decision 15. Files are small, and held in memory: the largest
of a day of all PyPI has about 20 MB.
"""

import os
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

import pyarrow as pa
import requests
from pyarrow import fs

from pyzn_pipeline.errors import PyznError, printable
from pyzn_pipeline.settings import storage_parts

SILENCE_SECONDS = 10  # of a web server
SECONDS = 20  # for a file in all, and a second more for SLOWEST bytes: Dagster gives a sensor 60
SLOWEST = 50_000
S3_SECONDS = 3  # for a connection, and for an answer, three times each; the default is 99 seconds in all
CHUNK = 2**16  # bytes
WAY_OUT = "not read; have the day exported again, or use another mirror"


class StorageError(PyznError):
    """The storage of exported days could not be reached, or refused. The message names it and the file."""


class DamagedExport(PyznError):
    """A file is not what was exported. The message names the file, what it has, and what it should have."""


class Storage:
    """A bucket of Google's or Amazon's kind, or a folder in it. An object appears when its upload is complete.

    Paths are relative to it, with slashes. `name` is its URL, without a password. All methods raise StorageError.
    """

    def __init__(self, url: str) -> None:
        self.name = _public(url)
        self._url = url

    def read(self, path: str, limit: int) -> bytes | None:
        """Return the content of a file; None if there is none. Raises DamagedExport after `limit` bytes."""
        content, started = bytearray(), time.monotonic()
        with _storage_errors(f"{self.name}/{path}"):
            try:
                with closing(self._chunks(path)) as chunks:
                    for chunk in chunks:
                        content += chunk
                        if len(content) > limit:
                            raise DamagedExport(f"{self.name}/{path}: it has more than {limit:,} bytes: {WAY_OUT}")
                        if (seconds := time.monotonic() - started) > SECONDS + len(content) / SLOWEST:
                            raise StorageError(
                                f"{self.name}/{path}: only {len(content):,} bytes came in {seconds:,.0f} seconds: try "
                                "again when the storage is faster, or use another mirror"
                            )
            except FileNotFoundError:
                return None
        return bytes(content)

    def _chunks(self, path: str) -> Generator[bytes, None, None]:
        """Content of a file, in pieces of at most CHUNK bytes. Raises FileNotFoundError if there is none."""
        with self._files.open_input_stream(path) as file:
            yield from iter(partial(file.read, CHUNK), b"")

    def size(self, path: str) -> int | None:
        """Return the bytes of a file; None if there is no such file."""
        with _storage_errors(f"{self.name}/{path}"):
            (found,) = self._files.get_file_info([path])
        return None if found.size is None else int(found.size)

    def put(self, path: str, content: bytes) -> None:
        """Write a file, or replace it: at once, or not at all."""
        with _storage_errors(f"{self.name}/{path}"), self._files.open_output_stream(path) as out:
            out.write(content)

    @cached_property
    def _files(self) -> fs.FileSystem:
        """Return the bucket's file system. Connects: S3 is asked for the region of the bucket."""
        parts = urlsplit(self._url)
        try:
            if parts.scheme == "gs":  # would retry for 15 minutes
                limit = f"{'&' if parts.query else '?'}retry_limit_seconds={SECONDS}"
                files, path = fs.FileSystem.from_uri(self._url + limit)
            else:  # whose URL cannot have its time-outs
                options: dict[str, Any] = dict(parse_qsl(parts.query))
                if "endpoint_override" not in options:
                    options = {"region": fs.resolve_s3_region(parts.netloc)} | options
                files = fs.S3FileSystem(**options, connect_timeout=S3_SECONDS, request_timeout=S3_SECONDS)
                path = unquote(parts.netloc + parts.path)
        except (pa.ArrowInvalid, TypeError) as error:  # their messages may have the query
            raise StorageError(
                f"{self.name}: {type(error).__name__}: check the URL and its query, and write %25 for %"
            ) from None
        return fs.SubTreeFileSystem(path, files)


class Web(Storage):
    """A web server. It is only read."""

    @property
    def _files(self) -> fs.FileSystem:
        raise StorageError(f"{self.name}: a web server is only read: export to a folder, gs://… or s3://…")

    def _chunks(self, path: str) -> Generator[bytes, None, None]:
        url = f"{self._url.rstrip('/')}/{path}"
        with _OneOrigin() as session, session.get(url, stream=True, timeout=SILENCE_SECONDS) as answer:
            if answer.status_code == requests.codes.not_found:
                raise FileNotFoundError
            if not answer.ok:
                raise StorageError(f"{self.name}/{path}: the server answers {answer.status_code}: check the address")
            yield from answer.iter_content(CHUNK)


class _OneOrigin(requests.Session):
    """A session that follows redirects on the origin of its first request alone.

    Otherwise a mirror could have this machine ask what only this machine can reach, such as its own Dagster.
    """

    _first: requests.PreparedRequest | None = None

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request. Each redirect comes through here as well."""
        self._first = self._first or request
        here, there = (urlsplit(str(each.url)) for each in (self._first, request))
        if (here.scheme, here.hostname, here.port) != (there.scheme, there.hostname, there.port):
            raise StorageError(
                f"{_public(str(self._first.url))}: it is redirected to another origin, {there.scheme}://"
                f"{printable(str(there.hostname), 100)}: not followed; if the mirror is there now, use its address"
            )
        return super().send(request, **options)


class Folder(Storage):
    """A folder on this machine. A file appears under its name when all of it is on the disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path.absolute()))
        self.name = self._url  # of which `?` and `#` are parts

    @cached_property
    def _files(self) -> fs.FileSystem:
        return fs.SubTreeFileSystem(self._url, fs.LocalFileSystem())

    def put(self, path: str, content: bytes) -> None:
        """Write a file, or replace it."""
        file = Path(self._url, path)
        unfinished = file.with_name(f"{file.name}.unfinished")
        with _storage_errors(f"{self.name}/{path}"):
            file.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())  # or a power failure may keep the new name without the content
            unfinished.replace(file)


def storage_at(url: str) -> Storage:
    """Return the storage at `url`: a path or file:// (a folder), gs:// or s3:// (a bucket), http:// or https://.

    Connects to nothing. Raises StorageError.
    """
    try:
        parts = storage_parts(url)
    except ValueError as error:
        raise StorageError(f"this storage of exported days cannot be used: {error}") from None
    if parts.scheme in {"http", "https"}:
        return Web(url)
    if parts.scheme in {"gs", "s3"}:
        return Storage(url)
    return Folder(Path(unquote(parts.path) if parts.scheme else url))


def _public(url: str) -> str:
    """Return the URL without user, password and query, which may be secrets."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")).rstrip("/")


@contextmanager
def _storage_errors(file: str) -> Iterator[None]:
    try:
        yield
    except requests.RequestException as error:  # its message has the URL, perhaps with a password
        raise StorageError(
            f"{file}: {type(error).__name__}: check the address and the network, then try again"
        ) from None
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = printable(" ".join(str(error).split()), 300) or type(error).__name__
        raise StorageError(f"{file}: {reason}: check the address, the space left and who may read and write") from None
