"""Places: what they read and write, and what they refuse of a server or a file that means harm."""

import gzip
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread, Timer
from threading import enumerate as enumerate_threads

import pytest

from pyzn_pipeline.exports import places
from pyzn_pipeline.exports.errors import DamagedExport, PlaceError
from pyzn_pipeline.exports.index import INDEX, LARGEST_INDEX, read_index
from pyzn_pipeline.exports.places import Bucket, Folder, Place, place_of
from pyzn_pipeline.settings import Settings, SettingsError, load
from tests.exports.conftest import Served

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

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def head(handler: BaseHTTPRequestHandler, **headers: str) -> None:
    handler.send_response(200)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


@pytest.fixture(params=["folder", "web", "s3", "arrow"])
def place(request: pytest.FixtureRequest, folder: Path, web: Served, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The folder, by each kind of place. `web` speaks enough of S3 to be read as a bucket."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    folder.joinpath("bucket").mkdir()
    kinds: dict[str, Callable[[], Place]] = {
        "folder": lambda: Folder(folder / "bucket"),
        "web": lambda: place_of(f"{web.url}/bucket"),
        "s3": lambda: place_of(f"s3://bucket?scheme=http&endpoint_override={web.url.removeprefix('http://')}"),
        "arrow": lambda: Bucket(f"file://{folder}/bucket"),
    }
    return kinds[request.param]()


# -- content that is too large


def test_content_is_read_up_to_its_limit_and_never_beyond(place: Place, folder: Path) -> None:
    folder.joinpath("bucket", "file").write_bytes(b"1234567")
    assert place.read("file", 7) == b"1234567"
    assert place.read("none", 7) is None
    with pytest.raises(DamagedExport, match=r"/file: it has more than 6 bytes: not read"):
        place.read("file", 6)


@pytest.mark.parametrize("place", ["folder", "arrow"], indirect=True)  # the others' servers are in this process
def test_a_huge_file_is_refused_before_it_is_in_memory(place: Place, folder: Path) -> None:
    with folder.joinpath("bucket", INDEX).open("wb") as file:
        file.truncate(200 * MIB)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedExport, match=r"/index\.json: it has more than 16,777,216 bytes"):
            read_index(place)
        assert tracemalloc.get_traced_memory()[1] < 3 * LARGEST_INDEX
    finally:
        tracemalloc.stop()


def test_an_answer_without_an_end_is_refused() -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        head(handler)
        while True:
            handler.wfile.write(bytes(MIB))

    with answering(endless) as url, pytest.raises(DamagedExport, match=r"/index\.json: it has more than 16,777,216"):
        read_index(place_of(url))


def test_compressed_answers_are_neither_asked_for_nor_unpacked() -> None:
    asked = []

    def bomb(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.headers["Accept-Encoding"])
        head(handler, Content_Encoding="gzip")
        handler.wfile.write(gzip.compress(bytes(64 * MIB)))

    with (
        answering(bomb) as url,
        pytest.raises(PlaceError, match=r"/index\.json: the server answers with the Content-Encoding gzip"),
    ):
        read_index(place_of(url))
    assert asked == ["identity"]


# -- content that is expensive to refuse

WRITTEN = '"written_at":"2026-07-14T00:00:00Z","sha256":"' + "0" * 64 + '"'
FILLED = '{{"format":1,{},{}}}'


@pytest.mark.parametrize(
    "index",
    [
        FILLED.format(WRITTEN, '"days":[' + "{}," * 20_000 + "{}]"),
        FILLED.format(WRITTEN, '"days":[' + "1," * 100_000 + "1]"),
        FILLED.format(WRITTEN, '"days":[],' + ",".join(f'"{n}":0' for n in range(60_000))),
    ],
    ids=["empty lines", "numbers", "unknown fields"],
)
def test_a_small_index_full_of_errors_costs_little_memory(tmp_path: Path, index: str) -> None:
    (tmp_path / INDEX).write_text(index)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedExport):
            read_index(Folder(tmp_path))
        assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    finally:
        tracemalloc.stop()


# -- servers that are slow


def drip(handler: BaseHTTPRequestHandler, first: bytes) -> None:
    """A byte from time to time, always before its reader would call it silent."""
    handler.wfile.write(first)
    while True:
        handler.wfile.write(b"a")
        time.sleep(0.1)


DRIPS = {
    "in the first line": b"HTTP/1.1 200 ",
    "in a header": b"HTTP/1.1 200 OK\r\nServer: ",
    "in the content": b"HTTP/1.1 200 OK\r\n\r\n",
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 9 + b"100\r\n",
    "behind a redirect": b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 100000\r\n\r\n",
}


