"""Storage reads and writes what it should, and is left when it is away, slow or elsewhere."""

import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from pyzn_pipeline.environment import SettingsError
from pyzn_pipeline.exports import storage as storage_module
from pyzn_pipeline.exports.index import INDEX, read_index
from pyzn_pipeline.exports.storage import CHUNK, DamagedExport, Folder, Storage, StorageError, storage_at
from pyzn_pipeline.settings import Settings, load
from tests.web import WebServer

MIB = 2**20


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """The URL of a web server that answers every GET in this way, until its client hangs up."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                answer(self)
            except OSError:
                self.close_connection = True

    with WebServer(Handler) as server:
        yield server.url


def head(handler: BaseHTTPRequestHandler, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some for S3, so that nothing looks for this machine's own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")


@pytest.fixture(params=["folder", "web", "s3"])
def storage(request: pytest.FixtureRequest, folder: Path, web: WebServer) -> Storage:
    """The folder, by each kind of storage. `web` speaks enough of S3 to be read as a bucket."""
    folder.joinpath("bucket").mkdir()
    urls = {
        "folder": str(folder / "bucket"),
        "web": f"{web.url}/bucket",
        "s3": f"s3://bucket?scheme=http&endpoint_override={web.url.removeprefix('http://')}",
    }
    return storage_at(urls[request.param])


def test_content_is_read_up_to_its_limit_and_never_beyond(storage: Storage, folder: Path) -> None:
    folder.joinpath("bucket", "file").write_bytes(b"1234567")
    assert storage.read("file", 7) == b"1234567"
    assert storage.read("none", 7) is None
    with pytest.raises(DamagedExport, match=r"/file: it has more than 6 bytes: not read"):
        storage.read("file", 6)


def test_a_folder_has_a_file_wholly_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = storage_at(folder.as_uri())
    storage.put("a/file", b"old")
    assert (storage.size("a/file"), storage.size("a/none"), storage.read("a/file", 9)) == (3, None, b"old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StorageError, match=r"a/file: .*No space left on device: check the address, the space left"):
        storage.put("a/file", b"newer")
    assert storage.read("a/file", 9) == b"old"


def test_a_storage_that_cannot_be_written_is_named(folder: Path) -> None:
    folder.joinpath("file").touch()
    with pytest.raises(StorageError, match=r"file/below/a: .*Not a directory"):
        Folder(folder / "file" / "below").put("a", b"")
    with pytest.raises(StorageError, match=r"127\.0\.0\.1:9: a web server is only read"):
        storage_at("http://user:secret@127.0.0.1:9/").put("a", b"")


@pytest.mark.parametrize("kind", ["a file", "an answer"])
def test_what_has_no_end_is_refused_before_it_is_in_memory(folder: Path, kind: str) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        head(handler)
        while True:
            handler.wfile.write(bytes(MIB))

    with folder.joinpath(INDEX).open("wb") as file:
        file.truncate(200 * MIB)
    with answering(endless) as url:
        tracemalloc.start()
        with pytest.raises(DamagedExport, match=r"/index\.json: it has more than 16,777,216 bytes"):
            read_index(Folder(folder) if kind == "a file" else storage_at(url))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 64 * MIB


def test_a_redirect_is_followed_on_its_origin_alone() -> None:
    def redirecting(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/there":
            head(handler)
            handler.wfile.write(b"found")
        else:
            head(handler, 302, Location=targets[handler.path], Content_Length="0")

    asked: list[str] = []
    with answering(lambda handler: asked.append(handler.path)) as other, answering(redirecting) as url:
        host, port = other.removeprefix("http://"), url.rpartition(":")[2]
        followed = {"/own": "/there", "/own-again": f"{url}/own"}
        refused = {
            "/away": f"{other}/graphql?query=mutation",
            "/twice": "/away",
            "/without-scheme": f"//{host}/graphql?query=mutation",
            "/user": f"http://127.0.0.1:{port}@{host}/",
            "/https": f"https://127.0.0.1:{port}/there",
            "/escapes": "http://\x1b[2J.example/",
        }
        targets, storage = followed | refused, storage_at(url)
        assert [storage.read(path[1:], 9) for path in followed] == [b"found"] * 2
        for path in refused:
            with pytest.raises(StorageError) as error:
                pytest.fail(f"{path}: {storage.read(path[1:], 9)!r}")
            assert str(error.value).isprintable()
            assert path == "/escapes" or f"{path}: it is redirected to another origin, http" in str(error.value)
    assert asked == []


# -- servers that are away or slow


@pytest.mark.timeout(60)
def test_a_silent_server_or_bucket_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(storage_module, "S3_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StorageError, match=r"index\.json: ReadTimeout: check the address and the network"):
            read_index(storage_at(f"http://{address}"))
        with pytest.raises(StorageError, match="NETWORK_CONNECTION"):
            read_index(storage_at(f"s3://bucket?scheme=http&endpoint_override={address}"))


def test_a_server_that_is_slow_is_left_and_a_large_file_has_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(handler: BaseHTTPRequestHandler) -> None:
        head(handler)
        for _ in range(4):
            handler.wfile.write(bytes(CHUNK))
            time.sleep(0.1)

    monkeypatch.setattr(storage_module, "SECONDS", 0.05)
    monkeypatch.setattr(storage_module, "SLOWEST", MIB)
    with answering(slow) as url:
        with pytest.raises(StorageError, match=r"/file: only [0-9,]+ bytes came in 0 seconds: try again when"):
            storage_at(url).read("file", MIB)
        monkeypatch.setattr(storage_module, "SLOWEST", 30_000)
        assert storage_at(url).read("file", MIB) == bytes(4 * CHUNK)


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (503, {}, "the server answers 503: check the address"),
        (200, {"Content_Length": "9"}, "ChunkedEncodingError: check the address and the network"),
    ],
    ids=["none", "cut"],
)
def test_an_answer_that_is_none_or_cut_is_named_without_its_password(
    status: int, headers: dict[str, str], message: str
) -> None:
    with answering(lambda handler: head(handler, status, **headers)) as url:
        with pytest.raises(StorageError, match=rf"/index\.json: {message}") as error:
            read_index(storage_at(url.replace("//", "//user:hunter2@")))
        assert "hunter2" not in str(error.value)


# -- URLs


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.org/pyzn", "ftp:// is not known: expected a folder, or a URL with http://, "),
        (
            "https://user:hunter2@example.org/pyzn?token=hunter2",
            "it has a query or fragment, and file names come after",
        ),
        ("https://example.org/pyzn#hunter2", "it has a query or fragment"),
        ("http://user:hunter2@[::1/", "it is not a URL: check brackets and port"),
        ("http://user:hunter2@example.org:port/", "it is not a URL: check brackets and port"),
        ("https:///pyzn", "it names no host: expected https://NAME/PATH"),
        ("s3:///pyzn", "it names no host: expected s3://NAME/PATH"),
        ("file://host/pyzn", "file:// does not reach another machine: expected file:///PATH"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_by_its_command_and_setting(
    monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    with pytest.raises(StorageError) as error:
        storage_at(url)
    monkeypatch.setenv("PYZN_MIRROR_URL", url)
    monkeypatch.setenv("PYZN_EXPORT_URL", url)
    with pytest.raises(SettingsError) as refused:
        load(Settings)
    lines = [line for line in str(refused.value).splitlines() if line.startswith(("PYZN_MIRROR", "PYZN_EXPORT"))]
    assert len(lines) == 2
    assert message in str(error.value)
    assert any(message in line for line in lines)  # an export to a web server is refused for that
    assert "hunter2" not in f"{error.value} {refused.value}"


@pytest.mark.parametrize("url", ["export", "./export", "~/export", "file:export"])
def test_a_setting_names_an_absolute_folder(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PYZN_EXPORT_URL", url)
    with pytest.raises(SettingsError, match=r"PYZN_EXPORT_URL='.*export': .*: expected an absolute path"):
        load(Settings)
    assert storage_at("export").name == str(Path.cwd() / "export")  # a command is run in a folder


def test_a_folder_is_named_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "a#1?b%41 ü"
    assert storage_at(str(folder)).name == storage_at(folder.as_uri()).name == str(folder)


def test_a_bucket_connects_when_it_is_first_used_and_hides_its_query() -> None:
    away = storage_at("s3://bucket/x?endpoint_override=127.0.0.1:9&hunter2=1")
    assert away.name == "s3://bucket/x"
    with pytest.raises(StorageError, match=r"^s3://bucket/x: TypeError: check the URL and its query") as error:
        away.read("index.json", 1)
    assert "hunter2" not in str(error.value)
