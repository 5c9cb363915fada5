"""The rules of every request, whatever the route: HEAD, keys, and CORS."""

from collections.abc import Sequence

from fastapi import Response
from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pyzn_api.errors import ALLOWED, UNAUTHORIZED, envelope
from pyzn_api.passwords import is_one_of

KEY_HEADER = "X-API-Key"


class HeadMethod:
    """HEAD, answered as GET is (RFC 9110 section 9.3.2); the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            headers = [each for each in scope["headers"] if each[0] != b"range"]  # a range is of GET alone (14.2)
            scope = {**scope, "method": "GET", "headers": headers}
        await self._app(scope, receive, send)


def needs_key(path: str) -> bool:
    """Return whether the routes of `path` ask for a key where keys are configured: those that programs call.

    Badges do not, since nothing that shows one can send a key; the admin route has its password.
    """
    return path.startswith(("/api/", "/service-api/")) and not path.startswith("/api/v1/admin/")


class KeyCheck:
    """Check of the key: 401 for a request for the API's routes without one of `keys`."""

    def __init__(self, app: ASGIApp, keys: Sequence[SecretStr]) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] == "OPTIONS" or not needs_key(scope["path"]):
            await self._app(scope, receive, send)
            return
        if not is_one_of(Headers(scope=scope).get(KEY_HEADER, ""), self._keys):
            await envelope(401, UNAUTHORIZED)(scope, receive, send)
            return

        async def vary(message: Message) -> None:
            """Keep a cache on the way from giving the answer to a client without the key."""
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).add_vary_header(KEY_HEADER)
            await send(message)

        await self._app(scope, receive, vary)


class CorsPolicy(CORSMiddleware):
    """CORS for a read-only API without cookies: any origin, or a list."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=ALLOWED.split(", "),
            allow_headers=["*"],  # a tracer's or a dashboard's own are no reason to refuse a reader
            expose_headers=["ETag", "Retry-After", "Content-Range"],
            max_age=86400,  # seconds
        )

        self._always = [(name.lower().encode(), value.encode()) for name, value in self.simple_headers.items()]

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        """Send as the parent does; where any origin may read, every answer has the same headers, written once."""
        if not self.allow_all_origins:
            await super().send(message, send, request_headers)
            return
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *self._always]
        await send(message)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return the parent's response, with its refusals in the envelope."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        kept = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
        return envelope(response.status_code, bytes(response.body).decode(), kept)