@pytest.mark.parametrize("first", DRIPS.values(), ids=DRIPS.keys())
@pytest.mark.timeout(30)
def test_a_server_that_drips_is_left_when_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    monkeypatch.setattr(places, "SMALL_SECONDS", 1)
    with answering(lambda handler: drip(handler, first)) as url:
        began = time.monotonic()
        with pytest.raises(PlaceError, match=r"/index\.json: it took longer than 1 seconds"):
            read_index(place_of(url))
        with pytest.raises(PlaceError, match=r"/file: it took longer than 1 seconds"):
            place_of(url).fetch("file", tmp_path / "file", 10_000)
        assert time.monotonic() - began < 8
    assert not [thread for thread in enumerate_threads() if isinstance(thread, Timer)]


def test_a_silent_server_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "SILENCE_SECONDS", 0.5)
    with answering(lambda _: time.sleep(5)) as url, pytest.raises(PlaceError, match=r"index\.json: ReadTimeout"):
        read_index(place_of(url))


def test_a_large_file_has_more_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(handler: BaseHTTPRequestHandler) -> None:
        head(handler)
        for _ in range(4):
            handler.wfile.write(bytes(1000))
            time.sleep(0.5)

    monkeypatch.setattr(places, "SMALL_SECONDS", 1)
    monkeypatch.setattr(places, "SLOWEST", 1000)
    with answering(slow) as url:
        place_of(url).fetch("file", tmp_path / "file", 4000)
        with pytest.raises(PlaceError, match="it took longer than 1 seconds"):
            place_of(url).read("file", 4000)
    assert tmp_path.joinpath("file").read_bytes() == bytes(4000)


def test_a_file_is_copied_up_to_its_size_and_never_beyond(place: Place, folder: Path, tmp_path: Path) -> None:
    folder.joinpath("bucket", "file").write_bytes(b"1234567")
    place.fetch("file", tmp_path / "file", 7)
    assert tmp_path.joinpath("file").read_bytes() == b"1234567"
    with pytest.raises(DamagedExport, match=r"/file: it has more than 6 bytes"):
        place.fetch("file", tmp_path / "file", 6)


# -- places that cannot be used

SECRETS = "user:hunter2@"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.org/pyzn", "ftp:// is not known: expected a folder, or a URL with http://, "),
        (
            f"https://{SECRETS}example.org/pyzn?token=hunter2",
            "it has a query or fragment, and file names come after it",
        ),
        ("https://example.org/pyzn#hunter2", "it has a query or fragment"),
        (f"http://{SECRETS}[::1/", "it is not a URL: check brackets and port"),
        (f"http://{SECRETS}example.org:port/", "it is not a URL: check brackets and port"),
        ("https:///pyzn", "it names no host: expected https://NAME/PATH"),
        ("s3:///pyzn", "it names no host: expected s3://NAME/PATH"),
        ("file://host/pyzn", "file:// does not reach another machine: expected file:///PATH"),
    ],
)
def test_a_place_that_cannot_be_meant_is_refused_by_its_command_and_setting(
    monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    with pytest.raises(PlaceError) as error:
        place_of(url)
    assert message in str(error.value)
    monkeypatch.setenv("PYZN_MIRROR_URL", url)
    monkeypatch.setenv("PYZN_EXPORT_URL", url)
    with pytest.raises(SettingsError) as refused:
        load(Settings)
    lines = [line for line in str(refused.value).splitlines() if line.startswith(("PYZN_MIRROR", "PYZN_EXPORT"))]
    assert len(lines) == 2
    assert any(message in line for line in lines)
    assert "hunter2" not in f"{error.value} {refused.value}"


@pytest.mark.parametrize("url", ["export", "./export", "~/export", "file:export"])
def test_a_setting_names_an_absolute_folder(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PYZN_EXPORT_URL", url)
    with pytest.raises(SettingsError, match=r"PYZN_EXPORT_URL='.*export': .*: expected an absolute path"):
        load(Settings)
    assert place_of("export").name == str(Path.cwd() / "export")  # a command is run in a folder


def test_a_bucket_connects_when_it_is_first_used() -> None:
    asked = []
    with answering(lambda handler: asked.append(handler.path)) as url:
        place = place_of(f"s3://key:secret@bucket/x?scheme=http&endpoint_override={url.removeprefix('http://')}")
        assert place.name == "s3://bucket/x"
        assert asked == []
    away = place_of("s3://key:sec%ret@bucket/x?region=us-east-1")
    with pytest.raises(PlaceError, match=r"^s3://bucket/x: ArrowInvalid: check the URL") as error:
        away.read("index.json", 1)
    assert "sec" not in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.timeout(60)
def test_a_silent_bucket_is_left_before_a_sensor_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(places.PATIENCE, "s3", {"connect_timeout": 1, "request_timeout": 1})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = place_of(f"s3://key:secret@bucket?scheme=http&endpoint_override=127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(PlaceError, match="NETWORK_CONNECTION"):
            place.read("index.json", 1)
