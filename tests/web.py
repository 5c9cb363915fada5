"""Small web servers for what is elsewhere: a mirror, a webhook, a page of somebody's, the API of Kubernetes."""

from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self


class WebServer:
    """A server at `url` on loopback that answers by `handler`, and logs nothing."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        class Quiet(handler):  # type: ignore[misc, valid-type]  # mypy takes no variable as a base
            def log_message(self, *_: object) -> None:
                """Write nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        seconds = 0.05  # between two looks whether it is to end
        Thread(target=self._server.serve_forever, args=(seconds,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def serving_folder(folder: Path) -> WebServer:
    """A plain web server over a folder."""

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

    return WebServer(Files)
