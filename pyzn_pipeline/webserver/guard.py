"""ASGI middleware before Dagster's webserver, which has no login and can start runs that cost money.

Dagster executes GraphQL mutations by GET, by form and by text/plain, with any Host and Origin. So any web page that is
open in the browser of somebody who can reach the UI could use it, too: by an image, a form, a script, a WebSocket, or
by a name of its own that it makes lead to this machine (DNS rebinding). Browsers send Host and Origin truthfully, and
ask the server before they send JSON to another origin, which Dagster does not allow. The guard depends on that alone;
programs such as `pyzn backfill` send no Origin.
"""

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READING = {"GET", "HEAD"}


class Guard:
    """Passes on requests that a foreign web page cannot have sent, and those that change nothing."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        """Guard `app`. `hosts` are the names that it is reached by, besides localhost and IP addresses."""
        self._app = app
        self._hosts = {"localhost", *hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or WebSocket: with a refusal, or by `app`."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif refusal := self._refusal(scope, Headers(scope=scope)):
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, _without_frames(send))

    def _refusal(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        """Return the answer to a request that is refused: its status, and a sentence."""
        host = headers.get("host", "")
        if not self._is_own(_hostname(host)):
            return PlainTextResponse(
                f"The Dagster UI is not reached by the name {_shown(host)}: use localhost or an IP address, "
                "or add the name to PYZN_DAGSTER_HOSTS.\n",
                403,
            )
        if scope["type"] == "http" and scope["method"] in READING:
            # Dagster answers GET of /graphql with a page if the client accepts HTML; otherwise it executes the query.
            if scope["path"].endswith("/graphql") and "text/html" not in headers.get("accept", ""):
                return PlainTextResponse("GraphQL is accepted by POST only, as application/json.\n", 405)
            return None
        origin = headers.get("origin")
        if origin is not None and not self._is_own_origin(origin, host):
            return PlainTextResponse(
                f"A page of {_shown(origin)} may not use the Dagster UI at {_shown(host)}; "
                "if it is the UI's public address, add its name to PYZN_DAGSTER_HOSTS.\n",
                403,
            )
        # The whole media type: Dagster searches for it in the header, and browsers send "text/plain; application/json".
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["type"] == "http" and media_type != "application/json":
            return PlainTextResponse(
                f"{scope['method']} is accepted as application/json only, not as {_shown(media_type)}.\n", 415
            )
        return None

    def _is_own(self, hostname: str) -> bool:
        """Return whether a browser may reach the UI by that name. An IP address cannot be made to lead elsewhere."""
        if hostname in self._hosts:
            return True
        try:
            ip_address(hostname)
        except ValueError:
            return False
        return True

    def _is_own_origin(self, origin: str, host: str) -> bool:
        """Return whether a page of that origin is the UI's: the same name and port, or a name of the settings.

        Another port of this machine is another server. A proxy with a public name may send on another Host.
        """
        authority = origin.partition("://")[2].lower()
        return authority == host.lower() or _hostname(authority) in self._hosts - {"localhost"}


def _hostname(authority: str) -> str:
    """Return the name of HOST:PORT in lower case, "" if it has none."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def _shown(text: str) -> str:
    return repr(text[:100])


def _without_frames(send: Send) -> Send:
    """Forbid other pages to show the UI in a frame, where a click that is meant for them would be one of the UI."""

    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["x-frame-options"] = "SAMEORIGIN"
        await send(message)

    return send_with_header
